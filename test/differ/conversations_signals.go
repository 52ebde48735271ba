package differ

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
)

var signals = []Scenario{
	{"a signal with everything that can be said of it", func(w *World) {
		w.Start("w")
		w.Signal("w", "s", "input=in", "header=(h:1)", "request_id=r1")
		w.Describe("w")
	}},
	{"a signal that is sent twice is recorded once", func(w *World) {
		w.Start("w")
		w.Signal("w", "s", "request_id=r1")
		w.Signal("w", "s", "request_id=r1")
		task := w.Poll("w")
		w.Signal("w", "t", "request_id=r2")
		w.Signal("w", "t", "request_id=r2")
		task.Complete()
		w.Signal("w", "t", "request_id=r2")
	}},
	{"signals to workflows that are not there", func(w *World) {
		w.Signal("none", "s")
		w.forget("none")
		run := w.Start("w")
		w.Signal("w", "s", "workflow_execution.run_id="+run)
		w.Signal("w", "s", "workflow_execution.run_id=00000000-0000-4000-8000-000000000000")
		w.Decide("w", complete("done"))
		w.Signal("w", "s")
		w.Signal("w", "s", "workflow_execution.run_id="+run)
	}},
	{"a signal to an earlier run of a chain", func(w *World) {
		run := w.Start("w")
		w.Decide("w", continueAsNew())
		w.Signal("w", "s", "workflow_execution.run_id="+run)
		w.Signal("w", "s")
	}},
	{"a cancellation is requested twice of a workflow", func(w *World) {
		w.Start("w")
		w.RequestCancel("w", "reason=because", "request_id=r1")
		w.RequestCancel("w", "reason=because", "request_id=r1")
		w.RequestCancel("w", "reason=again", "request_id=r2")
		w.Describe("w")
		w.Decide("w", cancelled())
		w.RequestCancel("w")
		w.Describe("w")
	}},
	{"a cancellation of a chain by the run id of its first run", func(w *World) {
		run := w.Start("w")
		w.Decide("w", continueAsNew())
		w.RequestCancel("w", "first_execution_run_id=00000000-0000-4000-8000-000000000000")
		w.RequestCancel("w", "first_execution_run_id="+run)
		w.RequestCancel("w", "first_execution_run_id="+run, "workflow_execution.run_id="+run)
		w.Terminate("w", "first_execution_run_id=00000000-0000-4000-8000-000000000000")
		w.Terminate("w", "first_execution_run_id="+run)
	}},
	{"a workflow ignores that it is to be cancelled", func(w *World) {
		w.Start("w")
		w.RequestCancel("w")
		w.Decide("w", complete("done"))
	}},
	{"a workflow is cancelled though nobody asked", func(w *World) {
		w.Start("w")
		w.Decide("w", cancelled())
		w.Describe("w")
	}},
	{"a termination ends everything", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"), timer("t", "1h"))
		w.Signal("w", "s")
		task := w.Poll("w")
		w.Signal("w", "unseen")
		w.Terminate("w", "reason=because", "details=in detail")
		task.Complete(complete("late"))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a termination without a reason", func(w *World) {
		w.Start("w")
		w.Terminate("w", "identity=")
	}},
	{"a termination of a workflow whose task is tried again", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		w.Poll("w")
		w.Terminate("w")
	}},
	{"a deletion of a running workflow", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"))
		w.Delete("w")
		w.gone("w")
		w.Signal("w", "s")
		w.Start("w")
	}},
	{"a deletion of one run of a chain", func(w *World) {
		run := w.Start("w")
		w.Decide("w", continueAsNew())
		w.Delete("w", "workflow_execution.run_id="+run)
		w.Eventually("the run is gone", func() bool { return len(w.History("w", run)) == 0 })
		w.forget("w")
	}},
	{"a workflow signals another one", func(w *World) {
		w.Start("other")
		w.Decide("other")
		w.Start("w")
		w.Decide("w", w.signalExternal("other", "s", "input=in", "header=(h:1)"))
		w.Await("w", 1, enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED)
		w.Decide("w", complete("done"))
		w.Decide("other", complete("done"))
	}},
	{"a workflow signals one that is not there", func(w *World) {
		w.Start("w")
		w.Decide("w", Command("SignalExternalWorkflowExecution", "execution="+w.Other("none"), "signal_name=s"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow signals one that has closed", func(w *World) {
		w.Start("other")
		w.Decide("other", complete("done"))
		w.Start("w")
		w.Decide("w", w.signalExternal("other", "s"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow signals itself", func(w *World) {
		w.Start("w")
		w.Decide("w", w.signalExternal("w", "s"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow cancels itself", func(w *World) {
		w.Start("w")
		w.Decide("w", w.cancelExternal("w"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow cancels another one", func(w *World) {
		w.Start("other")
		w.Decide("other")
		w.Start("w")
		w.Decide("w", w.cancelExternal("other", "reason=because"))
		w.Decide("w", complete("done"))
		w.Decide("other", cancelled())
	}},
	{"a workflow cancels one that has closed", func(w *World) {
		w.Start("other")
		w.Decide("other", complete("done"))
		w.Start("w")
		w.Decide("w", w.cancelExternal("other"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow cancels one that is not there", func(w *World) {
		w.Start("w")
		w.Decide("w", Command("RequestCancelExternalWorkflowExecution", "workflow_id="+w.Other("none")))
		w.Decide("w", complete("done"))
	}},
	{"a workflow cancels one that is cancelled already", func(w *World) {
		w.Start("other")
		w.RequestCancel("other")
		w.Start("w")
		w.Decide("w", w.cancelExternal("other"))
		w.Decide("w", complete("done"))
	}},
	{"only a child may be signalled as a child", func(w *World) {
		w.Start("other")
		w.Start("w")
		w.Decide("w", w.signalExternal("other", "s", "child_workflow_only=true"))
		w.Decide("w", complete("done"))
	}},
	{"only a child may be cancelled as a child", func(w *World) {
		w.Start("other")
		w.Start("w")
		w.Decide("w", w.cancelExternal("other", "child_workflow_only=true"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow closes in the task that signals another one", func(w *World) {
		w.Start("other")
		w.Start("w")
		w.Decide("w", w.signalExternal("other", "s"), complete("done"))
		w.Await("other", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	}},
	{"a workflow signals another namespace", func(w *World) {
		w.Start("w")
		w.Decide("w", Command("SignalExternalWorkflowExecution", "execution="+w.Other("none"), "signal_name=s", "namespace=no-such-namespace"))
		w.Decide("w", Command("RequestCancelExternalWorkflowExecution", "workflow_id="+w.Other("none"), "namespace=no-such-namespace"))
	}},
	{"a timer fires", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1s"))
		w.Decide("w", complete("done"))
	}},
	{"a timer of no time fires at once", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "0s"))
		w.Decide("w", complete("done"))
	}},
	{"timers fire in their order", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("b", "2s"), timer("a", "1s"))
		w.Decide("w")
		w.Decide("w", complete("done"))
	}},
	{"two timers with the same id", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"), timer("t", "1h"))
	}},
	{"the id of a cancelled timer may be used in the same task", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"), cancelTimer("t"), timer("t", "1s"))
		w.Decide("w", cancelTimer("t"))
	}},
	{"a timer fires while a task is started", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "6s"))
		w.Signal("w", "s")
		task := w.Poll("w")
		w.pause("the timer fires", 7)
		task.Complete()
		w.Decide("w", complete("done"))
	}},
	{"a timer that has fired unseen is cancelled", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "6s"))
		w.Signal("w", "s")
		task := w.Poll("w")
		w.pause("the timer fires", 7)
		task.Complete(cancelTimer("t"), complete("done"))
	}},
	{"a marker with everything that can be said of it", func(w *World) {
		w.Start("w")
		w.Decide("w", Command("RecordMarker", "marker_name=m", "details=(a:none)", "header=(h:1)", "failure=Bad"), complete("done"))
	}},
	{"a memo is changed", func(w *World) {
		w.Start("w", "memo=(a:1, b:2, c:3)")
		w.Decide("w", Command("ModifyWorkflowProperties", "upserted_memo=(a:10, b:null, c:, d:4)"))
		w.Describe("w")
	}},
	{"search attributes are changed", func(w *World) {
		w.Start("w", `search_attributes=(BatcherUser:"me", BatcherNamespace:"n")`)
		w.Decide("w", Command("UpsertWorkflowSearchAttributes", `search_attributes=(BatcherUser:"you", BatcherNamespace:null, BuildIds:["x"])`))
		w.Describe("w")
		w.Signal("w", "s")
		w.Decide("w", Command("UpsertWorkflowSearchAttributes", `search_attributes=(NoSuchAttribute:"you")`))
	}},
	{"a query of a running workflow", func(w *World) {
		w.Start("w")
		w.Decide("w")
		wait := w.Query("w", "q", "query.query_args=in", "query.header=(h:1)")
		w.Poll("w").Answer("out")
		wait()
	}},
	{"a query that fails", func(w *World) {
		w.Start("w")
		w.Decide("w")
		wait := w.Query("w", "q")
		w.Poll("w").Answer("", "query_result=none", "completed_type=FAILED", "error_message=no such query", "failure=NoSuchQuery")
		wait()
	}},
	{"a query that is answered badly", func(w *World) {
		w.Start("w")
		w.Decide("w")
		wait := w.Query("w", "q")
		task := w.Poll("w")
		task.Answer("out", "completed_type=99")
		task.Answer("out", "completed_type=UNSPECIFIED")
		wait()
		task.Answer("late")
	}},
	{"a query of a closed workflow", func(w *World) {
		w.Start("w")
		w.Decide("w", complete("done"))
		wait := w.Query("w", "q")
		w.Poll("w").Answer("out")
		wait()
		w.Query("w", "q", "query_reject_condition=NOT_OPEN")()
		w.Query("w", "q", "query_reject_condition=99")
	}},
	{"queries are rejected by the status of the workflow", func(w *World) {
		for _, closing := range closings {
			name := "w-" + closing.status
			w.Start(name)
			closing.close(w, name)
			w.Query(name, "q", "query_reject_condition=NOT_OPEN")()
			if closing.status != "completed" {
				w.Query(name, "q", "query_reject_condition=NOT_COMPLETED_CLEANLY")()
			}
		}
	}},
	{"a query that comes with a workflow task", func(w *World) {
		w.Start("w")
		w.Decide("w")
		w.Signal("w", "s")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		task := w.Poll("w")
		request := task.completion()
		request.QueryResults = map[string]*querypb.WorkflowQueryResult{}
		for id := range task.Queries {
			request.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: Text("out")}
		}
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"a query waits for the first task", func(w *World) {
		w.Start("w")
		wait := w.Query("w", "q")
		w.pause("the query arrives", 0.3)
		task := w.Poll("w")
		task.Complete()
		w.Poll("w").Answer("out")
		wait()
	}},
	{"a query of a workflow whose task keeps failing", func(w *World) {
		w.Start("w")
		for range 3 {
			w.Poll("w").Fail()
		}
		w.Query("w", "q")()
	}},
	{"a query of a workflow that is not there", func(w *World) {
		w.Query("none", "q")()
		w.forget("none")
		w.Start("w")
		w.Query("w", "")()
		w.Query("w", "q", "query=none")()
		w.Query("w", "q", "execution=none")()
		w.Query("w", "q", "execution.run_id=x")()
	}},
	{"a query on a sticky queue", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		wait := w.Query("w", "q")
		sticky().Answer("out")
		wait()
	}},
	{"pages of a history", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"), marker("m"), marker("n"))
		w.Terminate("w")
		w.pages(&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("w"), MaximumPageSize: 2})
		w.pages(&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("w"),
			HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT})
	}},
	{"pages of a history, the last first", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"), marker("m"), marker("n"))
		request := &workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: Namespace, Execution: w.Execution("w"), MaximumPageSize: 3}
		for {
			reply, err := w.API.GetWorkflowExecutionHistoryReverse(w.Ctx, request)
			if err != nil || len(reply.NextPageToken) == 0 {
				return
			}
			request.NextPageToken = reply.NextPageToken
		}
	}},
	{"waiting for events of a history", func(w *World) {
		w.Start("w")
		request := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("w"), WaitNewEvent: true}
		reply, err := w.API.GetWorkflowExecutionHistory(w.Ctx, request)
		if err != nil {
			return
		}
		request.NextPageToken = reply.NextPageToken
		wait := w.Later(func(api workflowservice.WorkflowServiceClient) {
			_, _ = api.GetWorkflowExecutionHistory(w.Ctx, request)
		})
		w.pause("the call waits", 0.2)
		w.Signal("w", "s")
		wait()
	}},
	{"waiting for the close of a workflow", func(w *World) {
		w.Start("w")
		wait := w.Later(func(api workflowservice.WorkflowServiceClient) {
			_, _ = api.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("w"),
				WaitNewEvent: true, HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT})
		})
		w.Decide("w", complete("done"))
		wait()
	}},
	{"a page token of another run", func(w *World) {
		w.Start("w")
		w.Start("v")
		request := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.Execution("w"), MaximumPageSize: 1}
		reply, err := w.API.GetWorkflowExecutionHistory(w.Ctx, request)
		if err != nil {
			return
		}
		request.NextPageToken = reply.NextPageToken
		request.Execution.RunId = "00000000-0000-4000-8000-000000000000"
		_, _ = w.API.GetWorkflowExecutionHistory(w.Ctx, request)
		request.Execution = &commonpb.WorkflowExecution{WorkflowId: w.ID("v")}
		_, _ = w.API.GetWorkflowExecutionHistory(w.Ctx, request)
	}},
	{"descriptions of workflows that are not there", func(w *World) {
		w.Describe("none")
		w.forget("none")
		w.Start("w")
		w.Describe("w", "execution.run_id=00000000-0000-4000-8000-000000000000")
		w.Describe("w", "execution.run_id=x")
		w.Describe("w", "execution.workflow_id=")
		w.Describe("w", "execution=none")
	}},
	{"a description of each kind of pending thing", func(w *World) {
		w.Start("other")
		w.Start("w")
		w.Decide("w", timer("t", "1h"), w.activity("a"), w.child("c"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		w.Poll("w")
		w.Describe("w")
		w.forget("c")
	}},
}

// gone waits until a deleted workflow is.
func (w *World) gone(name string) {
	w.Eventually(fmt.Sprintf("%s is gone", name), func() bool {
		_, err := w.Quiet.DescribeWorkflowExecution(w.Ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: Namespace, Execution: w.Execution(name)})
		return err != nil
	})
}

// pages reads a history page by page.
func (w *World) pages(request *workflowservice.GetWorkflowExecutionHistoryRequest) {
	for {
		reply, err := w.API.GetWorkflowExecutionHistory(w.Ctx, request)
		if err != nil || len(reply.NextPageToken) == 0 {
			return
		}
		request.NextPageToken = reply.NextPageToken
	}
}
