package nexusoperation

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

var _ nexus.Caller = (*Chain)(nil)

// NexusCall implements nexus.Caller.
func (c *Chain) NexusCall(view entity.View, task *entity.Task) (*nexus.Call, error) {
	r, err := c.Known(task.RunID)
	if err != nil || r.closed() {
		return nil, nil
	}
	cancel := nexus.OfCancel(r.op(), task)
	if !cancel && !nexus.OfStart(r.op(), task) {
		return nil, nil
	}
	request, err := r.requestOf(func() entity.Reader { return view })
	if err != nil {
		return nil, err
	}
	return &nexus.Call{
		Operation: r.op(),
		Cancel:    cancel,
		Now:       view.Now(),
		Input:     request.GetInput(),
		Header:    request.GetHeader(),
		Link: &commonpb.Link{Variant: &commonpb.Link_NexusOperation_{NexusOperation: &commonpb.Link_NexusOperation{
			Namespace: c.namespace().Name, OperationId: c.Key().ID, RunId: r.rec.RunId,
		}}},
		Completion: &records.NexusCompletion{NamespaceId: c.Key().Namespace, OperationId: c.Key().ID, RunId: r.rec.RunId, RequestId: r.op().RequestId},
		Standalone: true,
	}, nil
}

// NexusCalled implements nexus.Caller.
func (c *Chain) NexusCalled(step *entity.Step, task *entity.Task, outcome *nexus.Outcome) error {
	r, err := c.Known(task.RunID)
	if err != nil || r.closed() {
		return nil
	}
	switch op := r.op(); {
	case nexus.OfCancel(op, task):
		r.changed = true
		r.cancelCalled(step, outcome)
	case nexus.OfStart(op, task):
		r.changed = true
		r.startCalled(step, outcome)
	}
	return nil
}

// startCalled notes what has come of the call that was to start the operation.
func (r *Run) startCalled(step *entity.Step, outcome *nexus.Outcome) {
	op := r.op()
	switch outcome.Result {
	case nexus.ResultRetry:
		nexus.Retry(op.Start, step, outcome.Failure, outcome.Policy)
		return
	case nexus.ResultBlocked:
		nexus.Block(op.Start, step, outcome.Wait)
		return
	case nexus.ResultPutOff:
		nexus.PutOff(op.Start, step, outcome.Wait)
		return
	case nexus.ResultStarted:
		nexus.Unschedule(op, step)
		r.started(step, outcome.Token, timestamppb.New(step.Now), outcome.Links)
		return
	case nexus.ResultSucceeded:
		r.rec.Links = append(r.rec.Links, outcome.Links...)
		nexus.AttemptEnded(op.Start, step, nil)
		r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED, nil, outcome.Payload)
		return
	}
	status, failure := enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED, outcome.Failure
	switch outcome.Result {
	case nexus.ResultCanceled:
		status = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED
	case nexus.ResultTimedOut:
		status, failure = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT, nexus.TimeoutFailure(outcome.Timeout)
	}
	nexus.AttemptEnded(op.Start, step, failure)
	r.close(step, status, failure, nil)
}

// started notes that the operation has started.
func (r *Run) started(step *entity.Step, token string, at *timestamppb.Timestamp, links []*commonpb.Link) {
	nexus.Started(r.op(), token, at)
	r.rec.Links = append(r.rec.Links, links...)
	r.cancel(step)
}

// cancelCalled notes what has come of a call that was to cancel the operation.
func (r *Run) cancelCalled(step *entity.Step, outcome *nexus.Outcome) {
	c := r.op().Cancellation
	switch outcome.Result {
	case nexus.ResultRetry:
		nexus.Retry(c.Calls, step, outcome.Failure, outcome.Policy)
	case nexus.ResultBlocked:
		nexus.Block(c.Calls, step, outcome.Wait)
	case nexus.ResultPutOff:
		nexus.PutOff(c.Calls, step, outcome.Wait)
	case nexus.ResultAccepted:
		nexus.AttemptEnded(c.Calls, step, nil)
		c.State = enumspb.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED
	default:
		nexus.AttemptEnded(c.Calls, step, outcome.Failure)
		c.State = enumspb.NEXUS_OPERATION_CANCELLATION_STATE_FAILED
	}
}

// CompleteNexusOperation ends an operation as its handler reports, which may be before the
// call has returned that has started it. It fails with NotFound if there is no such
// operation, or not any more.
func (c *Chain) CompleteNexusOperation(step *entity.Step, result *records.NexusResult) error {
	ref := result.GetCompletion()
	r, err := c.Known(ref.GetRunId())
	if err != nil || r.closed() || r.op().RequestId != ref.GetRequestId() {
		return serviceerror.NewNotFound("operation not found")
	}
	r.changed = true
	if r.op().StartedTime == nil {
		at := result.GetStartTime()
		if at == nil {
			at = timestamppb.New(step.Now)
		}
		nexus.Unschedule(r.op(), step)
		r.started(step, result.GetOperationToken(), at, result.GetLinks())
	}
	switch failure := result.GetFailure(); {
	case failure == nil:
		r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED, nil, result.GetResult())
	case result.GetCanceled():
		r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED, nexus.CanceledFailure(failure), nil)
	default:
		r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED, failure, nil)
	}
	return nil
}
