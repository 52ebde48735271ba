package flow

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

const testNamespace = "ns"

// world is a gate, those who ask it, and the messages between them, in a time that the test makes
// pass. A crash loses what is in memory, and delivers messages again.
type world struct {
	t        *testing.T
	now      time.Time
	registry *Registry
	gate     *Gate
	key      entity.Key
	records  map[string][]byte
	timers   map[string]time.Time
	lanes    map[[2]entity.Key]*way
	order    [][2]entity.Key // of the lanes, as they were made
	pending  [][2]entity.Key // lanes with messages, some more than once
	running  map[string]*owner
	steps    int
	owners   map[string]*owner
	all      []*owner
	made     int
	// begun are the owners in the order in which they were let in, and most is how many have run at once.
	begun []*owner
	most  int
	// joins: the gate takes part in the steps of those who ask.
	joins func() bool
}

// way is the messages from one entity to another; those before next have been delivered.
type way struct {
	messages [][]byte
	next     int
}

// owner is a run of a workflow, as far as gates go.
type owner struct {
	id      string
	pass    *records.FlowPass
	weight  float32
	running bool
	over    bool
	queued  bool
}

func newWorld(t *testing.T, policy *flowv1.Policy) *world {
	w := &world{
		t: t, now: time.Unix(1e9, 0).UTC(), registry: NewRegistry(), key: gateKey(testNamespace, "p", ""),
		records: map[string][]byte{}, timers: map[string]time.Time{}, lanes: map[[2]entity.Key]*way{}, owners: map[string]*owner{}, running: map[string]*owner{},
	}
	w.registry.Close()
	policy.Name = "p"
	w.setPolicy(policy)
	w.load()
	return w
}

// setPolicy makes the policy that of the namespace; nil: there is none any more.
func (w *world) setPolicy(policy *flowv1.Policy) {
	revision := int64(1)
	if v := w.registry.Of(testNamespace); v != nil {
		revision = v.revision + 1
	}
	var policies []*flowv1.Policy
	if policy != nil {
		policy = proto.CloneOf(policy)
		policy.Name, policy.Revision = "p", revision
		policies = append(policies, policy)
	}
	w.registry.publish(testNamespace, newView(revision, policies))
}

func (w *world) load() {
	e, err := GateMachine{Registry: w.registry}.Load(context.Background(), w, w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	w.gate = e.(*Gate)
}

// crash loses the gate in memory, and has up to again messages of each way delivered again.
func (w *world) crash(again func() int) {
	for _, key := range w.order {
		l := w.lanes[key]
		l.next = max(0, l.next-again())
	}
	w.pending = slices.Clone(w.order)
	w.load()
}

// Get implements entity.Reader.
func (w *world) Get(record []byte) ([]byte, error) { return w.records[string(record)], nil }

// Scan implements entity.Reader.
func (w *world) Scan(prefix, from []byte, _ bool, visit func(record, value []byte) bool) error {
	for _, key := range slices.Sorted(maps.Keys(w.records)) {
		if strings.HasPrefix(key, string(prefix)) && bytes.Compare([]byte(key), from) >= 0 && !visit([]byte(key), w.records[key]) {
			return nil
		}
	}
	return nil
}

// NewID, NextTaskID, Reader and Indexed implement entity.Env.
func (w *world) NewID() string         { w.made++; return fmt.Sprintf("id-%06d", w.made) }
func (w *world) NextTaskID() int64     { w.made++; return int64(w.made) }
func (w *world) Reader() entity.Reader { return w }
func (w *world) Indexed() bool         { return false }

// step runs a step of the gate.
func (w *world) step(fn func(*entity.Step) error) {
	w.t.Helper()
	step := entity.NewStep(w.now, w)
	if err := fn(step); err != nil {
		w.t.Fatal(err)
	}
	if err := w.gate.EndStep(step); err != nil {
		w.t.Fatal(err)
	}
	w.publish(step, w.key)
	w.check()
}

func (w *world) publish(step *entity.Step, from entity.Key) {
	out := step.Outputs()
	for _, r := range out.Records {
		switch {
		case r.Value != nil:
			w.records[string(r.Key)] = r.Value
		case r.Prefix:
			maps.DeleteFunc(w.records, func(key string, _ []byte) bool { return strings.HasPrefix(key, string(r.Key)) })
		default:
			delete(w.records, string(r.Key))
		}
	}
	for _, t := range out.Timers {
		if t.Clear {
			delete(w.timers, string(t.Name)+t.At.String())
		} else {
			w.timers[string(t.Name)+t.At.String()] = t.At
		}
	}
	for _, m := range out.Messages {
		key := [2]entity.Key{from, m.To}
		if w.lanes[key] == nil {
			w.lanes[key] = new(way)
			w.order = append(w.order, key)
		}
		w.lanes[key].messages = append(w.lanes[key].messages, m.Body)
		w.pending = append(w.pending, key)
	}
	for _, effect := range out.Effects {
		effect()
	}
}

// check checks what holds after every step: who runs has a place, and what is in memory is what is on disk.
func (w *world) check() {
	w.t.Helper()
	for _, o := range w.running {
		if !w.gate.items.has(o.id) {
			w.t.Fatalf("%s runs, and has no place", o.id)
		}
	}
	w.most = max(w.most, len(w.running))
	if w.steps++; w.steps%16 > 0 && len(w.records) > 100 {
		return // it takes long
	}
	waiting, places := 0, 0
	for key := range w.records {
		switch key[0] {
		case letterWaiting:
			waiting++
		case letterRunning:
			places++
		}
	}
	if places != len(w.gate.items) || int64(waiting) != w.gate.head.Waiting {
		w.t.Fatalf("%d places and %d waiting on disk, in memory %d and %d", places, waiting, len(w.gate.items), w.gate.head.Waiting)
	}
	if w.gate.head.Waiting == 0 != w.gate.lanes.empty() {
		w.t.Fatalf("%d wait, in %d lanes", w.gate.head.Waiting, len(w.gate.lanes.byPrefix))
	}
	if len(w.timers) > 1 || w.gate.head.WakeAt == nil != (len(w.timers) == 0) {
		w.t.Fatalf("timers %v, head %v", w.timers, w.gate.head.WakeAt)
	}
}

func ownerKey(id string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: testNamespace, ID: id}
}

