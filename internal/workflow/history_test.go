package workflow

import (
	"slices"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// readAll reads the whole history by pages.
func (w subject) readAll(req HistoryRequest) []*historypb.HistoryEvent {
	w.t.Helper()
	var events []*historypb.HistoryEvent
	for {
		page, err := w.chain().ReadHistory(w.reader(), req)
		if err != nil {
			w.t.Fatalf("reading history: %v", err)
		}
		events = append(events, decodeEvents(w.t, page.Events)...)
		if page.Next == 0 {
			return events
		}
		req.From = page.Next
	}
}

func ids(events []*historypb.HistoryEvent) []int64 {
	var ids []int64
	for _, e := range events {
		ids = append(ids, e.EventId)
	}
	return ids
}

func TestHistoryIsReadInPagesFromEitherEnd(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := newWorkflow(t)
		w.start()
		w.completeSticky(w.poll(), recordMarker("a"), recordMarker("b"))
		for range 4 {
			w.signal("s")
		}
		if crash {
			w.crash()
		}
		want := ids(w.history())
		for pageSize := range 12 {
			if got := ids(w.readAll(HistoryRequest{MaxEvents: pageSize})); !slices.Equal(got, want) {
				t.Fatalf("pages of %d: %v, want %v", pageSize, got, want)
			}
			for from := range want {
				if got := ids(w.readAll(HistoryRequest{From: int64(from + 1), MaxEvents: pageSize})); !slices.Equal(got, want[from:]) {
					t.Fatalf("pages of %d from %d: %v", pageSize, from+1, got)
				}
			}
			got := ids(w.readAll(HistoryRequest{Reverse: true, MaxEvents: pageSize}))
			slices.Reverse(got)
			if !slices.Equal(got, want) {
				t.Fatalf("pages of %d in reverse: %v, want %v", pageSize, got, want)
			}
		}
	}
}

func TestHistoryInMemoryIsBounded(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	big := recordMarker("m")
	big.GetRecordMarkerCommandAttributes().MarkerName = string(make([]byte, 1000))
	for range 80 {
		w.signal("s")
		w.complete(w.poll(), big)
	}
	if size := w.chain().current.tail.size; size > historyTailBytes+2000 {
		t.Fatalf("%d bytes of history in memory", size)
	}
	if got, want := ids(w.readAll(HistoryRequest{})), ids(w.history()); !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestStartedEventInProgressIsShownOnRequest(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	if got := names(w.readAll(HistoryRequest{})); got != "Started WorkflowTaskScheduled" {
		t.Fatalf("history is %s", got)
	}
	if got := names(w.readAll(HistoryRequest{IncludeStarted: true})); got != "Started WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("history is %s", got)
	}
}

func TestATaskThatMayLeaveNoTraceIsShownOnRequest(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	if err := w.tryFail(w.poll()); err != nil {
		t.Fatal(err)
	}
	const before = "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed"
	for _, state := range []struct{ does, shows string }{{"is scheduled", " WorkflowTaskScheduled"}, {"is started", " WorkflowTaskScheduled WorkflowTaskStarted"}} {
		if state.does == "is started" {
			w.poll()
		}
		if got := names(w.readAll(HistoryRequest{IncludeStarted: true})); got != before {
			t.Errorf("a further attempt %s: history is %s", state.does, got)
		}
		if got := names(w.readAll(HistoryRequest{IncludeStarted: true, IncludeTransient: true})); got != before+state.shows {
			t.Errorf("a further attempt %s: history with it is %s", state.does, got)
		}
	}
}

func TestPagesOfATaskThatIsGoneAreNotFound(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	w.crash()
	if _, err := w.chain().ReadHistory(w.reader(), HistoryRequest{To: 3, IncludeStarted: true}); !isNotFound(err) {
		t.Fatalf("read: %v", err)
	}
}

func TestCloseEventIsTheLastOneOfAClosedRun(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	page, err := w.chain().CloseEvent(w.reader(), "")
	if err != nil || page.Closed || page.Events != nil {
		t.Fatalf("close event of a running run: %v, %v", page, err)
	}
	w.complete(w.poll(), completeWorkflow("done"))
	for _, crash := range []bool{false, true} {
		if crash {
			w.crash()
		}
		page, err = w.chain().CloseEvent(w.reader(), page.RunID)
		if err != nil || !page.Closed {
			t.Fatalf("close event: %v, %v", page, err)
		}
		if got := names(decodeEvents(w.t, page.Events)); got != "Completed" {
			t.Fatalf("close event is %s", got)
		}
	}
}

func TestHistoryOfAnEarlierRunCanBeRead(t *testing.T) {
	w := newWorkflow(t)
	var runs []string
	for range 7 { // more than are kept in memory
		resp := w.start(withRequestID(w.newRequestID()))
		runs = append(runs, resp.RunId)
		w.complete(w.poll(), completeWorkflow("done"))
	}
	for _, runID := range runs {
		if got := names(w.readAll(HistoryRequest{RunID: runID})); got != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed" {
			t.Fatalf("history of %s is %s", runID, got)
		}
		if resp := w.describe(runID); resp.WorkflowExecutionInfo.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
			t.Fatalf("described as %v", resp)
		}
	}
	if n := len(w.chain().others); n > maxOthers {
		t.Fatalf("%d earlier runs in memory", n)
	}
}

func TestSplicedHistoryIsAnOrdinaryField(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	page, err := w.chain().ReadHistory(w.reader(), HistoryRequest{})
	if err != nil {
		t.Fatal(err)
	}
	reply := &workflowservice.GetWorkflowExecutionHistoryResponse{NextPageToken: []byte("next")}
	SpliceHistory(reply, page.Events)
	reply = overWire(t, reply)
	if got := names(reply.History.Events); got != "Started WorkflowTaskScheduled" || string(reply.NextPageToken) != "next" {
		t.Fatalf("reply is %v", reply)
	}
}

func TestPollReplySplicesTheFieldOfTheHistory(t *testing.T) {
	field := (&workflowservice.PollWorkflowTaskQueueResponse{}).ProtoReflect().Descriptor().Fields().ByName("history")
	if field.Number() != pollHistoryField {
		t.Fatalf("history is field %d", field.Number())
	}
}

func TestWaitersLearnWhereAHistoryEndsAndContinues(t *testing.T) {
	w := newWorkflow(t)
	if _, closed := w.chain().HistoryEnd(""); !closed {
		t.Fatal("an id that is not in use has an open history")
	}
	first := w.start().RunId
	if end, closed := w.chain().HistoryEnd(""); end != 3 || closed {
		t.Fatalf("history ends before %d, closed %v", end, closed)
	}
	w.complete(w.poll(), continueAsNew())
	if _, closed := w.chain().HistoryEnd(first); !closed {
		t.Fatal("the continued run is open")
	}
	if next, err := w.chain().NewRunID(w.reader(), first); err != nil || next != w.chain().CurrentRunID() {
		t.Fatalf("continued by %q, %v", next, err)
	}
}
