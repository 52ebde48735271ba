package workflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/rule"
)

// tester is what *testing.T, *testing.B, *testing.F and *rapid.T are.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

var _ tester = (*testing.T)(nil)

const (
	testNamespace = "namespace-id"
	testQueue     = "queue"
	stickyQueue   = "sticky"
	testWorker    = "worker"
	testClient    = "client"
)

// testEpoch is when the clock of every engine begins.
var testEpoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// engine runs any number of workflow chains the way the runtime does, but by
// hand: nothing happens unless a test asks for it, time passes only in advance,
// messages arrive only in deliver. It carries out the outputs of a step in memory
// and checks after every step what the package promises (invariants_test.go).
// Ids are numbered, so that the same test always does the same.
//
// What clients and workers do to a workflow are methods of subject.
type engine struct {
	t       tester
	config  Config
	machine entity.Machine
	now     time.Time
	ids     int64
	// rules and retention are those of the test's namespace, deleted whether it is.
	rules     []*rule.Rule
	retention time.Duration
	deleted   bool

	// What a crash takes: the chains in memory and their wakes.
	chains map[entity.Key]*Chain
	wakes  map[entity.Key][]entity.Wake
	// lastWake is what a step may take back: what has been asked for last since the chain is in memory.
	lastWake map[entity.Key]entity.Wake
	// broken: steps have failed since, so that what was pinned may be lost.
	broken bool

	// What a crash leaves.
	disk

	// last is what the last step that succeeded has noted.
	last *entity.Outputs
	// shown are the events that workers were shown with their workflow tasks, by
	// token: they must be a prefix of the history if the task is completed.
	shown map[string][]*historypb.HistoryEvent
	// watch, if set, is called with the outputs of every step.
	watch func(entity.Key, *entity.Outputs)

	// powerCuts has flushed kept: the disk as a power cut would leave it, without
	// the lazy steps at the end. It is nil if the last step was not lazy.
	powerCuts bool
	flushed   *disk
}

// disk is what the store holds.
type disk struct {
	records map[entity.Key]map[string][]byte
	events  map[string][]*historypb.HistoryEvent // by run id, decoded from records
	tasks   map[int64]*entity.Task
	timers  map[entity.Key]map[string]entity.Timer
	outbox  []envelope
}

// envelope is a message on its way.
type envelope struct {
	from entity.Key
	entity.Message
}

func (d *disk) clone() *disk {
	c := &disk{
		records: make(map[entity.Key]map[string][]byte, len(d.records)),
		events:  make(map[string][]*historypb.HistoryEvent, len(d.events)),
		tasks:   maps.Clone(d.tasks),
		timers:  make(map[entity.Key]map[string]entity.Timer, len(d.timers)),
		outbox:  slices.Clone(d.outbox),
	}
	for key, records := range d.records {
		c.records[key] = maps.Clone(records)
	}
	for run, events := range d.events {
		c.events[run] = slices.Clip(events)
	}
	for key, timers := range d.timers {
		c.timers[key] = maps.Clone(timers)
	}
	return c
}

// newEngine returns an engine without workflows, with two namespaces and the default
// limits unless others are given.
func newEngine(t tester, limits ...Limits) *engine {
	spaces := []Namespace{
		{ID: testNamespace, Name: "space", Retention: 24 * time.Hour, BadBinary: func(checksum string) bool { return checksum == "bad" }},
		{ID: "other-id", Name: "other", Retention: 24 * time.Hour},
	}
	var e *engine
	find := func(is func(Namespace) bool) (Namespace, bool) {
		i := slices.IndexFunc(spaces, is)
		if i < 0 {
			return Namespace{}, false
		}
		found := spaces[i]
		if found.ID == testNamespace {
			found.Rules, found.Retention, found.Deleted = e.rules, e.retention, e.deleted
		}
		return found, true
	}
	e = &engine{
		t:         t,
		now:       testEpoch,
		retention: 24 * time.Hour,
		config: Config{
			Namespace:       func(id string) (Namespace, bool) { return find(func(ns Namespace) bool { return ns.ID == id }) },
			Endpoint:        func(name string) (string, bool) { return "endpoint-id", name == testEndpoint },
			NamespaceByName: func(name string) (Namespace, bool) { return find(func(ns Namespace) bool { return ns.Name == name }) },
		},
		chains:   make(map[entity.Key]*Chain),
		wakes:    make(map[entity.Key][]entity.Wake),
		lastWake: make(map[entity.Key]entity.Wake),
		shown:    make(map[string][]*historypb.HistoryEvent),
		disk:     *new(disk).clone(),
	}
	e.disk.tasks = make(map[int64]*entity.Task)
	if len(limits) > 0 {
		e.config.Limits = limits[0]
	}
	e.machine = NewMachine(e.config)
	return e
}

// env is the engine as the steps of one chain see it.
type env struct {
	*engine
	key entity.Key
}

