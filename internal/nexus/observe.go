package nexus

import (
	"time"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Observer is told of the calls that an Executor makes.
type Observer interface {
	// NexusCalled tells of a call to start or to cancel an operation on behalf of the namespace with
	// the id, and of what has come of it, in the words of Outcome.Name.
	NexusCalled(namespaceID, endpoint string, cancel bool, outcome string, took time.Duration)
}

// NoteEnd notes that an operation ends, for a workflow of the type, or for none if that is empty. The failure says what has run out
// of an operation that has timed out.
func NoteEnd(step *entity.Step, op *records.NexusOperation, workflowType string, status enumspb.NexusOperationExecutionStatus, failure *failurepb.Failure) {
	o := entity.Occurrence{
		Kind:   entity.NexusOperationClosed,
		Type:   entity.NexusType(op.GetEndpoint(), workflowType),
		Detail: int32(status),
		Count:  int64(failure.GetTimeoutFailureInfo().GetTimeoutType()),
		Total:  step.Now.Sub(op.GetScheduledTime().AsTime()),
	}
	if started := op.GetStartedTime(); started != nil {
		o.Took = max(1, step.Now.Sub(started.AsTime()))
	}
	step.Note(o)
}

// Name is what has come of the call, for those who count.
func (o *Outcome) Name() string {
	handler := o.Failure.GetNexusHandlerFailureInfo()
	switch {
	case o.Result == ResultStarted:
		return "pending"
	case o.Result == ResultSucceeded || o.Result == ResultAccepted:
		return "successful"
	case o.Result == ResultTimedOut:
		return "operation-timeout"
	case o.Result == ResultCanceled:
		return "operation-unsuccessful:canceled"
	case handler != nil:
		kind := handler.GetType()
		if _, known := statuses[nexusrpc.HandlerErrorType(kind)]; !known {
			kind = "UNKNOWN" // handlers may say anything
		}
		return "handler-error:" + kind
	case o.Result == ResultFailed:
		return "operation-unsuccessful:failed"
	}
	return "unknown-error"
}
