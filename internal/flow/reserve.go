package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A start that may be refused is told so in its call. Where gates can take part in the step of the start, it
// looks at them (Refusal). Where they cannot, a place is kept for it before the run is made, at
// the gates of policies with max_waiting, by a step of each; the run that is then made has the ticket already, and
// its question (FlowAsk, with the ticket admitted) makes the place its own. If the start does not
// come, the place is given up after a while.

const (
	// keptFor is how long a place is kept. A start takes it only while it is takenWithin old, as clocks of
	// shards are not quite the same.
	keptFor     = 60 * time.Second
	takenWithin = 30 * time.Second
)

// Refuses reports whether starts of workflows may be refused.
func (v *View) Refuses() bool {
	if v == nil {
		return false
	}
	for _, p := range v.workflows {
		if p.limits.MaxWaiting != nil {
			return true
		}
	}
	return false
}

// MayBeRefused reports whether one of the policies of a pass may refuse a start.
func MayBeRefused(pass *records.FlowPass) bool {
	return slices.ContainsFunc(pass.GetTickets(), func(t *records.FlowTicket) bool { return t.Limits != nil && t.Limits.MaxWaiting != nil })
}

// Ticket is the ticket of a policy with a key; nil if the pass has none.
func Ticket(pass *records.FlowPass, policy, key string) *records.FlowTicket {
	for _, t := range pass.GetTickets() {
		if t.Policy == policy && t.Key == key {
			return t
		}
	}
	return nil
}

// Reserve keeps a place for a start with the ticket. kept is false if the start has to wait, which it may. It fails
// with ResourceExhausted if it may not.
func (g *Gate) Reserve(step *entity.Step, t *records.FlowTicket) (kept bool, err error) {
	g.begin(step)
	g.learn(t.Limits)
	if g.free(step.Now) {
		g.spend(step.Now)
		step.Note(entity.Occurrence{Kind: entity.FlowAdmitted, Type: g.policy})
		until := step.Now.Add(keptFor)
		g.run(step, t.Id, &records.FlowItem{Entity: g.key.Encode(nil), Since: timestamppb.New(step.Now), ReservedUntil: timestamppb.New(until)})
		g.keep(t.Id, until)
		return true, nil
	}
	return false, g.refusal()
}

// refusal is why the gate has no more wait; nil if it has.
func (g *Gate) refusal() error {
	if l := g.head.Limits; l != nil && l.MaxWaiting != nil && g.head.Waiting >= *l.MaxWaiting {
		return g.errFull()
	}
	return nil
}

// Refusal is why a start by the owner of the pass, who has asked no gate yet, is refused; nil if it is not. It changes nothing. It fails with
// ResourceExhausted if a policy refuses it, and with Unavailable if that cannot be found out now.
func Refusal(step *entity.Step, owner entity.Key, pass *records.FlowPass) error {
	if !MayBeRefused(pass) {
		return nil
	}
	for _, t := range pass.GetTickets() {
		gate, of := join(step, owner.Namespace, t)
		if gate == nil {
			return serviceerror.NewUnavailablef("the gate of flow policy %q cannot be asked now; try again", t.Policy)
		}
		gate.begin(of)
		gate.learn(t.Limits)
		if !gate.free(of.Now) {
			return gate.refusal()
		}
	}
	return nil
}

// errFull says which limit is in the way.
func (g *Gate) errFull() error {
	of := ""
	if g.value != "" {
		of = fmt.Sprintf(", key %q", g.value)
	}
	why := fmt.Sprintf("%d are running", len(g.items))
	if g.room() {
		why = fmt.Sprintf("no more than %v a second are let in", g.rate())
	}
	return &serviceerror.ResourceExhausted{
		Cause:   enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
		Scope:   enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: fmt.Sprintf("Flow policy %q%s lets no more in: %s, and %d are waiting.", g.policy, of, why, g.head.Waiting),
	}
}

// ReserveAt is Reserve as a step of the gate with the key. asked is when it was asked.
func ReserveAt(ctx context.Context, runtime Stepper, gate entity.Key, t *records.FlowTicket) (kept bool, asked time.Time, err error) {
	err = runtime.Step(ctx, gate, func(step *entity.Step, e entity.Entity) (err error) {
		asked = step.Now
		kept, err = e.(*Gate).Reserve(step, t)
		return err
	})
	return kept, asked, err
}

// GiveUpAt is GiveUp as a step of the gate with the key.
func GiveUpAt(ctx context.Context, runtime Stepper, gate entity.Key, t *records.FlowTicket) error {
	return runtime.Step(ctx, gate, func(step *entity.Step, e entity.Entity) error { return e.(*Gate).GiveUp(step, t) })
}

// Stepper takes steps of entities that are held here.
type Stepper interface {
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
}

// GiveUp gives up a place that was kept.
func (g *Gate) GiveUp(step *entity.Step, t *records.FlowTicket) error {
	g.begin(step)
	return g.done(step, &records.FlowDone{Id: t.Id})
}

// InTime reports whether places that were kept may be taken: they were not kept too long ago.
func InTime(pass *records.FlowPass, now time.Time) bool {
	for _, t := range pass.GetTickets() {
		if now.Sub(t.Asked.AsTime()) > takenWithin {
			return false
		}
	}
	return true
}

// Take has the owner of a pass take the places that were kept for it, whose tickets are those that are admitted.
func Take(step *entity.Step, namespaceID string, pass *records.FlowPass, item *records.FlowItem, now time.Time) {
	item.Since = timestamppb.New(now)
	for _, t := range pass.GetTickets() {
		if t.Admitted {
			step.Send(gateKey(namespaceID, t.Policy, t.Key), encode(&records.FlowMessage{Body: &records.FlowMessage_Ask{
				Ask: &records.FlowAsk{Ticket: t, Item: item, Shown: true}}}))
			t.Limits, t.Kept = nil, true
		}
	}
}

// keep notes until when a place is kept.
func (g *Gate) keep(id string, until time.Time) {
	if g.kept == nil {
		g.kept = make(map[string]time.Time)
	}
	g.kept[id] = until
}

// expireKept gives up the places for which no start has come in time.
func (g *Gate) expireKept(step *entity.Step) {
	for id, until := range g.kept {
		switch {
		case !g.items.has(id):
			delete(g.kept, id)
		case !until.After(step.Now):
			delete(g.kept, id)
			g.items.remove(id)
			step.Delete(runningKey(id))
		}
	}
}
