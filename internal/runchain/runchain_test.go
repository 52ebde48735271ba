package runchain

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

var (
	epoch   = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	testKey = entity.Key{Kind: entity.KindActivity, Namespace: "namespace-id", ID: "a"}
)

// run is the simplest run: it has a record, and can be closed.
type run struct {
	rec       *records.NexusOperationRun
	succeeded bool
	changed   bool
	withdrawn bool
	// damaged is what Verify finds.
	damaged error
}

func (r *run) Record() Record             { return r.rec }
func (r *run) Succeeded() bool            { return r.succeeded }
func (r *run) Row() *records.WorkflowRow  { return &records.WorkflowRow{RunId: r.rec.RunId} }
func (r *run) Withdraw(*entity.Step)      { r.withdrawn = true }
func (r *run) Verify(entity.Reader) error { return r.damaged }
func (r *run) Size() int                  { return 100 }

func (r *run) Flush(step *entity.Step) {
	if !r.changed {
		return
	}
	r.changed = false
	r.rec.TransitionCount++
	step.Put(RunKey(r.rec.RunId, LetterRun), MustMarshal(r.rec))
	step.Index(entity.IndexEntry{ID: r.rec.RunId, Row: MustMarshal(r.Row())})
}

// world has one chain, its records, its timers, and its rows.
type world struct {
	t         *testing.T
	chain     Chain[*run]
	kind      Kind
	now       time.Time
	retention time.Duration
	damaged   error
	records   map[string][]byte
	timers    map[string]time.Time
	rows      map[string]bool
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: epoch, retention: 24 * time.Hour,
		records: map[string][]byte{}, timers: map[string]time.Time{}, rows: map[string]bool{}}
	w.kind = Kind{
		Name: "test", Parts: []byte{LetterRun, LetterRequest, LetterOutcome},
		Retention: func(string) time.Duration { return w.retention },
		NotFound:  func(id string) error { return errNothing },
	}
	w.restart()
	return w
}

var errNothing = errors.New("nothing is there")

func (w *world) decode(_ entity.Reader, record []byte) (*run, error) {
	rec, err := Decode[records.NexusOperationRun](record)
	return &run{rec: rec, damaged: w.damaged}, err
}

// restart has the chain loaded anew.
func (w *world) restart() {
	w.t.Helper()
	w.chain.Init(&w.kind, testKey, w.decode)
	if err := w.chain.Open(w); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) NewID() string                     { panic("no ids are needed") }
func (w *world) NextTaskID() int64                 { panic("no tasks are needed") }
func (w *world) Reader() entity.Reader             { return w }
func (w *world) Indexed() bool                     { return true }
func (w *world) Get(record []byte) ([]byte, error) { return w.records[string(record)], nil }

func (w *world) Scan(prefix, from []byte, _ bool, visit func(record, value []byte) bool) error {
	for _, key := range slices.Sorted(maps.Keys(w.records)) {
		if strings.HasPrefix(key, string(prefix)) && key >= string(from) && !visit([]byte(key), w.records[key]) {
			break
		}
	}
	return nil
}

// step carries out a step.
func (w *world) step(fn func(*entity.Step) error) error {
	w.t.Helper()
	step := entity.NewStep(w.now, w)
	if err := fn(step); err != nil {
		return err
	}
	if err := w.chain.EndStep(step); err != nil {
		w.t.Fatal(err)
	}
	for _, record := range step.Outputs().Records {
		if record.Value == nil {
			delete(w.records, string(record.Key))
		} else {
			w.records[string(record.Key)] = record.Value
		}
	}
	for _, timer := range step.Outputs().Timers {
		if timer.Clear {
			delete(w.timers, string(timer.Name))
		} else {
			w.timers[string(timer.Name)] = timer.At
		}
	}
	for _, entry := range step.Outputs().Index {
		if entry.Row == nil {
			delete(w.rows, entry.ID)
		} else {
			w.rows[entry.ID] = true
		}
	}
	return nil
}