// start has one more ask.
func (w *world) start(subject Subject) *owner {
	w.t.Helper()
	id := w.NewID()
	pass, err := w.registry.Of(testNamespace).Workflow(&subject, id)
	if err != nil {
		w.t.Fatal(err)
	}
	o := &owner{id: id, pass: pass, weight: subject.Priority.GetFairnessWeight()}
	w.owners[id], w.all = o, append(w.all, o)
	w.ownerStep(o, func(step *entity.Step) {
		standing, _ := Advance(step, ownerKey(id), pass, &records.FlowItem{RunId: id, Weight: o.weight}, w.now, false)
		switch standing {
		case In:
			w.begin(o)
		case Waits:
			o.queued = true
		}
	})
	return o
}

func (w *world) ownerStep(o *owner, fn func(*entity.Step)) {
	env := &ownerEnv{world: w}
	step := entity.NewStep(w.now, env)
	fn(step)
	if env.joined != nil {
		if err := w.gate.EndStep(env.joined); err != nil {
			w.t.Fatal(err)
		}
		w.publish(env.joined, w.key)
	}
	w.publish(step, ownerKey(o.id))
}

// ownerEnv is the world as a step of an owner sees it.
type ownerEnv struct {
	*world
	joined *entity.Step
}

// Join implements entity.Joiner.
func (e *ownerEnv) Join(key entity.Key) (entity.Entity, *entity.Step) {
	if e.joins == nil || key != e.key || !e.joins() {
		return nil, nil
	}
	if e.joined == nil {
		e.joined = entity.NewStep(e.now, e.world)
	}
	return e.gate, e.joined
}

func (w *world) begin(o *owner) {
	o.running = true
	w.running[o.id] = o
	w.begun = append(w.begun, o)
}

// end ends an owner, whether it runs or waits.
func (w *world) end(o *owner) {
	if !o.over {
		o.running, o.over = false, true
		delete(w.running, o.id)
		w.ownerStep(o, func(step *entity.Step) { Release(step, ownerKey(o.id), o.pass) })
	}
}

// deliver delivers the next message of a way, and reports whether there was one.
func (w *world) deliver(key [2]entity.Key) bool {
	w.t.Helper()
	l := w.lanes[key]
	if l.next == len(l.messages) {
		return false
	}
	body := l.messages[l.next]
	l.next++
	if key[1] == w.key {
		w.step(func(step *entity.Step) error { return w.gate.Receive(step, key[0], body) })
		return true
	}
	m := new(records.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		w.t.Fatal(err)
	}
	o, answer := w.owners[key[1].ID], m.GetFlowAnswer()
	w.ownerStep(o, func(step *entity.Step) {
		ticket := Answered(o.pass, answer)
		switch {
		case o.over && !answer.Queued:
			Refuse(step, key[0], answer)
		case o.over || ticket.Admitted:
		case answer.Queued:
			o.queued = true
		default:
			LetIn(ticket)
			w.begin(o)
		}
	})
	w.check()
	return true
}

// settle delivers all messages and fires what is due.
func (w *world) settle() {
	w.t.Helper()
	for w.fire() || len(w.pending) > 0 {
		pending := w.pending
		w.pending = nil
		for _, key := range pending {
			for w.deliver(key) {
			}
		}
	}
}

// fire fires the timer of the gate if it is due.
func (w *world) fire() bool {
	w.t.Helper()
	for _, at := range w.timers {
		if !at.After(w.now) {
			w.step(w.gate.Fire)
			return true
		}
	}
	return false
}

// pass lets time pass, timer by timer.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for {
		w.settle()
		next := end
		for _, at := range w.timers {
			if at.Before(next) {
				next = at
			}
		}
		if !next.Before(end) {
			w.now = end
			w.settle()
			return
		}
		w.now = next
	}
}

func (w *world) count() (running, waiting int) { return len(w.gate.items), int(w.gate.head.Waiting) }
