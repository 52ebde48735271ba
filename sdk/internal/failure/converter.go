package failure

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// source marks failures made by Go workers.
const source = "GoSDK"

// panicType is the type of application failures that were panics. It is the name of
// PanicError, by which other versions of the SDK find it.
const panicType = "PanicError"

// ConverterOptions are the options of NewConverter. The zero value is the default.
type ConverterOptions struct {
	// DataConverter encodes the details of errors. The default is the default data
	// converter.
	DataConverter converter.DataConverter

	// EncodeCommonAttributes passes messages and stack traces through the data
	// converter, so that a codec can encrypt them. Without it they are in plain text.
	EncodeCommonAttributes bool
}

// Converter is the default failure converter.
type Converter struct {
	dc           converter.DataConverter
	encodeCommon bool
}

var (
	_ converter.FailureConverter                         = (*Converter)(nil)
	_ converter.FailureConverterWithSerializationContext = (*Converter)(nil)
)

// NewConverter returns a Converter.
func NewConverter(options ConverterOptions) *Converter {
	return &Converter{dc: converter.MakeTransferAware(options.DataConverter), encodeCommon: options.EncodeCommonAttributes}
}

var defaultConverter = NewConverter(ConverterOptions{})

// DefaultConverter returns the failure converter used where none is given.
func DefaultConverter() converter.FailureConverter { return defaultConverter }

// WithSerializationContext returns a converter whose data converter is bound to the
// context.
func (c *Converter) WithSerializationContext(ctx converter.SerializationContext) converter.FailureConverter {
	return &Converter{dc: converter.WithDataConverterSerializationContext(c.dc, ctx), encodeCommon: c.encodeCommon}
}

// ErrorToFailure converts err and the errors it wraps. It panics if the details of an
// error, or with EncodeCommonAttributes its message, cannot be encoded.
func (c *Converter) ErrorToFailure(err error) *failurepb.Failure {
	if err == nil {
		return nil
	}
	switch e := err.(type) {
	case *NexusOperationError:
		if e.Failure != nil {
			return e.Failure
		}
	case carrier:
		if e.Failure() != nil {
			return e.Failure()
		}
	case *nexus.HandlerError:
		if e.OriginalFailure != nil {
			// One that does not convert is made anew below.
			if f, err := fromNexus(*e.OriginalFailure); err == nil {
				return f
			}
		}
	}

	f := &failurepb.Failure{Source: source}
	switch m := err.(type) {
	case plainMessage:
		f.Message = m.message()
	case failureMessage:
		f.Message = m.FailureMessage()
	default:
		f.Message = err.Error()
	}
	c.setInfo(f, err)
	f.Cause = c.ErrorToFailure(errors.Unwrap(err))
	if c.encodeCommon {
		if err := converter.EncodeCommonFailureAttributes(c.dc, f); err != nil {
			panic(fmt.Errorf("encode the message and stack trace of an error: %w", err))
		}
	}
	return f
}

// setInfo fills in what depends on the type of err.
func (c *Converter) setInfo(f *failurepb.Failure, err error) {
	switch e := err.(type) {
	case *ApplicationError:
		info := &failurepb.ApplicationFailureInfo{
			Type:         e.errType,
			NonRetryable: e.nonRetryable,
			Details:      c.encodeDetails(e.details),
			Category:     enumspb.ApplicationErrorCategory(e.category),
		}
		if e.nextRetryDelay != 0 {
			info.NextRetryDelay = durationpb.New(e.nextRetryDelay)
		}
		f.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info}
	case *CanceledError:
		f.FailureInfo = &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{
			Details: c.encodeDetails(e.details),
		}}
	case *TimeoutError:
		f.FailureInfo = &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{
			TimeoutType:          e.timeoutType,
			LastHeartbeatDetails: c.encodeDetails(e.heartbeat),
		}}
	default:
		setPlainInfo(f, err)
	}
}

// setPlainInfo is setInfo for errors that have no details to encode.
func setPlainInfo(f *failurepb.Failure, err error) {
	switch e := err.(type) {
	case *PanicError:
		f.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type: panicType,
		}}
		f.StackTrace = e.stack
	case *WorkflowPanicError:
		f.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type:         panicType,
			NonRetryable: true,
		}}
		f.StackTrace = e.stack
	case *TerminatedError:
		f.FailureInfo = &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}}
	case *ServerError:
		f.FailureInfo = &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{
			NonRetryable: e.nonRetryable,
		}}
	case *ActivityError:
		f.FailureInfo = &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ScheduledEventId: e.scheduledEventID,
			StartedEventId:   e.startedEventID,
			Identity:         e.identity,
			ActivityType:     e.activityType,
			ActivityId:       e.activityID,
			RetryState:       e.retryState,
		}}
	case *ChildWorkflowExecutionError:
		f.FailureInfo = &failurepb.Failure_ChildWorkflowExecutionFailureInfo{ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{
			Namespace:         e.namespace,
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: e.workflowID, RunId: e.runID},
			WorkflowType:      &commonpb.WorkflowType{Name: e.workflowType},
			InitiatedEventId:  e.initiatedEventID,
			StartedEventId:    e.startedEventID,
			RetryState:        e.retryState,
		}}
	case *NexusOperationError:
		f.FailureInfo = &failurepb.Failure_NexusOperationExecutionFailureInfo{NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
			ScheduledEventId: e.ScheduledEventID,
			Endpoint:         e.Endpoint,
			Service:          e.Service,
			Operation:        e.Operation,
			//lint:ignore SA1019 older SDKs read the token from here
			OperationId:    e.OperationToken,
			OperationToken: e.OperationToken,
		}}
	case *nexus.HandlerError:
		f.FailureInfo = &failurepb.Failure_NexusHandlerFailureInfo{NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{
			Type:          string(e.Type),
			RetryBehavior: NexusRetryBehaviorToProto(e.RetryBehavior),
		}}
		f.StackTrace = e.StackTrace
		if e.Message != "" {
			f.Message = e.Message
		}
	default:
		f.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type: TypeOf(err),
		}}
	}
}

