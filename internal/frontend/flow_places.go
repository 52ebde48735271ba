package frontend

import (
	"context"
	"errors"
	"time"

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
	// elsewhere are the other nodes; nil if there are none.
	elsewhere Elsewhere
	// joined: gates take part in the steps of starts, which are refused there.
	joined bool
}

// newPlaces returns what has places kept, if that is necessary.
func newPlaces(runtime Runtime, flows *flow.Registry, elsewhere Elsewhere) *places {
	joiner, ok := runtime.(interface{ CanJoin() bool })
	return &places{runtime: runtime, flows: flows, elsewhere: elsewhere, joined: ok && joiner.CanJoin() && elsewhere == nil}
}

// keep has places kept for the run that the request would start, as far as it need not wait. The result is nil
// if there is nothing to keep. It fails with ResourceExhausted if a policy refuses the start.
func (p *places) keep(ctx context.Context, req workflow.StartRequest) (*workflow.Places, error) {
	namespace := callOf(ctx).namespace.ID
	if p.joined || !p.flows.Of(namespace).Refuses() {
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
		has, asked, err := p.reserve(ctx, namespace, t)
		if err != nil {
			p.giveUp(ctx, kept)
			return nil, err
		}
		if !has {
			return kept, nil
		}
		t.Asked = timestamppb.New(asked)
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
	namespace := callOf(ctx).namespace.ID
	for _, t := range kept.Pass.Tickets {
		gate := flow.GateKey(namespace, t.Policy, t.Key)
		if err := flow.GiveUpAt(ctx, p.runtime, gate, t); p.away(err) {
			_ = p.elsewhere.GiveUp(ctx, gate, t)
		}
	}
}

// reserve has a place kept at the gate of a ticket, wherever that is.
func (p *places) reserve(ctx context.Context, namespace string, t *records.FlowTicket) (kept bool, asked time.Time, err error) {
	gate := flow.GateKey(namespace, t.Policy, t.Key)
	kept, asked, err = flow.ReserveAt(ctx, p.runtime, gate, t)
	if p.away(err) {
		return p.elsewhere.Reserve(ctx, gate, t)
	}
	return kept, asked, err
}

// away reports whether a step was not taken because another node has the gate.
func (p *places) away(err error) bool {
	var notHeld *runtime.NotHeldError
	return p.elsewhere != nil && errors.As(err, &notHeld)
}
