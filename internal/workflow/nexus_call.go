package workflow

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// A call that is due for an operation is a task; an executor takes it, asks for the call
// (NexusCall), makes it, and reports what has come of it (NexusCalled). The end of an
// operation that has started is reported by its handler (CompleteNexusOperation).

var _ nexus.Caller = (*Chain)(nil)

// NexusCall implements nexus.Caller.
func (c *Chain) NexusCall(view entity.View, task *entity.Task) (*nexus.Call, error) {
	reader := func() entity.Reader { return view }
	r, err := c.findRunWith(reader, task.RunID)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	op := r.nexusOperations.get(task.EventID)
	cancel := nexus.OfCancel(op, task)
	if op == nil || r.closed() || !cancel && !nexus.OfStart(op, task) {
		return nil, nil
	}
	scheduled, err := r.eventAt(reader, op.ScheduledEventId)
	if err != nil {
		return nil, err
	}
	attr := scheduled.GetNexusOperationScheduledEventAttributes()
	return &nexus.Call{
		Operation: op,
		Cancel:    cancel,
		Now:       r.nexusRunTime(view.Now()),
		Input:     attr.GetInput(),
		Header:    attr.GetNexusHeader(),
		Link: c.link(r, &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{
			EventId: op.ScheduledEventId, EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED}}),
		Completion: &records.NexusCompletion{
			NamespaceId: c.key.Namespace, WorkflowId: c.key.ID, RunId: r.info.RunId, ScheduledEventId: op.ScheduledEventId, RequestId: op.RequestId,
		},
	}, nil
}

// NexusCalled implements nexus.Caller.
func (c *Chain) NexusCalled(step *entity.Step, task *entity.Task, outcome *nexus.Outcome) error {
	r, err := c.findOpen(step, task.RunID)
	if r == nil || err != nil {
		return err
	}
	op := r.nexusOperations.get(task.EventID)
	switch {
	case op == nil:
	case nexus.OfCancel(op, task):
		r.nexusCancelCalled(step, op, outcome)
	case nexus.OfStart(op, task):
		r.nexusStartCalled(step, op, outcome)
	}
	return nil
}

// nexusStartCalled notes what has come of the call that was to start the operation.
func (r *Run) nexusStartCalled(step *entity.Step, op *records.NexusOperation, outcome *nexus.Outcome) {
	var end *historypb.HistoryEvent
	switch outcome.Result {
	case nexus.ResultRetry:
		r.nexusOperations.change(r, op, func() { nexus.Retry(op.Start, step, outcome.Failure, outcome.Policy) })
		return
	case nexus.ResultBlocked:
		r.nexusOperations.change(r, op, func() { nexus.Block(op.Start, step, outcome.Wait) })
		return
	case nexus.ResultPutOff:
		r.nexusOperations.change(r, op, func() { nexus.PutOff(op.Start, step, outcome.Wait) })
		return
	case nexus.ResultStarted:
		r.nexusOperations.change(r, op, func() { nexus.Unschedule(op, step) })
		r.startNexusOperation(step, op, nexusOperationStarted(op, outcome.Token, outcome.Links))
		return
	case nexus.ResultSucceeded:
		end = nexusOperationCompleted(op, outcome.Payload, outcome.Links)
	case nexus.ResultCanceled:
		end = nexusOperationCanceled(op, r.limitNexusFailure(outcome.Failure))
	case nexus.ResultTimedOut:
		end = nexusOperationTimedOut(op, outcome.Timeout)
	default:
		end = nexusOperationFailed(op, r.limitNexusFailure(outcome.Failure))
	}
	r.endNexusOperation(step, op, end)
}

