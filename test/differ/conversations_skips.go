package differ

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

const skipping = "time_skipping_config.enabled=true"

// PollSkips waits for the end of a fast-forward.
func (w *World) PollSkips(name, id string) {
	_, _ = w.API.PollWorkflowExecutionTimeSkipping(w.Ctx, &workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), FastForwardId: id})
}

// skips are workflows that skip time.
var skips = []Scenario{
	{"a workflow skips the time of its timer", func(w *World) {
		w.Start("w", skipping)
		w.Decide("w", timer("t", "1h"))
		w.Decide("w", timer("u", "24h"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow skips no time while a worker has an activity", func(w *World) {
		w.Start("w", skipping)
		w.Decide("w", w.activity("a"), timer("t", "1h"))
		w.PollActivity("w").Complete("out")
		w.Decide("w", cancelTimer("t"), complete("done"))
	}},
	{"a workflow skips time until it has skipped as often as it may", func(w *World) {
		w.Start("w", skipping, "time_skipping_config.max_session_skip_count=2")
		w.Decide("w", timer("t", "1h"))
		w.Decide("w", timer("u", "1h"))
		w.Decide("w", timer("v", "1h"))
		w.pause("time is not skipped", 0.5)
		w.Terminate("w")
	}},
	{"a workflow that skips time times out", func(w *World) {
		w.Start("w", skipping, "workflow_run_timeout=1h")
		w.Decide("w", timer("t", "2h"))
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	}},
	{"a workflow begins to skip time when its options change", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.UpdateOptions("w", "workflow_execution_options.time_skipping_config.enabled=true", "update_mask.paths=time_skipping_config")
		w.Decide("w", timer("u", "1h"))
		w.Await("w", 2, enumspb.EVENT_TYPE_TIMER_FIRED)
		w.UpdateOptions("w", "workflow_execution_options.time_skipping_config.enabled=false", "update_mask.paths=time_skipping_config")
		w.Decide("w", complete("done"))
	}},
	{"a child of a workflow that skips time skips time, too", func(w *World) {
		w.Start("w", skipping)
		w.Decide("w", w.child("c"))
		w.Decide("c", timer("t", "1h"))
		w.Decide("c", complete("done"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
		w.Decide("w", complete("done"))
	}},
	{"a workflow that skips time continues as new", func(w *World) {
		w.Start("w", skipping)
		w.Decide("w", timer("t", "1h"))
		w.Decide("w", continueAsNew())
		w.Decide("w", timer("t", "1h"))
		w.Decide("w", complete("done"))
	}},
	{"what cannot be said of the skipping of time", func(w *World) {
		w.Start("w", skipping, "time_skipping_config.max_session_skip_count=-1")
		w.Start("w", skipping, "time_skipping_config.fast_forward_config.duration=1h")
		w.Start("w", skipping, "time_skipping_config.fast_forward_config.id=f")
		w.Start("w", "time_skipping_config.fast_forward_config.id=f", "time_skipping_config.fast_forward_config.duration=1h")
		w.Start("w", skipping, "time_skipping_config.fast_forward_config.id=f", "time_skipping_config.fast_forward_config.duration=-1h")
		w.Start("w", skipping)
		w.PollSkips("w", "")
		w.PollSkips("w", "no-such-id")
		w.PollSkips("none", "f")
		w.forget("none")
		w.Terminate("w")
		w.forget("w")
	}},
}
