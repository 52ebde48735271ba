package workflow

import (
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
)

// Flow control of activities. An attempt that policies match is offered to workers when their gates have
// let it in, and gives its pass back when it ends, or is not to be offered for now: while it is paused,
// or waits for its next attempt, it has none. Every attempt asks anew, with tickets of its own.

// activityPass is the pass of an attempt; nil if no policy matches.
func (r *Run) activityPass(step *entity.Step, act *records.Activity) *records.FlowPass {
	view := r.chain.config.Flow.Of(r.chain.key.Namespace)
	if !view.HasActivities() {
		return nil
	}
	subject := &flow.Subject{
		WorkflowID:   r.chain.key.ID,
		WorkflowType: r.info.WorkflowType,
		ActivityType: act.ActivityType,
		TaskQueue:    act.TaskQueue,
		Priority:     mergePriority(r.info.Priority, act.Priority),
		Attributes:   r.info.SearchAttributes,
		Memo:         r.info.Memo,
	}
	subject.Load = func() (*commonpb.Payloads, *commonpb.Header, error) {
		event, err := r.initiatingEvent(step, act.ScheduledEventId)
		attr := event.GetActivityTaskScheduledEventAttributes()
		return attr.GetInput(), attr.GetHeader(), err
	}
	// What cannot be evaluated has the empty key: there is nobody to refuse it to.
	pass, _ := view.Activity(subject, step.NewID())
	return pass
}

// activityGoverned reports whether a policy matches an activity that has just been scheduled. It then has its
// pass.
func (r *Run) activityGoverned(step *entity.Step, act *records.Activity) bool {
	act.Flow = r.activityPass(step, act)
	r.activities.flow = r.activities.flow || act.Flow != nil
	return act.Flow != nil
}

// activityLetIn reports whether the attempt may be offered to workers. If it has not asked yet, it asks.
func (r *Run) activityLetIn(step *entity.Step, act *records.Activity) bool {
	if act.Flow == nil && !r.activityGoverned(step, act) {
		return true
	}
	item := &records.FlowItem{
		RunId: r.info.RunId, EventId: act.ScheduledEventId, ActivityId: act.ActivityId, Weight: fairnessWeight(r.info.Priority, act.Priority),
	}
	standing, _ := flow.Advance(step, r.chain.key, act.Flow, item, r.flowTime(step), true)
	return standing == flow.In
}

// releaseActivity gives the pass of an attempt back.
func (r *Run) releaseActivity(step *entity.Step, act *records.Activity) {
	if act.Flow != nil {
		flow.Release(step, r.chain.key, act.Flow)
		act.Flow = nil
	}
}

// releaseAllActivities gives the passes of all activities back, because the run closes.
func (r *Run) releaseAllActivities(step *entity.Step) {
	if !r.activities.flow {
		return
	}
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.Flow != nil {
			r.releaseActivity(step, act)
			r.activities.change(r, act)
		}
	}
}

// releaseActivities gives back the passes of activities that the step has changed, and that are neither with a
// worker nor to be offered to one.
func (r *Run) releaseActivities(step *entity.Step) {
	if !r.activities.flow {
		return
	}
	for _, id := range r.activities.dirty {
		act := r.activities.get(id)
		if act == nil || act.Flow == nil || act.StartedTime != nil || act.TaskId != 0 {
			continue
		}
		if act.RetryAt != nil || attempt.Paused(act) || r.paused() || r.closed() {
			r.releaseActivity(step, act)
		}
	}
}

// activityAnswered is told that the attempt of an activity is let in.
func (c *Chain) activityAnswered(step *entity.Step, from entity.Key, answer *records.FlowAnswer) error {
	r, err := c.findOpen(step, answer.RunId)
	if err != nil {
		return err
	}
	var act *records.Activity
	var ticket *records.FlowTicket
	if r != nil {
		if act = r.activities.get(answer.EventId); act != nil {
			ticket = flow.Answered(act.Flow, answer)
		}
	}
	switch {
	case answer.Queued:
	case ticket == nil:
		flow.Refuse(step, from, answer)
	case !ticket.Admitted:
		flow.LetIn(ticket)
		if !attempt.Paused(act) {
			r.dispatchActivity(step, act)
		}
		r.activities.change(r, act)
	}
	return nil
}
