package workflow

import (
	"testing"

	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

const historyCountReason = "Workflow history count exceeds limit."

func wantOutgrown(t *testing.T, err error) {
	t.Helper()
	if !isInvalidArgument(err) || err.Error() != historyCountReason {
		t.Errorf("error is %v", err)
	}
}

func TestOfARequestThatAHistoryHasNoRoomForNothingIsLeft(t *testing.T) {
	w := newWorkflow(t, Limits{HistoryEvents: 6})
	w.start()
	task := w.poll()
	if err := w.trySignal("waits"); err != nil {
		t.Fatal(err)
	}
	_, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(recordMarker("a"), recordMarker("b"), recordMarker("c"))})
	wantOutgrown(t, err)
	if got := names(w.history()); got != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled Terminated" {
		t.Errorf("the history is %s", got)
	}
	if err := w.trySignal("late"); !isNotFound(err) {
		t.Errorf("the same again: %v", err)
	}
}

func TestThoseWhoWaitForAWorkflowThatOutgrowsItsLimitsLearnOfItsEnd(t *testing.T) {
	w := idleWorkflow(t, Limits{HistoryEvents: 9})
	accepted := w.update("accepted", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("accepted"))) // events 5 to 8
	told := w.update("told", stageAccepted)
	waiting := w.update("waiting", stageCompleted)
	task := w.poll()
	var answer *QueryResult
	if err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.Query(s, &workflowservice.QueryWorkflowRequest{Execution: w.execution(), Query: &querypb.WorkflowQuery{QueryType: "q"}},
			func(result *QueryResult) { answer = result })
		return err
	}); err != nil {
		t.Fatal(err)
	}
	_, err := w.tryComplete(task.TaskToken, saying(w.accept("told")))
	wantOutgrown(t, err)
	if answer == nil || answer.Err != nil || answer.Result != nil {
		t.Errorf("the query is answered with %+v; it is to go to a worker by itself", answer)
	}
	for name, a := range map[string]*asked{"told": told, "waiting": waiting} {
		if a.told == nil || a.told.Err != ErrUpdateAborted {
			t.Errorf("the client of update %s is told %+v", name, a.told)
		}
	}
	if a := accepted; a.told == nil || a.told.Outcome.GetFailure() == nil {
		t.Errorf("the client of the accepted update is told %+v", a.told)
	}
}

func TestAResetOfALongHistoryIsNotRefused(t *testing.T) {
	w := newWorkflow(t, Limits{HistoryEvents: 20})
	w.start()
	w.decide(recordMarker("a"), recordMarker("b"), recordMarker("c"), recordMarker("d"), recordMarker("e"), recordMarker("f"), recordMarker("g"), recordMarker("h"), recordMarker("i"), recordMarker("j"), recordMarker("k"))
	w.signal("s")
	w.decide()
	point := w.history()
	if _, err := w.tryReset(newResetRequest(w.id, int64(len(point)), "r")); err != nil {
		t.Fatal(err)
	}
	wantOutgrown(t, w.trySignal("more"))
}
