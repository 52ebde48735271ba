package frontend

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/workflow"
)

// places has places kept at the gates of flow control for starts that may be refused.
type places struct {
	runtime interface {
		stepper
		viewer
	}
	flows *flow.Registry
}

// keep has places kept for the run that the request would start, as far as it need not wait. The result is nil
// if there is nothing to keep. It fails with ResourceExhausted if a policy refuses the start.
func (p *places) keep(ctx context.Context, req workflow.StartRequest) (*workflow.Places, error) {
	namespace := callOf(ctx).namespace.ID
	if !p.flows.Of(namespace).Refuses() {
		return nil, nil
	}
	var pass *records.FlowPass
	err := viewWorkflow(ctx, p.runtime, req.GetWorkflowId(), func(c *workflow.Chain, _ entity.View) (err error) {
		pass, err = c.PassOf(req, check.NewRequestID())
		return err
	})
	if err != nil || !flow.MayBeRefused(pass) {
		return nil, err
	}
	kept := &workflow.Places{Pass: new(records.FlowPass)}
	for _, t := range pass.Tickets {
		var has bool
		err := p.runtime.Step(ctx, flow.GateKey(namespace, t.Policy, t.Key), func(step *entity.Step, e entity.Entity) (err error) {
			has, err = e.(*flow.Gate).Reserve(step, t)
			t.Asked = timestamppb.New(step.Now)
			return err
		})
		var notHeld *runtime.NotHeldError
		switch {
		case errors.As(err, &notHeld):
			return kept, nil // another node has the gate: the run asks for itself
		case err != nil:
			p.giveUp(ctx, kept)
			return nil, err
		case !has:
			return kept, nil
		}
		t.Admitted = true
		kept.Pass.Tickets = append(kept.Pass.Tickets, t)
	}
	return kept, nil
}

// giveUp gives up the places that no run has taken. Those that it cannot give up now are given up in time.
func (p *places) giveUp(ctx context.Context, kept *workflow.Places) {
	if kept == nil || kept.Taken {
		return
	}
	ctx = context.WithoutCancel(ctx)
	for _, t := range kept.Pass.Tickets {
		_ = p.runtime.Step(ctx, flow.GateKey(callOf(ctx).namespace.ID, t.Policy, t.Key), func(step *entity.Step, e entity.Entity) error {
			return e.(*flow.Gate).GiveUp(step, t)
		})
	}
}
