package flow

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// What the owner of a pass, a run of a workflow or an activity, does with it. A nil pass is that
// of something which no policy has matched.

// gateKey is the key of the gate of a policy and a value of its key. Names of policies have no slash.
func gateKey(namespaceID, policy, value string) entity.Key {
	return entity.Key{Kind: entity.KindFlowGate, Namespace: namespaceID, ID: policy + "/" + value}
}

// GateKey is the key of the gate of a policy and a value of its key.
func GateKey(namespaceID, policy, value string) entity.Key {
	return gateKey(namespaceID, policy, shortKey(value))
}

// Admitted reports whether all gates have let the owner in.
func Admitted(pass *records.FlowPass) bool {
	for _, t := range pass.GetTickets() {
		if !t.Admitted {
			return false
		}
	}
	return true
}

// Asking reports whether the owner has asked a gate and waits.
func Asking(pass *records.FlowPass) bool {
	return slices.ContainsFunc(pass.GetTickets(), func(t *records.FlowTicket) bool { return t.Asked != nil && !t.Admitted })
}

// Standing is what has become of a question.
type Standing uint8

const (
	// In: all gates have let the owner in.
	In Standing = iota
	// Waits: he waits at a gate.
	Waits
	// Asked: the gate is going to say.
	Asked
)

// Advance asks the gates, one after the other, until one does not let the owner in at once, unless one is being asked
// already. item is the owner, as gates keep him, now the time, and shown says that he
// shows that he waits. It returns where he stands, and whether it has changed the pass.
func Advance(step *entity.Step, owner entity.Key, pass *records.FlowPass, item *records.FlowItem, now time.Time, shown bool) (standing Standing, changed bool) {
	for _, t := range pass.GetTickets() {
		switch {
		case t.Admitted:
			continue
		case t.Asked != nil:
			return Asked, changed
		}
		t.Asked, changed = timestamppb.New(now), true
		item = proto.CloneOf(item)
		item.Since = t.Asked
		gate, of := join(step, owner.Namespace, t)
		if gate == nil {
			step.Send(gateKey(owner.Namespace, t.Policy, t.Key), encode(&records.FlowMessage{Body: &records.FlowMessage_Ask{
				Ask: &records.FlowAsk{Ticket: t, Item: item, Shown: shown}}}))
			return Asked, true
		}
		if !gate.enter(of, owner, t, item) {
			return Waits, true
		}
		LetIn(t)
	}
	return In, changed
}

// join has the gate of a ticket take part in the step of who has it; nil if it cannot, and is to be sent a message.
func join(step *entity.Step, namespaceID string, t *records.FlowTicket) (*Gate, *entity.Step) {
	e, of := step.Join(gateKey(namespaceID, t.Policy, t.Key))
	gate, _ := e.(*Gate)
	return gate, of
}

// Release tells all gates that have been asked that the owner does not run or wait any more. A gate that may have a message of the owner
// to hear yet, because it has been asked by one and has not answered, hears of this behind it.
func Release(step *entity.Step, owner entity.Key, pass *records.FlowPass) {
	for _, t := range pass.GetTickets() {
		if t.Asked == nil {
			continue
		}
		done := &records.FlowDone{Id: t.Id, Asked: t.Asked, Priority: t.Priority, FairnessKey: t.FairnessKey}
		if t.Admitted && !t.Kept {
			if gate, of := join(step, owner.Namespace, t); gate != nil {
				gate.leave(of, done)
				continue
			}
		}
		send(step, gateKey(owner.Namespace, t.Policy, t.Key), done)
	}
}

func send(step *entity.Step, gate entity.Key, done *records.FlowDone) {
	step.Send(gate, encode(&records.FlowMessage{Body: &records.FlowMessage_Done{Done: done}}))
}

// Answered finds the ticket that a gate has answered; nil if the owner does not have it any
// more. It changes nothing.
func Answered(pass *records.FlowPass, answer *records.FlowAnswer) *records.FlowTicket {
	for _, t := range pass.GetTickets() {
		if t.Id == answer.Id && t.Policy == answer.Policy && t.Key == answer.Key {
			return t
		}
	}
	return nil
}

// LetIn notes that the gate of the ticket has let the owner in.
func LetIn(t *records.FlowTicket) { t.Admitted, t.Limits = true, nil }

// Refuse tells a gate that what it has let in is not there any more.
func Refuse(step *entity.Step, gate entity.Key, answer *records.FlowAnswer) {
	send(step, gate, &records.FlowDone{Id: answer.Id})
}

// HandOver moves from the pass of a run that ends to that of the run which follows it what both
// are under: those tickets are not given back, and keep their place. It returns what is left of each. From
// the first ticket on that the next run has to ask for, it asks for all, since nobody may ask for one while he has another
// that comes later.
func HandOver(from, to *records.FlowPass) (left, next *records.FlowPass) {
	if from == nil || to == nil {
		return from, to
	}
	rest := slices.Clone(from.Tickets)
	next = new(records.FlowPass)
	asks := false
	for _, t := range to.Tickets {
		i := slices.IndexFunc(rest, func(had *records.FlowTicket) bool {
			return had.Policy == t.Policy && had.Key == t.Key && had.Asked != nil
		})
		if i < 0 || asks {
			asks = true
			next.Tickets = append(next.Tickets, t)
			continue
		}
		next.Tickets = append(next.Tickets, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) == 0 {
		return nil, next
	}
	return &records.FlowPass{Tickets: rest}, next
}