func (e env) NewID() string {
	e.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", e.ids)
}

func (e env) NextTaskID() int64 { e.ids++; return e.ids }

func (e env) Indexed() bool { return true }

func (e env) Reader() entity.Reader { return reader(e.records[e.key]) }

// reader reads the records of one chain.
type reader map[string][]byte

func (r reader) Get(record []byte) ([]byte, error) { return r[string(record)], nil }

func (r reader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	keys := make([]string, 0, len(r))
	for key := range r {
		if strings.HasPrefix(key, string(prefix)) && (from == nil || reverse == (key < string(from))) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		if !visit([]byte(key), bytes.Clone(r[key])) {
			break
		}
	}
	return nil
}

// keyOf is the key of a workflow id in the test's namespace.
func keyOf(workflowID string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: testNamespace, ID: workflowID}
}

// chain is the chain in memory; it is loaded if it is not there.
func (e *engine) chain(key entity.Key) *Chain {
	e.t.Helper()
	if e.chains[key] == nil {
		e.chains[key] = e.load(key)
	}
	return e.chains[key]
}

// load is the chain as its records have it.
func (e *engine) load(key entity.Key) *Chain {
	e.t.Helper()
	loaded, err := e.machine.Load(context.Background(), reader(e.records[key]), key)
	if err != nil {
		e.t.Fatalf("load %v: %v", key, err)
	}
	return loaded.(*Chain)
}

// crash forgets what is in memory.
func (e *engine) crash() {
	clear(e.chains)
	clear(e.wakes)
	clear(e.lastWake)
	e.broken = false
}

// forget drops the chains from memory but not their wakes: what happens to a chain
// if a step of it fails while the process lives on.
func (e *engine) forget() {
	clear(e.chains)
	e.broken = true
}

// powerCut is a crash that also loses the lazy steps since the last one that was
// not lazy.
func (e *engine) powerCut() {
	if e.flushed != nil {
		e.disk, e.flushed = *e.flushed, nil
	}
	e.crash()
}

// step carries out one step of the chain, or what the chain wants instead, and returns
// its error.
func (e *engine) step(key entity.Key, do func(*entity.Step, *Chain) error) error {
	e.t.Helper()
	step, c, err := e.attempt(key, do)
	var instead *entity.Instead
	if errors.As(err, &instead) {
		delete(e.chains, key)
		step, c, err = e.attempt(key, func(step *entity.Step, c *Chain) error { return instead.Step(step, c) })
	}
	if err != nil {
		if !step.Empty() {
			e.t.Fatalf("a step that failed with %v has noted something", err)
		}
		return err
	}
	e.commit(key, step.Outputs())
	e.check(key, c)
	if e.watch != nil {
		e.watch(key, e.last)
	}
	for _, effect := range e.last.Effects {
		effect()
	}
	if instead != nil {
		return instead.Err
	}
	return nil
}

// outgrown reports whether the error is that of a step in whose place the run was terminated.
func outgrown(err error) bool {
	var refused *serviceerror.InvalidArgument
	return errors.As(err, &refused) && strings.HasSuffix(err.Error(), "exceeds limit.")
}

// attempt carries out a step, but for its outputs.
func (e *engine) attempt(key entity.Key, do func(*entity.Step, *Chain) error) (*entity.Step, *Chain, error) {
	e.t.Helper()
	c := e.chain(key)
	step := entity.NewStep(e.now, env{e, key})
	c.BeginStep(step)
	err := do(step, c)
	if err == nil {
		err = c.EndStep(step)
	}
	return step, c, err
}

// must carries out a step that must not fail.
func (e *engine) must(key entity.Key, do func(*entity.Step, *Chain) error) {
	e.t.Helper()
	if err := e.step(key, do); err != nil {
		e.t.Fatalf("step of %v failed: %v", key, err)
	}
}

// commit carries out the outputs of a step.
func (e *engine) commit(key entity.Key, out *entity.Outputs) {
	e.t.Helper()
	if !out.Lazy {
		e.flushed = nil
	} else if e.powerCuts && e.flushed == nil {
		e.flushed = e.disk.clone()
	}
	e.last = out
	stored := e.records[key]
	if stored == nil {
		stored = make(map[string][]byte)
		e.records[key] = stored
	}
	for _, r := range out.Records {
		switch {
		case r.Prefix:
			maps.DeleteFunc(stored, func(k string, _ []byte) bool { return strings.HasPrefix(k, string(r.Key)) })
		case r.Value == nil:
			delete(stored, string(r.Key))
		default:
			stored[string(r.Key)] = bytes.Clone(r.Value)
		}
		e.noteHistory(r)
	}
	for _, task := range out.Tasks {
		e.tasks[task.ID] = task
	}
	for _, task := range out.Offers {
		e.tasks[task.ID] = task
	}
	for _, ref := range out.Removed {
		if task := e.tasks[ref.ID]; task == nil || task.Ref() != ref {
			e.t.Fatalf("a step removes task %d of %v, which is not there", ref.ID, ref.Queue)
		}
		delete(e.tasks, ref.ID)
	}
	timers := e.timers[key]
	if timers == nil {
		timers = make(map[string]entity.Timer)
		e.timers[key] = timers
	}
	for _, timer := range out.Timers {
		if timer.Clear {
			delete(timers, timerID(timer))
		} else {
			timers[timerID(timer)] = timer
		}
	}
	for _, message := range out.Messages {
		e.outbox = append(e.outbox, envelope{key, message})
	}
	if last, ok := e.lastWake[key]; ok && out.Unwake {
		if i := slices.Index(e.wakes[key], last); i >= 0 {
			e.wakes[key] = slices.Delete(e.wakes[key], i, i+1)
		}
		delete(e.lastWake, key)
	}
	for _, wake := range out.Wakes {
		e.wakes[key] = append(e.wakes[key], wake)
		e.lastWake[key] = wake
	}
}

