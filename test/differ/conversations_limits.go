package differ

import (
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// limits are what is too much, too large, or at the wrong time.
var limits = []Scenario{
	{"more events than may wait for the end of a task", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.quietly(func() {
			for i := range 101 {
				w.Signal("w", fmt.Sprint("s", i))
			}
		})
		task.Complete(complete("late"))
		w.from = 95
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a workflow that tries to close takes no signals for a while", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "late")
		task.Complete(complete("too early"))
		w.Signal("w", "before the next task")
		next := w.Poll("w")
		w.Signal("w", "refused")
		w.Update("w", "u")()
		w.RequestCancel("w")
		next.Complete()
		w.Signal("w", "after it")
	}},
	{"two queries wait for the same task", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.Signal("w", "s")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		w.Query("w", "r")()
		task := w.Poll("w")
		request := task.completion()
		request.QueryResults = map[string]*querypb.WorkflowQueryResult{}
		for id := range task.Queries {
			request.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_FAILED, ErrorMessage: "no such query"}
		}
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"a query with a task that fails is answered with the next", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.Signal("w", "s")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		w.Poll("w").Fail()
		task := w.Poll("w")
		request := task.completion()
		request.QueryResults = map[string]*querypb.WorkflowQueryResult{"no such query": {ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED}}
		for id := range task.Queries {
			request.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: Text("out")}
		}
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"a workflow closes over a query", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.Signal("w", "s")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		w.Poll("w").Complete(complete("done"))
		w.Poll("w").Answer("out")
		wait()
	}},
	{"an answer to a query that is too large", func(w *World) {
		w.Start("w")
		w.Decide("w")
		wait := w.Query("w", "q")
		task := w.Poll("w")
		_, _ = w.API.RespondQueryTaskCompleted(w.Ctx, &workflowservice.RespondQueryTaskCompletedRequest{Namespace: Namespace, TaskToken: task.TaskToken,
			CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: large()})
		wait()
	}},
	{"an answer to a query that is too large comes with a task", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.Signal("w", "s")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		task := w.Poll("w")
		request := task.completion()
		request.QueryResults = map[string]*querypb.WorkflowQueryResult{}
		for id := range task.Queries {
			request.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: large()}
		}
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"a query of a workflow that was terminated before its first task", func(w *World) {
		w.Start("w")
		w.Terminate("w")
		w.Query("w", "q")()
		w.Start("v")
		w.Poll("v")
		w.Terminate("v")
		w.Query("v", "q")()
	}},
	{"a worker says each reason why a task has failed", func(w *World) {
		for cause := range enumspb.WORKFLOW_TASK_FAILED_CAUSE_REQUEST_TOO_LARGE + 1 {
			name := fmt.Sprint("w", int32(cause))
			w.Start(name)
			w.Poll(name).Fail(fmt.Sprintf("cause=%d", cause))
			w.quietly(func() { w.Terminate(name) })
		}
	}},
	{"a failure of a workflow task that is too large", func(w *World) {
		w.Start("w")
		failure := Failure("Bad")
		failure.Message = strings.Repeat("x", 3<<20)
		task := w.Poll("w")
		_, _ = w.API.RespondWorkflowTaskFailed(w.Ctx, &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: Namespace, TaskToken: task.TaskToken,
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Failure: failure})
		w.Terminate("w")
	}},
	{"the failure of an attempt that is too long to be kept", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a", "retry_policy.initial_interval=1h", "retry_policy.maximum_interval=1h"))
		failure := Failure("Bad")
		failure.Message, failure.StackTrace = strings.Repeat("x", 6000), strings.Repeat("y", 6000)
		w.PollActivity("w").Fail(failure)
		w.Describe("w")
		w.Terminate("w")
	}},
	{"an activity whose id says its fairness", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("x-temporal-internal-fairness-key[tenant:2.5]rest"), w.activity("x-temporal-internal-fairness-key[tenant]"),
			w.activity("x-temporal-internal-fairness-key[:]"), w.activity("x-temporal-internal-fairness-key["))
	}},
	{"signals whose inputs and names are too large", func(w *World) {
		w.Start("w")
		_, _ = w.API.SignalWorkflowExecution(w.Ctx, &workflowservice.SignalWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.Execution("w"),
			SignalName: "s", Input: large()})
		w.Signal("w", strings.Repeat("s", 1001))
		w.Signal("w", "")
		w.Signal("w", "s", "request_id="+strings.Repeat("r", 1001))
		w.Signal("w", "s", "identity="+strings.Repeat("i", 1001))
		w.Terminate("w", "reason="+strings.Repeat("x", 2000))
	}},
	{"starts whose inputs and memos are too large", func(w *World) {
		request := w.StartRequest("w")
		request.Input = large()
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
		request = w.StartRequest("w")
		request.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": large().Payloads[0]}}
		_, _ = w.API.StartWorkflowExecution(w.Ctx, request)
		w.forget("w")
	}},
	{"the namespace of the server's own", func(w *World) {
		const system = "temporal-system"
		_, err := w.Quiet.DescribeNamespace(w.Ctx, &workflowservice.DescribeNamespaceRequest{Namespace: system})
		w.Say("described: %t", err == nil)
		_, _ = w.Operator.DeleteNamespace(w.Ctx, &operatorservice.DeleteNamespaceRequest{Namespace: system})
		_, _ = w.API.RegisterNamespace(w.Ctx, Set(&workflowservice.RegisterNamespaceRequest{Namespace: system}, "workflow_execution_retention_period=24h"))
		_, _ = w.API.StartWorkflowExecution(w.Ctx, w.StartRequest("w", "namespace="+system))
		_, _ = w.API.DescribeWorkflowExecution(w.Ctx, Set(describeRequest(w, "none"), "namespace="+system))
		_, _ = w.API.CountWorkflowExecutions(w.Ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: system, Query: "WorkflowId = 'none'"})
		w.forget("w")
		w.forget("none")
	}},
}
