package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A paused run goes on taking in what happens: signals, results, timers, timeouts are
// events as ever. But nothing of it goes to workers: no workflow task is scheduled, no
// activity offered. A workflow task that a worker has when the pause begins may be
// completed; one that waits for a worker fails, as it would wait without end.
// Queries are rejected, updates refused. The end of the pause is a workflow task with
// all that has happened, and activities go on where they were. A run that closes while it is
// paused, being terminated or out of time, goes on telling that it was.

// Pause pauses a running run. It fails with FailedPrecondition if the run is paused
// already, by another request or by one without an id.
func (c *Chain) Pause(step *entity.Step, req *workflowservice.PauseWorkflowExecutionRequest) error {
	r, err := c.findOpenToPause(step, req.GetRunId())
	if err != nil {
		return err
	}
	if r.paused() {
		if id := req.GetRequestId(); id != "" && r.state.Pause.GetRequestId() == id {
			return nil
		}
		return c.sparing(serviceerror.NewFailedPrecondition("workflow is already paused."))
	}
	r.repairAfterCrash(step)
	if r.started == nil && r.state.WorkflowTask != nil {
		r.failUnstarted(step)
	}
	r.addEvent(step, workflowExecutionPaused(req))
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.TaskId != 0 {
			r.undispatchActivity(step, act)
			act.Stamp++
			r.activities.change(r, act)
		}
	}
	r.releaseQueries(step)
	return nil
}

// Unpause ends the pause of a run. It fails with FailedPrecondition if the run is not
// paused.
func (c *Chain) Unpause(step *entity.Step, req *workflowservice.UnpauseWorkflowExecutionRequest) error {
	r, err := c.findOpenToPause(step, req.GetRunId())
	if err != nil {
		return err
	}
	if !r.paused() {
		return c.sparing(serviceerror.NewFailedPrecondition("workflow is not paused."))
	}
	r.addEvent(step, workflowExecutionUnpaused(req))
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.StartedTime == nil && act.RetryAt == nil && !attempt.Paused(act) {
			r.offerAttempt(step, act)
			r.activities.change(r, act)
		}
	}
	if !r.state.ChildFirstTaskPending {
		r.wantWorkflowTask() // also of a run that is in its start delay
	}
	return nil
}

func (c *Chain) findOpenToPause(step *entity.Step, runID string) (*Run, error) {
	r, err := c.findRun(step, runID)
	if err != nil {
		return nil, err
	}
	if r.closed() {
		return nil, errCompleted()
	}
	return r, nil
}

// paused reports whether the run as a whole is paused.
func (r *Run) paused() bool { return r.state.Status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED }

// failUnstarted ends the pending workflow task, which no worker has started, because
// the run is paused. It does not count as a failure.
func (r *Run) failUnstarted(step *entity.Step) {
	var end *historypb.HistoryEvent
	if wt := r.state.WorkflowTask; !wt.Transient {
		end = workflowTaskFailed(&historypb.WorkflowTaskFailedEventAttributes{
			ScheduledEventId: wt.ScheduledEventId,
			Cause:            enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED,
			Identity:         identityHistoryService,
		})
	}
	r.endTask(step, end)
	r.state.WorkflowTaskAttempt = 1
}

func workflowExecutionPaused(req *workflowservice.PauseWorkflowExecutionRequest) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED,
		WorkerMayIgnore: true,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionPausedEventAttributes{WorkflowExecutionPausedEventAttributes: &historypb.WorkflowExecutionPausedEventAttributes{
			Identity:  req.GetIdentity(),
			Reason:    req.GetReason(),
			RequestId: req.GetRequestId(),
		}},
	}
}

func applyWorkflowExecutionPaused(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionPausedEventAttributes) error {
	r.state.Status = enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	r.state.Pause = &records.Pause{
		Time:      e.EventTime,
		Identity:  attr.GetIdentity(),
		Reason:    attr.GetReason(),
		RequestId: attr.GetRequestId(),
	}
	r.pauseChanged()
	return nil
}

func workflowExecutionUnpaused(req *workflowservice.UnpauseWorkflowExecutionRequest) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED,
		WorkerMayIgnore: true,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUnpausedEventAttributes{WorkflowExecutionUnpausedEventAttributes: &historypb.WorkflowExecutionUnpausedEventAttributes{
			Identity:  req.GetIdentity(),
			Reason:    req.GetReason(),
			RequestId: req.GetRequestId(),
		}},
	}
}

func applyWorkflowExecutionUnpaused(r *Run, _ *historypb.HistoryEvent, _ *historypb.WorkflowExecutionUnpausedEventAttributes) error {
	r.state.Status, r.state.Pause = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
	r.pauseChanged()
	return nil
}

func (r *Run) pauseChanged() {
	r.dirty.state, r.dirty.visible = true, true
	r.updatePauseInfo()
}

// describePause is what describe says of the run's pause; nil if it is not paused, nor was when it closed.
func (r *Run) describePause() *workflowpb.WorkflowExecutionPauseInfo {
	pause := r.state.Pause
	if pause == nil {
		return nil
	}
	return &workflowpb.WorkflowExecutionPauseInfo{Identity: pause.GetIdentity(), PausedTime: pause.GetTime(), Reason: pause.GetReason()}
}
