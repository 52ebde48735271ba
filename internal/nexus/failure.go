package nexus

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A failure has three forms: that of Temporal (failurepb.Failure), the document that Nexus
// sends over HTTP (nexusrpc.Failure), and that document as a message (nexuspb.Failure),
// which older SDKs answer with. What a document has no place for is in its details, and its
// metadata say how to read them.

const (
	typeKey        = "type"
	unwrapKey      = "unwrap-error" // of an operation error that only carries its cause
	typeHandler    = "nexus.HandlerError"
	typeOperation  = "nexus.OperationError"
	stateFailed    = "failed"
	stateCanceled  = "canceled"
	stateSucceeded = "succeeded"
	stateRunning   = "running"
)

// typeTemporal is the type of documents whose details are the rest of a Temporal failure.
var typeTemporal = string((*failurepb.Failure)(nil).ProtoReflect().Descriptor().FullName())

// maxCauses bounds how many causes deep a failure that comes from outside may be.
const maxCauses = 100

var errDeepFailure = errors.New("the failure has too many causes")

// handlerDetails and operationDetails are the details of errors that Nexus itself knows.
type handlerDetails struct {
	Type              string `json:"type,omitempty"`
	RetryableOverride *bool  `json:"retryableOverride,omitempty"`
	EncodedAttributes string `json:"encodedAttributes,omitempty"` // base64 of the payload as JSON
}

type operationDetails struct {
	State string `json:"state,omitempty"`
}

// FromTemporal is the document of a failure.
func FromTemporal(failure *failurepb.Failure) (nexusrpc.Failure, error) {
	document := nexusrpc.Failure{Message: failure.GetMessage(), StackTrace: failure.GetStackTrace()}
	if failure.GetCause() != nil {
		cause, err := FromTemporal(failure.GetCause())
		if err != nil {
			return document, err
		}
		document.Cause = &cause
	}
	if info := failure.GetNexusHandlerFailureInfo(); info != nil {
		details := handlerDetails{Type: info.GetType(), RetryableOverride: override(info.GetRetryBehavior())}
		if failure.GetEncodedAttributes() != nil {
			data, err := protojson.Marshal(failure.GetEncodedAttributes())
			if err != nil {
				return document, err
			}
			details.EncodedAttributes = base64.RawURLEncoding.EncodeToString(data)
		}
		return withDetails(document, typeHandler, details)
	}
	rest := proto.CloneOf(failure)
	rest.Message, rest.StackTrace, rest.Cause = "", "", nil
	data, err := protojson.Marshal(rest)
	if err != nil {
		return document, err
	}
	document.Metadata, document.Details = map[string]string{typeKey: typeTemporal}, data
	return document, nil
}

func withDetails(document nexusrpc.Failure, kind string, details any) (nexusrpc.Failure, error) {
	data, err := json.Marshal(details)
	document.Metadata, document.Details = map[string]string{typeKey: kind}, data
	return document, err
}

func override(behavior enumspb.NexusHandlerErrorRetryBehavior) *bool {
	switch behavior {
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE:
		return new(true)
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE:
		return new(false)
	}
	return nil
}

func behavior(override *bool) enumspb.NexusHandlerErrorRetryBehavior {
	switch {
	case override == nil:
		return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED
	case *override:
		return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE
	}
	return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE
}

// ToTemporal is the failure of a document. One that is of no type that is known becomes an
// application failure with the document as its details.
func ToTemporal(document nexusrpc.Failure) (*failurepb.Failure, error) {
	return toTemporal(&document, 0)
}

func toTemporal(document *nexusrpc.Failure, depth int) (failure *failurepb.Failure, err error) {
	if depth > maxCauses {
		return nil, errDeepFailure
	}
	failure = new(failurepb.Failure)
	switch kind := document.Metadata[typeKey]; {
	case kind == typeTemporal:
		if err = (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(document.Details, failure); err != nil {
			return nil, fmt.Errorf("the details of a failure are not those of a %s: %w", typeTemporal, err)
		}
	case kind == typeOperation:
		var details operationDetails
		if err = json.Unmarshal(document.Details, &details); err != nil {
			return nil, fmt.Errorf("failed to deserialize OperationError: %w", err)
		}
		if details.State == stateCanceled {
			failure.FailureInfo = &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: new(failurepb.CanceledFailureInfo)}
		} else {
			failure.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
				NonRetryable: true, Type: "OperationError",
			}}
		}
	case kind == typeHandler:
		if err = handlerToTemporal(document, failure); err != nil {
			return nil, err
		}
	case document.Metadata != nil || len(document.Details) > 0:
		if err = unknownToTemporal(document, failure); err != nil {
			return nil, err
		}
	}
	failure.Message, failure.StackTrace = document.Message, document.StackTrace
	if document.Cause != nil {
		if failure.Cause, err = toTemporal(document.Cause, depth+1); err != nil {
			return nil, err
		}
	}
	return failure, nil
}

