package differ

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// scheduled starts the workflow "w" with activity "a" and returns it, taken.
func (w *World) scheduled(settings ...string) *Activity {
	w.Start("w")
	w.Decide("w", w.activity("a", settings...))
	return w.PollActivity("w")
}

const once = "retry_policy.maximum_attempts=1"

var activities = []Scenario{
	{"an activity with everything that can be said of it", func(w *World) {
		a := w.scheduled("input=in", "header=(h:1)", "schedule_to_close_timeout=1h", "schedule_to_start_timeout=10m", "start_to_close_timeout=5m",
			"heartbeat_timeout=10s", "retry_policy.initial_interval=2s", "retry_policy.backoff_coefficient=3", "retry_policy.maximum_interval=1m",
			"retry_policy.maximum_attempts=4", "retry_policy.non_retryable_error_types=Bad")
		w.Describe("w")
		a.Heartbeat("half")
		w.Describe("w")
		a.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"timeouts of an activity are derived from each other", func(w *World) {
		w.Start("w", "workflow_run_timeout=1h")
		w.Decide("w",
			w.activity("a", "start_to_close_timeout=none", "schedule_to_close_timeout=10m"),
			w.activity("b", "start_to_close_timeout=20m", "schedule_to_close_timeout=10m"),
			w.activity("c", "start_to_close_timeout=2h"),
			w.activity("d", "schedule_to_start_timeout=2h"),
			w.activity("e", "heartbeat_timeout=10m"),
			w.activity("f", "start_to_close_timeout=none", "schedule_to_close_timeout=2h", "schedule_to_start_timeout=2h", "heartbeat_timeout=2h"))
	}},
	{"an activity without any timeout", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a", "start_to_close_timeout=none"))
	}},
	{"two activities with the same id", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), w.activity("a"))
	}},
	{"an id of an activity may be used again once it has ended", func(w *World) {
		w.scheduled().Complete("out")
		w.Decide("w", w.activity("a"))
		w.PollActivity("w").Complete("again")
		w.Decide("w", complete("done"))
	}},
	{"an activity fails for good", func(w *World) {
		w.scheduled(once).Fail(Failure("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"an activity is retried", func(w *World) {
		w.scheduled("retry_policy.maximum_attempts=3", "retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=1").Fail(Failure("Bad"))
		w.Describe("w")
		w.PollActivity("w").Fail(Failure("Worse"), "last_heartbeat_details=half")
		a := w.PollActivity("w")
		w.Describe("w")
		a.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity uses up its attempts", func(w *World) {
		w.scheduled("retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s").Fail(Failure("Bad"))
		w.PollActivity("w").Fail(Failure("Worse"))
		w.Decide("w", complete("done"))
	}},
	{"a failure that is not to be retried ends an activity", func(w *World) {
		w.scheduled().Fail(Failure("Bad", "application_failure_info.non_retryable=true"))
		w.Decide("w", complete("done"))
	}},
	{"a failure of a type that is not to be retried ends an activity", func(w *World) {
		w.scheduled("retry_policy.non_retryable_error_types=Bad").Fail(Failure("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"an activity names the time of its retry", func(w *World) {
		w.scheduled("retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h").Fail(Failure("Bad", "application_failure_info.next_retry_delay=1s"))
		w.Describe("w")
		w.PollActivity("w").Complete("out")
	}},
	{"a retry that there is no time for", func(w *World) {
		w.scheduled("schedule_to_close_timeout=10s", "retry_policy.initial_interval=1m").Fail(Failure("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"an activity fails with other kinds of failures", func(w *World) {
		for i, failure := range []*failurepb.Failure{
			nil, {}, {Message: "plain"},
			{FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{}}},
			{FailureInfo: &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: true}}},
			{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: enumspb.TIMEOUT_TYPE_START_TO_CLOSE}}},
		} {
			name := fmt.Sprint("w", i)
			w.Start(name)
			w.Decide(name, w.activity("a", "task_queue="+w.Queue(name), once))
			w.PollActivity(name).Fail(failure)
			w.Describe(name)
		}
	}},
	{"nobody takes an activity in time", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a", "schedule_to_start_timeout=1s"))
		w.Decide("w", complete("done"))
	}},
	{"an activity takes too long", func(w *World) {
		a := w.scheduled("start_to_close_timeout=1s", once)
		w.Await("w", 1, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
		a.Complete("late")
		w.Decide("w", complete("done"))
	}},
	{"an activity that takes too long is tried again", func(w *World) {
		first := w.scheduled("start_to_close_timeout=5s", "retry_policy.initial_interval=1s")
		second := w.PollActivity("w")
		first.Complete("late")
		first.Heartbeat("late")
		second.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"timeouts that are not to be retried", func(w *World) {
		w.scheduled("start_to_close_timeout=1s", "retry_policy.non_retryable_error_types=TemporalTimeout:StartToClose")
		w.Decide("w", complete("done"))
	}},
	{"an activity without a heartbeat is tried again with what it has reported", func(w *World) {
		w.scheduled("heartbeat_timeout=1s", "retry_policy.initial_interval=1s").Heartbeat("half")
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity without a heartbeat fails for good", func(w *World) {
		w.scheduled("heartbeat_timeout=1s", once).Heartbeat("half")
		w.Decide("w", complete("done"))
	}},
	{"all attempts together take too long", func(w *World) {
		w.scheduled("schedule_to_close_timeout=6s", "retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=1").Fail(Failure("Bad"))
		w.PollActivity("w")
		w.Await("w", 1, enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
		w.Decide("w", complete("done"))
	}},
	{"an activity is cancelled before a worker takes it", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		w.Decide("w", complete("done"))
	}},
	{"an activity is cancelled in the task that schedules it", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), cancelActivity(5))
		w.Decide("w", complete("done"))
	}},
	{"a running activity learns that it is cancelled", func(w *World) {
		a := w.scheduled()
		w.Signal("w", "s")
		a.Heartbeat("one")
		w.Decide("w", cancelActivity(5))
		w.Describe("w")
		a.Heartbeat("two")
		a.Cancel("details=cleaned")
		w.Decide("w", complete("done"))
	}},
	{"an activity that is to be cancelled completes all the same", func(w *World) {
		a := w.scheduled()
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		a.Complete("out")
		w.Decide("w", complete("done"))
	}},
	{"an activity that is to be cancelled fails and is not tried again", func(w *World) {
		a := w.scheduled()
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		a.Fail(Failure("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"an activity that waits for its retry is cancelled", func(w *World) {
		w.scheduled("retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h").Fail(Failure("Bad"), "last_heartbeat_details=half")
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		w.Decide("w", complete("done"))
	}},
	{"a cancellation is requested twice", func(w *World) {
		w.scheduled()
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
		w.Describe("w")
	}},
	{"the cancellation of an activity that has ended", func(w *World) {
		w.scheduled().Complete("out")
		w.Decide("w", cancelActivity(5))
		w.Describe("w")
	}},
	{"the cancellation of activities that there are not", func(w *World) {
		for _, event := range []int64{0, -1, 1, 4, 99} {
			w.Say("event %d", event)
			name := fmt.Sprint("w", event)
			w.Start(name)
			w.Decide(name, cancelActivity(event))
		}
	}},
	{"an activity says it is cancelled though nobody asked", func(w *World) {
		a := w.scheduled()
		a.Cancel()
		a.Complete("out")
	}},
	{"an activity answers twice", func(w *World) {
		a := w.scheduled()
		a.Complete("out")
		a.Complete("out")
		a.Fail(Failure("Bad"))
		a.Cancel()
		a.Heartbeat("d")
	}},
	{"an activity of a workflow that has closed", func(w *World) {
		a := w.scheduled()
		w.Terminate("w")
		a.Heartbeat("d")
		a.Complete("out")
		a.Fail(Failure("Bad"))
		a.Cancel()
	}},
	{"an activity is answered by its id", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), w.activity("b"), w.activity("c"), w.activity("d"))
		for range 4 {
			w.quietly(func() { w.PollActivity("w") })
		}
		id := w.ID("w")
		_, _ = w.API.RecordActivityTaskHeartbeatById(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "a", Identity: "other", Details: Text("d")})
		_, _ = w.API.RespondActivityTaskCompletedById(w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "a", Identity: "other", Result: Text("out")})
		_, _ = w.API.RespondActivityTaskFailedById(w.Ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "b", Identity: "other",
			Failure: Failure("Bad", "application_failure_info.non_retryable=true"), LastHeartbeatDetails: Text("half")})
		_, _ = w.API.RespondActivityTaskCanceledById(w.Ctx, &workflowservice.RespondActivityTaskCanceledByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "c", Identity: "other"})
		_, _ = w.API.RespondActivityTaskCompletedById(w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "x"})
		w.quietly(func() { w.Describe("w") })
	}},
	{"an activity is answered by its id before it starts", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), w.activity("b"))
		id := w.ID("w")
		_, _ = w.API.RespondActivityTaskCompletedById(w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "a", Identity: "other", Result: Text("out")})
		_, _ = w.API.RespondActivityTaskFailedById(w.Ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "b", Identity: "other", Failure: Failure("Bad")})
		_, _ = w.API.RecordActivityTaskHeartbeatById(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{Namespace: Namespace, WorkflowId: id, ActivityId: "b", Identity: "other"})
		w.Describe("w")
	}},
	{"what is too large for an activity to report", func(w *World) {
		a := w.scheduled(once)
		_, _ = w.API.RecordActivityTaskHeartbeat(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: Namespace, TaskToken: a.TaskToken, Details: large()})
		w.Decide("w", w.activity("b", once))
		b := w.PollActivity("w")
		_, _ = w.API.RespondActivityTaskCompleted(w.Ctx, &workflowservice.RespondActivityTaskCompletedRequest{Namespace: Namespace, TaskToken: b.TaskToken, Result: large(), Identity: "worker"})
		w.Decide("w", w.activity("c", once))
		c := w.PollActivity("w")
		_, _ = w.API.RespondActivityTaskFailed(w.Ctx, &workflowservice.RespondActivityTaskFailedRequest{Namespace: Namespace, TaskToken: c.TaskToken,
			Failure: &failurepb.Failure{Message: "large", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Details: large()}}}, Identity: "worker"})
		w.Decide("w", complete("done"))
	}},
	{"an eager activity comes with the completion", func(w *World) {
		w.Start("w")
		reply := w.Poll("w").Complete(w.activity("a", "request_eager_execution=true"), w.activity("b"))
		if len(reply.GetActivityTasks()) != 1 {
			return
		}
		(&Activity{reply.ActivityTasks[0], w}).Complete("out")
		w.PollActivity("w").Complete("out")
	}},
	{"an eager activity on another queue", func(w *World) {
		w.Start("w")
		w.Poll("w").Complete(w.activity("a", "request_eager_execution=true", "task_queue="+w.Queue("other")))
		w.Describe("w")
	}},
	{"an eager activity with a task that is returned", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "s")
		task.CompleteWith(Settings{"return_new_workflow_task=true"}, w.activity("a", "request_eager_execution=true"))
	}},
	{"an activity ends while a workflow task is started", func(w *World) {
		a := w.scheduled()
		w.Signal("w", "s")
		task := w.Poll("w")
		a.Complete("out")
		w.Signal("w", "t")
		task.Complete(timer("t", "1h"))
		w.Decide("w", complete("done"))
	}},
	{"results of activities come after all other events of a buffer", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), w.activity("b", once, "task_queue="+w.Queue("b")))
		a, b := w.PollActivity("w"), w.PollActivity("b")
		w.Signal("w", "s")
		task := w.Poll("w")
		a.Complete("out")
		b.Complete("out")
		w.Signal("w", "t")
		w.RequestCancel("w")
		task.Complete()
		w.Decide("w", complete("done"))
	}},
	{"a workflow fails over the result of an activity it has not seen", func(w *World) {
		a := w.scheduled()
		w.Signal("w", "s")
		task := w.Poll("w")
		a.Complete("out")
		task.Complete(fail("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"an activity on a queue of its own", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a", "task_queue="+w.Queue("other")))
		w.PollActivity("other").Complete("out")
		w.Decide("w", complete("done"))
	}},
}
