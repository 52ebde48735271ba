package schedule

import (
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

func TestActionsAreSkippedWhileAWorkflowRuns(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(skip)))
	w.pass(2 * time.Minute)
	w.expect("12:01")
	w.finish("12:01", completed(""))
	w.pass(time.Minute)
	w.expect("12:01", "12:03")
	if n := w.describe().Info.OverlapSkipped; n != 1 {
		t.Errorf("%d actions were skipped, want 1", n)
	}
}

func TestOfTwoActionsThatComeWhileAWorkflowRunsTheFirstIsBufferedAndTheSecondSkipped(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferOne)))
	w.pass(3 * time.Minute)
	w.expect("12:01")
	if info := w.describe().Info; info.BufferSize != 1 || info.OverlapSkipped != 1 {
		t.Errorf("described as %v, want one action buffered and one skipped", info)
	}
	w.finish("12:01", completed(""))
	w.expect("12:01", "12:02")
	w.finish("12:02", completed(""))
	w.expect("12:01", "12:02")
}

func TestAllActionsAreBufferedAndStartedOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferAll)))
	w.pass(3 * time.Minute)
	w.expect("12:01")
	w.finish("12:01", completed(""))
	w.expect("12:01", "12:02")
	w.finish("12:02", failed("no"))
	w.expect("12:01", "12:02", "12:03")
	if info := w.describe().Info; info.BufferSize != 0 || info.OverlapSkipped != 0 || len(info.RunningWorkflows) != 1 {
		t.Errorf("described as %v", info)
	}
}

func TestTheBufferIsBounded(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferAll)))
	w.pass((maxBuffer + 20) * time.Minute)
	if info := w.describe().Info; info.BufferSize != maxBuffer || info.BufferDropped != 19 {
		t.Errorf("%d actions are buffered, %d were dropped", info.BufferSize, info.BufferDropped)
	}
}

func TestAWorkflowIsCanceledForTheNextOneWhichWaits(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(cancelOther)))
	w.pass(3 * time.Minute)
	w.expect("12:01")
	w.finish("12:01", canceled())
	// Of those that wait, the last one counts: each cancels the one before it.
	w.expect("12:01", "12:03")
}

func TestAWorkflowIsTerminatedForTheNextOne(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(terminateOther)))
	w.pass(3 * time.Minute)
	w.expect("12:01", "12:02", "12:03")
	if info := w.describe().Info; len(info.RunningWorkflows) != 1 || info.RecentActions[0].StartWorkflowStatus.String() != "Terminated" {
		t.Errorf("described as %v", info)
	}
}

func TestWorkflowsMayOverlap(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(allowAll)))
	w.pass(3 * time.Minute)
	w.expect("12:01", "12:02", "12:03")
	w.finish("12:02", completed(""))
	info := w.describe().Info
	if len(info.RunningWorkflows) != 0 || len(info.RecentActions) != 3 || info.RecentActions[1].StartWorkflowStatus.String() != "Completed" {
		t.Errorf("described as %v", info)
	}
}

func TestAWorkflowRunsUntilWhatContinuesItHasClosed(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferOne)))
	w.pass(2 * time.Minute)
	for range 3 {
		w.finish("12:01", continuedAsNew())
		w.pass(time.Second) // runs do not follow each other faster
		w.expect("12:01")
	}
	w.finish("12:01", completed(""))
	w.expect("12:01", "12:02")
}

func TestAResetWorkflowRunsOn(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferOne)))
	w.pass(2 * time.Minute)
	const id = "w-2030-01-01T12:01:00Z"
	w.finish("12:01", continuedAsNew())
	w.pass(time.Second)
	run := w.describe().Info.RunningWorkflows[0].RunId
	err := w.step(workflowKey(id), func(step *entity.Step, e entity.Entity) error {
		_, err := e.(*workflow.Chain).Reset(step, &workflowservice.ResetWorkflowExecutionRequest{
			WorkflowExecution: execution(id, run), WorkflowTaskFinishEventId: 4, RequestId: "reset"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.expect("12:01")
	w.finish("12:01", completed(""))
	w.expect("12:01", "12:02")
}

func TestADeletedWorkflowRunsNoMore(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferOne)))
	w.pass(2 * time.Minute)
	const id = "w-2030-01-01T12:01:00Z"
	err := w.step(workflowKey(id), func(step *entity.Step, e entity.Entity) error {
		return e.(*workflow.Chain).Delete(step, &workflowservice.DeleteWorkflowExecutionRequest{WorkflowExecution: execution(id, "")})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.expect("12:01", "12:02")
}

func TestOnlyFailuresAndTimeoutsPauseTheSchedule(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(w *world)
		notes string
	}{
		"completed":  {func(w *world) { w.finish("12:01", completed("")) }, ""},
		"canceled":   {func(w *world) { w.finish("12:01", canceled()) }, ""},
		"terminated": {func(w *world) { w.terminate("12:01") }, ""},
		"failed":     {func(w *world) { w.finish("12:01", failed("no luck")) }, "paused due to workflow failure: w-2030-01-01T12:01:00Z: no luck"},
		"timed out":  {func(w *world) { w.pass(5 * time.Second) }, "paused due to workflow timeout: w-2030-01-01T12:01:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create(everyMinute(pausing, timeout(5*time.Second)))
			w.pass(30 * time.Second)
			c.end(w)
			if state := w.describe().Schedule.State; state.Notes != c.notes || state.Paused != (c.notes != "") {
				t.Errorf("the state is %v, want notes %q", state, c.notes)
			}
		})
	}
}
