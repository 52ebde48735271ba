package differ

import (
	"go.temporal.io/api/workflowservice/v1"
)

// What an operator does. Settings are those of Set, on the request of the call.

// ResetTo resets the current run of a workflow to the workflow task that ended with an event.
func (w *World) ResetTo(name string, event int64, settings ...string) {
	_, _ = w.API.ResetWorkflowExecution(w.Ctx, Set(&workflowservice.ResetWorkflowExecutionRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), Reason: "because", RequestId: w.requestID(),
		WorkflowTaskFinishEventId: event, Identity: "operator"}, settings...))
}

// UpdateOptions changes the options of a workflow.
func (w *World) UpdateOptions(name string, settings ...string) {
	_, _ = w.API.UpdateWorkflowExecutionOptions(w.Ctx, Set(&workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution(name), Identity: "operator"}, settings...))
}

// PauseActivity pauses the activity of that id.
func (w *World) PauseActivity(name, id string, settings ...string) {
	_, _ = w.API.PauseActivity(w.Ctx, Set(&workflowservice.PauseActivityRequest{Namespace: Namespace, Execution: w.Execution(name),
		Identity: "operator", Reason: "lunch", Activity: &workflowservice.PauseActivityRequest_Id{Id: id}}, settings...))
}

// UnpauseActivity lets the activity of that id go on.
func (w *World) UnpauseActivity(name, id string, settings ...string) {
	_, _ = w.API.UnpauseActivity(w.Ctx, Set(&workflowservice.UnpauseActivityRequest{Namespace: Namespace, Execution: w.Execution(name),
		Identity: "operator", Activity: &workflowservice.UnpauseActivityRequest_Id{Id: id}}, settings...))
}

// ResetActivity lets the activity of that id begin anew.
func (w *World) ResetActivity(name, id string, settings ...string) {
	_, _ = w.API.ResetActivity(w.Ctx, Set(&workflowservice.ResetActivityRequest{Namespace: Namespace, Execution: w.Execution(name),
		Identity: "operator", Activity: &workflowservice.ResetActivityRequest_Id{Id: id}}, settings...))
}

// UpdateActivityOptions changes the options of the activity of that id.
func (w *World) UpdateActivityOptions(name, id string, settings ...string) {
	_, _ = w.API.UpdateActivityOptions(w.Ctx, Set(&workflowservice.UpdateActivityOptionsRequest{Namespace: Namespace, Execution: w.Execution(name),
		Identity: "operator", Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: id}}, settings...))
}

// DescribeTaskQueue describes the task queue of that name; by default its activity tasks.
func (w *World) DescribeTaskQueue(name string, settings ...string) {
	_, _ = w.API.DescribeTaskQueue(w.Ctx, Set(&workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue(name),
		TaskQueueType: 2}, settings...))
}