// start begins a run, whose request has its id.
func (w *world) start(id string) *run {
	w.t.Helper()
	r := &run{rec: &records.NexusOperationRun{RunId: id, StartRequestId: "request of " + id}, changed: true}
	if err := w.step(func(*entity.Step) error { w.chain.Begin(r); return nil }); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// close closes the current run.
func (w *world) close() {
	w.t.Helper()
	if err := w.step(func(step *entity.Step) error {
		r := w.chain.Current()
		r.rec.CloseTime, r.changed = timestamppb.New(step.Now), true
		w.chain.ExpireLater(step, r)
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

// advance lets time pass, and the timer fire when it comes.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	if at, set := w.timers[string(expiryTimer)]; set && !at.After(w.now) {
		if err := w.step(w.chain.Expire); err != nil {
			w.t.Fatal(err)
		}
	}
}

// empty fails the test unless nothing at all is left.
func (w *world) empty() {
	w.t.Helper()
	if len(w.records)+len(w.timers)+len(w.rows) != 0 {
		w.t.Errorf("left are records %q, timers %v, rows %v", slices.Sorted(maps.Keys(w.records)), w.timers, w.rows)
	}
}

func TestPoliciesSayWhatComesOfAStart(t *testing.T) {
	always, unlessSucceeded, never := Policies{Reuse: ReuseAlways}, Policies{Reuse: ReuseUnlessSucceeded}, Policies{Reuse: ReuseNever}
	for _, c := range []struct {
		name              string
		closed, succeeded bool
		policies          Policies
		want              Verdict
	}{
		{"a running run is in the way", false, false, always, Refuse},
		{"a running run is used", false, false, Policies{UseExisting: true}, UseCurrent},
		{"a closed run is not used", true, false, Policies{UseExisting: true}, StartNew},
		{"policies that say nothing", true, true, Policies{}, StartNew},
		{"any closed run may be followed", true, true, always, StartNew},
		{"a failed run may be followed", true, false, unlessSucceeded, StartNew},
		{"a run that has succeeded may not", true, true, unlessSucceeded, Refuse},
		{"no run may be followed", true, false, never, Refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.start("1").succeeded = c.succeeded
			if c.closed {
				w.close()
			}
			if got := w.chain.Resolve("another request", c.policies); got != c.want {
				t.Errorf("the verdict is %v, not %v", got, c.want)
			}
			if got := w.chain.Resolve("request of 1", c.policies); got != UseCurrent {
				t.Errorf("the verdict on the same request is %v", got)
			}
		})
	}
	if got := newWorld(t).chain.Resolve("request", never); got != StartNew {
		t.Errorf("the verdict without a run is %v", got)
	}
}

func TestRunsAreFoundByTheirIDs(t *testing.T) {
	w := newWorld(t)
	w.start("1")
	w.close()
	w.start("2")
	w.restart()
	for id, want := range map[string]string{"": "2", "2": "2", "1": "1"} {
		if r, err := w.chain.Find(w.Reader, id); err != nil || r.rec.RunId != want {
			t.Errorf("%q is %v, %v", id, r, err)
		}
	}
	if _, err := w.chain.Find(w.Reader, "3"); !errors.Is(err, errNothing) {
		t.Errorf("a run that has never been: %v", err)
	}
	if _, err := w.chain.Known("1"); !errors.Is(err, errNothing) {
		t.Errorf("a closed run is in memory: %v", err)
	}
	if w.chain.Over("2") || !w.chain.Over("1") || !w.chain.Over("3") {
		t.Error("a run is not over that should be, or is and should not be")
	}
}

func TestEachClosedRunHasItsOwnRetention(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.start(fmt.Sprint(i))
		w.close()
		w.advance(time.Hour)
	}
	w.restart()
	for left := 3; left > 0; left-- {
		if len(w.rows) != left {
			t.Fatalf("%d rows are left, and should be %d", len(w.rows), left)
		}
		w.advance(21*time.Hour - 1)
		if len(w.rows) != left {
			t.Fatal("a run is deleted too early")
		}
		w.advance(1)
		w.now = w.now.Add(-20 * time.Hour)
	}
	w.empty()
	if w.chain.Stored() != nil {
		t.Errorf("a chain without runs is %v", w.chain.Stored())
	}
}

