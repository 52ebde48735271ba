package workflow

import (
	"errors"
	"fmt"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// startedActivity is an engine with workflow "w" whose activity "a" a worker has.
func startedActivity(t *testing.T, change ...func(*activityAttributes)) (subject, *workflowservice.PollActivityTaskQueueResponse) {
	t.Helper()
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a", change...))
	return w, w.startActivity()
}

func TestATaskCanBeStartedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	task := w.task(entity.TaskActivity)
	w.startActivity()
	if _, err := w.tryStartActivity(task); !errors.Is(err, entity.ErrStaleTask) {
		t.Errorf("got %v", err)
	}
}

func TestTasksOfNothingAreStale(t *testing.T) {
	w := newEngine(t)
	runID := w.workflow("w").start().RunId
	for _, task := range []*entity.Task{
		{Entity: keyOf("w"), RunID: runID, EventID: 5},
		{Entity: keyOf("w"), RunID: "00000000-0000-4000-8000-00000000abcd", EventID: 5},
		{Entity: keyOf("nobody"), RunID: runID, EventID: 5},
	} {
		if _, err := w.workflow(task.Entity.ID).tryStartActivity(task); !errors.Is(err, entity.ErrStaleTask) {
			t.Errorf("task %+v: got %v", task, err)
		}
	}
}

func TestHeartbeatWritesOneRecordLazily(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var commands []*commandpb.Command
	for i := range 100 {
		commands = append(commands, scheduleActivity(fmt.Sprint(i), timeouts(0, 0, time.Hour, time.Minute)))
	}
	w.decide(commands...)
	task := w.startActivity()
	w.advance(time.Second)
	if answer, err := w.heartbeat(w.refOf(task), "progress"); answer != (attempt.HeartbeatAnswer{}) || err != nil {
		t.Fatal(answer, err)
	}
	if n := len(w.last.Records); n != 1 || !w.last.Lazy || len(w.last.Timers) != 0 {
		t.Errorf("heartbeat writes %d records and %d timers, lazily: %v", n, len(w.last.Timers), w.last.Lazy)
	}
}

func TestClosingTheWorkflowDropsItsActivities(t *testing.T) {
	for _, n := range []int{1, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			var commands []*commandpb.Command
			for i := range n {
				commands = append(commands, scheduleActivity(fmt.Sprint(i)), startTimer(fmt.Sprint(i), time.Hour))
			}
			w.decide(append(commands, startTimer("now", 0))...)
			ref := w.refOf(w.startActivity())
			w.advance(0)
			w.decide(completeWorkflow("done"))
			if task := w.task(entity.TaskActivity); task != nil {
				t.Errorf("task %+v is still offered", task)
			}
			err := w.completeActivity(ref, "late")
			if want := "workflow execution already completed"; err == nil || err.Error() != want {
				t.Errorf("late completion: %v", err)
			}
		})
	}
}

func TestAStepOfOneOfThousandsOfActivitiesTouchesOnlyThatOne(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var commands []*commandpb.Command
	for i := range 500 {
		commands = append(commands, scheduleActivity(fmt.Sprint(i), timeouts(0, 0, time.Hour, 0)))
	}
	w.decide(commands...)
	ref := w.refOf(w.startActivity())
	if n := len(w.last.Records); n > 2 {
		t.Errorf("starting one writes %d records", n)
	}
	if err := w.failActivity(ref, applicationFailure("x")); err != nil {
		t.Fatal(err)
	}
	if n := len(w.last.Records); n > 2 {
		t.Errorf("failing one writes %d records", n)
	}
	w.advance(time.Second)
	if n := len(w.last.Records); n > 2 {
		t.Errorf("dispatching the retry of one writes %d records", n)
	}
}
