package deployment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// store is what the steps of one namespace have written.
type store map[string][]byte

func (s store) Get(record []byte) ([]byte, error) { return s[string(record)], nil }

func (s store) Scan(prefix, _ []byte, _ bool, visit func(record, value []byte) bool) error {
	for key, value := range s {
		if strings.HasPrefix(key, string(prefix)) && !visit([]byte(key), value) {
			break
		}
	}
	return nil
}

// world is the deployments of a namespace with their records and the registry that knows them.
type world struct {
	t        *testing.T
	records  store
	registry *Registry
	d        *Deployments
	now      time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, records: store{}, registry: NewRegistry(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.registry.Close()
	w.d = w.load()
	return w
}

func (w *world) load() *Deployments {
	w.t.Helper()
	e, err := Machine{w.registry}.Load(context.Background(), w.records, Key("ns"))
	if err != nil {
		w.t.Fatal(err)
	}
	return e.(*Deployments)
}

// step runs a step, and checks that its records say what is in memory.
func (w *world) step(fn func(*entity.Step) error) error {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	step := entity.NewStep(w.now, nil)
	err := fn(step)
	if err != nil {
		if !step.Empty() || w.d.changed {
			w.t.Errorf("a step that fails has changed something: %v", err)
		}
		return err
	}
	if err := w.d.EndStep(step); err != nil {
		w.t.Fatal(err)
	}
	for _, record := range step.Outputs().Records {
		switch {
		case record.Prefix:
			maps.DeleteFunc(w.records, func(key string, _ []byte) bool { return strings.HasPrefix(key, string(record.Key)) })
		case record.Value == nil:
			delete(w.records, string(record.Key))
		default:
			w.records[string(record.Key)] = record.Value
		}
	}
	for _, effect := range step.Outputs().Effects {
		effect()
	}
	loaded := w.load()
	for name, of := range w.d.deployments {
		other := loaded.deployments[name]
		if other == nil || !proto.Equal(of.record, other.record) || len(of.versions) != len(other.versions) {
			w.t.Fatalf("deployment %s is not in the store as it is in memory", name)
		}
		for build, v := range of.versions {
			if got := other.versions[build]; got == nil || !proto.Equal(v.record, got.record) || !maps.Equal(v.queues, got.queues) {
				w.t.Errorf("version %s of %s is not in the store as it is in memory", build, name)
			}
		}
	}
	if len(loaded.deployments) != len(w.d.deployments) {
		w.t.Errorf("%d deployments are in the store, %d in memory", len(loaded.deployments), len(w.d.deployments))
	}
	return nil
}

var limits = Limits{Deployments: 3, Versions: 3, Queues: 2, QueueVersions: 10}

func queueOf(name string) entity.Queue {
	return entity.Queue{Namespace: "ns", Type: entity.TaskWorkflow, Name: name}
}

func v(build string) Version { return Version{"app", build} }

func (w *world) register(version Version, queue string) error {
	w.t.Helper()
	return w.step(func(step *entity.Step) error {
		return w.d.Register(step, version, queueOf(queue), limits, func(Version) bool { return false })
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) current(version Version) {
	w.t.Helper()
	w.must(w.step(func(step *entity.Step) error {
		_, err := w.d.SetCurrent(step, &Change{Deployment: "app", Version: version, Identity: "i", Limits: limits})
		return err
	}))
}

func (w *world) ramp(version Version, percentage float32) {
	w.t.Helper()
	w.must(w.step(func(step *entity.Step) error {
		_, err := w.d.SetRamping(step, &Change{Deployment: "app", Version: version, Identity: "i", Limits: limits}, percentage, version.IsZero() && percentage == 0)
		return err
	}))
}

func TestAQueueHasRoutesOnceAVersionHasPolledIt(t *testing.T) {
	w := newWorld(t)
	if w.registry.Routes(queueOf("q")) != nil {
		t.Error("there are routes before")
	}
	w.must(w.register(v("1"), "q"))
	w.must(w.register(v("2"), "q"))
	if r := w.registry.Routes(queueOf("q")); !r.Has(v("1")) || !r.Has(v("2")) || !r.TargetOf("w", false).Version.IsZero() {
		t.Errorf("the routes are %+v", r)
	}
	w.current(v("1"))
	if got := w.registry.Routes(queueOf("q")).TargetOf("w", false).Version; got != v("1") {
		t.Errorf("workflows go to %v, want 1", got)
	}
	w.ramp(v("2"), 100)
	if got := w.registry.Routes(queueOf("q")).TargetOf("w", false).Version; got != v("2") {
		t.Errorf("with a full ramp workflows go to %v, want 2", got)
	}
	w.ramp(Version{}, 0)
	if got := w.registry.Routes(queueOf("q")).TargetOf("w", false).Version; got != v("1") {
		t.Errorf("after the ramp workflows go to %v, want 1", got)
	}
	if w.registry.Routes(queueOf("other")) != nil {
		t.Error("another queue has routes")
	}
}

func TestAQueueThatTheCurrentVersionLacksKeepsItsOwn(t *testing.T) {
	w := newWorld(t)
	w.must(w.register(v("1"), "q"))
	w.must(w.register(v("1"), "only"))
	w.must(w.register(v("2"), "q"))
	w.current(v("1"))
	w.current(v("2"))
	if got := w.registry.Routes(queueOf("only")).TargetOf("w", false).Version; !got.IsZero() {
		t.Errorf("workflows of a queue that version 2 does not poll go to %v, want workers without versions", got)
	}
	if current, lacking := w.d.Lacking(v("1")); current != v("2") || len(lacking) != 0 {
		t.Errorf("version 1 lacks %v of %v", lacking, current)
	}
	w.current(v("1"))
	if current, lacking := w.d.Lacking(v("2")); current != v("1") || len(lacking) != 1 || lacking[0] != queueOf("only") {
		t.Errorf("version 2 lacks %v of %v", lacking, current)
	}
}

func TestAVersionThatIsReplacedDrains(t *testing.T) {
	w := newWorld(t)
	w.must(w.register(v("1"), "q"))
	w.must(w.register(v("2"), "q"))
	w.current(v("1"))
	w.current(v("2"))
	info, err := w.d.DescribeVersion(v("1"))
	if err != nil || info.GetStatus() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING {
		t.Fatalf("version 1 is %v, error %v", info.GetStatus(), err)
	}
	if due, next := w.d.DueDrainage(w.now, time.Minute, time.Hour); len(due) != 0 || next.Sub(w.now) != time.Minute {
		t.Errorf("due are %v, the next in %v", due, next.Sub(w.now))
	}
	w.must(w.step(func(step *entity.Step) error { w.d.Drained(step, v("1"), true); return nil }))
	if due, next := w.d.DueDrainage(w.now, time.Minute, time.Hour); len(due) != 0 || next.Sub(w.now) != time.Hour {
		t.Errorf("after a look due are %v, the next in %v", due, next.Sub(w.now))
	}
	w.must(w.step(func(step *entity.Step) error { w.d.Drained(step, v("1"), false); return nil }))
	if info, _ := w.d.DescribeVersion(v("1")); info.GetStatus() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED {
		t.Errorf("without workflows version 1 is %v", info.GetStatus())
	}
	w.must(w.step(func(step *entity.Step) error { return w.d.Receive(step, entity.Key{}, ReactivateMessage(v("1"))) }))
	if info, _ := w.d.DescribeVersion(v("1")); info.GetStatus() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING {
		t.Errorf("with a new workflow version 1 is %v", info.GetStatus())
	}
	w.current(v("1"))
	if info, _ := w.d.DescribeVersion(v("1")); info.GetStatus() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT || info.GetDrainageInfo() != nil {
		t.Errorf("current again version 1 is %v", info)
	}
}

func TestWhatANamespaceMayHaveIsBounded(t *testing.T) {
	w := newWorld(t)
	exhausted := func(what string, err error) {
		t.Helper()
		var e *serviceerror.ResourceExhausted
		if !errors.As(err, &e) || e.Cause != enumspb.RESOURCE_EXHAUSTED_CAUSE_WORKER_DEPLOYMENT_LIMITS {
			t.Errorf("%s: %v, want ResourceExhausted", what, err)
		}
	}
	w.must(w.register(v("1"), "q"))
	w.must(w.register(v("1"), "r"))
	exhausted("a third queue", w.register(v("1"), "s"))
	w.must(w.register(Version{"b", "1"}, "q"))
	w.must(w.register(Version{"c", "1"}, "q"))
	exhausted("a fourth deployment", w.register(Version{"d", "1"}, "q"))
	w.current(v("1"))
	w.must(w.register(v("2"), "q"))
	w.must(w.register(v("3"), "q"))
	w.must(w.register(v("4"), "q")) // takes the place of 2
	if _, err := w.d.DescribeVersion(v("2")); err == nil {
		t.Error("version 2 is still there")
	}
	err := w.step(func(step *entity.Step) error {
		return w.d.Register(step, v("5"), queueOf("q"), limits, func(Version) bool { return true })
	})
	exhausted("a version above the limit when all are polled", err)
}

func TestAChangeByAnOldTokenOrByTheWrongManagerIsRefused(t *testing.T) {
	w := newWorld(t)
	w.must(w.register(v("1"), "q"))
	refused := func(what string, c *Change) {
		t.Helper()
		err := w.step(func(step *entity.Step) error { _, err := w.d.SetCurrent(step, c); return err })
		var precondition *serviceerror.FailedPrecondition
		if !errors.As(err, &precondition) {
			t.Errorf("%s: %v, want FailedPrecondition", what, err)
		}
	}
	refused("an old token", &Change{Deployment: "app", Version: v("1"), Identity: "i", ConflictToken: []byte("old"), Limits: limits})
	w.must(w.step(func(step *entity.Step) error {
		_, _, err := w.d.SetManager(step, "app", "boss", "boss", nil)
		return err
	}))
	refused("somebody else", &Change{Deployment: "app", Version: v("1"), Identity: "i", Limits: limits})
	w.must(w.step(func(step *entity.Step) error {
		_, err := w.d.SetCurrent(step, &Change{Deployment: "app", Version: v("1"), Identity: "boss", Limits: limits})
		return err
	}))
}

func TestARampSharesWorkflowsByTheirIDs(t *testing.T) {
	r := &Routes{Current: Target{Version: v("1")}, Ramping: Target{Version: v("2")}, Ramps: true, Percentage: 30}
	ramped := 0
	for i := range 10_000 {
		id := fmt.Sprint("workflow-", i)
		to := r.TargetOf(id, false)
		if to != r.TargetOf(id, false) {
			t.Fatalf("workflow %s goes to and fro", id)
		}
		if to.Version == v("2") {
			ramped++
		}
	}
	if ramped < 2700 || ramped > 3300 {
		t.Errorf("of 10,000 workflows %d are in a ramp of 30%%", ramped)
	}
}

func TestARoutingThatIsOlderDoesNotTakeAWorkflowBack(t *testing.T) {
	r := &Routes{Current: Target{Version: v("1"), Revision: 3}}
	part, revision, _ := r.Of("w", &entity.TaskVersion{Version: v("2").String(), Revision: 4})
	if part != v("2").String() || revision != 4 {
		t.Errorf("a task goes to %q by revision %d", part, revision)
	}
	part, _, _ = r.Of("w", &entity.TaskVersion{Version: v("2").String(), Revision: 2})
	if part != v("1").String() {
		t.Errorf("with a newer routing the task goes to %q", part)
	}
}

func TestVersionsAreReadAsClientsWriteThem(t *testing.T) {
	for text, want := range map[string]Version{
		"a.b": {"a", "b"}, "a:b": {"a", "b"}, "a.b:c": {"a", "b:c"}, "a:b.c": {"a", "b.c"}, Unversioned: {},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q is read as %v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", ".b", ":b", "a.", "a:"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
