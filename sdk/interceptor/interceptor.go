// Package interceptor intercepts what goes into and out of workflows, activities and
// clients: to trace, to log, to check who may call, to add headers.
//
// An interceptor is given the next one of its chain and returns what is to be called in
// its place. Embed the Base type of what you intercept, which passes everything on, and
// override the methods that matter; it also keeps your code compiling when methods are
// added:
//
//	type timing struct{ interceptor.WorkerInterceptorBase }
//
//	func (timing) InterceptActivity(ctx context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
//		return &timedActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
//	}
//
//	type timedActivity struct{ interceptor.ActivityInboundInterceptorBase }
//
//	func (t *timedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
//		defer report(activity.GetInfo(ctx).ActivityType.Name, time.Now())
//		return t.Next.ExecuteActivity(ctx, in)
//	}
//
// Inbound interceptors are for what enters workflow or activity code, outbound ones for
// what that code calls. An outbound interceptor is put in place by the Init method of the
// inbound one: wrap what Init is given, and pass it to Init of Next.
//
// # Order
//
// The first interceptor of a list is outermost: an inbound call and a client's call meet
// it first, a call out of workflow or activity code meets it last. Give interceptors to
// worker.Options, or to client.Options: those that intercept clients and workers are
// then used by the workers of the client as well, outside of the workers' own.
//
// # Headers
//
// Calls that send something to another workflow or activity carry a header. Outbound
// interceptors write in the map that [Header] or [WorkflowHeader] returns; inbound
// interceptors on the other side read it there. Workflow and activity code do not see it.
//
// # Determinism
//
// Workflow interceptors are part of the workflow: they run again in replay, and what they
// do must be deterministic. Use workflow.IsReplaying to keep side effects from happening
// twice.
package interceptor

import (
	"context"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/internal/worker"
	"github.com/perdure/perdure/sdk/workflow"
	commonpb "go.temporal.io/api/common/v1"
)

// Interceptor intercepts clients and workers. Embed [InterceptorBase] in implementations.
type Interceptor interface {
	ClientInterceptor
	WorkerInterceptor
}

// InterceptorBase intercepts nothing. Embed it in implementations of [Interceptor].
type InterceptorBase struct {
	ClientInterceptorBase
	WorkerInterceptorBase
}

var _ Interceptor = (*InterceptorBase)(nil)

type (
	// WorkerInterceptor intercepts what a worker runs.
	WorkerInterceptor = worker.WorkerInterceptor
	// WorkerInterceptorBase intercepts nothing.
	WorkerInterceptorBase = worker.WorkerInterceptorBase
)

type (
	// ActivityInboundInterceptor is called for all that enters activity code.
	ActivityInboundInterceptor = activities.ActivityInboundInterceptor
	// ActivityInboundInterceptorBase passes everything on to Next.
	ActivityInboundInterceptorBase = activities.ActivityInboundInterceptorBase
	// ExecuteActivityInput is the input of ActivityInboundInterceptor.ExecuteActivity.
	ExecuteActivityInput = activities.ExecuteActivityInput

	// ActivityOutboundInterceptor is called for all that activity code asks for.
	ActivityOutboundInterceptor = activities.ActivityOutboundInterceptor
	// ActivityOutboundInterceptorBase passes everything on to Next.
	ActivityOutboundInterceptorBase = activities.ActivityOutboundInterceptorBase
)

type (
	// NexusOperationInboundInterceptor is called for all that enters the code of Nexus
	// operations.
	NexusOperationInboundInterceptor = nexusop.NexusOperationInboundInterceptor
	// NexusOperationInboundInterceptorBase passes everything on to Next.
	NexusOperationInboundInterceptorBase = nexusop.NexusOperationInboundInterceptorBase
	// NexusStartOperationInput is the input of
	// NexusOperationInboundInterceptor.StartOperation.
	NexusStartOperationInput = nexusop.NexusStartOperationInput
	// NexusCancelOperationInput is the input of
	// NexusOperationInboundInterceptor.CancelOperation.
	NexusCancelOperationInput = nexusop.NexusCancelOperationInput

	// NexusOperationOutboundInterceptor is called for all that the code of Nexus operations
	// asks for.
	NexusOperationOutboundInterceptor = nexusop.NexusOperationOutboundInterceptor
	// NexusOperationOutboundInterceptorBase passes everything on to Next.
	NexusOperationOutboundInterceptorBase = nexusop.NexusOperationOutboundInterceptorBase
)

