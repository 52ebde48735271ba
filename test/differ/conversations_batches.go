package differ

import (
	"fmt"
	"strings"

	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// BatchRequest is the start of a batch operation with that job id, which signals the
// workflows of a namespace.
func (w *World) BatchRequest(namespace, job string, settings ...string) *workflowservice.StartBatchOperationRequest {
	return Set(&workflowservice.StartBatchOperationRequest{
		Namespace: namespace, JobId: w.Prefix + "-" + job, Reason: "a reason", VisibilityQuery: "WorkflowType = 'flow'",
		Operation: &workflowservice.StartBatchOperationRequest_SignalOperation{SignalOperation: &batchpb.BatchOperationSignal{Signal: "s", Identity: "client"}}}, settings...)
}

// StartBatch starts a batch operation.
func (w *World) StartBatch(request *workflowservice.StartBatchOperationRequest) {
	_, _ = w.API.StartBatchOperation(w.Ctx, request)
}

func (w *World) describeBatch(namespace, job string) *workflowservice.DescribeBatchOperationRequest {
	return &workflowservice.DescribeBatchOperationRequest{Namespace: namespace, JobId: w.Prefix + "-" + job}
}

// AwaitBatch waits until a batch operation has ended, and describes it.
func (w *World) AwaitBatch(namespace, job string) {
	w.T.Helper()
	w.Eventually("the batch operation has ended", func() bool {
		resp, err := w.Quiet.DescribeBatchOperation(w.Ctx, w.describeBatch(namespace, job))
		return err == nil && resp.State != enumspb.BATCH_OPERATION_STATE_RUNNING
	})
	_, _ = w.API.DescribeBatchOperation(w.Ctx, w.describeBatch(namespace, job))
}

// batchNamespace is a namespace with workflows of type flow, which are found, named 0, 1, …
func (w *World) batchNamespace(workflows int) string {
	w.patience = 4 * patience // a Temporal server starts workers for a new namespace when it comes to it
	namespace := w.Prefix + "-b"
	w.quietly(func() { w.namespace("b") })
	for i := range workflows {
		request := w.StartRequest("w")
		w.forget("w")
		request.Namespace, request.WorkflowId = namespace, fmt.Sprint(i)
		w.Eventually("the namespace is known", func() bool {
			_, err := w.Quiet.StartWorkflowExecution(w.Ctx, request)
			return err == nil
		})
	}
	w.awaitCount(namespace, "WorkflowType = 'flow'", workflows)
	return namespace
}

// awaitCount waits until a query finds so many workflows.
func (w *World) awaitCount(namespace, query string, n int) {
	w.T.Helper()
	w.Eventually("the workflows are found", func() bool {
		resp, err := w.Quiet.CountWorkflowExecutions(w.Ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: query})
		return err == nil && resp.Count == int64(n)
	})
}

// signalsOf says how many signals the workflow has.
func (w *World) signalsOf(namespace, id string) {
	resp, err := w.Quiet.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
	n := 0
	for _, e := range resp.GetHistory().GetEvents() {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			n++
			w.Say("workflow %s: %s", id, w.renderer.message(e.GetWorkflowExecutionSignaledEventAttributes()))
		}
	}
	w.Say("workflow %s has %d signals, %v", id, n, err)
}

// badBatches are starts of batch operations that are refused.
func badBatches(w *World) {
	for _, settings := range [][]string{
		{"job_id=none"}, {"reason=none"}, {"visibility_query=none"}, {"namespace=none"}, {"namespace=no-such-namespace"},
		{"visibility_query=()"}, {"visibility_query=WorkflowType ="}, {"visibility_query=WorkflowType = 'flow' AND"},
		{"executions.workflow_id=w"}, {"target_executions.business_id=w"},
		{"visibility_query=none", "executions.workflow_id=w", "target_executions.business_id=w"},
		{"visibility_query=none", "target_executions.business_id=w"},
		{"visibility_query=none", "target_executions.business_id=w", "target_executions.type=ACTIVITY"},
		{"signal_operation.signal=none"}, {"signal_operation=none"},
		{"reset_operation.identity=x"}, {"reset_operation.reset_type=9"}, {"reset_operation.options.current_run_only=true"},
		{"update_workflow_options_operation.identity=x"}, {"update_workflow_options_operation.workflow_execution_options.priority.priority_key=1"},
		{"unpause_activities_operation.identity=x"}, {"unpause_activities_operation.type="}, {"unpause_activities_operation.match_all=false"},
		{"reset_activities_operation.identity=x"}, {"reset_activities_operation.type="}, {"reset_activities_operation.match_all=false"},
		{"update_activity_options_operation.identity=x"}, {"update_activity_options_operation.restore_original=true", "update_activity_options_operation.type="},
		{"update_activity_options_operation.restore_original=true", "update_activity_options_operation.match_all=false"},
		{"update_activity_options_operation.restore_original=true", "update_activity_options_operation.activity_options.start_to_close_timeout=1s"},
		{"cancel_activities_operation.identity=x"}, {"terminate_activities_operation.identity=x"}, {"delete_activities_operation="},
	} {
		w.Say("%s", strings.Join(settings, " "))
		var request *workflowservice.StartBatchOperationRequest
		if settings[0] == "delete_activities_operation=" {
			request = w.BatchRequest(Namespace, "job")
			request.Operation = &workflowservice.StartBatchOperationRequest_DeleteActivitiesOperation{DeleteActivitiesOperation: &batchpb.BatchOperationDeleteActivities{}}
		} else {
			request = w.BatchRequest(Namespace, "job", settings...)
		}
		w.StartBatch(request)
	}
}

