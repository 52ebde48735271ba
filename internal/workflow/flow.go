package workflow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
)

// Flow control of workflows. A run that policies match has a pass (RunInfo.flow). It is
// started as any other, but where its first workflow task would be scheduled, it asks
// the gates of the policies, one after the other, and the task is scheduled when
// the last one has let it in. Until then it is held: signals, cancel requests and
// updates are taken in, and wait for the first task; it can be terminated, reset and deleted, and times
// out as if it ran. In the history there is nothing of it but the time between two events.
//
// A run gives its pass back when it closes. One that follows it at once (it is continued as
// new, or is a retry, or a reset has made it) takes over what both are under, and so need not
// ask again; a cron workflow asks anew for every run, when its time has come.

// flowStateAttribute says that a run is held: its value is flowWaiting. It is not set otherwise.
const (
	flowStateAttribute = "PerdureFlowState"
	flowWaiting        = "Waiting"
)

// flowPass is the pass of a run that is to start; nil if no policy matches. The error, which is
// InvalidArgument, says why the key of a policy cannot be found; the pass has the empty key there.
func (c *Chain) flowPass(p *startParams) (*records.FlowPass, error) {
	view := c.config.Flow.Of(c.key.Namespace)
	if view == nil {
		return nil, nil
	}
	pass, err := view.Workflow(&flow.Subject{
		WorkflowID:   c.key.ID,
		WorkflowType: p.workflowType.GetName(),
		TaskQueue:    p.taskQueue,
		Priority:     p.priority,
		Input:        p.input,
		Header:       p.header,
		Memo:         p.memo,
		Attributes:   p.searchAttributes,
	}, p.runID)
	if err != nil {
		err = serviceerror.NewInvalidArgument(err.Error())
	}
	return pass, err
}

// setFlow gives a new run its pass.
func (r *Run) setFlow(pass *records.FlowPass) {
	if pass != nil {
		r.info.Flow, r.dirty.info = pass, true
		if flow.Asking(pass) {
			r.showWaiting() // as the run did from which it has the pass
		}
	}
}

// handOverFlow takes from the run what it does not have to give back, because the next one is under it, too,
// and returns the pass of that.
func (r *Run) handOverFlow(next *startParams) *records.FlowPass {
	pass, _ := r.chain.flowPass(next)
	if r.info.Flow == nil || next.initiator == enumspb.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE {
		return pass
	}
	var left *records.FlowPass
	left, pass = flow.HandOver(r.info.Flow, pass)
	r.info.Flow, r.dirty.info = left, true
	return pass
}

// letIn reports whether the run may have workflow tasks. If it has not asked yet, it asks.
func (r *Run) letIn(step *entity.Step) bool {
	pass := r.info.Flow
	if pass == nil || flow.Admitted(pass) {
		return true
	}
	// What asks where others wait already is going to wait, too: a guess that saves a message.
	shown := r.showsWaiting() || !flow.Asking(pass) && r.chain.config.Flow.Crowded(r.chain.key.Namespace, pass)
	item := &records.FlowItem{RunId: r.info.RunId, Weight: r.info.Priority.GetFairnessWeight()}
	standing, changed := flow.Advance(step, r.chain.key, pass, item, r.flowTime(step), shown)
	r.dirty.info = r.dirty.info || changed
	switch {
	case standing == flow.In:
		r.hideWaiting()
	case standing == flow.Waits || shown:
		r.showWaiting()
	}
	return standing == flow.In
}

// flowTime is the time of the shard, by which gates go.
func (r *Run) flowTime(step *entity.Step) time.Time { return r.chain.shardTime(step.Now) }

// held reports whether the run waits for a gate.
func (r *Run) held() bool { return r.info.Flow != nil && flow.Asking(r.info.Flow) }

// releaseFlow gives the pass back, because the run closes.
func (r *Run) releaseFlow(step *entity.Step) {
	if r.info.Flow == nil {
		return
	}
	flow.Release(step, r.chain.key, r.info.Flow)
	r.info.Flow, r.dirty.info = nil, true
	r.hideWaiting()
}

func (r *Run) showsWaiting() bool {
	return r.info.SearchAttributes.GetIndexedFields()[flowStateAttribute] != nil
}

func (r *Run) showWaiting() {
	if !r.showsWaiting() {
		r.ownSearchAttributes()[flowStateAttribute] = keyword(flowWaiting)
	}
}

func (r *Run) hideWaiting() {
	if r.showsWaiting() {
		mergeFields(r.ownSearchAttributes(), map[string]*commonpb.Payload{flowStateAttribute: nil})
	}
}

// flowAnswered is told that a run waits at a gate, or is let in.
func (c *Chain) flowAnswered(step *entity.Step, from entity.Key, answer *records.FlowAnswer) error {
	if answer.EventId != 0 {
		return c.activityAnswered(step, from, answer)
	}
	r := c.current
	var ticket *records.FlowTicket
	if r != nil && !r.closed() {
		ticket = flow.Answered(r.info.Flow, answer)
	}
	switch {
	case ticket == nil && !answer.Queued:
		// It has ended meanwhile, which the gate is going to hear, or has heard before it was asked again.
		flow.Refuse(step, from, answer)
	case ticket == nil || ticket.Admitted:
	case answer.Queued:
		r.showWaiting()
	default:
		flow.LetIn(ticket)
		r.dirty.info = true
		if flow.Admitted(r.info.Flow) {
			r.hideWaiting()
		}
		r.wantWorkflowTask()
	}
	return nil
}

// DescribeFlow tells where a run stands with the policies that it is under.
func (c *Chain) DescribeFlow(reader entity.Reader, runID string) (*flowv1.DescribeWorkflowResponse, error) {
	r, err := c.findRunWith(func() entity.Reader { return reader }, runID)
	if err != nil {
		return nil, err
	}
	return &flowv1.DescribeWorkflowResponse{RunId: r.info.RunId, Passes: flow.DescribePass(r.info.Flow)}, nil
}
