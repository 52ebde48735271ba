package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
)

// Places are those that gates keep for a run that is to be started.
type Places struct {
	// Pass has the tickets of the gates.
	Pass *records.FlowPass
	// Taken is set when a run has taken them.
	Taken bool
}

// StartRequest is a request that starts a workflow.
type StartRequest interface {
	requestToStart
	GetWorkflowId() string
}

// PassOf is the pass of the run that the request would start at once, with tickets with the id; nil if it would start
// none now, or if no policy matches. It fails with InvalidArgument if the key of a policy cannot be found.
func (c *Chain) PassOf(req StartRequest, id string) (*records.FlowPass, error) {
	if r := c.current; r != nil {
		//lint:ignore SA1019 older clients use it
		terminates := req.GetWorkflowIdReusePolicy() == enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING ||
			req.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
		if r.broughtBy(req.GetRequestId()) || !r.closed() && !terminates {
			return nil, nil
		}
	}
	if req.GetCronSchedule() != "" || req.GetWorkflowStartDelay().AsDuration() > 0 {
		return nil, nil
	}
	p := definedBy(req)
	p.priority, p.runID = req.GetPriority(), id
	return c.flowPass(&p)
}

// Expect has the run that the step in progress may start take the places; nil: there are none.
func (c *Chain) Expect(places *Places) { c.places = places }

// expected puts the tickets of the places that are kept into the pass of a run that is to start. It fails
// with Unavailable, and has changed nothing, if they were kept too long ago. If none were kept, a start by a client is
// refused here, if it is.
func (c *Chain) expected(step *entity.Step, p *startParams) error {
	pass := p.flow
	switch {
	case pass == nil:
		return nil
	case c.places != nil:
	case p.lenient || p.firstTaskBackoff > 0:
		return nil
	default:
		return flow.Refusal(step, c.key, pass)
	}
	if !flow.InTime(c.places.Pass, c.shardTime(step.Now)) {
		return serviceerror.NewUnavailable("the start has taken too long: the place that flow control has kept for it may have been given up")
	}
	for i, t := range pass.Tickets {
		if kept := flow.Ticket(c.places.Pass, t.Policy, t.Key); kept != nil {
			pass.Tickets[i] = kept
		}
	}
	return nil
}

// takePlaces has a new run take the places that were kept for it.
func (r *Run) takePlaces(step *entity.Step) {
	if c := r.chain; c.places != nil && r.info.Flow != nil {
		c.places.Taken = true
		flow.Take(step, c.key.Namespace, r.info.Flow, &records.FlowItem{RunId: r.info.RunId, Weight: r.info.Priority.GetFairnessWeight()}, r.flowTime(step))
	}
}
