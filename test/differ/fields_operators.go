package differ

import (
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// operatorCalls are the calls of operators, and those of clients about what there is
// already, to be broken field by field like brokenCalls.
var operatorCalls = []brokenCall{
	{method: "ResetWorkflowExecution", reply: &workflowservice.ResetWorkflowExecutionResponse{}, from: 4,
		request: func(w *World) proto.Message {
			if !w.shape() {
				w.Start("w")
				w.Decide("w", timer("t", "1h"))
				w.Signal("w", "s")
			}
			return &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.Execution("w"),
				Reason: "because", WorkflowTaskFinishEventId: 4, RequestId: w.requestID(), Identity: "operator"}
		}},
	{method: "UpdateWorkflowExecutionOptions", reply: &workflowservice.UpdateWorkflowExecutionOptionsResponse{}, from: 3,
		request: func(w *World) proto.Message {
			return Set(&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: Namespace, WorkflowExecution: w.running(), Identity: "operator"},
				"workflow_execution_options.priority.priority_key=2", "update_mask.paths=priority")
		}},
	{method: "PauseActivity", reply: &workflowservice.PauseActivityResponse{}, from: 6, describe: true,
		request: func(w *World) proto.Message {
			w.active()
			return &workflowservice.PauseActivityRequest{Namespace: Namespace, Execution: w.Execution("w"), Identity: "operator", Reason: "because",
				Activity: &workflowservice.PauseActivityRequest_Id{Id: "a"}, RequestId: w.requestID()}
		}},
	{method: "UnpauseActivity", reply: &workflowservice.UnpauseActivityResponse{}, from: 6, describe: true,
		request: func(w *World) proto.Message {
			w.active()
			if !w.shape() {
				w.PauseActivity("w", "a")
			}
			return &workflowservice.UnpauseActivityRequest{Namespace: Namespace, Execution: w.Execution("w"), Identity: "operator",
				Activity: &workflowservice.UnpauseActivityRequest_Id{Id: "a"}}
		}},
	{method: "ResetActivity", reply: &workflowservice.ResetActivityResponse{}, from: 6, describe: true,
		request: func(w *World) proto.Message {
			w.active()
			return &workflowservice.ResetActivityRequest{Namespace: Namespace, Execution: w.Execution("w"), Identity: "operator",
				Activity: &workflowservice.ResetActivityRequest_Id{Id: "a"}}
		}},
	{method: "UpdateActivityOptions", reply: &workflowservice.UpdateActivityOptionsResponse{}, from: 6,
		skip: []string{"retry_policy"}, // has a conversation of its own
		request: func(w *World) proto.Message {
			w.active()
			return Set(&workflowservice.UpdateActivityOptionsRequest{Namespace: Namespace, Execution: w.Execution("w"), Identity: "operator",
				Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: "a"}},
				"activity_options.task_queue="+w.Queue("other"), "activity_options.schedule_to_close_timeout=2h", "activity_options.schedule_to_start_timeout=1h",
				"activity_options.start_to_close_timeout=10m", "activity_options.heartbeat_timeout=1m", "activity_options.retry_policy.initial_interval=2s",
				"activity_options.retry_policy.backoff_coefficient=3", "activity_options.retry_policy.maximum_interval=10s", "activity_options.retry_policy.maximum_attempts=5",
				"update_mask.paths=task_queue.name", "update_mask.paths=schedule_to_close_timeout", "update_mask.paths=schedule_to_start_timeout",
				"update_mask.paths=start_to_close_timeout", "update_mask.paths=heartbeat_timeout", "update_mask.paths=retry_policy")
		}},
	{method: "PollWorkflowExecutionUpdate", reply: &workflowservice.PollWorkflowExecutionUpdateResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			w.updated()
			return Set(&workflowservice.PollWorkflowExecutionUpdateRequest{Namespace: Namespace, Identity: "client"},
				"update_ref.workflow_execution="+w.ID("w"), "update_ref.update_id=u", "wait_policy.lifecycle_stage=COMPLETED")
		}},
	{method: "UpdateWorkflowExecution", reply: &workflowservice.UpdateWorkflowExecutionResponse{}, from: nothing,
		// An update without an id is a new one, which nobody answers.
		skip: []string{"request.meta is missing", "request.meta is empty", "request.meta.update_id is missing"},
		request: func(w *World) proto.Message {
			w.updated()
			return w.UpdateRequest("w", "u")
		}},
	{method: "QueryWorkflow", reply: &workflowservice.QueryWorkflowResponse{}, from: nothing,
		skip: []string{"query_reject_condition"}, // nobody answers
		request: func(w *World) proto.Message {
			execution := w.running()
			if !w.shape() {
				w.Terminate("w")
			}
			return Set(&workflowservice.QueryWorkflowRequest{Namespace: Namespace, Execution: execution}, "query.query_type=q", "query.query_args=in",
				"query_reject_condition=NOT_OPEN")
		}},
	{method: "RespondQueryTaskCompleted", reply: &workflowservice.RespondQueryTaskCompletedResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return Set(&workflowservice.RespondQueryTaskCompletedRequest{Namespace: Namespace, TaskToken: []byte("token")}, "query_result=out", "completed_type=ANSWERED")
		}},
	{method: "PollActivityTaskQueue", reply: &workflowservice.PollActivityTaskQueueResponse{}, from: nothing,
		skip: []string{"task_queue.name has 1000 letters", "task_queue.normal_name", "task_queue.kind"},
		request: func(w *World) proto.Message {
			if !w.shape() {
				w.Start("w")
				w.Decide("w", w.activity("a"))
			}
			return Set(&workflowservice.PollActivityTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), Identity: "worker"},
				"task_queue_metadata.max_tasks_per_second=none")
		}},
	{method: "DescribeTaskQueue", reply: &workflowservice.DescribeTaskQueueResponse{}, from: nothing,
		skip: []string{"include_task_queue_status", "report_stats", "api_mode"},
		request: func(w *World) proto.Message {
			return &workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), TaskQueueType: 1}
		}},
	{method: "ListWorkflowExecutions", reply: &workflowservice.ListWorkflowExecutionsResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.ListWorkflowExecutionsRequest{Namespace: Namespace, PageSize: 10, Query: "WorkflowId = 'no-such-workflow'"}
		}, skip: []string{"query is missing"}},
	{method: "CountWorkflowExecutions", reply: &workflowservice.CountWorkflowExecutionsResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace, Query: "WorkflowId = 'no-such-workflow'"}
		}, skip: []string{"query is missing"}},
	{method: "ShutdownWorker", reply: &workflowservice.ShutdownWorkerResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.ShutdownWorkerRequest{Namespace: Namespace, StickyTaskQueue: w.Queue("sticky"), Identity: "worker", Reason: "because"}
		}},
	{method: "RegisterNamespace", reply: &workflowservice.RegisterNamespaceResponse{}, from: nothing,
		skip: []string{"namespace is unknown", "is_global_namespace", "history_archival_uri", "visibility_archival_uri"},
		request: func(w *World) proto.Message {
			return Set(&workflowservice.RegisterNamespaceRequest{Namespace: w.Other("namespace"), Description: "d", OwnerEmail: "o"},
				"workflow_execution_retention_period=72h")
		}},
	{method: "DescribeNamespace", reply: &workflowservice.DescribeNamespaceResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.DescribeNamespaceRequest{Namespace: "no-such-namespace"}
		}},
}

// updated starts the workflow "w", which completes the update "u".
func (w *World) updated() {
	if w.shape() {
		return
	}
	w.Start("w")
	w.Decide("w")
	wait := w.Update("w", "u")
	w.AwaitUpdate("w", "u")
	w.Poll("w").carryOut("u")
	wait()
}
