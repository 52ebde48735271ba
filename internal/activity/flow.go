package activity

import (
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
)

// Flow control, as for activities of workflows: an attempt that policies match is offered when their gates have let it in,
// and gives its pass back when it ends, or is not to be offered for now.

// letIn reports whether the attempt may be offered to workers. If it has not asked yet, it asks.
func (r *Run) letIn(step *entity.Step) bool {
	act := r.act()
	if act.Flow == nil {
		view := r.chain.config.Flow.Of(r.chain.Key().Namespace)
		if !view.HasActivities() {
			return true
		}
		// What cannot be evaluated has the empty key: a further attempt cannot be refused.
		act.Flow, _ = view.Activity(&flow.Subject{
			ActivityType: act.ActivityType,
			TaskQueue:    act.TaskQueue,
			Priority:     act.Priority,
			Load: func() (*commonpb.Payloads, *commonpb.Header, error) {
				request, err := r.requestOf(step.Reader)
				return request.GetInput(), request.GetHeader(), err
			},
		}, step.NewID())
	}
	item := &records.FlowItem{RunId: r.rec.RunId, ActivityId: act.ActivityId, Weight: act.Priority.GetFairnessWeight()}
	standing, changed := flow.Advance(step, r.chain.Key(), act.Flow, item, step.Now, true)
	if changed {
		r.touch()
	}
	return standing == flow.In
}

// releaseFlow gives the pass of the attempt back.
func (r *Run) releaseFlow(step *entity.Step) {
	if act := r.act(); act.Flow != nil {
		flow.Release(step, r.chain.Key(), act.Flow)
		act.Flow = nil
		r.touch()
	}
}

// releaseIdle gives it back if the attempt is neither with a worker nor to be offered to one.
func (r *Run) releaseIdle(step *entity.Step) {
	act := r.act()
	if act.Flow == nil || act.StartedTime != nil || act.TaskId != 0 {
		return
	}
	if r.closed() || act.RetryAt != nil || attempt.Paused(act) {
		r.releaseFlow(step)
	}
}

// flowAnswered is told that the attempt waits at a gate, or is let in.
func (c *Chain) flowAnswered(step *entity.Step, from entity.Key, answer *records.FlowAnswer) error {
	r := c.Current()
	var ticket *records.FlowTicket
	if r != nil && !r.closed() && r.rec.RunId == answer.RunId {
		ticket = flow.Answered(r.act().Flow, answer)
	}
	switch {
	case answer.Queued:
	case ticket == nil:
		flow.Refuse(step, from, answer)
	case !ticket.Admitted:
		flow.LetIn(ticket)
		r.touch()
		if !attempt.Paused(r.act()) {
			r.dispatch(step)
		}
	}
	return nil
}
