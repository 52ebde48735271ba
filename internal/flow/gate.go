package flow

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// The other records of a gate: 'g', the head, which is there if something waits, a rate is used, or
// a timer is set; and 'h' with the id of the ticket for each item that runs.
const letterRunning = 'h'

var headKey = []byte{'g'}

func runningKey(id string) []byte { return append([]byte{letterRunning}, id...) }

// gateTimer is the name of the timer of a gate.
var gateTimer = []byte{'t'}

// maxLetIn bounds the items that are let in by one step.
const maxLetIn = 100

// repeatWithin is for how long after it was loaded a gate expects messages again that it has had
// before, counted from when they were sent: clocks of shards are not quite the same.
const repeatWithin = 10 * time.Second

// GateMachine loads gates, for entity.KindFlowGate.
type GateMachine struct {
	// Registry has the policies. Nil: gates go by what they are told by those who ask.
	Registry *Registry
}

// Load implements entity.Machine.
func (m GateMachine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	g := &Gate{registry: m.Registry, key: key, head: new(records.FlowGate), told: -1}
	g.policy, g.value, _ = strings.Cut(key.ID, "/")
	if err := g.load(reader); err != nil {
		return nil, fmt.Errorf("flow: loading %v: %w", key, err)
	}
	return g, nil
}

// Keep implements entity.Keeper.
func (GateMachine) Keep() {}

