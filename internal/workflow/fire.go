package workflow

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
)

// Fire does what is due: the deletion of old runs, timeouts of the current run
// and of its workflow task, its timers and activities.
func (c *Chain) Fire(step *entity.Step) error {
	if err := c.expire(step); err != nil {
		return err
	}
	if r := c.current; r != nil && !r.closed() {
		r.dirty.timer = true
		return r.fire(step)
	}
	return nil
}

func (r *Run) fire(step *entity.Step) error {
	r.repairAfterCrash(step)
	if due(r.expiration(), step.Now) {
		return r.timeOut(step)
	}
	if due(r.fastForwardDeadline(), step.Now) {
		r.addEvent(step, r.timeSkippingTransitioned(step, time.Time{}, true))
	}
	if r.speculative && r.state.FirstTaskBackoffPending && due(asTime(r.info.ExecutionTime), step.Now) {
		// The first task is due, whatever becomes of the updates that have come before.
		r.commitSpeculative(step)
	}
	if wt := r.state.WorkflowTask; wt != nil {
		switch {
		case r.started != nil && due(r.started.deadline, step.Now):
			r.timeoutStarted(step)
			r.scheduleTask(step, step.Now, true)
		case r.started == nil && due(r.stickyDeadline(), step.Now):
			r.timeoutSticky(step)
		case r.startLost(step.Now):
			r.reloaded = false
			step.RemoveTask(r.dispatchRef())
			r.dispatch(step)
		}
	} else if r.state.FirstTaskBackoffPending {
		r.scheduleFirstTask(step, true)
	}
	r.fireItems(step)
	return nil
}

// startLost reports whether the pending workflow task has been started and the
// start is forgotten, though the process lives on: the run has been dropped from
// memory because a step failed. Then nobody offers the task any more. What gives
// it away is the wake that was set for the timeout of the start, a call of Fire
// that no durable timer accounts for.
func (r *Run) startLost(now time.Time) bool {
	wt := r.state.WorkflowTask
	return r.reloaded && r.started == nil && wt.TaskId != 0 && !due(asTime(r.state.WakeAt), r.chain.shardTime(now)) &&
		due(wt.ScheduledTime.AsTime().Add(wt.Timeout.AsDuration()), now)
}

// due reports whether the deadline, if there is one, has come.
func due(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }

// failStarted fails the started workflow task, if there is one, because the run
// is being closed, and flushes what it has held back.
func (r *Run) failStarted(step *entity.Step) {
	if r.started != nil {
		r.failTask(step, enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND, nil, identityHistoryService, "")
	}
	r.flushBuffered()
}
