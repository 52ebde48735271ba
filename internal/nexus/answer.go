package nexus

import (
	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"google.golang.org/protobuf/proto"
)

// refused is the outcome of a call that the handler, or what is on the way to it, has refused.
func refused(failure *failurepb.Failure) *Outcome {
	if Retryable(failure) {
		return &Outcome{Result: ResultRetry, Failure: failure}
	}
	return &Outcome{Result: ResultFailed, Failure: failure}
}

func refusal(kind nexusrpc.HandlerErrorType, message string) *Outcome {
	return refused(HandlerFailure(kind, message, enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED))
}

// HandlerFailure is the failure of the handler that the answer brings; nil if it brings none.
func (a *Answer) HandlerFailure() *failurepb.Failure {
	switch {
	case a.Failure != nil:
		failure := proto.CloneOf(a.Failure)
		failure.Source = ""
		return failure
	case a.Error != nil:
		kind, cause := a.Error.GetErrorType(), a.Error.GetFailure()
		failure := HandlerFailure(nexusrpc.HandlerErrorType(kind), "", a.Error.GetRetryBehavior())
		failure.Cause = messageToTemporal(cause)
		return failure
	}
	return nil
}

// HandlerDocument is HandlerFailure as a document, with the cause as the worker has sent it.
func (a *Answer) HandlerDocument() (document nexusrpc.Failure, ok bool) {
	failure := a.HandlerFailure()
	if failure == nil {
		return document, false
	}
	document, err := FromTemporal(failure)
	if a.Failure == nil && a.Error.GetFailure() != nil {
		cause := fromMessage(a.Error.GetFailure())
		document.Cause = &cause
	}
	return document, err == nil
}

// startOutcome is the outcome of a call that was to start an operation.
func (a *Answer) startOutcome() *Outcome {
	if failure := a.HandlerFailure(); failure != nil {
		return refused(failure)
	}
	switch v := a.Response.GetStartOperation().GetVariant().(type) {
	case *nexuspb.StartOperationResponse_SyncSuccess:
		return &Outcome{Result: ResultSucceeded, Payload: v.SyncSuccess.GetPayload(), Links: ParseLinks(v.SyncSuccess.GetLinks())}
	case *nexuspb.StartOperationResponse_AsyncSuccess:
		token := v.AsyncSuccess.GetOperationToken()
		if token == "" {
			//lint:ignore SA1019 older workers use it
			token = v.AsyncSuccess.GetOperationId()
		}
		return &Outcome{Result: ResultStarted, Token: token, Links: ParseLinks(v.AsyncSuccess.GetLinks())}
	case *nexuspb.StartOperationResponse_Failure:
		if v.Failure.GetCanceledFailureInfo() != nil {
			return &Outcome{Result: ResultCanceled, Failure: v.Failure}
		}
		return &Outcome{Result: ResultFailed, Failure: v.Failure}
	case *nexuspb.StartOperationResponse_OperationError:
		return operationError(v)
	}
	return refusal(nexusrpc.HandlerErrorTypeInternal, "empty outcome")
}

// operationError is the outcome in the form of older SDKs.
func operationError(v *nexuspb.StartOperationResponse_OperationError) *Outcome {
	//lint:ignore SA1019 older workers use it
	state, failure := v.OperationError.GetOperationState(), messageToTemporal(v.OperationError.GetFailure())
	switch state {
	case stateCanceled:
		return &Outcome{Result: ResultCanceled, Failure: CanceledFailure(failure)}
	case stateFailed:
		return &Outcome{Result: ResultFailed, Failure: failure}
	}
	return refusal(nexusrpc.HandlerErrorTypeInternal, "")
}

// cancelOutcome is the outcome of a call that was to cancel an operation.
func (a *Answer) cancelOutcome() *Outcome {
	if failure := a.HandlerFailure(); failure != nil {
		return refused(failure)
	}
	if a.Response == nil {
		return refusal(nexusrpc.HandlerErrorTypeInternal, "empty outcome")
	}
	return &Outcome{Result: ResultAccepted}
}

// Unsuccessful is the state of an operation that has failed or was cancelled, and the
// document that says why: one that carries the failure as its cause. ok is false for other
// answers.
func (a *Answer) Unsuccessful() (state string, document nexusrpc.Failure, ok bool) {
	outcome := a.startOutcome()
	switch outcome.Result {
	case ResultFailed:
		state = stateFailed
	case ResultCanceled:
		state = stateCanceled
	default:
		return "", document, false
	}
	var cause nexusrpc.Failure
	var err error
	//lint:ignore SA1019 older workers use it
	if old := a.Response.GetStartOperation().GetOperationError(); old != nil {
		cause = fromMessage(old.GetFailure())
	} else if cause, err = FromTemporal(outcome.Failure); err != nil {
		return "", document, false
	}
	document, err = withDetails(nexusrpc.Failure{Message: "operation error", Cause: &cause}, typeOperation, operationDetails{State: state})
	document.Metadata[unwrapKey] = "true"
	return state, document, err == nil
}
