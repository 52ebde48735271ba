package workflow

import (
	"iter"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
)

// EndStep implements entity.Entity: what a step has changed is brought to an end,
// run by run.
func (c *Chain) EndStep(step *entity.Step) error {
	events := false
	for run := range c.runs() {
		if err := run.endStep(step); err != nil {
			return err
		}
		if run.broken != nil {
			return run.broken
		}
		events = run.flush(step) || events
	}
	c.flush(step)
	for run := range c.runs() {
		if run.closed() {
			run.endUpdates(step)
		}
	}
	if c.lazy && !events {
		step.Lazy()
	}
	c.lazy = false
	return nil
}

// runs are the runs in memory.
func (c *Chain) runs() iter.Seq[*Run] {
	return func(yield func(*Run) bool) {
		if c.current != nil && !yield(c.current) {
			return
		}
		for _, run := range c.others {
			if !yield(run) {
				return
			}
		}
	}
}

// endStep does what the step has made necessary for the run, and enforces the
// limits of what it may grow to.
func (r *Run) endStep(step *entity.Step) error {
	if r.taskWanted {
		r.scheduleTask(step, step.Now, true)
		r.taskWanted = false
	}
	r.releaseActivities(step)
	if r.changed() {
		if reason := r.outgrown(step); reason != "" {
			return r.terminateInstead(step, reason)
		}
		r.limitBuffered(step)
	}
	r.skipTime(step)
	return nil
}

// limitBuffered fails the started workflow task if too much waits for its end.
func (r *Run) limitBuffered(step *entity.Step) {
	limits := r.limits()
	if r.started == nil || len(r.buffer.events) <= limits.BufferedEvents && r.buffer.bytes <= limits.BufferedSize {
		return
	}
	r.failTask(step, enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND, nil, identityHistoryService, "")
	r.flushBuffered()
	r.scheduleTask(step, step.Now, true)
}

// outgrown is why a run may not go on whose history or state has outgrown what may be
// stored, if it has. What the step itself adds to the size of the history is looked at by
// the next one. A run that the step has made is not looked at.
func (r *Run) outgrown(step *entity.Step) (reason string) {
	if r.closed() || r.state.StateTransitionCount == 0 {
		return ""
	}
	limits, size := r.limits(), r.stateSize()
	switch {
	case r.state.HistorySize > limits.HistorySize:
		return "Workflow history size exceeds limit."
	case r.state.NextEventId-1 > limits.HistoryEvents:
		return "Workflow history count exceeds limit."
	case size > limits.StateSize:
		return "Workflow mutable state size exceeds limit."
	}
	r.noteLargeState(step, size)
	return ""
}

// terminateInstead has the run terminated as it was before the step, of which nothing
// is left; whoever has asked for the step is refused. Those who wait for something that
// was in memory only learn of the end.
func (r *Run) terminateInstead(step *entity.Step, reason string) error {
	before, started, runID := r, r.chain.started, r.info.RunId
	waiters := slices.Clone(step.Told())
	return &entity.Instead{Err: serviceerror.NewInvalidArgument(reason), Step: func(step *entity.Step, e entity.Entity) error {
		c := e.(*Chain)
		run, err := c.findRun(step, runID)
		if err != nil || run.closed() {
			return err
		}
		if started != nil && run.state.WorkflowTask != nil && started.eventID == run.state.NextEventId {
			run.started = started
		}
		run.admitted, run.updateWaits, run.queries = before.admitted, before.updateWaits, before.queries
		for _, waiter := range waiters {
			switch waiter := waiter.(type) {
			case *UpdateWait:
				run.updateWaits = append(run.updateWaits, waiter)
			case *query:
				run.queries = append(run.queries, waiter)
			}
		}
		run.terminate(step, reason, nil, identityHistoryService, nil)
		return nil
	}}
}

// changed reports whether there is anything to flush.
func (r *Run) changed() bool {
	if len(r.newEvents) > 0 || r.dirty != (dirty{}) {
		return true
	}
	for _, f := range r.list() {
		if f.changed() {
			return true
		}
	}
	return false
}

// flush notes in the step every record of the run that the step has changed: the
// new events as one history batch, the pending items, the state. It moves the run's
// durable timer. It reports whether there were events.
func (r *Run) flush(step *entity.Step) (events bool) {
	if !r.changed() {
		return false
	}
	runID := r.info.RunId
	if len(r.newEvents) > 0 {
		r.flushHistory(step)
		events = true
	}
	for _, f := range r.list() {
		if f.changed() {
			f.flush(r, step)
		}
	}
	if r.dirty.info {
		data := mustMarshal(r.info)
		r.infoBytes = len(data)
		step.Put(runKey(runID, letterInfo), data)
	}
	r.armTimer(step)
	if r.dirty.state {
		r.state.StateTransitionCount++
		step.Put(runKey(runID, letterState), r.stateRecord())
	}
	r.noteRow(step)
	r.dirty = dirty{}
	return events
}

// stateRecord is the record of the run's state, which does not have a speculative
// workflow task.
func (r *Run) stateRecord() []byte {
	if r.speculative {
		wt := r.state.WorkflowTask
		r.state.WorkflowTask = nil
		defer func() { r.state.WorkflowTask = wt }()
	}
	return mustMarshal(r.state)
}

// flush notes the chain's record in the step if it has changed.
func (c *Chain) flush(step *entity.Step) {
	if !c.dirty {
		return
	}
	c.dirty = false
	if c.record == nil {
		step.Delete(chainKey)
		return
	}
	step.Put(chainKey, mustMarshal(c.record))
}
