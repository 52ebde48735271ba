package workflow

import (
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// copied are the events of a workflow as another server would hand them out.
func copied(w subject) []*historypb.HistoryEvent {
	var events []*historypb.HistoryEvent
	for _, e := range w.history() {
		events = append(events, proto.CloneOf(e))
	}
	return events
}

// importEvents has a workflow take up events of a run of another server.
func (w subject) importEvents(runID string, events []*historypb.HistoryEvent) (next int64, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		next, err = c.ImportEvents(s, runID, "elsewhere", events)
		return err
	})
	return next, err
}

func (w subject) activate(runID string, activities ...*workflowpb.PendingActivityInfo) error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error { return c.ActivateImport(s, runID, activities) })
}

// moved copies all of a workflow to an engine of its own, where it is not running yet.
func moved(t *testing.T, w subject) subject {
	t.Helper()
	here := newEngine(t).workflow(w.id)
	here.now, here.ids = w.now, 1000 // the ids of runs are other ones
	next, err := here.importEvents(w.runID(), copied(w))
	if err != nil || next != int64(len(w.history())+1) {
		t.Fatalf("import: %d, %v", next, err)
	}
	return here
}

func TestAnImportedRunGoesOnWithItsActivitiesAndTimers(t *testing.T) {
	there := newWorkflow(t)
	there.start()
	there.decide(scheduleActivity("a"), startTimer("t", time.Minute))
	there.advance(20 * time.Second)
	here := moved(t, there)
	run := there.runID()
	err := here.activate(run, &workflowpb.PendingActivityInfo{ActivityId: "a", State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 3, HeartbeatDetails: payloads("half")})
	if err != nil {
		t.Fatal(err)
	}
	task := here.startActivity()
	if task.GetAttempt() != 3 || !proto.Equal(task.GetHeartbeatDetails(), payloads("half")) {
		t.Errorf("activity: attempt %d, details %v", task.GetAttempt(), task.GetHeartbeatDetails())
	}
	if err := here.completeActivity(attempt.Ref{RunID: run, ActivityID: "a"}, "paid"); err != nil {
		t.Fatal(err)
	}
	here.decide()
	here.advance(39 * time.Second)
	if len(here.readyTasks(entity.TaskWorkflow)) != 0 {
		t.Error("the timer has fired before its time")
	}
	here.advance(time.Second)
	here.decide(completeWorkflow("done"))
	if here.status() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || here.runID() != run {
		t.Errorf("run %s is %v", here.runID(), here.status())
	}
	if err := here.activate(run); err != nil {
		t.Errorf("activated again: %v", err)
	}
}

func TestAHeldRunIsSeenByNobodyAndHoldsItsID(t *testing.T) {
	there := newWorkflow(t)
	there.start()
	here := moved(t, there)
	if err := here.trySignal("s"); !notFound(err) {
		t.Errorf("a signal: %v", err)
	}
	if _, err := here.tryStart(); !alreadyStarted(err) {
		t.Errorf("a start: %v", err)
	}
	here.crash()
	if next, err := here.importEvents(there.runID(), copied(there)); err != nil || next != int64(len(there.history())+1) {
		t.Errorf("copied again after a crash: %d, %v", next, err)
	}
	here.must(func(s *entity.Step, c *Chain) error { return c.DiscardImport(s, there.runID()) })
	if n := len(here.records[here.key()]); n != 0 {
		t.Errorf("%d records are left of what was discarded", n)
	}
	here.start()
}

func TestEventsOfAnImportAreTakenOnceAndInOrder(t *testing.T) {
	there := newWorkflow(t)
	there.start()
	there.decide(startTimer("t", time.Hour))
	events := copied(there)
	here := newEngine(t).workflow("w")
	if _, err := here.importEvents(there.runID(), events[2:]); !invalidArgument(err) {
		t.Errorf("without the first ones: %v", err)
	}
	for n := range events {
		if next, err := here.importEvents(there.runID(), copied(there)[max(0, n-1):n+1]); err != nil || next != int64(n+2) {
			t.Fatalf("up to event %d: %d, %v", n+1, next, err)
		}
	}
	if err := here.activate(there.runID()); err != nil {
		t.Fatal(err)
	}
	here.wantHistoryOf(there.runID(), names(there.history()))
}

func TestAnAttemptThatWasUnderWayIsTriedAgainIfItMayBe(t *testing.T) {
	for name, c := range map[string]struct {
		attempts int32
		offered  bool
	}{"any number of attempts": {0, true}, "one attempt": {1, false}} {
		t.Run(name, func(t *testing.T) {
			there := newWorkflow(t)
			there.start()
			there.decide(scheduleActivity("a", maximumAttempts(c.attempts)))
			there.startActivity()
			here := moved(t, there)
			info := there.describe("").GetPendingActivities()
			if err := here.activate(there.runID(), info...); err != nil {
				t.Fatal(err)
			}
			if offered := len(here.readyTasks(entity.TaskActivity)) > 0; offered != c.offered {
				t.Errorf("offered again: %v", offered)
			}
			if c.offered {
				if task := here.startActivity(); task.GetAttempt() != 2 {
					t.Errorf("attempt %d", task.GetAttempt())
				}
				return
			}
			here.advance(24 * time.Hour)
			last := here.history()[len(here.history())-2]
			if last.GetEventType() != enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT {
				t.Errorf("after a day there is %v", last)
			}
		})
	}
}

func TestAMessageWaitsUntilTheRunItIsForIsRunning(t *testing.T) {
	there := newWorkflow(t)
	there.start()
	here := moved(t, there)
	other := here.engine.workflow("other")
	other.start()
	other.decide(signalExternal("w"))
	if err := here.receive(here.outbox[0]); err == nil {
		t.Error("the message was taken though the run is held")
	}
	if err := here.activate(there.runID()); err != nil {
		t.Fatal(err)
	}
	here.deliver()
	if last := here.lastEvent(); last.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
		t.Errorf("the last event is %v", last)
	}
}
