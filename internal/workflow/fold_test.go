package workflow

import (
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// busyWorkflow is a workflow with a history of many types of events.
func busyWorkflow(t tester) subject {
	w := newWorkflow(t)
	w.start()
	w.workflow("other").start()
	w.decide(scheduleActivity("a"), scheduleActivity("b"), startTimer("t", time.Second), startTimer("u", time.Hour), recordMarker("m"),
		startChild("c"), signalExternal("other"), cancelExternal("other"))
	w.deliver()
	w.signal("s")
	w.advance(2 * time.Second)
	w.decide(cancelTimer("u"), cancelActivity(5))
	if err := w.completeActivity(w.refOf(w.startActivity()), "done"); err != nil {
		w.t.Fatalf("%v", err)
	}
	w.decide()
	return w
}

func TestAHistoryFoldsUpToAnyOfItsEvents(t *testing.T) {
	w := busyWorkflow(t)
	history := w.history()
	for n := 1; n <= len(history); n++ {
		run, err := w.chain().fold(w.runID(), history[:n])
		if err != nil {
			t.Fatal(err)
		}
		if next := run.state.NextEventId; next != int64(n)+1 {
			t.Fatalf("after %d events the next is %d", n, next)
		}
	}
}

func TestAFoldedRunCanBeRecordedAndLoaded(t *testing.T) {
	w := busyWorkflow(t)
	folded, err := w.chain().fold(w.runID(), w.history())
	if err != nil {
		t.Fatal(err)
	}
	step := entity.NewStep(w.now, w.env())
	folded.flush(step)
	stored := make(reader)
	for _, r := range step.Outputs().Records {
		if r.Value != nil {
			stored[string(r.Key)] = r.Value
		}
	}
	loaded, err := w.chain().loadRun(stored, w.runID())
	if err != nil {
		t.Fatal(err)
	}
	checkFold(t, loaded, w.history())
}

func TestHistoriesThatCannotBeAreRefused(t *testing.T) {
	real := busyWorkflow(t).history()
	find := func(eventType enumspb.EventType) int {
		for i, e := range real {
			if e.EventType == eventType {
				return i
			}
		}
		t.Fatalf("no %v", eventType)
		return 0
	}
	drop := func(eventType enumspb.EventType) func([]*historypb.HistoryEvent) []*historypb.HistoryEvent {
		return func(events []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			i := find(eventType)
			events = append(events[:i], events[i+1:]...)
			for i, e := range events {
				e.EventId = int64(i) + 1
			}
			return events
		}
	}
	for name, c := range map[string]struct {
		change func([]*historypb.HistoryEvent) []*historypb.HistoryEvent
		want   string
	}{
		"a gap": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			return append(e[:1], e[2:]...)
		}, "event 3 of run r, WorkflowTaskStarted"},
		"no start":                         {drop(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED), "event 1 of run r, WorkflowTaskScheduled"},
		"a workflow task of nothing":       {drop(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), "event 2 of run r, WorkflowTaskStarted"},
		"a completion without a start":     {drop(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED), "event 3 of run r, WorkflowTaskCompleted"},
		"a timer that fires out of itself": {drop(enumspb.EVENT_TYPE_TIMER_STARTED), "cannot be: what it refers to is not pending"},
		"a child that starts out of itself": {drop(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED),
			"ChildWorkflowExecutionStarted, cannot be"},
		"an event without attributes": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			e[1].Attributes = nil
			return e
		}, "event 2 of run r, WorkflowTaskScheduled, cannot be: it has no attributes"},
		"an unknown type": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			e[1].EventType = 9999
			return e
		}, "event 2 of run r, 9999"},
		"a type below zero": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			e[1].EventType = -1
			return e
		}, "event 2 of run r, -1"},
		"no event": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			e[1] = nil
			return e
		}, "event 0 of run r"},
		"a second start": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			again := proto.CloneOf(e[0])
			again.EventId = 2
			return []*historypb.HistoryEvent{e[0], again}
		}, "event 2 of run r, WorkflowExecutionStarted"},
		"something after the end": {func(e []*historypb.HistoryEvent) []*historypb.HistoryEvent {
			end := workflowExecutionTerminated("", nil, "", nil)
			end.EventId = 2
			e[2].EventId = 3
			return []*historypb.HistoryEvent{e[0], end, e[2]}
		}, "event 3 of run r, WorkflowTaskStarted, cannot be: the run has been closed"},
	} {
		t.Run(name, func(t *testing.T) {
			events := make([]*historypb.HistoryEvent, len(real))
			for i, e := range real {
				events[i] = proto.CloneOf(e)
			}
			_, err := newWorkflow(t).chain().fold("r", c.change(events))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one that says %q", err, c.want)
			}
		})
	}
}

// FuzzFold folds what may be no history at all. It must not panic, and what it makes
// must be fit for a store.
func FuzzFold(f *testing.F) {
	history := &historypb.History{Events: busyWorkflow(f).history()}
	data, err := proto.Marshal(history)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	c := newWorkflow(f).chain()
	f.Fuzz(func(t *testing.T, data []byte) {
		history := new(historypb.History)
		if proto.Unmarshal(data, history) != nil {
			t.Skip()
		}
		fold := c.newFold("r")
		for _, e := range history.Events {
			if fold.add(e) != nil {
				break
			}
		}
		if fold.run.state.NextEventId > 1 {
			fold.run.flush(entity.NewStep(testEpoch, env{engine: newEngine(t)}))
		}
	})
}
