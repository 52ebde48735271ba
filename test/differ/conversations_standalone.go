package differ

import (
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// StartActivityRequest is a valid start of the activity of that name, of type "work", on
// the queue of that name, without a workflow.
func (w *World) StartActivityRequest(name string, settings ...string) *workflowservice.StartActivityExecutionRequest {
	return Set(&workflowservice.StartActivityExecutionRequest{
		Namespace: Namespace, ActivityId: w.Other(name), ActivityType: &commonpb.ActivityType{Name: "work"},
		TaskQueue: w.taskQueue(name), RequestId: w.requestID(), Identity: "client", Input: Text("in"),
		StartToCloseTimeout: durationpb.New(secondsOf(60))}, settings...)
}

// StartActivity starts the activity of that name and returns its run id.
func (w *World) StartActivity(name string, settings ...string) string {
	reply, err := w.API.StartActivityExecution(w.Ctx, w.StartActivityRequest(name, settings...))
	if err != nil {
		return ""
	}
	return reply.RunId
}

// begun starts the activity "a" and returns its first attempt, taken.
func (w *World) begun(settings ...string) *Activity {
	w.StartActivity("a", settings...)
	return w.PollActivity("a")
}

// DescribeActivity describes the activity of that name, with all there is to be said.
func (w *World) DescribeActivity(name string, settings ...string) *workflowservice.DescribeActivityExecutionResponse {
	reply, _ := w.API.DescribeActivityExecution(w.Ctx, Set(&workflowservice.DescribeActivityExecutionRequest{
		Namespace: Namespace, ActivityId: w.Other(name), IncludeInput: true, IncludeOutcome: true, IncludeHeartbeatDetails: true,
		IncludeLastFailure: true}, settings...))
	return reply
}

// PollOutcome asks for how the activity of that name has ended, until the server says.
func (w *World) PollOutcome(name string, settings ...string) {
	_, _ = w.API.PollActivityExecution(w.Ctx, Set(&workflowservice.PollActivityExecutionRequest{
		Namespace: Namespace, ActivityId: w.Other(name)}, settings...))
}

// CancelActivity asks for the activity of that name to be cancelled.
func (w *World) CancelActivity(name string, settings ...string) {
	_, _ = w.API.RequestCancelActivityExecution(w.Ctx, Set(&workflowservice.RequestCancelActivityExecutionRequest{
		Namespace: Namespace, ActivityId: w.Other(name), RequestId: w.requestID(), Identity: "canceller", Reason: "enough"}, settings...))
}

// TerminateActivity terminates the activity of that name.
func (w *World) TerminateActivity(name string, settings ...string) {
	_, _ = w.API.TerminateActivityExecution(w.Ctx, Set(&workflowservice.TerminateActivityExecutionRequest{
		Namespace: Namespace, ActivityId: w.Other(name), RequestId: w.requestID(), Identity: "terminator", Reason: "enough"}, settings...))
}

// standalone are activities without a workflow.
var standalone = []Scenario{
	{"an activity of its own with everything that can be said of it", func(w *World) {
		a := w.begun("header=(h:1)", "schedule_to_close_timeout=1h", "schedule_to_start_timeout=10m", "start_to_close_timeout=5m",
			"heartbeat_timeout=1m", "retry_policy.initial_interval=2s", "retry_policy.backoff_coefficient=3", "retry_policy.maximum_interval=1m",
			"retry_policy.maximum_attempts=4", "retry_policy.non_retryable_error_types=Bad", "priority.priority_key=2", "priority.fairness_key=k",
			"user_metadata.summary=s", "user_metadata.details=d")
		w.DescribeActivity("a")
		a.Heartbeat("half")
		w.DescribeActivity("a")
		a.Complete("out")
		w.DescribeActivity("a")
		w.PollOutcome("a")
	}},
	{"an activity of its own before it is taken, with little said of it", func(w *World) {
		w.StartActivity("a")
		w.DescribeActivity("a", "include_input=false")
	}},
	{"an activity of its own whose timeouts are derived", func(w *World) {
		w.StartActivity("a", "start_to_close_timeout=none", "schedule_to_close_timeout=10m")
		w.DescribeActivity("a")
		w.StartActivity("b", "start_to_close_timeout=20m", "schedule_to_close_timeout=10m", "heartbeat_timeout=30m")
		w.DescribeActivity("b")
	}},
	{"an activity of its own fails for good", func(w *World) {
		w.begun(once).Fail(Failure("Bad"))
		w.DescribeActivity("a")
		w.PollOutcome("a")
	}},
	{"an activity of its own is retried", func(w *World) {
		w.begun("retry_policy.maximum_attempts=3", "retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=1").
			Fail(Failure("Bad"))
		w.PollActivity("a").Fail(Failure("Worse"), "last_heartbeat_details=half")
		a := w.PollActivity("a")
		w.DescribeActivity("a")
		a.Complete("out")
		w.DescribeActivity("a")
	}},
	{"an activity of its own waits for its next attempt", func(w *World) {
		w.begun("retry_policy.initial_interval=10m").Fail(Failure("Bad"))
		w.DescribeActivity("a")
		w.CancelActivity("a")
		w.DescribeActivity("a")
	}},
	{"a worker says when an activity of its own is to be tried again", func(w *World) {
		w.begun().Fail(Failure("Bad", "application_failure_info.next_retry_delay=10m"))
		w.DescribeActivity("a")
	}},
	{"an activity of its own uses up its attempts", func(w *World) {
		w.begun("retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s").Fail(Failure("Bad"))
		w.PollActivity("a").Fail(Failure("Worse"))
		w.DescribeActivity("a")
	}},
	{"a failure that is not to be retried ends an activity of its own", func(w *World) {
		w.begun().Fail(Failure("Bad", "application_failure_info.non_retryable=true"))
		w.PollOutcome("a")
		w.StartActivity("b", "retry_policy.non_retryable_error_types=Bad")
		w.PollActivity("b").Fail(Failure("Bad"))
		w.PollOutcome("b")
	}},
	{"an activity of its own fails without a failure", func(w *World) {
		w.begun(once).Fail(nil)
		w.DescribeActivity("a")
	}},
	{"nobody takes an activity of its own", func(w *World) {
		w.StartActivity("a", "schedule_to_start_timeout=1s")
		w.PollOutcome("a")
		w.DescribeActivity("a")
	}},
	{"an attempt of an activity of its own takes too long", func(w *World) {
		w.begun(once, "start_to_close_timeout=3s")
		w.PollOutcome("a")
		w.DescribeActivity("a")
	}},
	{"an activity of its own gives no sign of life", func(w *World) {
		w.begun(once, "heartbeat_timeout=5s").Heartbeat("half")
		w.PollOutcome("a")
		w.DescribeActivity("a")
	}},
	{"the time for an activity of its own is over", func(w *World) {
		w.begun("schedule_to_close_timeout=10s", "start_to_close_timeout=none")
		w.PollOutcome("a")
		w.DescribeActivity("a")
	}},
	{"there is no time for another attempt of an activity of its own", func(w *World) {
		w.begun("schedule_to_close_timeout=20s", "start_to_close_timeout=3s", "retry_policy.initial_interval=30s")
		w.PollOutcome("a")
		w.DescribeActivity("a")
	}},
	{"an attempt of an activity of its own that has taken too long is tried again", func(w *World) {
		a := w.begun("start_to_close_timeout=5s", "retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=2")
		b := w.PollActivity("a")
		a.Complete("too late")
		a.Heartbeat("too late")
		w.DescribeActivity("a")
		b.Complete("out")
		b.Complete("again")
		b.Fail(Failure("Bad"))
		b.Cancel()
		b.Heartbeat("too late")
	}},
	{"an activity of its own is reported on by its id", func(w *World) {
		run := w.StartActivity("a")
		byID := func(settings ...string) {
			_, _ = w.API.RespondActivityTaskFailedById(w.Ctx, Set(&workflowservice.RespondActivityTaskFailedByIdRequest{
				Namespace: Namespace, ActivityId: w.Other("a"), Identity: "other", Failure: Failure("Bad")}, settings...))
		}
		byID()
		_, _ = w.API.RecordActivityTaskHeartbeatById(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), RunId: run, Identity: "other"})
		w.PollActivity("a")
		_, _ = w.API.RecordActivityTaskHeartbeatById(w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), RunId: run, Identity: "other", Details: Text("half")})
		_, _ = w.API.RespondActivityTaskCanceledById(w.Ctx, &workflowservice.RespondActivityTaskCanceledByIdRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), Identity: "other"})
		byID("run_id=00000000-0000-0000-0000-000000000000")
		byID("activity_id=nobody")
		byID("failure.application_failure_info.non_retryable=true")
		w.DescribeActivity("a")
	}},
	{"an activity of its own is completed by its id before it is taken", func(w *World) {
		w.StartActivity("a")
		_, _ = w.API.RespondActivityTaskCompletedById(w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), Identity: "other", Result: Text("out")})
		w.DescribeActivity("a")
	}},
	{"an activity of its own is cancelled before it is taken", func(w *World) {
		w.StartActivity("a")
		w.CancelActivity("a", "request_id=same")
		w.DescribeActivity("a")
		w.CancelActivity("a", "request_id=same")
		w.CancelActivity("a")
	}},
	{"a worker follows a request to cancel an activity of its own", func(w *World) {
		a := w.begun()
		a.Cancel()
		w.CancelActivity("a", "request_id=same")
		w.CancelActivity("a", "request_id=same")
		w.CancelActivity("a", "request_id=other")
		w.DescribeActivity("a")
		a.Heartbeat("half")
		a.Cancel("details=bye")
		w.DescribeActivity("a")
	}},
	{"a worker does not follow a request to cancel an activity of its own", func(w *World) {
		a := w.begun()
		w.CancelActivity("a")
		a.Complete("out")
		w.DescribeActivity("a")
		w.StartActivity("b")
		b := w.PollActivity("b")
		w.CancelActivity("b")
		b.Fail(Failure("Bad"))
		w.DescribeActivity("b")
	}},
	{"an activity of its own that is to be cancelled takes too long", func(w *World) {
		w.begun("start_to_close_timeout=5s")
		w.CancelActivity("a")
		w.PollOutcome("a")
		w.StartActivity("b", "start_to_close_timeout=none", "schedule_to_close_timeout=10s")
		w.PollActivity("b")
		w.CancelActivity("b")
		w.PollOutcome("b")
	}},
	{"an activity of its own is terminated", func(w *World) {
		a := w.begun()
		w.TerminateActivity("a", "request_id=same")
		w.TerminateActivity("a", "request_id=same")
		w.TerminateActivity("a", "request_id=other")
		w.CancelActivity("a")
		a.Complete("too late")
		w.DescribeActivity("a")
		w.PollOutcome("a")
	}},
	{"an activity of its own that has completed is terminated", func(w *World) {
		w.begun().Complete("out")
		w.TerminateActivity("a")
		w.StartActivity("b", once)
		w.PollActivity("b").Fail(Failure("Bad"))
		w.TerminateActivity("b")
	}},
	{"the id of an activity of its own that is running", func(w *World) {
		w.StartActivity("a", "request_id=same")
		w.StartActivity("a", "request_id=same")
		w.StartActivity("a")
		w.StartActivity("a", "id_conflict_policy=USE_EXISTING")
		w.StartActivity("a", "id_reuse_policy=REJECT_DUPLICATE")
		w.StartActivity("a", "id_conflict_policy=USE_EXISTING", "id_reuse_policy=REJECT_DUPLICATE")
	}},
	{"the id of an activity of its own that has completed", func(w *World) {
		w.begun("request_id=same").Complete("out")
		w.StartActivity("a", "request_id=same")
		w.StartActivity("a", "id_reuse_policy=ALLOW_DUPLICATE_FAILED_ONLY")
		w.StartActivity("a", "id_reuse_policy=REJECT_DUPLICATE")
		w.StartActivity("a", "id_conflict_policy=USE_EXISTING", "id_reuse_policy=REJECT_DUPLICATE")
		w.StartActivity("a")
	}},
	{"the id of an activity of its own that has not completed", func(w *World) {
		for i, end := range []func(){
			func() { w.TerminateActivity("a") },
			func() { w.CancelActivity("a") },
			func() { w.PollActivity("a").Fail(Failure("Bad")) },
		} {
			w.StartActivity("a", once, "id_reuse_policy=ALLOW_DUPLICATE_FAILED_ONLY")
			end()
			w.Say("end %d", i)
		}
		w.StartActivity("a", "id_reuse_policy=REJECT_DUPLICATE")
	}},
	{"an activity of its own waits before it begins", func(w *World) {
		w.StartActivity("a", "start_delay=10m", "schedule_to_close_timeout=1m", "schedule_to_start_timeout=1m")
		w.DescribeActivity("a")
		w.CancelActivity("a")
		w.DescribeActivity("a")
		w.StartActivity("b", "start_delay=1s")
		w.PollActivity("b").Complete("out")
		w.DescribeActivity("b")
	}},
	{"links of an activity of its own", func(w *World) {
		link := "links+.batch_job.job_id="
		w.StartActivity("a", link+"one", link+"two")
		w.StartActivity("a", link+"three", "id_conflict_policy=USE_EXISTING")
		w.StartActivity("a", link+"four", "id_conflict_policy=USE_EXISTING", "on_conflict_options.attach_links=true", "request_id=same")
		w.StartActivity("a", link+"five", "id_conflict_policy=USE_EXISTING", "on_conflict_options.attach_links=true", "request_id=same")
		w.DescribeActivity("a")
		w.StartActivity("a", "id_conflict_policy=USE_EXISTING", "on_conflict_options.attach_request_id=true")
		w.StartActivity("a", "id_conflict_policy=USE_EXISTING", "on_conflict_options.attach_completion_callbacks=true")
		w.StartActivity("b", link)
	}},
	{"an activity of its own is deleted", func(w *World) {
		run := w.StartActivity("a")
		_, _ = w.API.DeleteActivityExecution(w.Ctx, &workflowservice.DeleteActivityExecutionRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), RunId: run})
		w.Eventually("the activity is gone", func() bool {
			_, err := w.Quiet.DescribeActivityExecution(w.Ctx, &workflowservice.DescribeActivityExecutionRequest{
				Namespace: Namespace, ActivityId: w.Other("a"), RunId: run})
			return err != nil
		})
		w.DescribeActivity("a", "run_id="+run)
		_, _ = w.API.DeleteActivityExecution(w.Ctx, &workflowservice.DeleteActivityExecutionRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), RunId: run})
	}},
	{"former runs of an activity of its own", func(w *World) {
		first := w.StartActivity("a")
		w.PollActivity("a").Complete("out")
		w.StartActivity("a")
		w.DescribeActivity("a", "run_id="+first)
		w.PollOutcome("a", "run_id="+first)
		w.CancelActivity("a", "run_id="+first)
		w.TerminateActivity("a", "run_id="+first)
		w.DescribeActivity("a")
	}},
	{"a description of an activity of its own is awaited", func(w *World) {
		run := w.StartActivity("a")
		token := w.DescribeActivity("a").GetLongPollToken()
		wait := w.Later(func(api workflowservice.WorkflowServiceClient) {
			_, _ = api.DescribeActivityExecution(w.Ctx, &workflowservice.DescribeActivityExecutionRequest{
				Namespace: Namespace, ActivityId: w.Other("a"), RunId: run, LongPollToken: token})
		})
		w.quietly(func() { w.PollActivity("a") })
		wait()
		_, _ = w.API.DescribeActivityExecution(w.Ctx, &workflowservice.DescribeActivityExecutionRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), LongPollToken: token})
		_, _ = w.API.DescribeActivityExecution(w.Ctx, &workflowservice.DescribeActivityExecutionRequest{
			Namespace: Namespace, ActivityId: w.Other("a"), RunId: run, LongPollToken: []byte("nonsense")})
		other := w.StartActivity("b")
		_, _ = w.API.DescribeActivityExecution(w.Ctx, &workflowservice.DescribeActivityExecutionRequest{
			Namespace: Namespace, ActivityId: w.Other("b"), RunId: other, LongPollToken: token})
	}},
	{"an activity of its own goes on with the details of its last heartbeat", func(w *World) {
		a := w.begun("retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=2", "heartbeat_timeout=1m")
		a.Heartbeat("half")
		a.Fail(Failure("Bad"))
		w.DescribeActivity("a")
		a = w.PollActivity("a")
		a.Complete("out")
		w.DescribeActivity("a")
	}},
	{"answers to an activity of its own that has been answered", func(w *World) {
		a := w.begun()
		a.Complete("out")
		a.Complete("again")
		a.Fail(Failure("Bad"))
		a.Cancel()
		a.Heartbeat("late")
		w.PollOutcome("a")
	}},
	{"answers to an activity of its own that was terminated", func(w *World) {
		a := w.begun()
		w.TerminateActivity("a")
		a.Heartbeat("late")
		a.Complete("late")
		w.PollOutcome("a")
	}},
	{"an activity of its own that failed gives no place to a request to cancel it", func(w *World) {
		a := w.begun("retry_policy.maximum_attempts=1")
		a.Fail(Failure("Bad"))
		w.CancelActivity("a")
		w.TerminateActivity("a")
		w.DescribeActivity("a")
	}},
	{"activities of their own that are not there", func(w *World) {
		w.DescribeActivity("a")
		w.DescribeActivity("a", "run_id=00000000-0000-0000-0000-000000000000")
		w.PollOutcome("a")
		w.CancelActivity("a")
		w.TerminateActivity("a")
	}},
	{"starts of activities of their own that are wrong", func(w *World) {
		long := strings.Repeat("x", 1001)
		for _, wrong := range []string{
			"activity_id=", "activity_id=" + long, "activity_type=none", "activity_type=" + long, "task_queue=none", "task_queue.name=" + long,
			"task_queue.name=/_sys/q", "request_id=" + long, "identity=" + long, "start_to_close_timeout=none", "start_to_close_timeout=-1s",
			"schedule_to_close_timeout=-1s", "schedule_to_start_timeout=-1s", "heartbeat_timeout=-1s", "start_delay=-1s", "id_reuse_policy=99",
			"id_conflict_policy=99", "priority.priority_key=-1", "priority.fairness_key=" + long, "retry_policy.maximum_attempts=-1",
			"retry_policy.backoff_coefficient=0.5", "retry_policy.initial_interval=-1s", "user_metadata.summary=" + long,
			"search_attributes.indexed_fields=(Unknown:1)", "completion_callbacks+.nexus.url=http://localhost/x",
		} {
			w.Say("%s", wrong)
			w.StartActivity("a", wrong)
		}
	}},
	{"requests about activities of their own that are wrong", func(w *World) {
		w.StartActivity("a")
		long := strings.Repeat("x", 1001)
		for _, wrong := range []string{"activity_id=", "activity_id=" + long, "run_id=x"} {
			w.Say("%s", wrong)
			w.DescribeActivity("a", wrong)
			w.PollOutcome("a", wrong)
			w.CancelActivity("a", wrong)
			w.TerminateActivity("a", wrong)
			_, _ = w.API.DeleteActivityExecution(w.Ctx, Set(&workflowservice.DeleteActivityExecutionRequest{
				Namespace: Namespace, ActivityId: w.Other("a")}, wrong))
		}
		for _, wrong := range []string{"request_id=" + long, "identity=" + long} {
			w.Say("%s", wrong)
			w.CancelActivity("a", wrong)
			w.TerminateActivity("a", wrong)
		}
	}},
	{"operators of activities of their own, which is switched off", func(w *World) {
		w.StartActivity("a")
		id := w.Other("a")
		_, _ = w.API.PauseActivityExecution(w.Ctx, &workflowservice.PauseActivityExecutionRequest{Namespace: Namespace, ActivityId: id})
		_, _ = w.API.UnpauseActivityExecution(w.Ctx, &workflowservice.UnpauseActivityExecutionRequest{Namespace: Namespace, ActivityId: id})
		_, _ = w.API.ResetActivityExecution(w.Ctx, &workflowservice.ResetActivityExecutionRequest{Namespace: Namespace, ActivityId: id})
		_, _ = w.API.UpdateActivityExecutionOptions(w.Ctx, &workflowservice.UpdateActivityExecutionOptionsRequest{Namespace: Namespace, ActivityId: id})
	}},
	{"activities of their own are listed and counted", func(w *World) {
		w.StartActivity("a")
		w.PollActivity("a").Complete("out")
		w.StartActivity("b", once)
		w.PollActivity("b").Fail(Failure("Bad"))
		w.StartActivity("c", "start_delay=1h")
		among := "ActivityId IN ('" + w.Other("a") + "', '" + w.Other("b") + "', '" + w.Other("c") + "')"
		list := func(query string) {
			w.Say("%s", strings.ReplaceAll(query, w.Prefix, "<scenario>"))
			reply, err := limited(w, func() (*workflowservice.ListActivityExecutionsResponse, error) {
				return w.Quiet.ListActivityExecutions(w.Ctx, &workflowservice.ListActivityExecutionsRequest{Namespace: Namespace, Query: query})
			})
			w.emit(outcome{"ListActivityExecutions", reply, err})
		}
		count := func(query string) int64 {
			reply, err := limited(w, func() (*workflowservice.CountActivityExecutionsResponse, error) {
				return w.Quiet.CountActivityExecutions(w.Ctx, &workflowservice.CountActivityExecutionsRequest{Namespace: Namespace, Query: query})
			})
			w.emit(outcome{"CountActivityExecutions", reply, err})
			return reply.GetCount()
		}
		w.Eventually("all are listed", func() (all bool) {
			w.quietly(func() { all = count(among+" AND ExecutionStatus IN ('Completed', 'Failed')") == 2 && count(among) == 3 })
			return all
		})
		for _, query := range []string{
			among + " AND ExecutionStatus = 'Completed'", among + " AND ExecutionStatus = 'Failed'", among + " AND ExecutionStatus = 'Running'",
			among + " AND ActivityType = 'other'", among + " AND TaskQueue = '" + w.Queue("a") + "'", "WorkflowId = '" + w.Other("a") + "'",
			"Nonsense = 1", "ActivityId =",
		} {
			list(query)
			count(query)
		}
		count(among + " GROUP BY ExecutionStatus")
		count(among + " GROUP BY ActivityType")
		reply, err := limited(w, func() (*workflowservice.ListWorkflowExecutionsResponse, error) {
			return w.Quiet.ListWorkflowExecutions(w.Ctx, &workflowservice.ListWorkflowExecutionsRequest{
				Namespace: Namespace, Query: "WorkflowId = '" + w.Other("a") + "'"})
		})
		w.emit(outcome{"ListWorkflowExecutions", reply, err})
	}},
}
