package workflow

import (
	"fmt"
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"

	"github.com/perdure/perdure/internal/entity"
)

// longWorkflow has a history of about a hundred events for each task. It can be reset to
// its last event.
func longWorkflow(t tester, tasks int) subject {
	w := newWorkflow(t, Limits{HistoryEvents: 1 << 20, SuggestEvents: 1 << 20})
	w.start()
	for n := range tasks {
		var batch []*commandpb.Command
		for i := range 98 {
			batch = append(batch, recordMarker(fmt.Sprintf("m%d", i)))
		}
		batch = append(batch, startTimer(fmt.Sprint(n), 0))
		w.decide(batch...)
		w.advance(0)
	}
	w.signal("last")
	return w
}

func TestResetWritesFewRecords(t *testing.T) {
	w := longWorkflow(t, 40)
	events := len(w.history())
	resp, err := w.tryReset(newResetRequest(w.id, int64(events), "r"))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(w.events[resp.RunId]); got < events {
		t.Fatalf("the new run has %d events of %d", got, events)
	}
	written, bytes := 0, 0
	for _, r := range w.last.Records {
		if runID, batch := decodeBatch(r); runID == resp.RunId && len(batch) > 0 {
			bytes += len(r.Value)
		}
		written++
	}
	if most := bytes/(historyPageBytes/2) + 10; written > most {
		t.Errorf("%d records were written for %d bytes of history, want at most %d", written, bytes, most)
	}
}

func TestResetOfALongHistoryPagesLikeAnyOther(t *testing.T) {
	w := longWorkflow(t, 40)
	want := names(w.history())
	resp, err := w.tryReset(newResetRequest(w.id, int64(len(w.history())), "r"))
	if err != nil {
		t.Fatal(err)
	}
	w.crash()
	var got []string
	for from := int64(1); from > 0; {
		page, err := w.chain().ReadHistory(w.reader(), HistoryRequest{RunID: resp.RunId, From: from})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, names(decodeEvents(t, page.Events)))
		from = page.Next
	}
	if text := strings.Join(got, " "); !strings.HasPrefix(text, want[:strings.LastIndex(want, " ")]) {
		t.Errorf("the pages of the new run are not the history of the old one")
	}
}

// brokenReader cannot read.
type brokenReader struct{}

func (brokenReader) Get([]byte) ([]byte, error) { return nil, errBroken }

func (brokenReader) Scan([]byte, []byte, bool, func(record, value []byte) bool) error {
	return errBroken
}

var errBroken = fmt.Errorf("the disk is broken")

type brokenEnv struct{ env }

func (brokenEnv) Reader() entity.Reader { return brokenReader{} }

func TestResetThatCannotReadChangesNothing(t *testing.T) {
	w := longWorkflow(t, 10)
	w.crash()
	before := len(w.history())
	step := entity.NewStep(w.now, brokenEnv{env{w.engine, w.key()}})
	_, err := w.chain().Reset(step, newResetRequest(w.id, int64(before), "r"))
	if err == nil || !step.Empty() {
		t.Fatalf("the reset returned %v, and the step is empty: %v", err, step.Empty())
	}
	if w.status() != 1 || w.chain().current.changed() {
		t.Errorf("the run has changed")
	}
	if _, err := w.tryReset(newResetRequest(w.id, int64(before), "r")); err != nil {
		t.Errorf("the next reset: %v", err)
	}
}

// BenchmarkCliffOfResets measures what a reset costs by events of the history: all of them are
// copied in one step, and that is how long the other workflows of the shard wait.
func BenchmarkCliffOfResets(b *testing.B) {
	for _, tasks := range []int{5, 50, 500} {
		b.Run(fmt.Sprintf("size=%d", tasks*101), func(b *testing.B) {
			w := longWorkflow(b, tasks)
			point := int64(len(w.history()))
			runID := w.runID()
			for b.Loop() {
				c := w.engine.load(w.key())
				req := newResetRequest(w.id, point, "r")
				req.WorkflowExecution.RunId = runID
				step := entity.NewStep(w.now, w.env())
				if _, err := c.Reset(step, req); err != nil {
					b.Fatal(err)
				}
				if err := c.EndStep(step); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(point), "ns/event")
		})
	}
}
