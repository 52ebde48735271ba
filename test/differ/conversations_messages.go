package differ

// updateMessages are what a worker says of updates, right and wrong, and what becomes of
// updates with starts.
var updateMessages = []Scenario{
	{"an update that is accepted is sent again, and waits for its outcome", func(w *World) {
		w.idle()
		accepted := w.Update("w", "u", "wait_policy.lifecycle_stage=ACCEPTED")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"))
		accepted()
		w.Update("w", "u", "wait_policy.lifecycle_stage=ACCEPTED")()
		completed := w.Update("w", "u")
		w.Signal("w", "s")
		w.Poll("w").Messages(messages(FailedOutcome("u", "Bad")), protocolMessage("u/complete"))
		completed()
		w.Update("w", "u")()
	}},
	{"an update that is rejected may be sent again", func(w *World) {
		w.idle()
		first := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"))
		first()
		second := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		second()
	}},
	{"an update of the run before is none of the next run", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"), continueAsNew())
		wait()
		w.PollUpdate("w", "u")
		again := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		again()
	}},
	{"a rejected update whose worker has seen no more events leaves no trace, wherever the task is", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		wait := w.Update("w", "u")
		task := sticky()
		request := Set(task.completion(protocolMessage("u/reject")), "capabilities.discard_speculative_workflow_task_with_events=true",
			"sticky_attributes.worker_task_queue.name="+w.Queue("sticky"), "sticky_attributes.worker_task_queue.kind=STICKY",
			"sticky_attributes.schedule_to_start_timeout=5s")
		request.Messages = messages(task.Reject("u"))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
		w.finish("w")
	}},
	{"an update is rejected after the worker has seen an activity's start in its history", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PollActivity("w").Complete("out")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		task := w.Poll("w")
		request := Set(task.completion(protocolMessage("u/reject")), "capabilities.discard_speculative_workflow_task_with_events=true")
		request.Messages = messages(task.Reject("u"))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"update with start of an update that the workflow has completed", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=FAIL")()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=USE_EXISTING")()
	}},
	{"update with start of an update that a closed workflow has completed", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"), complete("done"))
		wait()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=USE_EXISTING")()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=FAIL", "workflow_id_reuse_policy=REJECT_DUPLICATE")()
	}},
	{"update with start of a closed workflow whose id may not be used again", func(w *World) {
		w.Start("w")
		w.Decide("w", complete("done"))
		w.UpdateWithStart("w", "u", "workflow_id_reuse_policy=REJECT_DUPLICATE")()
		w.UpdateWithStart("w", "u", "workflow_id_reuse_policy=ALLOW_DUPLICATE_FAILED_ONLY", "workflow_id_conflict_policy=USE_EXISTING")()
	}},
	{"update with start terminates what is running", func(w *World) {
		w.idle()
		w.pause("the id may be used again", 1.1)
		wait := w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=TERMINATE_EXISTING")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"a workflow closes over an update with start", func(w *World) {
		wait := w.UpdateWithStart("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), complete("done"))
		wait()
	}},
}
