package workflow

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// close ends the run with the event just added. newRunID is the run that
// continues it, if one does: then the parent does not learn of the end. Children
// belong to one run, so that their parent close policies apply in any case.
func (r *Run) close(step *entity.Step, status enumspb.WorkflowExecutionStatus, event *historypb.HistoryEvent, newRunID string) {
	r.state.Status = status
	r.state.CloseTime = timestamppb.New(step.Now)
	r.state.CloseEventId = event.EventId
	r.state.NewRunId = newRunID
	r.state.FirstTaskBackoffPending = false
	r.state.ChildFirstTaskPending = false
	r.state.TryingToClose = false
	r.dirty.state = true
	if r.state.WorkflowTask != nil {
		r.endTask(step)
	}
	r.clearSticky()
	r.applyParentClosePolicy(step)
	r.notifyParent(step, event)
	for _, id := range r.activities.keys() {
		r.undispatchActivity(step, r.activities.get(id))
	}
	r.dropItems()
	r.releaseQueries(step)
	if c := r.chain; c.current == r {
		c.record.CurrentStatus = status
		c.dirty = true
	}
	r.chain.expireLater(step, r)
}

// checkClose holds for every command that closes the run: events that the
// workflow has not seen yet stand in its way.
func (b *commandBatch) checkClose() *commandFailure {
	if b.waitingEvents() > 0 {
		return &commandFailure{cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND}
	}
	return nil
}

// checkBlob refuses a field that is larger than may ever be stored.
func (b *commandBatch) checkBlob(field string, size int, cause enumspb.WorkflowTaskFailedCause, place *check.Place) *commandFailure {
	return b.checkSize(field, size, b.run.limits().BlobSize, cause, place)
}

// checkSize is checkBlob for a limit of its own.
func (b *commandBatch) checkSize(field string, size, limit int, cause enumspb.WorkflowTaskFailedCause, place *check.Place) *commandFailure {
	if err := check.Size(field, size, limit, place); err != nil {
		return &commandFailure{cause: cause, err: err, terminate: true}
	}
	return nil
}

var (
	onCompleteWorkflow = check.Command("CompleteWorkflowExecutionCommand")
	onFailWorkflow     = check.Command("FailWorkflowExecutionCommand")
)

func checkComplete(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	attr := cmd.GetCompleteWorkflowExecutionCommandAttributes()
	if f := b.checkClose(); f != nil {
		return f
	}
	if attr == nil {
		return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
			"CompleteWorkflowExecutionCommandAttributes is not set on CompleteWorkflowExecutionCommand.")
	}
	if f := b.checkBlob("Result", proto.Size(attr.GetResult()), enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
		onCompleteWorkflow); f != nil {
		return f
	}
	b.loadStart()
	return nil
}

func applyComplete(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetCompleteWorkflowExecutionCommandAttributes()
	next := r.cronContinuation(a.step, attr.GetResult(), nil)
	event := r.addEvent(a.step, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
				Result:                       attr.GetResult(),
				WorkflowTaskCompletedEventId: a.completedEventID,
				NewExecutionRunId:            next.id(),
			}}
	})
	r.closeOrContinue(a.step, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, event, next)
}

func checkFail(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	attr := cmd.GetFailWorkflowExecutionCommandAttributes()
	if f := b.checkClose(); f != nil {
		return f
	}
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES
	if attr == nil {
		return badCommand(cause, "FailWorkflowExecutionCommandAttributes is not set on FailWorkflowExecutionCommand.")
	}
	if attr.GetFailure() == nil {
		return badCommand(cause, "Failure is not set on FailWorkflowExecutionCommand.")
	}
	if f := b.checkBlob("Failure", proto.Size(attr.GetFailure()), cause, onFailWorkflow); f != nil {
		return f
	}
	b.loadStart()
	return nil
}

func applyFail(a *application, cmd *commandpb.Command) {
	r, failure := a.run, cmd.GetFailWorkflowExecutionCommandAttributes().GetFailure()
	next, retryState := r.continuationAfterFailure(a.step, failure)
	event := r.addEvent(a.step, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{
				Failure:                      failure,
				RetryState:                   retryState,
				WorkflowTaskCompletedEventId: a.completedEventID,
				NewExecutionRunId:            next.id(),
			}}
	})
	r.closeOrContinue(a.step, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, event, next)
}

func checkCancelWorkflow(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	if f := b.checkClose(); f != nil {
		return f
	}
	if cmd.GetCancelWorkflowExecutionCommandAttributes() == nil {
		return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES,
			"CancelWorkflowExecutionCommandAttributes is not set on CancelWorkflowExecutionCommand.")
	}
	return nil
}

func applyCancelWorkflow(a *application, cmd *commandpb.Command) {
	event := a.run.addEvent(a.step, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{
			WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{
				WorkflowTaskCompletedEventId: a.completedEventID,
				Details:                      cmd.GetCancelWorkflowExecutionCommandAttributes().GetDetails(),
			}}
	})
	a.run.close(a.step, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, event, "")
}

// timeOut closes the run because its time is up. A run timeout, unlike an
// execution timeout, may be followed by a retry or the next cron run.
func (r *Run) timeOut(step *entity.Step) error {
	var next *continuation
	retryState := enumspb.RETRY_STATE_TIMEOUT
	if !due(asTime(r.info.ExecutionExpiration), step.Now) {
		if err := r.loadStart(step); err != nil {
			return err
		}
		next, retryState = r.continuationAfterFailure(step, &failurepb.Failure{
			Message: "workflow timeout",
			Source:  "Server",
			FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
				TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: enumspb.TIMEOUT_TYPE_START_TO_CLOSE}},
		})
	}
	r.failStarted(step)
	event := r.addEvent(step, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{
			WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{
				RetryState:        retryState,
				NewExecutionRunId: next.id(),
			}}
	})
	r.closeOrContinue(step, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, event, next)
	return nil
}

// closeOrContinue closes the run, and starts the one that follows it, if any.
func (r *Run) closeOrContinue(step *entity.Step, status enumspb.WorkflowExecutionStatus, event *historypb.HistoryEvent, next *continuation) {
	r.close(step, status, event, next.id())
	if next != nil {
		run := r.chain.newRun(step, &next.params)
		run.scheduleFirstTask(step, true)
	}
}

// continuation is the run that is to follow one that ends.
type continuation struct{ params startParams }

// id is the run id of the continuation; empty for none.
func (n *continuation) id() string {
	if n == nil {
		return ""
	}
	return n.params.runID
}

// carryParent passes the parent, and the root of its line, on to the run that
// continues this one.
func (r *Run) carryParent(p *startParams) {
	p.parent = r.info.Parent
	if p.parent != nil {
		p.root = r.root()
	}
}

// root is the workflow at the top of the run's line of parents.
func (r *Run) root() *commonpb.WorkflowExecution {
	if r.info.Root != nil {
		return r.info.Root
	}
	return r.execution()
}