// load reads the head, the items that run, and the first of those that wait. They follow each other in this order, so that one
// look into the store finds them: a gate that is not in memory is loaded whenever somebody asks.
func (g *Gate) load(reader entity.Reader) error {
	var bad error
	first, item := &lane{}, new(records.FlowItem)
	err := reader.Scan(nil, headKey, false, func(key, value []byte) bool {
		switch key[0] {
		case headKey[0]:
			g.stored = true
			bad = proto.Unmarshal(value, g.head)
		case letterRunning:
			id := string(key[1:])
			g.items.add(id)
			if bad = proto.Unmarshal(value, item); item.ReservedUntil != nil {
				g.keep(id, item.ReservedUntil.AsTime())
			}
		case letterWaiting:
			var more bool
			more, bad = first.read(key, value, leastWindow)
			return more && bad == nil
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil || len(first.window) == 0 {
		return err
	}
	return g.lanes.load(reader, first)
}

// Gate is a policy with one value of its key.
type Gate struct {
	registry      *Registry
	key           entity.Key
	policy, value string

	// head is what is known beside the items; never nil.
	head *records.FlowGate
	// stored says that there is a record of it.
	stored bool
	// items are those that run.
	items places
	lanes lanes

	// loadedAt is the time of the first step since the gate was loaded.
	loadedAt time.Time
	// fresh are the items that have come by the step in progress and wait, and untold those of them
	// whose owners have to be told that they wait.
	fresh, untold []*waiter
	headChanged   bool
	// kept are places that are kept for starts which have not come yet, and until when.
	kept map[string]time.Time
	// unfinished says that more could be let in than one step does.
	unfinished bool
	// told is how many wait, as the registry has been told; negative: it has not been told since the gate was loaded.
	told int64
	// counter is where the registry counts them; nil: it has not been told that any do.
	counter *atomic.Int64
}

// begin is called at the beginning of every step.
func (g *Gate) begin(step *entity.Step) {
	if g.loadedAt.IsZero() {
		g.loadedAt = step.Now
	}
	g.learn(g.registry.Of(g.key.Namespace).limits(g.policy))
}

// learn has the gate go by the limits, if they are newer than what it knows.
func (g *Gate) learn(limits *records.FlowLimits) {
	if limits != nil && (g.head.Limits == nil || limits.Revision > g.head.Limits.Revision) {
		g.head.Limits, g.headChanged = limits, true
	}
}

// mayRepeat reports whether a message that was sent at the time may have been here before the gate was loaded.
func (g *Gate) mayRepeat(sent time.Time) bool { return sent.Before(g.loadedAt.Add(repeatWithin)) }

// Receive implements entity.Entity.
func (g *Gate) Receive(step *entity.Step, from entity.Key, body []byte) error {
	m := new(records.FlowMessage)
	if err := proto.Unmarshal(body, m); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	g.begin(step)
	switch body := m.Body.(type) {
	case *records.FlowMessage_Ask:
		return g.ask(step, from, body.Ask)
	case *records.FlowMessage_Done:
		return g.done(step, body.Done)
	}
	return entity.ErrUnknownMessage
}

// ask has an item wait; the end of the step lets it in, if there is room.
func (g *Gate) ask(step *entity.Step, from entity.Key, ask *records.FlowAsk) error {
	ticket, item := ask.GetTicket(), ask.GetItem()
	if ticket.GetId() == "" || item == nil || ticket.Priority < 1 || ticket.Priority > entity.PriorityLevels {
		return fmt.Errorf("%w: it asks for nothing", entity.ErrUnknownMessage)
	}
	g.learn(ticket.Limits)
	item.Entity = from.Encode(nil)
	if runs := g.items.has(ticket.Id); runs || ticket.Admitted {
		if _, kept := g.kept[ticket.Id]; kept || !runs {
			delete(g.kept, ticket.Id)
			g.run(step, ticket.Id, item) // the start has come for which a place was kept
		}
		return nil
	}
	asked := ticket.Asked.AsTime()
	prefix := lanePrefix(ticket.Priority, ticket.FairnessKey)
	key := waitingKey(prefix, asked, ticket.Id)
	if waits, err := g.lanes.has(prefix, key, step.Reader, g.mayRepeat(asked)); waits || err != nil {
		return err
	}
	w := g.wait(ticket, prefix, key, item)
	if !ask.Shown {
		g.untold = append(g.untold, w)
	}
	return nil
}

// wait has an item wait that has not asked before.
func (g *Gate) wait(ticket *records.FlowTicket, prefix, key []byte, item *records.FlowItem) *waiter {
	w := &waiter{key: key, id: ticket.Id, item: item}
	g.lanes.add(ticket.Priority, prefix, w)
	g.head.Waiting++
	g.fresh = append(g.fresh, w)
	return w
}

// enter is ask for a gate that takes part in the step of who asks, and so cannot have heard of it before. It reports whether the item
// is let in at once. If not, it waits, and its owner knows.
func (g *Gate) enter(step *entity.Step, owner entity.Key, ticket *records.FlowTicket, item *records.FlowItem) bool {
	step.Touch()
	g.begin(step)
	g.learn(ticket.Limits)
	item.Entity = owner.Encode(nil)
	if g.free(step.Now) {
		g.spend(step.Now)
		step.Note(entity.Occurrence{Kind: entity.FlowAdmitted, Type: g.policy})
		item.Since = timestamppb.New(step.Now)
		g.run(step, ticket.Id, item)
		return true
	}
	prefix := lanePrefix(ticket.Priority, ticket.FairnessKey)
	g.wait(ticket, prefix, waitingKey(prefix, ticket.Asked.AsTime(), ticket.Id), item)
	return false
}

// leave is done for a gate that takes part in the step of who ran.
func (g *Gate) leave(step *entity.Step, done *records.FlowDone) {
	step.Touch()
	g.begin(step)
	if g.items.remove(done.Id) {
		step.Delete(runningKey(done.Id))
	}
}

// free reports whether who asks now is let in at once.
func (g *Gate) free(now time.Time) bool { return g.lanes.empty() && g.room() && g.token(now) }

// run makes an item one of those that run.
func (g *Gate) run(step *entity.Step, id string, item *records.FlowItem) {
	g.items.add(id)
	step.Put(runningKey(id), encode(item))
}

// done forgets an item, whether it runs or waits.
func (g *Gate) done(step *entity.Step, done *records.FlowDone) error {
	if g.items.remove(done.Id) {
		step.Delete(runningKey(done.Id))
		return nil
	}
	if done.Asked == nil {
		return nil
	}
	prefix := lanePrefix(done.Priority, done.FairnessKey)
	key := waitingKey(prefix, done.Asked.AsTime(), done.Id)
	_, was, err := g.lanes.withdraw(prefix, key, step.Reader, g.mayRepeat(done.Asked.AsTime()))
	if was && err == nil {
		step.Delete(key)
		g.head.Waiting--
		g.headChanged = true
		step.Note(entity.Occurrence{Kind: entity.FlowWithdrawn, Type: g.policy})
	}
	return err
}

// Fire implements entity.Entity.
func (g *Gate) Fire(step *entity.Step) error {
	g.begin(step)
	return nil
}

// Refresh has the gate go by the policies as they are now.
func (g *Gate) Refresh(step *entity.Step) { g.begin(step) }

// EndStep implements entity.Entity: it lets in what there is room for.
func (g *Gate) EndStep(step *entity.Step) error {
	g.expireKept(step)
	if err := g.letIn(step); err != nil {
		return err
	}
	g.noteWaiting(step)
	g.arm(step)
	g.flush(step)
	if waiting := g.head.Waiting; waiting != g.told {
		g.told = waiting
		g.registry.setWaiting(&g.counter, g.key, waiting)
	}
	return nil
}

// letIn lets in those whose turn it is, as many as there is room for.
func (g *Gate) letIn(step *entity.Step) error {
	g.unfinished = false
	for n := 0; !g.lanes.empty() && g.room() && g.token(step.Now); n++ {
		if n == maxLetIn {
			g.unfinished = true
			return nil
		}
		w, err := g.lanes.next(step.Reader)
		if err != nil {
			return err
		}
		g.spend(step.Now)
		g.head.Waiting--
		if w.stored {
			step.Delete(w.key)
			g.headChanged = true
		}
		waited := max(0, step.Now.Sub(w.item.Since.AsTime()))
		step.Note(entity.Occurrence{Kind: entity.FlowAdmitted, Type: g.policy, Took: waited})
		w.item.Since = timestamppb.New(step.Now)
		g.run(step, w.id, w.item)
		g.answer(step, w, &records.FlowAnswer{Waited: durationpb.New(waited)})
	}
	if g.lanes.empty() && g.head.Waiting != 0 {
		g.head.Waiting, g.headChanged = 0, true
	}
	return nil
}

// answer sends the owner of an item the answer.
func (g *Gate) answer(step *entity.Step, w *waiter, answer *records.FlowAnswer) {
	to, _, err := entity.DecodeKey(w.item.Entity)
	if err != nil {
		panic("flow: the record of an item holds no key: " + err.Error())
	}
	answer.Policy, answer.Key, answer.Id = g.policy, g.value, w.id
	answer.RunId, answer.EventId = w.item.RunId, w.item.EventId
	body := encode(&records.Message{Body: &records.Message_FlowAnswer{FlowAnswer: answer}})
	step.Send(to, body)
}

// noteWaiting writes those who have come and wait, and tells their owners.
func (g *Gate) noteWaiting(step *entity.Step) {
	for _, w := range g.fresh {
		if g.items.has(w.id) {
			continue
		}
		w.stored = true
		step.Put(w.key, encode(w.item))
		step.Note(entity.Occurrence{Kind: entity.FlowQueued, Type: g.policy})
		g.headChanged = true
	}
	for _, w := range g.untold {
		if w.stored && !g.items.has(w.id) {
			g.answer(step, w, &records.FlowAnswer{Queued: true})
		}
	}
	for _, w := range g.fresh {
		priority, fairnessKey, _, _ := decodeWaitingKey(w.key)
		if ln := g.lanes.byPrefix[string(lanePrefix(priority, fairnessKey))]; ln != nil {
			ln.late = nil
		}
	}
	g.fresh, g.untold = nil, nil
}

// flush writes the head, or removes it if there is nothing in it.
func (g *Gate) flush(step *entity.Step) {
	needed := g.head.Waiting > 0 || g.head.TokensAt != nil || g.head.WakeAt != nil
	switch {
	case needed && (g.headChanged || !g.stored):
		step.Put(headKey, encode(g.head))
		g.stored = true
	case !needed && g.stored:
		step.Delete(headKey)
		g.stored = false
	}
	g.headChanged = false
}

// Size implements entity.Entity.
func (g *Gate) Size() int {
	return 512 + 40*len(g.items) + 300*g.lanes.inWindows + 300*len(g.lanes.byPrefix)
}

// Pinned implements entity.Entity.
func (g *Gate) Pinned() bool { return false }

// Purge implements entity.Purger.
func (g *Gate) Purge(step *entity.Step) (more bool, err error) {
	g.disarm(step)
	step.DeletePrefix([]byte{letterRunning})
	step.DeletePrefix([]byte{letterWaiting})
	clear(g.items)
	g.lanes, g.fresh, g.untold = lanes{}, nil, nil
	g.head = new(records.FlowGate)
	return false, nil
}
