package differ

import (
	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// closings are ways in which a run can end, by the status that it then has.
var closings = []struct {
	status string
	close  func(w *World, name string)
}{
	{"completed", func(w *World, name string) { w.Decide(name, complete("done")) }},
	{"failed", func(w *World, name string) { w.Decide(name, fail("Bad")) }},
	{"canceled", func(w *World, name string) { w.Decide(name, cancelled()) }},
	{"terminated", func(w *World, name string) { w.Terminate(name) }},
}

// policies are scenarios of starting an id again, by the reuse policy and by how
// the run before has ended.
func policies() []Scenario {
	var all []Scenario
	for _, policy := range []string{"ALLOW_DUPLICATE", "ALLOW_DUPLICATE_FAILED_ONLY", "REJECT_DUPLICATE", "TERMINATE_IF_RUNNING"} {
		for _, closing := range closings {
			all = append(all, Scenario{"reuse policy " + policy + " after a run that is " + closing.status, func(w *World) {
				w.Start("w")
				closing.close(w, "w")
				w.Start("w", "workflow_id_reuse_policy="+policy)
			}})
		}
		all = append(all, Scenario{"reuse policy " + policy + " while a run is there", func(w *World) {
			w.Start("w")
			w.pause("the id may be used again", 1.1)
			w.Start("w", "workflow_id_reuse_policy="+policy)
			w.Signal("w", "s")
		}})
	}
	for _, reuse := range []string{"ALLOW_DUPLICATE", "ALLOW_DUPLICATE_FAILED_ONLY", "REJECT_DUPLICATE", "TERMINATE_IF_RUNNING"} {
		for _, conflict := range []string{"FAIL", "USE_EXISTING", "TERMINATE_EXISTING"} {
			all = append(all, Scenario{"conflict policy " + conflict + " with reuse policy " + reuse, func(w *World) {
				if w.Start("w", "workflow_id_reuse_policy="+reuse, "workflow_id_conflict_policy="+conflict) == "" {
					return
				}
				w.pause("the id may be used again", 1.1)
				w.Start("w", "workflow_id_reuse_policy="+reuse, "workflow_id_conflict_policy="+conflict)
				w.Decide("w", complete("done"))
				w.pause("the id may be used again", 1.1)
				w.Start("w", "workflow_id_reuse_policy="+reuse, "workflow_id_conflict_policy="+conflict)
			}})
		}
	}
	for _, conflict := range []string{"UNSPECIFIED", "FAIL", "USE_EXISTING", "TERMINATE_EXISTING"} {
		all = append(all, Scenario{"a signal with start with conflict policy " + conflict, func(w *World) {
			w.SignalWithStart("w", "one", "workflow_id_conflict_policy="+conflict)
			w.pause("the id may be used again", 1.1)
			w.SignalWithStart("w", "two", "workflow_id_conflict_policy="+conflict)
			w.Terminate("w")
		}})
	}
	for _, policy := range []string{"ALLOW_DUPLICATE_FAILED_ONLY", "REJECT_DUPLICATE", "TERMINATE_IF_RUNNING"} {
		all = append(all, Scenario{"a signal with start of a closed workflow with reuse policy " + policy, func(w *World) {
			w.Start("w")
			w.Decide("w", complete("done"))
			w.SignalWithStart("w", "s", "workflow_id_reuse_policy="+policy)
		}})
	}
	return all
}

var starts = []Scenario{
	{"a start that is sent twice starts once", func(w *World) {
		w.Start("w", "request_id=r1")
		w.Start("w", "request_id=r1")
		w.Decide("w", complete("done"))
		w.Start("w", "request_id=r1")
		w.Describe("w")
	}},
	{"a start with the request id of an earlier run", func(w *World) {
		w.Start("w", "request_id=r1")
		w.Decide("w", complete("done"))
		w.Start("w", "request_id=r2")
		w.Start("w", "request_id=r1")
	}},
	{"a signal with start that is sent twice", func(w *World) {
		w.SignalWithStart("w", "s", "request_id=r1")
		w.SignalWithStart("w", "s", "request_id=r1")
		w.SignalWithStart("w", "s", "request_id=r2")
		w.Decide("w", complete("done"))
		w.SignalWithStart("w", "s", "request_id=r2")
	}},
	{"a signal with start brings signal and task at once", func(w *World) {
		w.SignalWithStart("w", "s", "signal_input=in", "header=(h:1)", "memo=(a:1)")
		w.Decide("w", complete("done"))
	}},
	{"everything that a start may say", func(w *World) {
		w.Start("w", "input=in", "workflow_execution_timeout=3h", "workflow_run_timeout=2h", "workflow_task_timeout=5s",
			"retry_policy.maximum_attempts=2", "memo=(a:1, b:\"2\")", "search_attributes=(BatcherUser:\"me\", BuildIds:[\"x\"])", "header=(h:1)",
			`user_metadata.summary="s"`, `user_metadata.details="d"`, "priority.priority_key=2")
		w.Describe("w")
		w.Poll("w").Complete(complete("done"))
		w.Describe("w")
	}},
	{"timeouts are cut to each other", func(w *World) {
		w.Start("a", "workflow_execution_timeout=10s", "workflow_run_timeout=20s", "workflow_task_timeout=30s")
		w.Start("b", "workflow_run_timeout=20s", "workflow_task_timeout=30s")
		w.Start("c", "workflow_task_timeout=10m")
		w.Start("d", "workflow_execution_timeout=20s", "workflow_task_timeout=none")
		w.Start("e", "workflow_run_timeout=5s", "workflow_task_timeout=none")
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			w.Describe(name)
		}
	}},
	{"a run times out", func(w *World) {
		w.Start("w", "workflow_run_timeout=1s")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		w.Describe("w")
		w.Signal("w", "s")
	}},
	{"a run times out with things pending", func(w *World) {
		w.Start("w", "workflow_run_timeout=6s")
		w.Decide("w", timer("t", "1h"), w.activity("a"), marker("m"))
		a := w.PollActivity("w")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		a.Heartbeat("d")
		a.Complete("late")
	}},
	{"a run times out while a task is started and signals wait", func(w *World) {
		w.Start("w", "workflow_run_timeout=6s")
		task := w.Poll("w")
		w.Signal("w", "s")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		task.Complete(complete("late"))
	}},
	{"a delayed start", func(w *World) {
		w.Start("w", "workflow_start_delay=1h")
		w.Describe("w")
		w.Signal("w", "s")
		w.Describe("w")
		w.Query("w", "q")()
		w.RequestCancel("w")
		w.Decide("w", cancelled())
	}},
	{"a delayed start begins after its delay", func(w *World) {
		w.Start("w", "workflow_start_delay=1s")
		w.Decide("w", complete("done"))
	}},
	{"a signal with start of a delayed workflow begins it at once", func(w *World) {
		w.SignalWithStart("w", "one", "workflow_start_delay=1h")
		w.SignalWithStart("w", "two")
		w.Decide("w", complete("done"))
	}},
	{"a delayed workflow is terminated", func(w *World) {
		w.Start("w", "workflow_start_delay=1h")
		w.Terminate("w", "reason=because", "details=in detail")
		w.Describe("w")
	}},
	{"a delayed workflow is asked to cancel", func(w *World) {
		w.Start("w", "workflow_start_delay=1h")
		w.RequestCancel("w")
		w.Decide("w", cancelled())
		w.forget("w") // it tells how long the delay is
	}},
	{"a cron workflow that waits for its time is asked to cancel", func(w *World) {
		w.Start("w", "cron_schedule=0 0 1 1 *")
		w.RequestCancel("w")
		w.Decide("w", cancelled())
		w.Describe("w")
		w.forget("w")
	}},
	{"a delayed start with an execution timeout", func(w *World) {
		w.Start("w", "workflow_start_delay=1s", "workflow_execution_timeout=2s")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	}},
	{"an eager start brings its task", func(w *World) {
		reply, err := w.API.StartWorkflowExecution(w.Ctx, w.StartRequest("w", "request_eager_execution=true"))
		if err != nil || reply.EagerWorkflowTask == nil {
			return
		}
		(&Task{reply.EagerWorkflowTask, w}).Complete(complete("done"))
	}},
	{"an eager start that is sent twice", func(w *World) {
		w.Start("w", "request_eager_execution=true", "request_id=r1")
		w.Start("w", "request_eager_execution=true", "request_id=r1")
	}},
	{"an eager start of a delayed workflow is not eager", func(w *World) {
		w.Start("w", "request_eager_execution=true", "workflow_start_delay=1s")
		w.Decide("w", complete("done"))
	}},
	{"an eager start of a running workflow", func(w *World) {
		w.Start("w")
		w.Start("w", "request_eager_execution=true", "workflow_id_conflict_policy=USE_EXISTING")
	}},
	{"a workflow with a retry policy that fails for good", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Decide("w", fail("Bad"))
		w.Decide("w", fail("Worse"))
		w.Describe("w")
	}},
	{"a failure that is not to be retried ends a workflow", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=5", "retry_policy.initial_interval=1s")
		w.Decide("w", fail("Bad", "failure.application_failure_info.non_retryable=true"))
	}},
	{"a failure of a type that is not to be retried ends a workflow", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=5", "retry_policy.non_retryable_error_types=Bad")
		w.Decide("w", fail("Bad"))
	}},
	{"a retry after a time that the failure names", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h")
		w.Decide("w", fail("Bad", "failure.application_failure_info.next_retry_delay=1s"))
		w.Decide("w", complete("done"))
	}},
	{"a retry that the execution timeout leaves no time for", func(w *World) {
		w.Start("w", "retry_policy.initial_interval=1m", "workflow_execution_timeout=10s")
		w.Decide("w", fail("Bad"))
	}},
	{"a run that times out is retried", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s", "workflow_run_timeout=1s", "input=in")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		w.Describe("w")
	}},
	{"a cancelled workflow is not retried", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2")
		w.Decide("w", cancelled())
	}},
	{"a workflow that waits for its retry is terminated", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h")
		w.Decide("w", fail("Bad"))
		w.Describe("w")
		w.Signal("w", "s")
		w.Terminate("w")
	}},
	{"a workflow that waits for its retry is cancelled", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h")
		w.Decide("w", fail("Bad"))
		w.RequestCancel("w")
		w.Decide("w", cancelled())
	}},
	{"a cron workflow goes on after each run", func(w *World) {
		w.Start("w", "cron_schedule=@every 1s", "input=in")
		w.Decide("w", complete("one"))
		w.Decide("w", fail("Bad"))
		w.Decide("w", complete("three"))
		w.Terminate("w")
	}},
	{"a cron workflow that is cancelled ends", func(w *World) {
		w.Start("w", "cron_schedule=@every 1h")
		w.RequestCancel("w")
		w.Decide("w", cancelled())
		w.Describe("w")
	}},
	{"a cron workflow that is retried", func(w *World) {
		w.Start("w", "cron_schedule=@every 1s", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Decide("w", complete("one"))
		w.Decide("w", fail("Bad"))
		w.Decide("w", fail("Bad"))
		w.Decide("w", complete("two"))
		w.Terminate("w")
	}},
	{"a cron workflow that continues as new", func(w *World) {
		w.Start("w", "cron_schedule=@every 1s")
		w.Decide("w", continueAsNew("task_queue="+w.Queue("w")))
		w.Decide("w", complete("done"))
		w.Terminate("w")
	}},
	{"cron schedules that are none", func(w *World) {
		for _, schedule := range []string{"* * * *", "* * * * * *", "60 * * * *", "@every", "@every 0s", "@hourly", "TZ=Nowhere * * * * *", "CRON_TZ=UTC 0 0 1 1 *", "a b c d e"} {
			w.Say("%s", schedule)
			w.Start("w", "cron_schedule="+schedule)
			w.quietly(func() { w.Terminate("w") })
		}
		w.forget("w")
	}},
	{"a workflow continues as new with everything as it was", func(w *World) {
		w.Start("w", "input=in", "workflow_execution_timeout=3h", "workflow_run_timeout=2h", "workflow_task_timeout=5s",
			"retry_policy.maximum_attempts=2", "memo=(a:1)", "search_attributes=(BatcherUser:\"me\")", "header=(h:1)", `user_metadata.summary="s"`)
		w.Decide("w", Command("ContinueAsNewWorkflowExecution"))
		w.Describe("w")
		w.Decide("w", complete("done"))
	}},
	{"a workflow continues as new with everything changed", func(w *World) {
		w.Start("w", "memo=(a:1)", "workflow_execution_timeout=3h")
		w.Decide("w", continueAsNew("workflow_type=other", "task_queue="+w.Queue("other"), "input=next", "workflow_run_timeout=1h",
			"workflow_task_timeout=7s", "backoff_start_interval=1s", "retry_policy.maximum_attempts=3", "memo=(b:2)",
			"search_attributes=(BatcherUser:\"you\")", "header=(k:2)", "last_completion_result=last", "failure=Before"))
		w.Describe("w")
		w.Decide("other", complete("done"))
	}},
	{"signals that come too late for a run reach the next one", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "s")
		task.Complete(continueAsNew())
		w.Decide("w", continueAsNew())
		w.Signal("w", "t")
		w.Decide("w", complete("done"))
	}},
	{"the same id may be started in another namespace", func(w *World) {
		w.Start("w")
		_, _ = w.API.StartWorkflowExecution(w.Ctx, w.StartRequest("w", "namespace=no-such-namespace"))
	}},
	{"a task queue of the server's own cannot be used", func(w *World) {
		for _, queue := range []string{"/_sys/x", "/_sys/x/1", "temporal-sys-per-ns-tq", "/_other/x", "__internal"} {
			w.Say("%s", queue)
			w.Start("w", "task_queue="+queue)
			w.quietly(func() { w.Terminate("w") })
		}
		w.forget("w")
	}},
	{"update with start starts and updates", func(w *World) {
		wait := w.UpdateWithStart("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"))
		wait()
	}},
	{"update with start of a running workflow", func(w *World) {
		w.Start("w")
		w.Decide("w")
		wait := w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=USE_EXISTING")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"))
		wait()
	}},
	{"update with start fails on a running workflow", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=FAIL")()
	}},
	{"update with start of a rejected update", func(w *World) {
		wait := w.UpdateWithStart("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"))
		wait()
	}},
	{"operations that are no update with start", func(w *World) {
		start := func(settings ...string) *workflowservice.ExecuteMultiOperationRequest_Operation {
			return &workflowservice.ExecuteMultiOperationRequest_Operation{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_StartWorkflow{
				StartWorkflow: w.StartRequest("w", settings...)}}
		}
		update := func(settings ...string) *workflowservice.ExecuteMultiOperationRequest_Operation {
			return &workflowservice.ExecuteMultiOperationRequest_Operation{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_UpdateWorkflow{
				UpdateWorkflow: w.UpdateRequest("w", "u", settings...)}}
		}
		for _, operations := range [][]*workflowservice.ExecuteMultiOperationRequest_Operation{
			{}, {start()}, {update()}, {update(), start()}, {start(), start()}, {start(), update(), update()},
			{start("cron_schedule=@hourly"), update()}, {start("workflow_start_delay=1s"), update()},
			{start("request_eager_execution=true"), update()}, {start("workflow_id="), update()}, {start("workflow_id=x"), update()},
			{start("namespace=other"), update()}, {start(), update("namespace=other")}, {start("task_queue=none"), update()},
			{start(), update("request=none")}, {start(), update("request.input.name=")}, {start(), update("first_execution_run_id=x")},
			{start(), update("workflow_execution.run_id=" + uuid.NewString())}, {start(), update("wait_policy.lifecycle_stage=ADMITTED")},
			{nil, nil}, {{}, {}},
		} {
			_, _ = w.API.ExecuteMultiOperation(w.Ctx, &workflowservice.ExecuteMultiOperationRequest{Namespace: Namespace, Operations: operations})
		}
		_, _ = w.API.ExecuteMultiOperation(w.Ctx, &workflowservice.ExecuteMultiOperationRequest{
			Operations: []*workflowservice.ExecuteMultiOperationRequest_Operation{start(), update()}})
	}},
}

// UpdateWithStart starts a workflow and updates it, in the background.
func (w *World) UpdateWithStart(name, id string, start ...string) (wait func()) {
	request := &workflowservice.ExecuteMultiOperationRequest{Namespace: Namespace, Operations: []*workflowservice.ExecuteMultiOperationRequest_Operation{
		{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_StartWorkflow{StartWorkflow: w.StartRequest(name, start...)}},
		{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_UpdateWorkflow{UpdateWorkflow: w.UpdateRequest(name, id)}},
	}}
	return w.Later(func(api workflowservice.WorkflowServiceClient) { _, _ = api.ExecuteMultiOperation(w.Ctx, request) })
}