func (c *Converter) encodeDetails(d details) *commonpb.Payloads {
	payloads, err := d.encode(c.dc)
	if err != nil {
		panic(fmt.Errorf("encode the details of an error: %w", err))
	}
	return payloads
}

// FailureToError converts f and its causes. f is not changed, and is kept by the error
// as it is.
func (c *Converter) FailureToError(f *failurepb.Failure) error {
	if f == nil {
		return nil
	}
	original := f
	if f.GetEncodedAttributes() != nil {
		// The parts that decoding changes are the failure's own; the rest is shared.
		decoded := proto.CloneOf(f)
		converter.DecodeCommonFailureAttributes(c.dc, decoded)
		f = decoded
	}
	err := c.fromInfo(f, c.FailureToError(f.GetCause()))
	switch e := err.(type) {
	case *NexusOperationError:
		e.Failure = original
	case carrier:
		e.setFailure(original)
	}
	return err
}

// fromInfo makes the error of the kind that f says.
func (c *Converter) fromInfo(f *failurepb.Failure, cause error) error {
	message := f.GetMessage()
	switch info := f.GetFailureInfo().(type) {
	case *failurepb.Failure_ApplicationFailureInfo:
		i := info.ApplicationFailureInfo
		if i.GetType() == panicType {
			return NewPanicError(message, f.GetStackTrace())
		}
		return NewApplicationError(message, i.GetType(), ApplicationErrorOptions{
			NonRetryable:   i.GetNonRetryable(),
			Cause:          cause,
			Details:        c.decodeLater(i.GetDetails()),
			NextRetryDelay: i.GetNextRetryDelay().AsDuration(),
			Category:       ApplicationErrorCategory(i.GetCategory()),
		})
	case *failurepb.Failure_CanceledFailureInfo:
		return NewCanceledError(CanceledErrorOptions{
			Message: message,
			Details: c.decodeLater(info.CanceledFailureInfo.GetDetails()),
			Cause:   cause,
		})
	case *failurepb.Failure_TimeoutFailureInfo:
		i := info.TimeoutFailureInfo
		return NewTimeoutError(message, i.GetTimeoutType(), cause, c.decodeLater(i.GetLastHeartbeatDetails())...)
	case *failurepb.Failure_TerminatedFailureInfo:
		return NewTerminatedError()
	case *failurepb.Failure_ServerFailureInfo:
		return NewServerError(message, info.ServerFailureInfo.GetNonRetryable(), cause)
	case *failurepb.Failure_ResetWorkflowFailureInfo:
		return NewApplicationError(message, "", ApplicationErrorOptions{
			NonRetryable: true,
			Cause:        cause,
			Details:      c.decodeLater(info.ResetWorkflowFailureInfo.GetLastHeartbeatDetails()),
		})
	case *failurepb.Failure_ActivityFailureInfo:
		i := info.ActivityFailureInfo
		return NewActivityError(i.GetScheduledEventId(), i.GetStartedEventId(), i.GetIdentity(),
			i.GetActivityType(), i.GetActivityId(), i.GetRetryState(), cause)
	case *failurepb.Failure_ChildWorkflowExecutionFailureInfo:
		i := info.ChildWorkflowExecutionFailureInfo
		return NewChildWorkflowExecutionError(i.GetNamespace(),
			i.GetWorkflowExecution().GetWorkflowId(), i.GetWorkflowExecution().GetRunId(), i.GetWorkflowType().GetName(),
			i.GetInitiatedEventId(), i.GetStartedEventId(), i.GetRetryState(), cause)
	case *failurepb.Failure_NexusOperationExecutionFailureInfo:
		i := info.NexusOperationExecutionFailureInfo
		token := i.GetOperationToken()
		if token == "" {
			//lint:ignore SA1019 older servers have the token here
			token = i.GetOperationId()
		}
		return &NexusOperationError{
			Message:          message,
			ScheduledEventID: i.GetScheduledEventId(),
			Endpoint:         i.GetEndpoint(),
			Service:          i.GetService(),
			Operation:        i.GetOperation(),
			OperationToken:   token,
			Cause:            cause,
		}
	case *failurepb.Failure_NexusHandlerFailureInfo:
		return handlerError(f, info.NexusHandlerFailureInfo, cause)
	default:
		// A kind from the future, or none: an error that can be retried.
		return NewApplicationError(message, "", ApplicationErrorOptions{Cause: cause})
	}
}

func handlerError(f *failurepb.Failure, info *failurepb.NexusHandlerFailureInfo, cause error) error {
	e := &nexus.HandlerError{
		Type:          nexus.HandlerErrorType(info.GetType()),
		Message:       f.GetMessage(),
		StackTrace:    f.GetStackTrace(),
		Cause:         cause,
		RetryBehavior: retryBehaviorFromProto(info.GetRetryBehavior()),
	}
	// HandlerError.Error puts this prefix before the message, and it is there already
	// if the message is what Error returned.
	if strings.HasPrefix(e.Message, fmt.Sprintf("handler error (%s)", e.Type)) {
		e.Message = ""
	}
	if original, err := toNexus(f); err == nil {
		e.OriginalFailure = original
	}
	return e
}

// decodeLater wraps payloads so that the constructors keep them encoded.
func (c *Converter) decodeLater(payloads *commonpb.Payloads) []any {
	return []any{encoded.NewValues(payloads, c.dc)}
}