var batches = []Scenario{
	{"batch operations that cannot be started", badBatches},
	{"batch operations that there are not", func(w *World) {
		for _, settings := range [][]string{{}, {"job_id=none"}, {"namespace=none"}, {"namespace=no-such-namespace"}} {
			w.Say("%s", strings.Join(settings, " "))
			_, _ = w.API.DescribeBatchOperation(w.Ctx, Set(w.describeBatch(Namespace, "none"), settings...))
		}
		for _, settings := range [][]string{{}, {"job_id=none"}, {"reason=none"}, {"namespace=none"}, {"namespace=no-such-namespace"}} {
			w.Say("%s", strings.Join(settings, " "))
			_, _ = w.API.StopBatchOperation(w.Ctx, Set(&workflowservice.StopBatchOperationRequest{
				Namespace: Namespace, JobId: w.Prefix + "-none", Reason: "a reason", Identity: "client"}, settings...))
		}
		for _, settings := range [][]string{{"namespace=none"}, {"namespace=no-such-namespace"}} {
			w.Say("%s", strings.Join(settings, " "))
			_, _ = w.API.ListBatchOperations(w.Ctx, Set(&workflowservice.ListBatchOperationsRequest{Namespace: Namespace}, settings...))
		}
	}},
	{"a batch operation signals what a query finds", func(w *World) {
		namespace := w.batchNamespace(3)
		w.StartBatch(w.BatchRequest(namespace, "job"))
		w.AwaitBatch(namespace, "job")
		for i := range 3 {
			w.signalsOf(namespace, fmt.Sprint(i))
		}
		w.awaitCount(namespace, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Completed'", 1)
		_, _ = w.API.ListBatchOperations(w.Ctx, &workflowservice.ListBatchOperationsRequest{Namespace: namespace})
		w.StartBatch(w.BatchRequest(namespace, "job")) // its id is taken
	}},
	{"the same signal of two batch operations arrives twice", func(w *World) {
		namespace := w.batchNamespace(1)
		for _, job := range []string{"1", "2"} {
			w.StartBatch(w.BatchRequest(namespace, job))
			w.AwaitBatch(namespace, job)
			w.awaitCount(namespace, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Running'", 0)
		}
		w.signalsOf(namespace, "0")
	}},
	{"a batch operation terminates what is named", func(w *World) {
		namespace := w.batchNamespace(2)
		w.StartBatch(w.BatchRequest(namespace, "job", "visibility_query=none", "executions+.workflow_id=0", "executions+.workflow_id=no such workflow", "termination_operation.identity=client"))
		w.AwaitBatch(namespace, "job")
		w.awaitCount(namespace, "WorkflowType = 'flow' AND ExecutionStatus = 'Terminated'", 1)
	}},
	{"batch operations that cancel and delete", func(w *World) {
		namespace := w.batchNamespace(2)
		w.StartBatch(w.BatchRequest(namespace, "cancel", "cancellation_operation.identity=client", "visibility_query=WorkflowId = '0'"))
		w.AwaitBatch(namespace, "cancel")
		w.awaitCount(namespace, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Running'", 0)
		w.StartBatch(w.BatchRequest(namespace, "delete", "deletion_operation.identity=client", "visibility_query=WorkflowId = '1'"))
		w.AwaitBatch(namespace, "delete")
		w.awaitCount(namespace, "WorkflowType = 'flow'", 1)
	}},
	{"a batch operation that finds nothing", func(w *World) {
		namespace := w.batchNamespace(0)
		w.StartBatch(w.BatchRequest(namespace, "job"))
		w.AwaitBatch(namespace, "job")
	}},
	{"a batch operation is stopped", func(w *World) {
		namespace := w.batchNamespace(0)
		request := w.BatchRequest(namespace, "job", "visibility_query=none")
		for i := range 1000 { // 20 seconds
			request.TargetExecutions = append(request.TargetExecutions, &commonpb.Execution{Type: enumspb.EXECUTION_TYPE_WORKFLOW, BusinessId: fmt.Sprint("none-", i)})
		}
		w.StartBatch(request)
		w.awaitCount(namespace, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Running'", 1)
		w.StartBatch(w.BatchRequest(namespace, "other"))
		stop := &workflowservice.StopBatchOperationRequest{Namespace: namespace, JobId: w.Prefix + "-job", Reason: "enough", Identity: "client"}
		_, _ = w.API.StopBatchOperation(w.Ctx, stop)
		resp, err := w.Quiet.DescribeBatchOperation(w.Ctx, w.describeBatch(namespace, "job"))
		w.Say("it is %v, %v, closed: %v, because of %q, %v", resp.GetOperationType(), resp.GetState(), resp.GetCloseTime() != nil, resp.GetReason(), err)
		_, _ = w.API.StopBatchOperation(w.Ctx, stop)
		w.awaitCount(namespace, "TemporalNamespaceDivision = 'TemporalBatcher' AND ExecutionStatus = 'Terminated'", 1)
		_, _ = w.API.ListBatchOperations(w.Ctx, &workflowservice.ListBatchOperationsRequest{Namespace: namespace})
	}},
}
