package differ

import (
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// brokenCall is a valid call, of which all fields are to be broken one by one.
type brokenCall struct {
	// method is the name of an RPC of the WorkflowService.
	method string
	// request prepares what the call is about and returns a valid request.
	request func(w *World) proto.Message
	// reply is an empty response.
	reply proto.Message
	// from is the first event of the history that is shown.
	from int64
	// skip are names or paths of fields that are left alone.
	skip []string
	// describe shows the description of the workflow "w" after the call.
	describe bool
}

// elsewhere are fields that are no part of these scenarios: what clients say of
// themselves for the server to pass on or to log, and what is about features
// that have scenarios of their own.
var elsewhere = []string{
	"resource_id", "control", "worker_instance_key", "worker_control_task_queue", "worker_heartbeat", "poller_group_id",
	"deployment_options", "worker_version", "worker_version_stamp", "worker_version_capabilities", "binary_checksum",
	"deployment", "versioning_behavior", "versioning_override", "time_skipping_config", "eager_worker_deployment_options",
	"completion_callbacks", "links", "on_conflict_options", "priority", "request_eager_execution",
	"use_workflow_build_id", "inherit_build_id", "initial_versioning_behavior", "initiator", "schedule_time_version_number",
	"metering_metadata", "sdk_metadata", "capabilities", "query_results", "messages", "page_number", "intermediate_page",
	"worker_info", "task_queue_metadata", "current_retry_policy", "event_group_markers", "child_workflow_only",
	"skip_archival", "continued_failure", "last_completion_result", "first_execution_run_id", "history_size_suggest_ms",
}

// scenarios are one scenario for each way in which the request can be broken.
func (c brokenCall) scenarios() []Scenario {
	skip := map[string]bool{}
	for _, name := range append(c.skip, elsewhere...) {
		skip[name] = true
	}
	shape := c.request(&World{Prefix: "shape"})
	var all []Scenario
	for _, mutation := range Mutations(shape, skip) {
		all = append(all, Scenario{c.method + ": " + mutation.Name, func(w *World) {
			var request proto.Message
			w.quietly(func() { request = c.request(w) })
			mutation.Apply(request.ProtoReflect())
			w.call(c.method, request, proto.Clone(c.reply))
			if c.describe {
				w.Describe("w")
			}
			w.from = c.from
		}})
	}
	return all
}

// call makes a call by the name of its method.
func (w *World) call(method string, request, reply proto.Message) {
	recorder := &recorder{conn: w.conn, emit: w.emit}
	_ = recorder.Invoke(w.Ctx, serviceMethod(method), request, reply)
}

// serviceMethod is the full name of a method of the WorkflowService.
func serviceMethod(name string) string {
	return "/" + workflowservice.WorkflowService_ServiceDesc.ServiceName + "/" + name
}

// brokenCommand is a valid command, of which all fields are to be broken.
type brokenCommand struct {
	kind    string
	command func(w *World) *commandpb.Command
	skip    []string
}

func (c brokenCommand) scenarios() []Scenario {
	skip := map[string]bool{"command_type": true}
	for _, name := range append(c.skip, elsewhere...) {
		skip[name] = true
	}
	var all []Scenario
	for _, mutation := range Mutations(c.command(&World{Prefix: "shape"}), skip) {
		if strings.HasSuffix(mutation.Name, "start_to_fire_timeout is missing") || strings.HasSuffix(mutation.Name, "start_to_fire_timeout is zero") {
			continue // that timer fires at once, before the history is read or after
		}
		field := strings.TrimPrefix(mutation.Name, attributesOf(c.command(&World{Prefix: "shape"}).CommandType)+".")
		all = append(all, Scenario{c.kind + " command: " + field, func(w *World) {
			var task *Task
			w.quietly(func() {
				w.Start("w")
				task = w.Poll("w")
			})
			command := c.command(w)
			mutation.Apply(command.ProtoReflect())
			task.Complete(command)
			w.answered("w")
			w.from = 4
			w.forget("other") // a child may have got further or not
		}})
	}
	return all
}

func fieldScenarios(calls []brokenCall) []Scenario {
	var all []Scenario
	for _, c := range calls {
		all = append(all, c.scenarios()...)
	}
	return all
}

func commandScenarios(commands []brokenCommand) []Scenario {
	var all []Scenario
	for _, c := range commands {
		all = append(all, c.scenarios()...)
	}
	return all
}

// shape reports whether only the shape of the request
// is asked for, without a server.
func (w *World) shape() bool { return w.conn == nil }

// running starts the workflow "w".
func (w *World) running() *commonpb.WorkflowExecution {
	if !w.shape() {
		w.Start("w")
	}
	return w.Execution("w")
}

// tasked starts the workflow "w" and returns the token of its first task.
func (w *World) tasked() []byte {
	if w.shape() {
		return []byte("token")
	}
	w.Start("w")
	return w.Poll("w").TaskToken
}

// active starts the workflow "w" with an activity "a" that a worker has taken and
// returns the activity's token.
func (w *World) active() []byte {
	if w.shape() {
		return []byte("token")
	}
	w.Start("w")
	w.Decide("w", w.activity("a", "retry_policy.maximum_attempts=1"))
	return w.PollActivity("w").TaskToken
}

// canceling is active, and the activity's cancellation has been requested.
func (w *World) canceling() []byte {
	token := w.active()
	if !w.shape() {
		w.Signal("w", "s")
		w.Decide("w", cancelActivity(5))
	}
	return token
}

var brokenCalls = []brokenCall{
	{method: "StartWorkflowExecution", reply: &workflowservice.StartWorkflowExecutionResponse{}, from: 1,
		request: func(w *World) proto.Message {
			return w.StartRequest("w", "input=in", "workflow_execution_timeout=1h", "workflow_run_timeout=30m", "workflow_task_timeout=10s",
				"retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=2", "retry_policy.maximum_interval=10s", "retry_policy.maximum_attempts=3",
				"memo=(a:1)", "search_attributes=(BatcherUser:\"me\")", "header=(h:1)", `user_metadata.summary="s"`)
		}},
	{method: "SignalWithStartWorkflowExecution", reply: &workflowservice.SignalWithStartWorkflowExecutionResponse{}, from: 1,
		request: func(w *World) proto.Message {
			return Set(&workflowservice.SignalWithStartWorkflowExecutionRequest{
				Namespace: Namespace, WorkflowId: w.ID("w"), WorkflowType: &commonpb.WorkflowType{Name: "flow"},
				TaskQueue: w.taskQueue("w"), RequestId: w.requestID(), SignalName: "s", Identity: "client"},
				"retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=3", "memo=(a:1)")
		}},
	{method: "SignalWorkflowExecution", reply: &workflowservice.SignalWorkflowExecutionResponse{}, from: 3,
		request: func(w *World) proto.Message {
			return &workflowservice.SignalWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.running(),
				SignalName: "s", Input: Text("in"), Identity: "client", RequestId: w.requestID()}
		}},
	{method: "RequestCancelWorkflowExecution", reply: &workflowservice.RequestCancelWorkflowExecutionResponse{}, from: 3,
		request: func(w *World) proto.Message {
			return &workflowservice.RequestCancelWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.running(),
				Reason: "because", Identity: "client", RequestId: w.requestID()}
		}},
	{method: "TerminateWorkflowExecution", reply: &workflowservice.TerminateWorkflowExecutionResponse{}, from: 3,
		request: func(w *World) proto.Message {
			return &workflowservice.TerminateWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.running(),
				Reason: "because", Identity: "client", Details: Text("in detail")}
		}},
	{method: "DeleteWorkflowExecution", reply: &workflowservice.DeleteWorkflowExecutionResponse{}, from: nothing,
		skip: []string{"workflow_execution.run_id is empty"},
		request: func(w *World) proto.Message {
			execution := w.running()
			w.forget("w") // deletion takes its time
			return &workflowservice.DeleteWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: execution}
		}},
	{method: "DescribeWorkflowExecution", reply: &workflowservice.DescribeWorkflowExecutionResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.DescribeWorkflowExecutionRequest{Namespace: Namespace, Execution: w.running()}
		}},
	{method: "GetWorkflowExecutionHistory", reply: &workflowservice.GetWorkflowExecutionHistoryResponse{}, from: nothing,
		skip: []string{"wait_new_event"},
		request: func(w *World) proto.Message {
			return &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: Namespace, Execution: w.running(), MaximumPageSize: 10}
		}},
	{method: "GetWorkflowExecutionHistoryReverse", reply: &workflowservice.GetWorkflowExecutionHistoryReverseResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: Namespace, Execution: w.running(), MaximumPageSize: 10}
		}},
	{method: "ResetStickyTaskQueue", reply: &workflowservice.ResetStickyTaskQueueResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.ResetStickyTaskQueueRequest{Namespace: Namespace, Execution: w.running()}
		}},
	{method: "PollWorkflowTaskQueue", reply: &workflowservice.PollWorkflowTaskQueueResponse{}, from: nothing,
		skip: []string{"task_queue.name has 1000 letters", "task_queue.normal_name"},
		request: func(w *World) proto.Message {
			w.running()
			return &workflowservice.PollWorkflowTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), Identity: "worker"}
		}},
	{method: "RespondWorkflowTaskCompleted", reply: &workflowservice.RespondWorkflowTaskCompletedResponse{}, from: 3,
		skip: []string{"namespace", "sticky_attributes.schedule_to_start_timeout"},
		request: func(w *World) proto.Message {
			return &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: Namespace, TaskToken: w.tasked(), Identity: "worker",
				Commands: []*commandpb.Command{complete("done")}}
		}},
	{method: "RespondWorkflowTaskFailed", reply: &workflowservice.RespondWorkflowTaskFailedResponse{}, from: 3,
		skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: Namespace, TaskToken: w.tasked(), Identity: "worker",
				Failure: Failure("Panic")}
		}},
	{method: "RespondActivityTaskCompleted", reply: &workflowservice.RespondActivityTaskCompletedResponse{}, from: 6,
		skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return &workflowservice.RespondActivityTaskCompletedRequest{Namespace: Namespace, TaskToken: w.active(), Identity: "worker", Result: Text("r")}
		}},
	{method: "RespondActivityTaskFailed", reply: &workflowservice.RespondActivityTaskFailedResponse{}, from: 6,
		skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return &workflowservice.RespondActivityTaskFailedRequest{Namespace: Namespace, TaskToken: w.active(), Identity: "worker",
				Failure: Failure("Bad"), LastHeartbeatDetails: Text("d")}
		}},
	{method: "RespondActivityTaskCanceled", reply: &workflowservice.RespondActivityTaskCanceledResponse{}, from: 6,
		skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return &workflowservice.RespondActivityTaskCanceledRequest{Namespace: Namespace, TaskToken: w.canceling(), Identity: "worker", Details: Text("d")}
		}},
	{method: "RecordActivityTaskHeartbeat", reply: &workflowservice.RecordActivityTaskHeartbeatResponse{}, from: 6,
		skip: []string{"namespace"},
		request: func(w *World) proto.Message {
			return &workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: Namespace, TaskToken: w.active(), Identity: "worker", Details: Text("d")}
		}},
	{method: "RespondActivityTaskCompletedById", reply: &workflowservice.RespondActivityTaskCompletedByIdResponse{}, from: 6,
		request: func(w *World) proto.Message {
			w.active()
			return &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: "a",
				Identity: "worker", Result: Text("r")}
		}},
	{method: "RespondActivityTaskFailedById", reply: &workflowservice.RespondActivityTaskFailedByIdResponse{}, from: 6,
		request: func(w *World) proto.Message {
			w.active()
			return &workflowservice.RespondActivityTaskFailedByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: "a",
				Identity: "worker", Failure: Failure("Bad"), LastHeartbeatDetails: Text("d")}
		}},
	{method: "RespondActivityTaskCanceledById", reply: &workflowservice.RespondActivityTaskCanceledByIdResponse{}, from: 6,
		request: func(w *World) proto.Message {
			w.canceling()
			return &workflowservice.RespondActivityTaskCanceledByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: "a",
				Identity: "worker", Details: Text("d")}
		}},
	{method: "RecordActivityTaskHeartbeatById", reply: &workflowservice.RecordActivityTaskHeartbeatByIdResponse{}, from: 6,
		request: func(w *World) proto.Message {
			w.active()
			return &workflowservice.RecordActivityTaskHeartbeatByIdRequest{Namespace: Namespace, WorkflowId: w.ID("w"), ActivityId: "a",
				Identity: "worker", Details: Text("d")}
		}},
}