func TestAShorterRetentionIsAppliedWhenItIsSaid(t *testing.T) {
	w := newWorld(t)
	w.start("1")
	w.close()
	w.retention = time.Hour
	w.advance(2 * time.Hour)
	if len(w.rows) != 1 {
		t.Fatal("the run is gone before anybody has said so")
	}
	if err := w.step(w.chain.Retain); err != nil {
		t.Fatal(err)
	}
	w.advance(0)
	w.empty()
}

func TestADeletedRunTakesNothingOfTheOthersWithIt(t *testing.T) {
	for _, id := range []string{"1", "2", "3"} {
		w := newWorld(t)
		w.start("1")
		w.close()
		w.advance(time.Hour)
		w.start("2")
		w.close()
		last := w.start("3")
		w.advance(time.Hour)
		if err := w.step(func(step *entity.Step) error { return w.chain.Delete(step, id) }); err != nil {
			t.Fatal(err)
		}
		if w.rows[id] || len(w.rows) != 2 || last.withdrawn != (id == "3") {
			t.Errorf("after run %s is deleted the rows are %v, and the last one is withdrawn: %v", id, w.rows, last.withdrawn)
		}
		if err := w.step(func(step *entity.Step) error { return w.chain.Delete(step, id) }); !errors.Is(err, errNothing) {
			t.Errorf("run %s is deleted again: %v", id, err)
		}
		w.restart()
		if w.chain.RunID() == "3" {
			w.close()
		}
		w.advance(24 * time.Hour)
		w.empty()
	}
}

func TestAPurgeDeletesTheRunningRunToo(t *testing.T) {
	w := newWorld(t)
	for i := range maxDeleted + 5 {
		w.start(fmt.Sprint(i))
		w.close()
	}
	last := w.start("last")
	more := true
	for steps := 0; more; steps++ {
		if steps > 3 {
			t.Fatal("the purge does not end")
		}
		if err := w.step(func(step *entity.Step) (err error) {
			more, err = w.chain.Purge(step)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.empty()
	if !last.withdrawn {
		t.Error("the tasks of the running run are left")
	}
}

func TestATokenKnowsWhetherItsRunHasChanged(t *testing.T) {
	w := newWorld(t)
	r := w.start("1")
	token := w.chain.Token(r)
	if news, err := w.chain.News(r, token); err != nil || news {
		t.Errorf("of a run as it was: %v, %v", news, err)
	}
	if news, err := w.chain.News(r, nil); err != nil || !news {
		t.Errorf("without a token: %v, %v", news, err)
	}
	w.close()
	if news, err := w.chain.News(r, token); err != nil || !news {
		t.Errorf("of a run that has closed: %v, %v", news, err)
	}
	if _, err := w.chain.News(w.start("2"), token); err == nil {
		t.Error("the token of another run is taken")
	}
}

func TestAllRunsAreIndexedAndVerified(t *testing.T) {
	w := newWorld(t)
	w.start("1")
	w.close()
	w.start("2")
	entries, err := w.chain.IndexRows(w)
	if err != nil || len(entries) != 2 || entries[0].ID != "1" || entries[1].ID != "2" {
		t.Errorf("the rows are %v, %v", entries, err)
	}
	if problems := w.chain.Verify(w); len(problems) != 0 {
		t.Errorf("wrong is %v", problems)
	}
	w.damaged = errors.New("damaged")
	if problems := w.chain.Verify(w); len(problems) != 2 {
		t.Errorf("wrong is %v", problems)
	}
	w.records[string(RunKey("1", LetterRun))] = []byte{1}
	if _, err := w.chain.IndexRows(w); err == nil {
		t.Error("a record that does not decode is a row")
	}
}

func TestAChainWhoseCurrentRunIsMissingIsNotLoaded(t *testing.T) {
	w := newWorld(t)
	w.start("1")
	delete(w.records, string(RunKey("1", LetterRun)))
	w.chain.Init(&w.kind, testKey, w.decode)
	if err := w.chain.Open(w); err == nil {
		t.Error("it is loaded")
	}
}