// timerID tells timers apart as the runtime does.
func timerID(t entity.Timer) string { return fmt.Sprintf("%s@%d", t.Name, t.At.UnixNano()) }

// advance lets time pass and fires every timer and wake at its time.
func (e *engine) advance(d time.Duration) {
	e.t.Helper()
	end := e.now.Add(d)
	for range 10_000 {
		at, key := e.nextDue(end)
		if at.IsZero() {
			e.now = end
			return
		}
		if at.After(e.now) {
			e.now = at
		}
		e.wakes[key] = slices.DeleteFunc(e.wakes[key], func(wake entity.Wake) bool { return !wake.At.After(e.now) })
		before, skipped := maps.Clone(e.timers[key]), e.skipped(key)
		err := e.step(key, func(step *entity.Step, c *Chain) error { return c.Fire(step) })
		if err != nil && !outgrown(err) {
			e.t.Fatalf("firing of %v failed: %v", key, err)
		}
		for name, timer := range e.timers[key] {
			// A run that skips time may set one for now: it is the next to fire.
			if _, was := before[name]; was && !timer.At.After(e.now) && e.skipped(key) == skipped {
				e.t.Fatalf("timer %q of %v is still set after it has fired at %v", name, key, e.now)
			}
		}
	}
	e.t.Fatalf("time stands still at %v", e.now)
}

// skipped is how far ahead the time of the workflow's current run is.
func (e *engine) skipped(key entity.Key) time.Duration {
	if r := e.chain(key).current; r != nil {
		return r.skipped()
	}
	return 0
}

// nextDue is the first timer or wake at or before end, and whose it is; zero if
// there is none.
func (e *engine) nextDue(end time.Time) (at time.Time, key entity.Key) {
	consider := func(k entity.Key, t time.Time) {
		if !t.After(end) && (at.IsZero() || t.Before(at) || t.Equal(at) && k.String() < key.String()) {
			at, key = t, k
		}
	}
	for k, timers := range e.timers {
		for _, timer := range timers {
			consider(k, timer.At)
		}
	}
	for k, wakes := range e.wakes {
		for _, wake := range wakes {
			// As the runtime has it, which may leave out what is for nothing.
			if c := e.chains[k]; !wake.Pinned || e.broken || c != nil && c.Pinned() {
				consider(k, wake.At)
			}
		}
	}
	return at, key
}

// deliver delivers messages until there are none left.
func (e *engine) deliver() {
	e.t.Helper()
	for range 1000 {
		if len(e.outbox) == 0 {
			return
		}
		e.deliverOne()
	}
	e.t.Fatalf("messages are sent without end")
}

// deliverOne delivers the first message, twice, as a runtime may. One that is to
// come again later goes to the end of the queue.
func (e *engine) deliverOne() {
	e.t.Helper()
	first := e.outbox[0]
	e.outbox = e.outbox[1:]
	if err := e.receive(first); err != nil {
		var busy *serviceerror.ResourceExhausted
		if !errors.As(err, &busy) && !outgrown(err) {
			e.t.Fatalf("message to %v: %v", first.To, err)
		}
		e.outbox = append(e.outbox, first)
		return
	}
	watch := e.watch
	e.watch = nil
	defer func() { e.watch = watch }()
	sent := len(e.outbox)
	if err := e.receive(first); err != nil {
		e.t.Fatalf("repeated message to %v: %v", first.To, err)
	}
	for _, r := range e.last.Records {
		if runID, events := decodeBatch(r); len(events) > 0 {
			e.t.Fatalf("a message delivered twice has added events to run %s: %v", runID, events)
		}
	}
	// A repeated answer to a repeated message is fine, but need not be repeated here.
	e.outbox = e.outbox[:sent]
}

// receive delivers a message.
func (e *engine) receive(m envelope) error {
	e.t.Helper()
	return e.step(m.To, func(step *entity.Step, c *Chain) error { return c.Receive(step, m.from, m.Body) })
}
