package client

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	updatepb "go.temporal.io/api/update/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// ClientInterceptor intercepts the calls of a client. Embed ClientInterceptorBase in
// implementations.
type ClientInterceptor interface {
	// InterceptClient is called once for each client, when it is made. It returns next, or
	// what is to be called in its place.
	InterceptClient(next ClientOutboundInterceptor) ClientOutboundInterceptor

	mustEmbedClientInterceptorBase()
}

// ClientOutboundInterceptor is called for the methods of a client of the same names, and
// those with options. Embed ClientOutboundInterceptorBase, which passes everything on, and
// override what is to be intercepted.
//
// Calls that send a header have an empty one in ctx, to be filled in: interceptor.Header.
type ClientOutboundInterceptor interface {
	// ExecuteWorkflow intercepts Client.ExecuteWorkflow.
	ExecuteWorkflow(ctx context.Context, in *ClientExecuteWorkflowInput) (WorkflowRun, error)
	// SignalWorkflow intercepts Client.SignalWorkflow.
	SignalWorkflow(ctx context.Context, in *ClientSignalWorkflowInput) error
	// SignalWithStartWorkflow intercepts Client.SignalWithStartWorkflow.
	SignalWithStartWorkflow(ctx context.Context, in *ClientSignalWithStartWorkflowInput) (WorkflowRun, error)
	// CancelWorkflow intercepts Client.CancelWorkflow. It sends no header.
	CancelWorkflow(ctx context.Context, in *ClientCancelWorkflowInput) error
	// TerminateWorkflow intercepts Client.TerminateWorkflow. It sends no header.
	TerminateWorkflow(ctx context.Context, in *ClientTerminateWorkflowInput) error
	// QueryWorkflow intercepts Client.QueryWorkflow. A query that is rejected fails.
	QueryWorkflow(ctx context.Context, in *ClientQueryWorkflowInput) (converter.EncodedValue, error)
	// DescribeWorkflow intercepts Client.DescribeWorkflow. It sends no header.
	DescribeWorkflow(ctx context.Context, in *ClientDescribeWorkflowInput) (*ClientDescribeWorkflowOutput, error)
	// UpdateWorkflow intercepts Client.UpdateWorkflow.
	UpdateWorkflow(ctx context.Context, in *ClientUpdateWorkflowInput) (WorkflowUpdateHandle, error)
	// UpdateWithStartWorkflow intercepts Client.UpdateWithStartWorkflow.
	UpdateWithStartWorkflow(ctx context.Context, in *ClientUpdateWithStartWorkflowInput) (WorkflowUpdateHandle, error)
	// PollWorkflowUpdate intercepts the wait for the outcome of an update, in
	// WorkflowUpdateHandle.Get and in UpdateWorkflow. It sends no header.
	PollWorkflowUpdate(ctx context.Context, in *ClientPollWorkflowUpdateInput) (*ClientPollWorkflowUpdateOutput, error)
	// CreateSchedule intercepts ScheduleClient.Create. The header is that of the workflows
	// that the schedule starts.
	CreateSchedule(ctx context.Context, in *ScheduleClientCreateInput) (ScheduleHandle, error)

	activityOutboundInterceptor
	nexusOutboundInterceptor

	mustEmbedClientOutboundInterceptorBase()
}

// ClientExecuteWorkflowInput is the input of ClientOutboundInterceptor.ExecuteWorkflow.
type ClientExecuteWorkflowInput struct {
	// Options always have an ID.
	Options *StartWorkflowOptions
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// Args are the workflow's arguments.
	Args []any
}

// ClientSignalWorkflowInput is the input of ClientOutboundInterceptor.SignalWorkflow.
type ClientSignalWorkflowInput struct {
	// WorkflowID names the workflow that is signaled.
	WorkflowID string
	// RunID is empty for the current run.
	RunID string
	// SignalName names the channel that the workflow receives it on.
	SignalName string
	// Arg is the argument of the signal.
	Arg any
}

// ClientSignalWithStartWorkflowInput is the input of
// ClientOutboundInterceptor.SignalWithStartWorkflow.
type ClientSignalWithStartWorkflowInput struct {
	// SignalName names the channel that the workflow receives it on.
	SignalName string
	// SignalArg is the argument of the signal.
	SignalArg any
	// Options always have an ID.
	Options *StartWorkflowOptions
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// Args are the workflow's arguments.
	Args []any
}