type (
	// WorkflowInboundInterceptor is called for all that enters workflow code.
	WorkflowInboundInterceptor = flow.WorkflowInboundInterceptor
	// WorkflowInboundInterceptorBase passes everything on to Next.
	WorkflowInboundInterceptorBase = flow.WorkflowInboundInterceptorBase
	// ExecuteWorkflowInput is the input of WorkflowInboundInterceptor.ExecuteWorkflow.
	ExecuteWorkflowInput = flow.ExecuteWorkflowInput
	// HandleSignalInput is the input of WorkflowInboundInterceptor.HandleSignal.
	HandleSignalInput = flow.HandleSignalInput
	// HandleQueryInput is the input of WorkflowInboundInterceptor.HandleQuery.
	HandleQueryInput = flow.HandleQueryInput
	// UpdateInput is the input of WorkflowInboundInterceptor.ValidateUpdate and
	// ExecuteUpdate.
	UpdateInput = flow.UpdateInput
	// ExecuteNexusOperationInput is the input of
	// WorkflowOutboundInterceptor.ExecuteNexusOperation.
	ExecuteNexusOperationInput = flow.ExecuteNexusOperationInput
	// RequestCancelNexusOperationInput is the input of
	// WorkflowOutboundInterceptor.RequestCancelNexusOperation.
	RequestCancelNexusOperationInput = flow.RequestCancelNexusOperationInput

	// WorkflowOutboundInterceptor is called for all that workflow code asks for.
	WorkflowOutboundInterceptor = flow.WorkflowOutboundInterceptor
	// WorkflowOutboundInterceptorBase passes everything on to Next.
	WorkflowOutboundInterceptorBase = flow.WorkflowOutboundInterceptorBase
)

type (
	// ClientInterceptor intercepts the calls of a client.
	ClientInterceptor = client.ClientInterceptor
	// ClientInterceptorBase intercepts nothing.
	ClientInterceptorBase = client.ClientInterceptorBase

	// ClientOutboundInterceptor is called for the methods of a client.
	ClientOutboundInterceptor = client.ClientOutboundInterceptor
	// ClientOutboundInterceptorBase passes everything on to Next.
	ClientOutboundInterceptorBase = client.ClientOutboundInterceptorBase

	// ClientExecuteWorkflowInput is the input of
	// ClientOutboundInterceptor.ExecuteWorkflow.
	ClientExecuteWorkflowInput = client.ClientExecuteWorkflowInput
	// ClientSignalWorkflowInput is the input of ClientOutboundInterceptor.SignalWorkflow.
	ClientSignalWorkflowInput = client.ClientSignalWorkflowInput
	// ClientSignalWithStartWorkflowInput is the input of
	// ClientOutboundInterceptor.SignalWithStartWorkflow.
	ClientSignalWithStartWorkflowInput = client.ClientSignalWithStartWorkflowInput
	// ClientCancelWorkflowInput is the input of ClientOutboundInterceptor.CancelWorkflow.
	ClientCancelWorkflowInput = client.ClientCancelWorkflowInput
	// ClientTerminateWorkflowInput is the input of
	// ClientOutboundInterceptor.TerminateWorkflow.
	ClientTerminateWorkflowInput = client.ClientTerminateWorkflowInput
	// ClientQueryWorkflowInput is the input of ClientOutboundInterceptor.QueryWorkflow.
	ClientQueryWorkflowInput = client.ClientQueryWorkflowInput
	// ClientDescribeWorkflowInput is the input of
	// ClientOutboundInterceptor.DescribeWorkflow.
	ClientDescribeWorkflowInput = client.ClientDescribeWorkflowInput
	// ClientDescribeWorkflowOutput is the output of
	// ClientOutboundInterceptor.DescribeWorkflow.
	ClientDescribeWorkflowOutput = client.ClientDescribeWorkflowOutput
	// ClientUpdateWorkflowInput is the input of ClientOutboundInterceptor.UpdateWorkflow.
	ClientUpdateWorkflowInput = client.ClientUpdateWorkflowInput
	// ClientUpdateWithStartWorkflowInput is the input of
	// ClientOutboundInterceptor.UpdateWithStartWorkflow.
	ClientUpdateWithStartWorkflowInput = client.ClientUpdateWithStartWorkflowInput
	// ClientPollWorkflowUpdateInput is the input of
	// ClientOutboundInterceptor.PollWorkflowUpdate.
	ClientPollWorkflowUpdateInput = client.ClientPollWorkflowUpdateInput
	// ClientPollWorkflowUpdateOutput is the output of
	// ClientOutboundInterceptor.PollWorkflowUpdate.
	ClientPollWorkflowUpdateOutput = client.ClientPollWorkflowUpdateOutput
	// ScheduleClientCreateInput is the input of ClientOutboundInterceptor.CreateSchedule.
	ScheduleClientCreateInput = client.ScheduleClientCreateInput
)

