package runtime_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

// toyKind entities count, and set timers, make tasks and send messages on demand.
const toyKind entity.Kind = 'x'

// toy is such an entity. Its records:
//
//	n                  number of increments
//	f                  number of timers fired
//	t <name>           time of a pending timer
//	q <id>             task not completed yet
//	s <key>            number of messages sent to an entity
//	r <key>            number of messages received from an entity
//	j <key>            number of steps in which both took part
type toy struct {
	machine  *toyMachine
	key      entity.Key
	count    int64
	fired    int64
	timers   map[string]int64
	tasks    map[int64]bool
	sent     map[string]int64
	received map[string]int64
	joined   map[string]int64

	// Volatile.
	pinned bool
	wokeAt []time.Time
}

// toyMachine is the kind of them, with what tests want to interfere with.
type toyMachine struct {
	size  int
	loads atomic.Int64
	// knows, if not zero, makes every message whose number in its lane modulo 5 is
	// not below it unknown.
	knows   atomic.Int64
	mu      sync.Mutex
	load    func(entity.Key) error                 // before the usual
	fire    func(*toy, *entity.Step) error         // instead of the usual
	receive func(*toy, *entity.Step, []byte) error // before the usual
	wrong   []string                               // violated invariants
}

func (m *toyMachine) complain(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *toyMachine) Load(_ context.Context, r entity.Reader, key entity.Key) (entity.Entity, error) {
	m.loads.Add(1)
	if m.load != nil {
		if err := m.load(key); err != nil {
			return nil, err
		}
	}
	e := &toy{machine: m, key: key, timers: map[string]int64{}, tasks: map[int64]bool{}, sent: map[string]int64{}, received: map[string]int64{}, joined: map[string]int64{}}
	err := r.Scan(nil, nil, false, func(record, value []byte) bool {
		n := int64(binary.BigEndian.Uint64(value))
		switch name := string(record[1:]); record[0] {
		case 'n':
			e.count = n
		case 'f':
			e.fired = n
		case 't':
			e.timers[name] = n
		case 'q':
			e.tasks[n] = true
		case 's':
			e.sent[name] = n
		case 'r':
			e.received[name] = n
		case 'j':
			e.joined[name] = n
		}
		return true
	})
	return e, err
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func (e *toy) increment(step *entity.Step) {
	e.count++
	step.Put([]byte("n"), number(e.count))
}

func (e *toy) setTimer(step *entity.Step, name string, at time.Time) {
	e.timers[name] = at.UnixNano()
	step.Put([]byte("t"+name), number(at.UnixNano()))
	step.SetTimer([]byte(name), at)
}

func (e *toy) addTask(step *entity.Step, queue entity.Queue) int64 {
	id := step.AddTask(&entity.Task{Queue: queue, Lane: e.lane(), Entity: e.key, RunID: "run", EventID: 5, Stamp: 1, Created: step.Now})
	e.tasks[id] = true
	step.Put(append([]byte("q"), number(id)...), number(id))
	return id
}

func (e *toy) completeTask(step *entity.Step, queue entity.Queue, id int64) {
	delete(e.tasks, id)
	step.Delete(append([]byte("q"), number(id)...))
	step.RemoveTask(entity.TaskRef{Queue: queue, Lane: e.lane(), ID: id})
}

// lane is that of the toy's tasks: the one without a name, unless its id ends with a
// digit and "in a lane".
func (e *toy) lane() string {
	if rest, ok := strings.CutSuffix(e.key.ID, " in a lane"); ok {
		n := rest[len(rest)-1] - '0'
		return entity.LaneOf(int32(n%5), []string{"", "a", "b"}[n%3])
	}
	return ""
}

func (e *toy) send(step *entity.Step, to entity.Key) {
	name := string(to.Encode(nil))
	e.sent[name]++
	step.Put([]byte("s"+name), number(e.sent[name]))
	step.Send(to, append(number(e.sent[name]), e.key.Encode(nil)...))
}

// join has the other take part in the step, and both count it. It returns the other, nil if that cannot be.
func (e *toy) join(step *entity.Step, to entity.Key) *toy {
	joined, of := step.Join(to)
	other, _ := joined.(*toy)
	if other != nil {
		e.countJoined(step, to)
		of.Touch()
		other.countJoined(of, e.key)
	}
	return other
}

func (e *toy) countJoined(step *entity.Step, with entity.Key) {
	name := string(with.Encode(nil))
	e.joined[name]++
	step.Put([]byte("j"+name), number(e.joined[name]))
}

func (e *toy) EndStep(*entity.Step) error { return nil }

func (e *toy) Receive(step *entity.Step, _ entity.Key, message []byte) error {
	if e.machine.receive != nil {
		if err := e.machine.receive(e, step, message); err != nil {
			return err
		}
	}
	n, from := int64(binary.BigEndian.Uint64(message)), string(message[8:])
	if knows := e.machine.knows.Load(); knows != 0 && n%5 >= knows {
		return fmt.Errorf("message %d: %w", n, entity.ErrUnknownMessage)
	}
	switch last := e.received[from]; {
	case n <= last:
		return nil // delivered again
	case n > last+1:
		e.machine.complain("%v received message %d of %q after %d", e.key, n, from, last)
	}
	e.received[from] = n
	step.Put([]byte("r"+from), number(n))
	return nil
}

func (e *toy) Fire(step *entity.Step) error {
	if e.machine.fire != nil {
		return e.machine.fire(e, step)
	}
	e.wokeAt = append(e.wokeAt, step.Now)
	for name, at := range e.timers {
		if at > step.Now.UnixNano() {
			continue
		}
		delete(e.timers, name)
		e.fired++
		step.Delete([]byte("t" + name))
		step.ClearTimer([]byte(name), time.Unix(0, at))
		step.Put([]byte("f"), number(e.fired))
	}
	return nil
}

func (e *toy) Size() int    { return e.machine.size }
func (e *toy) Pinned() bool { return e.pinned }

func (e *toy) Finished() bool { return strings.HasPrefix(e.key.ID, "finished") }

// world is a runtime of toys with its store.
type world struct {
	t       testing.TB
	store   *testStore
	machine *toyMachine
	options runtime.Options
	*runtime.Runtime
}

func newWorld(t testing.TB, configure ...func(*runtime.Options)) *world {
	w := &world{t: t, store: newTestStore(4), machine: &toyMachine{size: 100}}
	_, w.store.unchecked = t.(*testing.B)
	w.options = runtime.Options{
		Machines: map[entity.Kind]entity.Machine{toyKind: w.machine},
		Logger:   slog.New(slog.DiscardHandler),
	}
	for _, c := range configure {
		c(&w.options)
	}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	w.options.Store = w.store
	r, err := runtime.Open(w.t.Context(), w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Runtime = r
}

// close ends the world properly.
func (w *world) close() {
	w.t.Helper()
	if err := w.Close(context.Background()); err != nil {
		w.t.Error(err)
	}
	w.store.Close()
	for _, complaint := range w.machine.wrong {
		w.t.Error(complaint)
	}
}

func toyKey(id string) entity.Key { return entity.Key{Kind: toyKind, Namespace: "ns", ID: id} }

func (w *world) step(id string, fn func(*entity.Step, *toy)) error {
	return w.stepKey(toyKey(id), fn)
}

func (w *world) stepKey(key entity.Key, fn func(*entity.Step, *toy)) error {
	return w.Step(context.Background(), key, func(step *entity.Step, e entity.Entity) error {
		fn(step, e.(*toy))
		return nil
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) view(id string, fn func(*toy)) {
	w.t.Helper()
	w.must(w.View(context.Background(), toyKey(id), func(e entity.Entity, _ entity.View) error {
		fn(e.(*toy))
		return nil
	}))
}

func (w *world) count(id string) (n int64) {
	w.t.Helper()
	w.view(id, func(e *toy) { n = e.count })
	return n
}

func (w *world) fired(id string) (n int64) {
	w.t.Helper()
	w.view(id, func(e *toy) { n = e.fired })
	return n
}

var errToy = errors.New("refused")
