package differ

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

const retried = "retry_policy.initial_interval=1s"

// operators are conversations with those who look after workflows.
var operators = []Scenario{
	{"an activity is paused before a worker takes it, and goes on", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PauseActivity("w", "a")
		w.Describe("w")
		w.UnpauseActivity("w", "a")
		w.Describe("w")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity is paused while a worker has it", func(w *World) {
		a := w.scheduled()
		a.Heartbeat("half")
		w.PauseActivity("w", "a")
		w.Describe("w")
		a.Heartbeat("more")
		a.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity that is paused fails, and waits", func(w *World) {
		a := w.scheduled(retried)
		w.PauseActivity("w", "a")
		a.Fail(Failure("Bad"))
		w.Describe("w")
		w.UnpauseActivity("w", "a")
		b := w.PollActivity("w")
		w.Describe("w")
		b.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity is paused twice and let go twice", func(w *World) {
		w.scheduled(retried)
		w.PauseActivity("w", "a", "reason=lunch")
		w.PauseActivity("w", "a", "reason=dinner")
		w.Describe("w")
		w.UnpauseActivity("w", "a")
		w.UnpauseActivity("w", "a")
		w.Describe("w")
	}},
	{"an activity that is let go begins with its first attempt", func(w *World) {
		a := w.scheduled(retried)
		a.Heartbeat("half")
		w.PauseActivity("w", "a")
		a.Fail(Failure("Bad"))
		w.UnpauseActivity("w", "a", "reset_attempts=true", "reset_heartbeat=true")
		b := w.PollActivity("w")
		w.Describe("w")
		b.Complete("out")
	}},
	{"an activity is paused while it waits for its next attempt", func(w *World) {
		w.scheduled("retry_policy.initial_interval=1h").Fail(Failure("Bad"))
		w.PauseActivity("w", "a")
		w.Describe("w")
		w.UnpauseActivity("w", "a", "reset_attempts=true")
		w.PollActivity("w").Complete("out")
	}},
	{"an activity that is paused is canceled", func(w *World) {
		a := w.scheduled(retried)
		w.PauseActivity("w", "a")
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		a.Heartbeat("half")
		w.Describe("w")
		a.Cancel()
		w.Decide("w", complete("done"))
	}},
	{"an activity that is paused and with no worker is canceled", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PauseActivity("w", "a")
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		w.Decide("w", complete("done"))
	}},
	{"activities are paused by their type", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), w.activity("b"), w.activity("c", "activity_type=other"))
		_, _ = w.API.PauseActivity(w.Ctx, &workflowservice.PauseActivityRequest{Namespace: Namespace, Execution: w.Execution("w"),
			Identity: "operator", Activity: &workflowservice.PauseActivityRequest_Type{Type: "act"}})
		w.Describe("w")
		_, _ = w.API.UnpauseActivity(w.Ctx, &workflowservice.UnpauseActivityRequest{Namespace: Namespace, Execution: w.Execution("w"),
			Identity: "operator", Activity: &workflowservice.UnpauseActivityRequest_UnpauseAll{UnpauseAll: true}})
		w.Describe("w")
	}},
	{"an activity that there is not is paused, let go, reset and changed", func(w *World) {
		w.scheduled()
		w.PauseActivity("w", "b")
		w.UnpauseActivity("w", "b")
		w.ResetActivity("w", "b")
		w.UpdateActivityOptions("w", "b", "activity_options.start_to_close_timeout=2m", "update_mask.paths=start_to_close_timeout")
	}},
	{"an activity is reset while a worker has it", func(w *World) {
		a := w.scheduled(retried)
		a.Heartbeat("half")
		w.ResetActivity("w", "a", "reset_heartbeat=true")
		w.Describe("w")
		a.Heartbeat("more")
		a.Fail(Failure("Bad"))
		b := w.PollActivity("w")
		w.Describe("w")
		b.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity is reset while a worker has its second attempt", func(w *World) {
		w.scheduled("retry_policy.initial_interval=1ms").Fail(Failure("Bad"))
		a := w.PollActivity("w")
		w.ResetActivity("w", "a")
		w.Describe("w")
		a.Heartbeat("half")
		a.Complete("out")
	}},
	{"an activity is reset while it waits for its next attempt", func(w *World) {
		w.scheduled("retry_policy.initial_interval=1h").Fail(Failure("Bad"))
		w.ResetActivity("w", "a")
		a := w.PollActivity("w")
		w.Describe("w")
		a.Complete("out")
	}},
	{"an activity that is paused is reset, and stays paused or does not", func(w *World) {
		for _, keep := range []string{"keep_paused=true", "keep_paused=false"} {
			name := "w-" + keep[len("keep_paused="):]
			w.Start(name)
			w.Decide(name, w.activity("a", "task_queue="+w.Queue(name)))
			w.PauseActivity(name, "a")
			w.ResetActivity(name, "a", keep)
			w.Describe(name)
		}
	}},
	{"the options of an activity change", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a", "schedule_to_close_timeout=1h"))
		for _, settings := range [][]string{
			{"activity_options.start_to_close_timeout=2m", "update_mask.paths=start_to_close_timeout"},
			{"activity_options.schedule_to_close_timeout=2h", "activity_options.heartbeat_timeout=1m", "update_mask.paths=scheduleToCloseTimeout", "update_mask.paths=heartbeatTimeout"},
			{"activity_options.retry_policy.maximum_attempts=7", "update_mask.paths=retry_policy.maximum_attempts"},
			{"activity_options.retry_policy.initial_interval=3s", "update_mask.paths=retry_policy.initial_interval"},
			{"activity_options.retry_policy.backoff_coefficient=0.5", "update_mask.paths=retry_policy.backoff_coefficient"},
			{"activity_options.task_queue=" + w.Queue("other"), "update_mask.paths=task_queue.name"},
			{"activity_options.priority.priority_key=3", "update_mask.paths=priority"},
			{"activity_options.priority.priority_key=-1", "update_mask.paths=priority.priority_key"},
			{"activity_options.start_to_close_timeout=-1s", "update_mask.paths=start_to_close_timeout"},
			{"update_mask.paths=start_to_close_timeout"},
			{"update_mask.paths=no_such_field"},
			{},
			{"restore_original=true"},
			{"restore_original=true", "activity_options.start_to_close_timeout=2m", "update_mask.paths=start_to_close_timeout"},
		} {
			w.UpdateActivityOptions("w", "a", settings...)
		}
		w.Describe("w")
	}},
	{"an activity gets a retry policy that cannot be", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		for _, setting := range []string{"initial_interval=-1s", "maximum_interval=-1s", "maximum_attempts=-1", "backoff_coefficient=0.5", "backoff_coefficient=NaN"} {
			w.UpdateActivityOptions("w", "a", "activity_options.retry_policy.initial_interval=1s", "activity_options.retry_policy.maximum_interval=2s",
				"activity_options.retry_policy.backoff_coefficient=1", "activity_options.retry_policy."+setting, "update_mask.paths=retry_policy")
		}
	}},
	{"an activity gets another queue", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.UpdateActivityOptions("w", "a", "activity_options.task_queue="+w.Queue("other"), "update_mask.paths=task_queue.name")
		w.PollActivity("other").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"a call to an activity of a workflow that has closed", func(w *World) {
		w.scheduled()
		w.Terminate("w")
		w.PauseActivity("w", "a")
		w.UnpauseActivity("w", "a")
		w.ResetActivity("w", "a")
		w.UpdateActivityOptions("w", "a", "activity_options.start_to_close_timeout=2m", "update_mask.paths=start_to_close_timeout")
	}},
	{"the options of a workflow change", func(w *World) {
		w.Start("w", "priority.priority_key=4")
		w.Describe("w")
		for _, settings := range [][]string{
			{"workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority"},
			{"workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority"},
			{"workflow_execution_options.priority.fairness_key=tenant", "update_mask.paths=priority.fairness_key"},
			{"workflow_execution_options.priority.fairness_weight=2", "update_mask.paths=priority.fairness_weight"},
			{"workflow_execution_options.priority.priority_key=-2", "update_mask.paths=priority.priority_key"},
			{"update_mask.paths=priority"},
			{"update_mask.paths=no_such_field"},
			{"update_mask.paths=versioning_override"},
			{},
		} {
			w.UpdateOptions("w", settings...)
		}
		w.Describe("w")
		w.Decide("w", complete("done"))
		w.UpdateOptions("w", "workflow_execution_options.priority.priority_key=1", "update_mask.paths=priority")
	}},
	{"a priority that was changed goes on when a workflow continues as new, not when it is retried or is started by its cron schedule", func(w *World) {
		priority := []string{"workflow_execution_options.priority.priority_key=5", "update_mask.paths=priority"}
		for _, settings := range [][]string{
			{"retry_policy.maximum_attempts=3", "retry_policy.initial_interval=1s"},
			{"retry_policy.maximum_attempts=3", "retry_policy.initial_interval=1s", "priority.priority_key=2"},
		} {
			name := fmt.Sprint("w", len(settings))
			w.Start(name, settings...)
			w.UpdateOptions(name, priority...)
			w.Decide(name, continueAsNew("retry_policy.maximum_attempts=3", "retry_policy.initial_interval=1s"))
			w.Decide(name, fail("Bad"))
			w.UpdateOptions(name, "workflow_execution_options.priority.priority_key=1", "update_mask.paths=priority")
			w.Decide(name, fail("Bad"))
			w.Terminate(name)
		}
		w.Start("cron", "cron_schedule=@every 1s", "priority.priority_key=2")
		w.UpdateOptions("cron", priority...)
		w.Decide("cron", complete("one"))
		w.Decide("cron", complete("two"))
		w.Terminate("cron")
	}},
	{"priorities of a workflow go on to its activities and children", func(w *World) {
		w.Start("w", "priority.priority_key=2", "priority.fairness_key=tenant", "priority.fairness_weight=3")
		w.Decide("w", w.activity("a"), w.activity("b", "priority.priority_key=5"), w.child("c"))
		w.answered("w")
		for range 2 {
			w.PollActivity("w").Complete("out")
		}
		w.Decide("c", continueAsNew())
		w.Poll("c")
	}},
	{"priorities that cannot be", func(w *World) {
		for i, setting := range []string{"priority.priority_key=-1", "priority.priority_key=1000", "priority.fairness_weight=-1", "priority.fairness_weight=1e-9", "priority.fairness_weight=1e9"} {
			w.Start(fmt.Sprint("w", i), setting)
		}
		w.Start("w")
		w.Decide("w", w.activity("a", "priority.priority_key=-1"))
	}},
	{"fairness weights that are no numbers", func(w *World) {
		w.Start("w0", "priority.fairness_weight=NaN")
		w.Start("w1", "priority.fairness_weight=+Inf")
	}},
	{"a task queue is described", func(w *World) {
		w.DescribeTaskQueue("w")
		w.scheduled().Complete("out")
		w.DescribeTaskQueue("w", "report_config=true")
		w.DescribeTaskQueue("w", "task_queue_type=WORKFLOW", "report_config=true")
		for _, bad := range []string{"task_queue=none", "task_queue.name=", "task_queue.name=/_sys/x/1", "task_queue_type=NEXUS", "task_queue_type=99"} {
			w.DescribeTaskQueue("w", bad)
		}
	}},
	{"a task queue gets rates and weights", func(w *World) {
		update := func(settings ...string) {
			_, _ = w.API.UpdateTaskQueueConfig(w.Ctx, Set(&workflowservice.UpdateTaskQueueConfigRequest{
				Namespace: Namespace, Identity: "operator", TaskQueue: w.Queue("w"), TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY}, settings...))
			w.DescribeTaskQueue("w", "report_config=true")
		}
		update("update_queue_rate_limit.rate_limit.requests_per_second=10", "update_queue_rate_limit.reason=because")
		update("update_fairness_key_rate_limit_default.rate_limit.requests_per_second=5")
		update("set_fairness_weight_overrides=(a:2, b:3)")
		update("unset_fairness_weight_overrides=a", "set_fairness_weight_overrides=(c:4)")
		update("set_fairness_weight_overrides=(a:0)")
		update("update_queue_rate_limit.reason=no more")
	}},
	{"a workflow is reset to the end of its first task", func(w *World) {
		w.scheduled().Complete("out")
		w.Signal("w", "s")
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"a workflow that has closed is reset", func(w *World) {
		w.Start("w")
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
		w.ResetTo("w", 5)
		w.ResetTo("w", 5)
		w.Decide("w", complete("again"))
	}},
	{"a workflow is reset without its signals", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "s")
		w.ResetTo("w", 4, "reset_reapply_exclude_types=SIGNAL")
		w.Decide("w", complete("done"))
	}},
	{"a workflow is reset, and gets a signal and other options after it", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.ResetTo("w", 4, "post_reset_operations+.signal_workflow.signal_name=after", "post_reset_operations+.signal_workflow.signal_name=more")
		w.Decide("w", complete("done"))
	}},
	{"a workflow is reset to events that no task ends with", func(w *World) {
		w.scheduled()
		for _, event := range []int64{-1, 0, 1, 2, 3, 5, 6, 1000} {
			w.ResetTo("w", event)
		}
	}},
	{"a workflow is reset twice by the same request", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		execution := w.Execution("w")
		for range 2 {
			_, _ = w.API.ResetWorkflowExecution(w.Ctx, &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace,
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: execution.WorkflowId}, RequestId: w.Other("reset"), WorkflowTaskFinishEventId: 4})
		}
	}},
	{"the tasks of a workflow's history come in pages, newest and oldest first, of a run that goes on", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Signal("w", "s")
		for _, size := range []int32{1, 2, 1000, 5000} {
			_, _ = w.API.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
				Namespace: Namespace, Execution: w.Execution("w"), MaximumPageSize: size + 6})
			_, _ = w.API.GetWorkflowExecutionHistoryReverse(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
				Namespace: Namespace, Execution: w.Execution("w"), MaximumPageSize: size + 6})
		}
	}},
	{"what a Temporal server has turned off is refused", func(w *World) {
		w.Start("w")
		_, _ = w.API.PauseWorkflowExecution(w.Ctx, &workflowservice.PauseWorkflowExecutionRequest{Namespace: Namespace, WorkflowId: w.ID("w"), Identity: "operator"})
		_, _ = w.API.UnpauseWorkflowExecution(w.Ctx, &workflowservice.UnpauseWorkflowExecutionRequest{Namespace: Namespace, WorkflowId: w.ID("w"), Identity: "operator"})
		_, _ = w.API.CreateWorkflowRule(w.Ctx, &workflowservice.CreateWorkflowRuleRequest{Namespace: Namespace})
		_, _ = w.API.DescribeWorkflowRule(w.Ctx, &workflowservice.DescribeWorkflowRuleRequest{Namespace: Namespace, RuleId: "r"})
		_, _ = w.API.DeleteWorkflowRule(w.Ctx, &workflowservice.DeleteWorkflowRuleRequest{Namespace: Namespace, RuleId: "r"})
		_, _ = w.API.ListWorkflowRules(w.Ctx, &workflowservice.ListWorkflowRulesRequest{Namespace: Namespace})
		w.Start("skipping", "time_skipping_config.enabled=true")
	}},
}