type (
	// ClientExecuteActivityInput is the input of ClientOutboundInterceptor.ExecuteActivity.
	ClientExecuteActivityInput = client.ClientExecuteActivityInput
	// ClientGetActivityHandleInput is the input of
	// ClientOutboundInterceptor.GetActivityHandle.
	ClientGetActivityHandleInput = client.ClientGetActivityHandleInput
	// ClientCancelActivityInput is the input of ClientOutboundInterceptor.CancelActivity.
	ClientCancelActivityInput = client.ClientCancelActivityInput
	// ClientTerminateActivityInput is the input of
	// ClientOutboundInterceptor.TerminateActivity.
	ClientTerminateActivityInput = client.ClientTerminateActivityInput
	// ClientPauseActivityInput is the input of ClientOutboundInterceptor.PauseActivity.
	ClientPauseActivityInput = client.ClientPauseActivityInput
	// ClientUnpauseActivityInput is the input of ClientOutboundInterceptor.UnpauseActivity.
	ClientUnpauseActivityInput = client.ClientUnpauseActivityInput
	// ClientUpdateActivityOptionsInput is the input of
	// ClientOutboundInterceptor.UpdateActivityOptions.
	ClientUpdateActivityOptionsInput = client.ClientUpdateActivityOptionsInput
	// ClientUpdateActivityOptionsOutput is the output of
	// ClientOutboundInterceptor.UpdateActivityOptions.
	ClientUpdateActivityOptionsOutput = client.ClientUpdateActivityOptionsOutput
	// ClientDescribeActivityInput is the input of ClientOutboundInterceptor.DescribeActivity.
	ClientDescribeActivityInput = client.ClientDescribeActivityInput
	// ClientDescribeActivityOutput is the output of ClientOutboundInterceptor.DescribeActivity.
	ClientDescribeActivityOutput = client.ClientDescribeActivityOutput
	// ClientPollActivityResultInput is the input of
	// ClientOutboundInterceptor.PollActivityResult.
	ClientPollActivityResultInput = client.ClientPollActivityResultInput
	// ClientPollActivityResultOutput is the output of
	// ClientOutboundInterceptor.PollActivityResult.
	ClientPollActivityResultOutput = client.ClientPollActivityResultOutput
)

type (
	// ClientExecuteNexusOperationInput is the input of
	// ClientOutboundInterceptor.ExecuteNexusOperation.
	ClientExecuteNexusOperationInput = client.ClientExecuteNexusOperationInput
	// ClientGetNexusOperationHandleInput is the input of
	// ClientOutboundInterceptor.GetNexusOperationHandle.
	ClientGetNexusOperationHandleInput = client.ClientGetNexusOperationHandleInput
	// ClientCancelNexusOperationInput is the input of
	// ClientOutboundInterceptor.CancelNexusOperation.
	ClientCancelNexusOperationInput = client.ClientCancelNexusOperationInput
	// ClientTerminateNexusOperationInput is the input of
	// ClientOutboundInterceptor.TerminateNexusOperation.
	ClientTerminateNexusOperationInput = client.ClientTerminateNexusOperationInput
	// ClientDescribeNexusOperationInput is the input of
	// ClientOutboundInterceptor.DescribeNexusOperation.
	ClientDescribeNexusOperationInput = client.ClientDescribeNexusOperationInput
	// ClientDescribeNexusOperationOutput is the output of
	// ClientOutboundInterceptor.DescribeNexusOperation.
	ClientDescribeNexusOperationOutput = client.ClientDescribeNexusOperationOutput
	// ClientPollNexusOperationResultInput is the input of
	// ClientOutboundInterceptor.PollNexusOperationResult.
	ClientPollNexusOperationResultInput = client.ClientPollNexusOperationResultInput
	// ClientPollNexusOperationResultOutput is the output of
	// ClientOutboundInterceptor.PollNexusOperationResult.
	ClientPollNexusOperationResultOutput = client.ClientPollNexusOperationResultOutput
)

// Header returns the header of a call of or to an activity or a client's call: what came,
// in inbound interceptors, and a map to be filled in, in outbound interceptors of clients.
// It is nil where there is none.
func Header(ctx context.Context) map[string]*commonpb.Payload { return header.FieldsOf(ctx) }

// WorkflowHeader is [Header] for workflow interceptors: what came, in inbound ones, and a
// map to be filled in, in outbound ones.
func WorkflowHeader(ctx workflow.Context) map[string]*commonpb.Payload {
	return flow.WorkflowHeader(ctx)
}