// ClientCancelWorkflowInput is the input of ClientOutboundInterceptor.CancelWorkflow. The
// fields are those of CancelWorkflowOptions.
type ClientCancelWorkflowInput struct {
	// WorkflowID and RunID name the workflow. Without RunID it is the current run.
	WorkflowID string
	RunID      string
	// FirstExecutionRunID, if not empty, is the run with which the chain must have begun.
	FirstExecutionRunID string
	// Reason is for people to read in the history.
	Reason string
}

// ClientTerminateWorkflowInput is the input of
// ClientOutboundInterceptor.TerminateWorkflow. The fields are those of
// TerminateWorkflowOptions.
type ClientTerminateWorkflowInput struct {
	// WorkflowID and RunID name the workflow. Without RunID it is the current run.
	WorkflowID string
	RunID      string
	// FirstExecutionRunID, if not empty, is the run with which the chain must have begun.
	FirstExecutionRunID string
	// Reason is for people to read in the history, Details are for programs.
	Reason  string
	Details []any
}

// ClientQueryWorkflowInput is the input of ClientOutboundInterceptor.QueryWorkflow. The
// fields are those of QueryWorkflowWithOptionsRequest, whose header is in the context.
type ClientQueryWorkflowInput struct {
	// WorkflowID and RunID name the workflow. Without RunID it is the current run.
	WorkflowID string
	RunID      string
	// QueryType is the name of the query, Args are its arguments.
	QueryType string
	Args      []any
	// QueryRejectCondition says which workflows are not to be asked. By default all are.
	QueryRejectCondition enumspb.QueryRejectCondition
}

// ClientDescribeWorkflowInput is the input of ClientOutboundInterceptor.DescribeWorkflow.
type ClientDescribeWorkflowInput struct {
	// WorkflowID names the workflow that is described.
	WorkflowID string
	// RunID is empty for the current run.
	RunID string
}

// ClientDescribeWorkflowOutput is the output of
// ClientOutboundInterceptor.DescribeWorkflow.
type ClientDescribeWorkflowOutput struct {
	// Response is what the server knows about the workflow.
	Response *WorkflowExecutionDescription
}

// ClientUpdateWorkflowInput is the input of ClientOutboundInterceptor.UpdateWorkflow. The
// fields are those of UpdateWorkflowOptions.
type ClientUpdateWorkflowInput struct {
	// UpdateID is never empty.
	UpdateID string
	// WorkflowID names the workflow that is updated.
	WorkflowID string
	// UpdateName is the name of the handler.
	UpdateName string
	// Args are the handler's arguments.
	Args []any
	// RunID is empty for the current run.
	RunID string
	// FirstExecutionRunID guards against another workflow that took over the id.
	FirstExecutionRunID string
	// WaitForStage is how far the update has come when the call returns: accepted or completed.
	WaitForStage WorkflowUpdateStage

	nexus *NexusStart
}

// ClientUpdateWithStartWorkflowInput is the input of
// ClientOutboundInterceptor.UpdateWithStartWorkflow.
type ClientUpdateWithStartWorkflowInput struct {
	// UpdateOptions say what to send. They are not checked yet.
	UpdateOptions *UpdateWorkflowOptions
	// StartWorkflowOperation says what to start.
	StartWorkflowOperation WithStartWorkflowOperation
}

// ClientPollWorkflowUpdateInput is the input of ClientOutboundInterceptor.PollWorkflowUpdate.
type ClientPollWorkflowUpdateInput struct {
	// UpdateRef names the update.
	UpdateRef *updatepb.UpdateRef
}

// ClientPollWorkflowUpdateOutput is the output of
// ClientOutboundInterceptor.PollWorkflowUpdate.
type ClientPollWorkflowUpdateOutput struct {
	// Result is what the handler returned, if Error is nil.
	Result converter.EncodedValue
	// Error is the error of the handler or of its validator.
	Error error
}

// ScheduleClientCreateInput is the input of ClientOutboundInterceptor.CreateSchedule.
type ScheduleClientCreateInput struct {
	// Options as ScheduleClient.Create got them. They are not checked yet.
	Options *ScheduleOptions
}
