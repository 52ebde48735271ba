package nexusop

import (
	"errors"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/failure"
)

func (t *task) completed(response *nexuspb.StartOperationResponse) *Outcome {
	return t.respond(&nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: response}})
}

func (t *task) respond(response *nexuspb.Response) *Outcome {
	return &Outcome{Completed: &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace:     t.options.Namespace,
		Identity:      t.options.Identity,
		TaskToken:     t.poll.GetTaskToken(),
		PollerGroupId: t.poll.GetPollerGroupId(),
		Response:      response,
	}}
}

// modern says whether the server understands failures as they are.
func (t *task) modern() bool {
	return t.poll.GetRequest().GetCapabilities().GetTemporalFailureResponses()
}

// operationFailed answers for a start that returned an error: of the operation, or of its
// handler.
func (t *task) operationFailed(err error) (*Outcome, error) {
	err = knownError(err)
	operation, ok := errors.AsType[*nexus.OperationError](err)
	if !ok {
		return t.failed(handlerError(err))
	}
	var failed error
	switch operation.State {
	case nexus.OperationStateCanceled:
		failed = failure.NewCanceledError(failure.CanceledErrorOptions{Message: operation.Message, Cause: operation.Cause})
	case nexus.OperationStateFailed:
		failed = failure.NewApplicationError(operation.Message, "OperationError", failure.ApplicationErrorOptions{NonRetryable: true, Cause: operation.Cause})
	default:
		return t.failed(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "handler returned an invalid operation error type: %s", operation.State))
	}
	response := &nexuspb.StartOperationResponse{Variant: &nexuspb.StartOperationResponse_Failure{Failure: t.failures.ErrorToFailure(failed)}}
	if !t.modern() {
		cause, err := legacyFailure(response.GetFailure().GetCause())
		if err != nil {
			return nil, err
		}
		response.Variant = &nexuspb.StartOperationResponse_OperationError{
			//lint:ignore SA1019 older servers know nothing else
			OperationError: &nexuspb.UnsuccessfulOperationError{OperationState: string(operation.State), Failure: cause},
		}
	}
	outcome := t.completed(response)
	outcome.FailureReason = "operation_" + string(operation.State)
	return outcome, nil
}

// failed answers with an error of the handler.
func (t *task) failed(err *nexus.HandlerError) (*Outcome, error) {
	request := &workflowservice.RespondNexusTaskFailedRequest{
		Namespace:     t.options.Namespace,
		Identity:      t.options.Identity,
		TaskToken:     t.poll.GetTaskToken(),
		PollerGroupId: t.poll.GetPollerGroupId(),
	}
	if t.modern() {
		request.Failure = t.failures.ErrorToFailure(err)
	} else {
		cause, encodeErr := legacyFailure(t.failures.ErrorToFailure(err.Cause))
		if encodeErr != nil {
			return nil, encodeErr
		}
		//lint:ignore SA1019 older servers know nothing else
		request.Error = &nexuspb.HandlerError{
			ErrorType:     string(err.Type),
			Failure:       cause,
			RetryBehavior: failure.NexusRetryBehaviorToProto(err.RetryBehavior),
		}
	}
	return &Outcome{Failed: request, FailureReason: "handler_error_" + string(err.Type)}, nil
}

// legacyFailure is a failure as older servers have it: details and all as JSON.
func legacyFailure(f *failurepb.Failure) (*nexuspb.Failure, error) {
	if f == nil {
		return nil, nil
	}
	rest := proto.CloneOf(f)
	rest.Message = ""
	details, err := protojson.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("answering a Nexus task: encoding a failure: %w", err)
	}
	return &nexuspb.Failure{Message: f.GetMessage(), Metadata: map[string]string{"type": failure.NexusFailureType}, Details: details}, nil
}

// handlerError is err as an error of the handler. What is not known is an internal error, which
// is tried again.
func handlerError(err error) *nexus.HandlerError {
	if known, ok := errors.AsType[*nexus.HandlerError](knownError(err)); ok {
		return known
	}
	return &nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal, Message: "internal handler error", Cause: err}
}

// knownError converts errors of this SDK, and of the server, to errors of the handler, which
// say whether the server is to try again.
func knownError(err error) error {
	// Only err itself: a wrapped one is not meant for the caller.
	if application, ok := err.(*failure.ApplicationError); ok && application.NonRetryable() {
		return &nexus.HandlerError{
			Type:          nexus.HandlerErrorTypeInternal,
			Message:       "handler failed with non-retryable application error",
			Cause:         application,
			RetryBehavior: nexus.HandlerErrorRetryBehaviorNonRetryable,
		}
	}
	server, ok := err.(interface{ Status() *status.Status })
	if !ok {
		return err
	}
	switch server.Status().Code() {
	case codes.InvalidArgument:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Cause: err}
	case codes.AlreadyExists, codes.FailedPrecondition, codes.OutOfRange:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal, Cause: err, RetryBehavior: nexus.HandlerErrorRetryBehaviorNonRetryable}
	case codes.Aborted, codes.Unavailable:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeUnavailable, Cause: err}
	case codes.Canceled, codes.DataLoss, codes.Internal, codes.Unknown, codes.Unauthenticated, codes.PermissionDenied:
		// Who is not let in is the handler, not its caller.
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal, Cause: err}
	case codes.NotFound:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeNotFound, Cause: err}
	case codes.ResourceExhausted:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeResourceExhausted, Cause: err}
	case codes.Unimplemented:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeNotImplemented, Cause: err}
	case codes.DeadlineExceeded:
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeUpstreamTimeout, Cause: err}
	}
	return err
}