// nexusCancelCalled notes what has come of a call that was to cancel the operation.
func (r *Run) nexusCancelCalled(step *entity.Step, op *records.NexusOperation, outcome *nexus.Outcome) {
	calls := op.Cancellation.Calls
	change := func(fn func()) { r.nexusOperations.change(r, op, fn) }
	switch outcome.Result {
	case nexus.ResultRetry:
		change(func() { nexus.Retry(calls, step, outcome.Failure, outcome.Policy) })
		return
	case nexus.ResultBlocked:
		change(func() { nexus.Block(calls, step, outcome.Wait) })
		return
	case nexus.ResultPutOff:
		change(func() { nexus.PutOff(calls, step, outcome.Wait) })
		return
	case nexus.ResultAccepted:
		change(func() { nexus.AttemptEnded(calls, step, nil) })
		if r.limits().NoNexusCancelEvents {
			change(func() { op.Cancellation.State = enumspb.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED })
			return
		}
		r.addEvent(step, nexusOperationCancelRequestCompleted(op))
	default:
		change(func() { nexus.AttemptEnded(calls, step, outcome.Failure) })
		if r.limits().NoNexusCancelEvents {
			change(func() { op.Cancellation.State = enumspb.NEXUS_OPERATION_CANCELLATION_STATE_FAILED })
			return
		}
		r.addEvent(step, nexusOperationCancelRequestFailed(op, r.limitNexusFailure(outcome.Failure)))
	}
	r.wantWorkflowTask()
}

// startNexusOperation adds the event by which the operation has started.
func (r *Run) startNexusOperation(step *entity.Step, op *records.NexusOperation, started *historypb.HistoryEvent) {
	r.addEvent(step, started)
	r.cancelNexusOperation(step, op)
	r.wantWorkflowTask()
}

// endNexusOperation adds the event that ends the operation.
func (r *Run) endNexusOperation(step *entity.Step, op *records.NexusOperation, end *historypb.HistoryEvent) {
	nexus.Unschedule(op, step)
	r.noteNexusEnd(step, op, end)
	r.addEvent(step, end)
	r.wantWorkflowTask()
}

// limitNexusFailure cuts what a handler says to what may be stored.
func (r *Run) limitNexusFailure(failure *failurepb.Failure) *failurepb.Failure {
	limit := r.limits().BlobSize
	kept, _ := attempt.LimitFailure(failure, limit, limit/4, true)
	return kept
}

var errNoNexusOperation = serviceerror.NewNotFound("operation not found")

// CompleteNexusOperation ends an operation as its handler reports, which may be before the
// call has returned that has started it. It fails with NotFound if there is no such
// operation, or not any more.
func (c *Chain) CompleteNexusOperation(step *entity.Step, result *records.NexusResult) error {
	ref := result.GetCompletion()
	r, err := c.findRun(step, ref.GetRunId())
	if err != nil && !notFound(err) {
		return err
	}
	has := func(r *Run) bool {
		op := r.nexusOperations.get(ref.GetScheduledEventId())
		return op != nil && !r.closed() && op.RequestId == ref.GetRequestId()
	}
	switch {
	case err == nil && has(r):
	case c.current != nil && c.current != r && has(c.current):
		r = c.current // a reset has made it, with the operation
	case err != nil:
		return err
	case r.closed():
		return errCompleted()
	default:
		return errNoNexusOperation
	}
	r.repairAfterCrash(step)
	op := r.nexusOperations.get(ref.GetScheduledEventId())
	if op.StartedTime == nil {
		started := nexusOperationStarted(op, result.GetOperationToken(), result.GetLinks())
		started.EventTime = result.GetStartTime()
		r.nexusOperations.change(r, op, func() { nexus.Unschedule(op, step) })
		r.addEvent(step, started)
	}
	end := nexusOperationCompleted(op, result.GetResult(), nil)
	switch failure := r.limitNexusFailure(result.GetFailure()); {
	case failure == nil:
	case result.GetCanceled():
		end = nexusOperationCanceled(op, nexus.CanceledFailure(failure))
	default:
		end = nexusOperationFailed(op, failure)
	}
	r.endNexusOperation(step, op, end)
	return nil
}

// nexusCompleted takes the report of a callback that an operation has ended, and answers it.
func (c *Chain) nexusCompleted(step *entity.Step, from entity.Key, result *records.NexusResult) error {
	if from.Kind != entity.KindCallback {
		return entity.ErrUnknownMessage
	}
	err := c.CompleteNexusOperation(step, result)
	answer := new(records.NexusAnswer)
	if err != nil {
		if !notFound(err) && !errors.As(err, new(*serviceerror.InvalidArgument)) {
			return err
		}
		answer.Refusal = nexus.RefusalText(err)
	}
	step.Send(from, mustMarshal(&records.Delivery{Answer: answer}))
	return nil
}