func handlerToTemporal(document *nexusrpc.Failure, failure *failurepb.Failure) error {
	var details handlerDetails
	if err := json.Unmarshal(document.Details, &details); err != nil {
		return fmt.Errorf("failed to deserialize HandlerError: %w", err)
	}
	failure.FailureInfo = &failurepb.Failure_NexusHandlerFailureInfo{NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{
		Type: details.Type, RetryBehavior: behavior(details.RetryableOverride),
	}}
	if details.EncodedAttributes == "" {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(details.EncodedAttributes)
	if err != nil {
		return fmt.Errorf("failed to decode base64 HandlerError attributes: %w", err)
	}
	failure.EncodedAttributes = new(commonpb.Payload)
	if err := protojson.Unmarshal(data, failure.EncodedAttributes); err != nil {
		return fmt.Errorf("failed to deserialize HandlerError attributes: %w", err)
	}
	return nil
}

func unknownToTemporal(document *nexusrpc.Failure, failure *failurepb.Failure) error {
	info := &failurepb.ApplicationFailureInfo{Type: "NexusFailure"}
	if len(document.Metadata) > 0 || len(document.Details) > 0 {
		data, err := json.Marshal(nexusrpc.Failure{Metadata: document.Metadata, Details: document.Details, Cause: document.Cause})
		if err != nil {
			return fmt.Errorf("failed to serialize Nexus failure: %w", err)
		}
		info.Details = &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: data,
		}}}
	}
	failure.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info}
	return nil
}

// fromMessage is the document that an older SDK has sent as a message.
func fromMessage(message *nexuspb.Failure) nexusrpc.Failure {
	document := nexusrpc.Failure{
		Message: message.GetMessage(), StackTrace: message.GetStackTrace(), Metadata: message.GetMetadata(), Details: message.GetDetails(),
	}
	if message.GetCause() != nil {
		cause := fromMessage(message.GetCause())
		document.Cause = &cause
	}
	return document
}

// messageToTemporal is the failure that an older SDK has sent. What makes no sense is said
// to be that.
func messageToTemporal(message *nexuspb.Failure) *failurepb.Failure {
	failure, err := ToTemporal(fromMessage(message))
	if err != nil {
		return HandlerFailure(nexusrpc.HandlerErrorTypeInternal, "internal error", enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED)
	}
	return failure
}

// HandlerFailure is a failure of a handler, or of what is between it and its caller.
func HandlerFailure(kind nexusrpc.HandlerErrorType, message string, retry enumspb.NexusHandlerErrorRetryBehavior) *failurepb.Failure {
	return &failurepb.Failure{
		Message: message,
		FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{
			Type: string(kind), RetryBehavior: retry,
		}},
	}
}

// TimeoutFailure is the cause of the failure of an operation that has run out of time.
func TimeoutFailure(timeout enumspb.TimeoutType) *failurepb.Failure {
	return &failurepb.Failure{
		Message:     "operation timed out",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: timeout}},
	}
}

// CanceledFailure is the cause of the failure of an operation that was cancelled, which
// older SDKs report as any failure.
func CanceledFailure(failure *failurepb.Failure) *failurepb.Failure {
	if failure.GetCanceledFailureInfo() != nil {
		return failure
	}
	return &failurepb.Failure{
		Message: failure.GetMessage(), StackTrace: failure.GetStackTrace(), Cause: failure.GetCause(),
		FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: new(failurepb.CanceledFailureInfo)},
	}
}

// Retryable reports whether a call that a handler has refused may be made again.
func Retryable(failure *failurepb.Failure) bool {
	info := failure.GetNexusHandlerFailureInfo()
	e := nexusrpc.HandlerError{Type: nexusrpc.HandlerErrorType(info.GetType())}
	switch info.GetRetryBehavior() {
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE:
		e.RetryBehavior = nexusrpc.HandlerErrorRetryBehaviorRetryable
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE:
		e.RetryBehavior = nexusrpc.HandlerErrorRetryBehaviorNonRetryable
	}
	return e.Retryable()
}

// callFailure is the failure of a call that has not come to an answer that makes sense.
func callFailure(call *Call, message string, retryable bool) *failurepb.Failure {
	if call.Standalone {
		return &failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_ServerFailureInfo{
			ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: !retryable}}}
	}
	return &failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "CallError", NonRetryable: !retryable}}}
}
