package differ

import (
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// PauseWorkflow pauses a workflow.
func (w *World) PauseWorkflow(name string, settings ...string) {
	_, _ = w.API.PauseWorkflowExecution(w.Ctx, Set(&workflowservice.PauseWorkflowExecutionRequest{Namespace: Namespace,
		WorkflowId: w.ID(name), Identity: "operator", Reason: "lunch", RequestId: w.requestID()}, settings...))
}

// UnpauseWorkflow lets a paused workflow go on.
func (w *World) UnpauseWorkflow(name string, settings ...string) {
	_, _ = w.API.UnpauseWorkflowExecution(w.Ctx, Set(&workflowservice.UnpauseWorkflowExecutionRequest{Namespace: Namespace,
		WorkflowId: w.ID(name), Identity: "operator", Reason: "after lunch", RequestId: w.requestID()}, settings...))
}

// pauses are what becomes of workflows that operators pause.
var pauses = []Scenario{
	{"a workflow is paused while it waits, signalled, and goes on", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.Describe("w")
		w.Signal("w", "s")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"a workflow is paused before its first workflow task is taken", func(w *World) {
		w.Start("w")
		w.PauseWorkflow("w")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"a workflow is paused while a worker has its task", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.PauseWorkflow("w")
		w.Describe("w")
		task.Complete(timer("t", "1h"))
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Describe("w")
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"a worker fails the task of a workflow that was paused meanwhile", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.PauseWorkflow("w")
		task.Fail()
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"a worker closes a workflow that was paused meanwhile", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.PauseWorkflow("w")
		task.Complete(complete("done"))
		w.Describe("w")
	}},
	{"a worker continues a workflow as new that was paused meanwhile", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.PauseWorkflow("w")
		task.Complete(continueAsNew())
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Terminate("w")
	}},
	{"a workflow is paused twice and let go twice", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.PauseWorkflow("w", "reason=dinner")
		w.PauseWorkflow("w", "request_id="+w.Prefix+"-r2")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.UnpauseWorkflow("w")
		w.Terminate("w")
	}},
	{"pauses that cannot be", func(w *World) {
		w.idle()
		w.PauseWorkflow("none")
		w.forget("none")
		w.UnpauseWorkflow("w")
		w.PauseWorkflow("w", "run_id=no-run")
		w.PauseWorkflow("w", "run_id=00000000-0000-4000-8000-000000000000")
		for _, field := range []string{"reason=", "identity=", "request_id=", "workflow_id="} {
			w.Say("long %s", field)
			w.PauseWorkflow("w", field+strings.Repeat("x", 1001))
			w.UnpauseWorkflow("w", field+strings.Repeat("x", 1001))
		}
		w.PauseWorkflow("w", "workflow_id=none")
		w.PauseWorkflow("w", "namespace=")
		w.Terminate("w")
		w.PauseWorkflow("w")
		w.UnpauseWorkflow("w")
	}},
	{"a timer fires while its workflow is paused", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1s"))
		w.PauseWorkflow("w")
		w.Await("w", 1, enumspb.EVENT_TYPE_TIMER_FIRED)
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"an activity that a worker has completes while its workflow is paused", func(w *World) {
		a := w.scheduled()
		w.PauseWorkflow("w")
		w.Describe("w")
		a.Heartbeat("half")
		a.Complete("out")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"an activity that a worker has fails while its workflow is paused", func(w *World) {
		a := w.scheduled(retried)
		w.PauseWorkflow("w")
		a.Fail(Failure("Bad"))
		w.pause("the next attempt is due", 1.5)
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity that no worker has yet waits while its workflow is paused", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PauseWorkflow("w")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity that is scheduled by a paused workflow waits", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.PauseWorkflow("w")
		task.Complete(w.activity("a"))
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"a paused workflow is cancelled", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.RequestCancel("w")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", cancelled())
	}},
	{"a paused workflow is terminated", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.Terminate("w")
		w.Describe("w")
	}},
	{"a paused workflow is queried and updated", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.Query("w", "q")()
		w.Query("w", "q", "query_reject_condition=NOT_OPEN")()
		w.Update("w", "u")()
		w.UnpauseWorkflow("w")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"a paused workflow is signalled with start, and started again", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		w.SignalWithStart("w", "s")
		w.Start("w")
		w.Start("w", "workflow_id_conflict_policy=USE_EXISTING")
		w.Describe("w")
		w.Start("w", "workflow_id_conflict_policy=TERMINATE_EXISTING")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a paused workflow is reset", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.PauseWorkflow("w")
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a workflow that was paused and let go is reset", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.PauseWorkflow("w")
		w.UnpauseWorkflow("w")
		w.Signal("w", "s")
		w.Decide("w", marker("m"))
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a child of a paused workflow ends", func(w *World) {
		w.family()
		w.PauseWorkflow("w")
		w.Decide("c", complete("done"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"a paused workflow times out", func(w *World) {
		w.Start("w", "workflow_run_timeout=6s")
		w.Decide("w", timer("t", "1h"))
		w.PauseWorkflow("w")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		w.Describe("w")
	}},
	{"the options of a paused workflow and of its activity are changed", func(w *World) {
		w.scheduled()
		w.PauseWorkflow("w")
		w.UpdateOptions("w", "workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority")
		w.UpdateActivityOptions("w", "a", "activity_options.start_to_close_timeout=3m", "update_mask.paths=start_to_close_timeout")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"an activity of a paused workflow is paused, let go and reset", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PauseWorkflow("w")
		w.PauseActivity("w", "a")
		w.Describe("w")
		w.UnpauseActivity("w", "a")
		w.ResetActivity("w", "a")
		w.Describe("w")
		w.UnpauseWorkflow("w")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"a workflow with a delayed start is paused", func(w *World) {
		w.Start("w", "workflow_start_delay=1h")
		w.forget("w") // it tells how long the delay is
		w.PauseWorkflow("w")
		w.Signal("w", "s")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
	{"a paused workflow with a sticky queue goes on", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "1h", timer("t", "1h"))
		w.PauseWorkflow("w")
		w.UnpauseWorkflow("w")
		w.Describe("w")
		w.ShutDown("sticky")
		w.Terminate("w")
	}},
	{"signals that come to a paused workflow are all there", func(w *World) {
		w.idle()
		w.PauseWorkflow("w")
		for range 3 {
			w.Signal("w", "s")
		}
		w.PauseActivity("w", "none")
		w.UnpauseWorkflow("w")
		w.Decide("w", complete("done"))
	}},
}
