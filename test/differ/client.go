package differ

import (
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What a client does. Settings are those of Set, on the request of the call.

func (w *World) taskQueue(name string) *taskqueuepb.TaskQueue {
	return &taskqueuepb.TaskQueue{Name: w.Queue(name)}
}

// StartRequest is a valid start of the workflow of that name, of type "flow", on
// the queue of that name. Its workflow tasks may take a minute, since the machine
// may be busy.
func (w *World) StartRequest(name string, settings ...string) *workflowservice.StartWorkflowExecutionRequest {
	return Set(&workflowservice.StartWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowId: w.ID(name), WorkflowType: &commonpb.WorkflowType{Name: "flow"},
		TaskQueue: w.taskQueue(name), RequestId: w.requestID(), Identity: "client",
		WorkflowTaskTimeout: durationpb.New(time.Minute)}, settings...)
}

// Start starts the workflow of that name and returns its run id.
func (w *World) Start(name string, settings ...string) string {
	reply, err := w.API.StartWorkflowExecution(w.Ctx, w.StartRequest(name, settings...))
	if err != nil {
		return ""
	}
	return reply.RunId
}

// Signal sends a signal.
func (w *World) Signal(name, signal string, settings ...string) {
	_, _ = w.API.SignalWorkflowExecution(w.Ctx, Set(&workflowservice.SignalWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), SignalName: signal, Identity: "client"}, settings...))
}

// SignalWithStart signals the workflow of that name or starts it.
func (w *World) SignalWithStart(name, signal string, settings ...string) {
	_, _ = w.API.SignalWithStartWorkflowExecution(w.Ctx, Set(&workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowId: w.ID(name), WorkflowType: &commonpb.WorkflowType{Name: "flow"},
		TaskQueue: w.taskQueue(name), RequestId: w.requestID(), SignalName: signal, Identity: "client",
		WorkflowTaskTimeout: durationpb.New(time.Minute)}, settings...))
}

// RequestCancel requests the cancellation of a workflow.
func (w *World) RequestCancel(name string, settings ...string) {
	_, _ = w.API.RequestCancelWorkflowExecution(w.Ctx, Set(&workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), RequestId: w.requestID(), Identity: "client"}, settings...))
}

// Terminate terminates a workflow.
func (w *World) Terminate(name string, settings ...string) {
	_, _ = w.API.TerminateWorkflowExecution(w.Ctx, Set(&workflowservice.TerminateWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), Identity: "client"}, settings...))
}

// Delete deletes a workflow.
func (w *World) Delete(name string, settings ...string) {
	_, _ = w.API.DeleteWorkflowExecution(w.Ctx, Set(&workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name)}, settings...))
}

func describeRequest(w *World, name string) *workflowservice.DescribeWorkflowExecutionRequest {
	return &workflowservice.DescribeWorkflowExecutionRequest{Namespace: Namespace, Execution: w.Execution(name)}
}

// Describe describes a workflow.
func (w *World) Describe(name string, settings ...string) {
	_, _ = w.API.DescribeWorkflowExecution(w.Ctx, Set(describeRequest(w, name), settings...))
}

// Query queries a workflow in the background and returns how to wait for the answer.
func (w *World) Query(name, query string, settings ...string) (wait func()) {
	request := Set(&workflowservice.QueryWorkflowRequest{Namespace: Namespace, Execution: w.Execution(name)}, "query.query_type="+query)
	Set(request, settings...)
	return w.Later(func(api workflowservice.WorkflowServiceClient) { _, _ = api.QueryWorkflow(w.Ctx, request) })
}

// UpdateRequest is an update with that id, of the handler "update".
func (w *World) UpdateRequest(name, id string, settings ...string) *workflowservice.UpdateWorkflowExecutionRequest {
	request := Set(&workflowservice.UpdateWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.Execution(name)},
		"request.meta.update_id="+id, "request.meta.identity=client", "request.input.name=update",
		"request.input.args=in", "wait_policy.lifecycle_stage=COMPLETED")
	return Set(request, settings...)
}

// Update sends an update in the background and returns how to wait for its outcome.
func (w *World) Update(name, id string, settings ...string) (wait func()) {
	request := w.UpdateRequest(name, id, settings...)
	return w.Later(func(api workflowservice.WorkflowServiceClient) { _, _ = api.UpdateWorkflowExecution(w.Ctx, request) })
}

// PollUpdate asks for what has become of an update.
func (w *World) PollUpdate(name, id string, settings ...string) {
	request := Set(&workflowservice.PollWorkflowExecutionUpdateRequest{Namespace: Namespace, Identity: "client"},
		"update_ref.workflow_execution="+w.ID(name), "update_ref.update_id="+id)
	_, _ = w.API.PollWorkflowExecutionUpdate(w.Ctx, Set(request, settings...))
}

// AwaitUpdate waits until the server knows of an update.
func (w *World) AwaitUpdate(name, id string) {
	w.T.Helper()
	request := Set(&workflowservice.PollWorkflowExecutionUpdateRequest{Namespace: Namespace, Identity: "client"},
		"update_ref.workflow_execution="+w.ID(name), "update_ref.update_id="+id)
	w.Eventually("the update has arrived", func() bool {
		_, err := w.Quiet.PollWorkflowExecutionUpdate(w.Ctx, request)
		return err == nil
	})
}

// requestID is a new request id. All runs of a scenario have the same ones, but
// for the prefix.
func (w *World) requestID() string {
	w.requests++
	return fmt.Sprintf("%s-r%d", w.Prefix, w.requests)
}
