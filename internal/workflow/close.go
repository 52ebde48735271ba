package workflow

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// close ends the run with the event. Its parent does not learn of the end if another
// run continues it; parent close policies apply in any case, as children belong to
// one run.
func (r *Run) close(step *entity.Step, end *historypb.HistoryEvent) {
	r.applyParentClosePolicy(step, nil)
	r.finish(step, end)
	r.notifyParent(step, end)
	r.deliverCallbacks(step, end)
	r.tellWatcher(step, end)
}

// finish is close without a word to children and parent.
func (r *Run) finish(step *entity.Step, end *historypb.HistoryEvent) {
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.TaskId != 0 {
			r.undispatchActivity(step, act)
			r.activities.change(r, act)
		} else {
			r.commandCancel(step, act)
		}
	}
	r.releaseAllActivities(step)
	r.undispatchNexus(step)
	r.undispatch(step)
	r.recordEvent(step, end)
	r.noteClosed(step)
	r.releaseFlow(step)
	r.started = nil
	r.tryingToClose = false
	r.clearSticky()
	r.releaseQueries(step)
	r.chain.expireLater(step, r)
}

// applyClose applies any of the events that close a run.
func applyClose(r *Run, e *historypb.HistoryEvent, status enumspb.WorkflowExecutionStatus, newRunID string) error {
	r.state.Status = status
	r.state.CloseTime = e.EventTime
	r.state.NewRunId = newRunID
	r.state.WorkflowTask, r.speculative = nil, false
	r.state.FirstTaskBackoffPending = false
	r.state.ChildFirstTaskPending = false
	r.dirty.state, r.dirty.visible = true, true
	r.dropItems()
	return nil
}

// checkClose holds for every command that closes the run: events that the
// workflow has not seen yet stand in its way.
func (b *commandBatch) checkClose() *commandFailure {
	if b.waitingEvents() > 0 {
		return &commandFailure{cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND}
	}
	return nil
}

// checkBlob refuses what is larger than may ever be stored. what says what it is, as the
// Temporal server does, to the space: it becomes the reason of the workflow's end.
func (b *commandBatch) checkBlob(what string, size int, cause enumspb.WorkflowTaskFailedCause) *commandFailure {
	return b.checkSize(what, size, b.run.limits().BlobSize, cause)
}

// checkMemo is checkBlob for a memo, which has a limit of its own.
func (b *commandBatch) checkMemo(what string, size int, cause enumspb.WorkflowTaskFailedCause) *commandFailure {
	return b.checkSize(what, size, b.run.limits().MemoSize, cause)
}

func (b *commandBatch) checkSize(what string, size, limit int, cause enumspb.WorkflowTaskFailedCause) *commandFailure {
	if err := check.StoredSize(what, size, limit); err != nil {
		return &commandFailure{cause: cause, err: err, terminate: true}
	}
	return nil
}

func checkComplete(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	attr := cmd.GetCompleteWorkflowExecutionCommandAttributes()
	if f := b.checkClose(); f != nil {
		return f
	}
	if attr == nil {
		return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
			"CompleteWorkflowExecutionCommandAttributes is not set on CompleteWorkflowExecutionCommand.")
	}
	// The cause is of another command; so it is on the Temporal server.
	const tooLarge = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
	if f := b.checkBlob("CompleteWorkflowExecutionCommandAttributes.Result", proto.Size(attr.GetResult()), tooLarge); f != nil {
		return f
	}
	b.loadStart()
	return nil
}

func executeComplete(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetCompleteWorkflowExecutionCommandAttributes()
	next := r.cronContinuation(a.step, attr.GetResult(), nil)
	end := workflowExecutionCompleted(attr, a.completedEventID, next.id())
	fromCommand(end, cmd)
	r.closeOrContinue(a.step, end, next)
}

func workflowExecutionCompleted(attr *commandpb.CompleteWorkflowExecutionCommandAttributes, completedEventID int64, newRunID string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
			Result:                       attr.GetResult(),
			WorkflowTaskCompletedEventId: completedEventID,
			NewExecutionRunId:            newRunID,
		}},
	}
}

func applyWorkflowExecutionCompleted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionCompletedEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, attr.GetNewExecutionRunId())
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
	if f := b.checkBlob("FailWorkflowExecutionCommandAttributes.Failure", proto.Size(attr.GetFailure()), cause); f != nil {
		return f
	}
	b.loadStart()
	return nil
}

func executeFail(a *application, cmd *commandpb.Command) {
	r, failure := a.run, cmd.GetFailWorkflowExecutionCommandAttributes().GetFailure()
	next, retryState := r.continuationAfterFailure(a.step, failure)
	end := workflowExecutionFailed(failure, retryState, a.completedEventID, next.id())
	fromCommand(end, cmd)
	r.closeOrContinue(a.step, end, next)
}

func workflowExecutionFailed(failure *failurepb.Failure, retryState enumspb.RetryState, completedEventID int64, newRunID string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{
			Failure:                      failure,
			RetryState:                   retryState,
			WorkflowTaskCompletedEventId: completedEventID,
			NewExecutionRunId:            newRunID,
		}},
	}
}

func applyWorkflowExecutionFailed(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionFailedEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, attr.GetNewExecutionRunId())
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

func executeCancelWorkflow(a *application, cmd *commandpb.Command) {
	end := workflowExecutionCanceled(cmd.GetCancelWorkflowExecutionCommandAttributes(), a.completedEventID)
	fromCommand(end, cmd)
	a.run.close(a.step, end)
}

func workflowExecutionCanceled(attr *commandpb.CancelWorkflowExecutionCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{
			WorkflowTaskCompletedEventId: completedEventID,
			Details:                      attr.GetDetails(),
		}},
	}
}

func applyWorkflowExecutionCanceled(r *Run, e *historypb.HistoryEvent, _ *historypb.WorkflowExecutionCanceledEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, "")
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
	r.closeOrContinue(step, workflowExecutionTimedOut(retryState, next.id()), next)
	return nil
}

func workflowExecutionTimedOut(retryState enumspb.RetryState, newRunID string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{
			RetryState:        retryState,
			NewExecutionRunId: newRunID,
		}},
	}
}

func applyWorkflowExecutionTimedOut(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionTimedOutEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, attr.GetNewExecutionRunId())
}

// closeOrContinue closes the run, and starts the one that follows it, if any.
func (r *Run) closeOrContinue(step *entity.Step, end *historypb.HistoryEvent, next *continuation) {
	if next != nil {
		next.params.flow = r.handOverFlow(&next.params)
	}
	r.close(step, end)
	if next != nil {
		run := r.chain.newRun(step, &next.params)
		run.scheduleFirstTask(step, true)
	}
}

// root is the workflow at the top of the run's line of parents.
func (r *Run) root() *commonpb.WorkflowExecution {
	if r.info.Root != nil {
		return r.info.Root
	}
	return r.execution()
}
