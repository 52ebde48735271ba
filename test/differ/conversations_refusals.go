package differ

import (
	"context"
	"time"

	"go.temporal.io/api/workflowservice/v1"
)

const anotherRun = "8c7f0ae4-9a2e-4a5a-9d3f-2b7d4c1e6f00"

// refusals are calls about what is not there, or not any more, and links, callbacks and
// overrides of versions that cannot be.
var refusals = []Scenario{
	{"calls about a workflow that there is not", func(w *World) {
		w.aboutWorkflow("nobody")
		w.Describe("nobody")
		w.ResetTo("nobody", 3)
		_, _ = w.API.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("nobody")})
		_, _ = w.API.GetWorkflowExecutionHistoryReverse(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: Namespace, Execution: w.Execution("nobody")})
	}},
	{"calls about a workflow that has closed", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Terminate("w")
		w.aboutWorkflow("w")
		task.Complete()
		task.Fail()
	}},
	{"calls about a run that there is not", func(w *World) {
		w.Start("w")
		w.Signal("w", "s", "workflow_execution.run_id="+anotherRun)
		w.RequestCancel("w", "workflow_execution.run_id="+anotherRun)
		w.RequestCancel("w", "first_execution_run_id="+anotherRun)
		w.Terminate("w", "workflow_execution.run_id="+anotherRun)
		w.Terminate("w", "first_execution_run_id="+anotherRun)
		w.Describe("w", "execution.run_id="+anotherRun)
		w.Delete("w", "workflow_execution.run_id="+anotherRun)
		w.ResetTo("w", 3, "workflow_execution.run_id="+anotherRun)
		w.UpdateOptions("w", "workflow_execution.run_id="+anotherRun, "workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority")
	}},
	{"activities that there are not are completed by their ids", func(w *World) {
		w.Start("w")
		for _, id := range []string{"", "no-such-activity"} {
			_, _ = w.API.RespondActivityTaskCompletedById(w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: id})
			_, _ = w.API.RespondActivityTaskFailedById(w.Ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: id})
			_, _ = w.API.RespondActivityTaskCanceledById(w.Ctx, &workflowservice.RespondActivityTaskCanceledByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: id})
			_, _ = w.API.RecordActivityTaskHeartbeatById(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: id})
		}
	}},
	{"polls that cannot be", func(w *World) {
		_, _ = w.API.PollActivityTaskQueue(w.Ctx, w.activityPoll("w", "namespace=no-such-namespace"))
		_, _ = w.API.PollActivityTaskQueue(w.Ctx, w.activityPoll("w", "task_queue=none"))
		_, _ = w.API.PollWorkflowTaskQueue(w.Ctx, w.pollRequest("w", "task_queue=none"))
		ctx, cancel := context.WithTimeout(w.Ctx, 1500*time.Millisecond)
		defer cancel()
		_, _ = w.API.PollActivityTaskQueue(ctx, w.activityPoll("w"))
	}},
	{"links that cannot be", func(w *World) {
		event := "links+.workflow_event."
		for _, settings := range [][]string{
			{event + "namespace="}, {event + "namespace=default"}, {event + "namespace=default", "links.workflow_event.workflow_id=x"},
			{event + "namespace=default", "links.workflow_event.workflow_id=x", "links.workflow_event.run_id=y"},
			{event + "namespace=default", "links.workflow_event.workflow_id=x", "links.workflow_event.run_id=y", "links.workflow_event.event_ref.event_id=3"},
			{event + "namespace=default", "links.workflow_event.workflow_id=x", "links.workflow_event.run_id=y", "links.workflow_event.request_id_ref.request_id=r"},
			{"links+.batch_job.job_id="}, {"links+.batch_job.job_id=j"},
			{"links+.activity.namespace="}, {"links+.activity.namespace=default", "links.activity.activity_id=a"},
			{"links+.nexus_operation.namespace=default"}, {"links+.workflow.namespace=default"}, {"links="},
		} {
			w.Start("w", append(settings, "workflow_id_conflict_policy=USE_EXISTING")...)
			w.Signal("w", "s", settings...)
		}
	}},
	{"links come into the history", func(w *World) {
		link := []string{"links+.workflow_event.namespace=default", "links.workflow_event.workflow_id=x", "links.workflow_event.run_id=y",
			"links.workflow_event.event_ref.event_id=3", "links.workflow_event.event_ref.event_type=TIMER_FIRED"}
		w.Start("w", link...)
		w.Signal("w", "s", link...)
		w.RequestCancel("w", link...)
		w.SignalWithStart("w", "t", link...)
		w.Terminate("w", link...)
	}},
	{"callbacks that cannot be", func(w *World) {
		for _, settings := range [][]string{
			{"completion_callbacks+.nexus.url=http://localhost:1/x"}, {"completion_callbacks+.nexus.url=nonsense"}, {"completion_callbacks+.nexus.url="},
			{"completion_callbacks+.nexus.url=ftp://localhost/x"}, {"completion_callbacks+.nexus.url=http:///x"}, {"completion_callbacks="},
			{"completion_callbacks+.nexus.url=temporal://system"}, {"completion_callbacks+.nexus.url=temporal://other"},
		} {
			w.Start("w", append(settings, "workflow_id_conflict_policy=USE_EXISTING")...)
			_, _ = w.API.UpdateWorkflowExecution(w.Ctx, w.UpdateRequest("none", "u", prefixed("request.", settings)...))
		}
	}},
	{"options of a conflict that cannot be", func(w *World) {
		w.Start("w", "on_conflict_options.attach_completion_callbacks=true")
		w.Start("w", "on_conflict_options.attach_links=true")
		w.Start("w", "on_conflict_options.attach_request_id=true", "workflow_id_conflict_policy=USE_EXISTING")
		w.Start("w", "on_conflict_options.attach_request_id=true", "on_conflict_options.attach_links=true", "workflow_id_conflict_policy=USE_EXISTING",
			"links+.batch_job.job_id=j")
		w.Start("w", "on_conflict_options.attach_request_id=true", "workflow_id_conflict_policy=FAIL")
		w.Describe("w")
	}},
	{"overrides of versions that cannot be", func(w *World) {
		for _, settings := range [][]string{
			{"versioning_override.behavior=99"}, {"versioning_override.behavior=PINNED"}, {"versioning_override.pinned.behavior=PINNED"},
			{"versioning_override.pinned.behavior=PINNED", "versioning_override.pinned.version.deployment_name=d"},
			{"versioning_override.pinned.version.build_id=b"}, {"versioning_override.behavior=AUTO_UPGRADE", "versioning_override.pinned_version=x"},
			{"versioning_override.auto_upgrade=false"},
		} {
			w.Start("w", settings...)
		}
	}},
	{"a start is eager where nobody polls", func(w *World) {
		w.Start("w", "request_eager_execution=true")
	}},
	{"a start that says what only a server knows", func(w *World) {
		w.Start("w", "continued_failure=Bad", "last_completion_result=out")
		w.Decide("w", continueAsNew("failure=Bad", "last_completion_result=out", "initiator=CRON_SCHEDULE", "backoff_start_interval=2s"))
		w.Poll("w")
	}},
	{"metadata and groups of events come into the history", func(w *World) {
		w.Start("w", `user_metadata.summary="s"`, `user_metadata.details="d"`)
		command := timer("t", "1h")
		Set(command, `user_metadata.summary="of the timer"`)
		w.Poll("w").CompleteWith(Settings{"sdk_metadata.core_used_flags=1", "sdk_metadata.lang_used_flags=2", "sdk_metadata.sdk_name=go",
			"metering_metadata.nonfirst_local_activity_execution_attempts=3"}, command)
		w.Describe("w")
	}},
}

// aboutWorkflow makes calls that a workflow has to be running for.
func (w *World) aboutWorkflow(name string) {
	w.Signal(name, "s")
	w.RequestCancel(name)
	w.Terminate(name)
	w.ResetSticky(name)
	w.Update(name, "u")()
	w.PollUpdate(name, "u")
	w.UpdateOptions(name, "workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority")
	w.PauseActivity(name, "a")
	w.Query(name, "q", "query_reject_condition=NOT_OPEN")()
}

// activityPoll is a poll for activity tasks of the queue of that name.
func (w *World) activityPoll(name string, settings ...string) *workflowservice.PollActivityTaskQueueRequest {
	return Set(&workflowservice.PollActivityTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue(name), Identity: "worker"}, settings...)
}

// prefixed are settings of a message that is a field of another.
func prefixed(field string, settings []string) []string {
	var all []string
	for _, setting := range settings {
		all = append(all, field+setting)
	}
	return all
}