var brokenCommands = []brokenCommand{
	{kind: "ScheduleActivityTask", command: func(w *World) *commandpb.Command {
		return w.activity("a", "schedule_to_close_timeout=1h", "schedule_to_start_timeout=10m", "heartbeat_timeout=10s", "input=in",
			"retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=2", "retry_policy.maximum_interval=10s", "retry_policy.maximum_attempts=3")
	}},
	{kind: "RequestCancelActivityTask", command: func(*World) *commandpb.Command { return cancelActivity(5) }},
	{kind: "StartTimer", command: func(*World) *commandpb.Command { return timer("t", "1h") }},
	{kind: "CancelTimer", command: func(*World) *commandpb.Command { return cancelTimer("t") }},
	{kind: "CompleteWorkflowExecution", command: func(*World) *commandpb.Command { return complete("done") }},
	{kind: "FailWorkflowExecution", command: func(*World) *commandpb.Command { return fail("Bad") }},
	{kind: "CancelWorkflowExecution", command: func(*World) *commandpb.Command { return cancelled() }},
	{kind: "RequestCancelExternalWorkflowExecution", command: func(w *World) *commandpb.Command {
		return Command("RequestCancelExternalWorkflowExecution", "workflow_id="+w.Other("x"), "namespace=default", "reason=because")
	}},
	{kind: "SignalExternalWorkflowExecution", command: func(w *World) *commandpb.Command {
		return Command("SignalExternalWorkflowExecution", "execution="+w.Other("x"), "namespace=default", "signal_name=s", "input=in")
	}},
	{kind: "RecordMarker", command: func(*World) *commandpb.Command {
		return Command("RecordMarker", "marker_name=m", "failure=Bad")
	}},
	{kind: "ContinueAsNewWorkflowExecution", command: func(w *World) *commandpb.Command {
		return continueAsNew("task_queue="+w.Queue("w"), "input=in", "workflow_run_timeout=1h", "workflow_task_timeout=10s",
			"retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=3", "memo=(a:1)")
	}, skip: []string{"cron_schedule"}},
	{kind: "StartChildWorkflowExecution", command: func(w *World) *commandpb.Command {
		return Command("StartChildWorkflowExecution", "namespace=default", "workflow_id="+w.Other("c"), "workflow_type=child",
			"task_queue="+w.Queue("c"), "input=in", "workflow_execution_timeout=1h", "workflow_run_timeout=30m", "workflow_task_timeout=10s",
			"retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=3", "memo=(a:1)")
	}},
	{kind: "UpsertWorkflowSearchAttributes", command: func(*World) *commandpb.Command {
		return Command("UpsertWorkflowSearchAttributes", `search_attributes=(BatcherUser:"me")`)
	}},
	{kind: "ModifyWorkflowProperties", command: func(*World) *commandpb.Command {
		return Command("ModifyWorkflowProperties", "upserted_memo=(a:1)")
	}},
	{kind: "ProtocolMessage", command: func(*World) *commandpb.Command { return protocolMessage("m") }},
}
