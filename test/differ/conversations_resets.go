package differ

import (
	enumspb "go.temporal.io/api/enums/v1"
)

// resets are what a reset keeps, drops and does again.
var resets = []Scenario{
	{"a reset with an activity, a timer and a child pending", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), timer("t", "1h"), w.child("c"))
		w.answered("w")
		w.PollActivity("w")
		w.Decide("w", w.activity("b"))
		w.ResetTo("w", w.lastTask("w"))
		w.Describe("w")
		w.Decide("w", complete("done"))
		w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	}},
	{"a reset while a task is started and signals wait", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "one")
		task := w.Poll("w")
		w.Signal("w", "two")
		w.ResetTo("w", 4)
		task.Complete(complete("late"))
		w.Decide("w", complete("done"))
	}},
	{"a cancellation after the point is asked for again", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.RequestCancel("w", "reason=because")
		w.Decide("w", timer("u", "1h"))
		w.ResetTo("w", 4)
		w.Decide("w", cancelled())
	}},
	{"a cancellation after the point is left out", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.RequestCancel("w", "reason=because")
		w.Signal("w", "s")
		w.Decide("w", timer("u", "1h"))
		w.ResetTo("w", 4, "reset_reapply_exclude_types=CANCEL_REQUEST")
		w.Decide("w", complete("done"))
	}},
	{"an update after the point is admitted again", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
		w.ResetTo("w", 4)
		task := w.Poll("w")
		task.carryOut("u")
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=COMPLETED")
		w.Update("w", "u")()
	}},
	{"an update after the point is left out", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
		w.ResetTo("w", 4, "reset_reapply_exclude_types=UPDATE")
		w.Decide("w", complete("done"))
		w.PollUpdate("w", "u")
	}},
	{"options that change after the point change again", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.UpdateOptions("w", "workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority")
		w.Signal("w", "s")
		w.Decide("w")
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"signals of the runs that continue one are applied again", func(w *World) {
		run := w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "one")
		for _, signal := range []string{"two", "three"} {
			w.Decide("w", continueAsNew())
			w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
			w.Signal("w", signal)
		}
		w.ResetTo("w", 4, "workflow_execution.run_id="+run)
		w.Decide("w", complete("done"))
	}},
	{"nothing after the point is applied again", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "s")
		w.RequestCancel("w")
		w.ResetTo("w", 4, "reset_reapply_type=NONE")
		w.Decide("w", complete("done"))
	}},
	{"only signals after the point are applied again", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "s")
		w.RequestCancel("w")
		w.ResetTo("w", 4, "reset_reapply_type=SIGNAL")
		w.Decide("w", complete("done"))
	}},
	{"a reset of a reset", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "one")
		w.ResetTo("w", 4)
		w.Signal("w", "two")
		w.Decide("w", timer("u", "1h"))
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"a reset to a task that has failed, and to one that has timed out", func(w *World) {
		w.Start("w", "workflow_task_timeout=2s")
		w.Poll("w").Fail()
		w.ResetTo("w", 4)
		w.Poll("w")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
		w.ResetTo("w", w.lastTask("w"))
		w.Decide("w", complete("done"))
	}},
	{"a reset to an event before one that is still to come", func(w *World) {
		w.Start("w")
		w.ResetTo("w", 2)
		w.ResetTo("w", 3)
		w.Poll("w")
		w.ResetTo("w", 3)
		w.ResetTo("w", 4)
	}},
	{"a closed workflow with a retry policy is reset", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=1", "workflow_execution_timeout=1h", "memo=(a:1)", `search_attributes=(BatcherUser:"me")`)
		w.Decide("w", Command("ModifyWorkflowProperties", "upserted_memo=(b:2)"), timer("t", "1h"))
		w.Signal("w", "s")
		w.Decide("w", fail("Bad"))
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"a child whose parent does not wait any more is reset", func(w *World) {
		w.family()
		w.told().Complete()
		w.Decide("c", timer("t", "1h"))
		w.Signal("c", "s")
		w.ResetTo("c", 4)
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a parent is reset to before its child has started", func(w *World) {
		w.family("parent_close_policy=ABANDON")
		w.told().Complete()
		w.ResetTo("w", 4)
		w.Decide("w", complete("done"))
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("c")
	}},
	{"a parent is reset to after its child has started, which ends later", func(w *World) {
		w.family("parent_close_policy=ABANDON")
		w.told().Complete(timer("t", "1h"))
		w.ResetTo("w", w.lastTask("w"))
		w.Decide("c", complete("out"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
		w.Decide("w", complete("done"))
	}},
}

// lastTask is the event with which the last workflow task of a workflow has ended.
func (w *World) lastTask(name string) int64 {
	var last int64
	for _, event := range w.History(name, "") {
		switch event.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			last = event.EventId
		}
	}
	return last
}
