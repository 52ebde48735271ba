package client

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
)

// ClientInterceptorBase intercepts nothing. Embed it in implementations of
// ClientInterceptor.
type ClientInterceptorBase struct{}

var _ ClientInterceptor = (*ClientInterceptorBase)(nil)

// InterceptClient implements ClientInterceptor.
func (*ClientInterceptorBase) InterceptClient(next ClientOutboundInterceptor) ClientOutboundInterceptor {
	return next
}

func (*ClientInterceptorBase) mustEmbedClientInterceptorBase() {}

// ClientOutboundInterceptorBase passes everything on to Next. Embed it in implementations of
// ClientOutboundInterceptor.
type ClientOutboundInterceptorBase struct {
	// Next is the next interceptor of the chain.
	Next ClientOutboundInterceptor
}

var _ ClientOutboundInterceptor = (*ClientOutboundInterceptorBase)(nil)

// ExecuteWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) ExecuteWorkflow(ctx context.Context, in *ClientExecuteWorkflowInput) (WorkflowRun, error) {
	return b.Next.ExecuteWorkflow(ctx, in)
}

// SignalWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) SignalWorkflow(ctx context.Context, in *ClientSignalWorkflowInput) error {
	return b.Next.SignalWorkflow(ctx, in)
}

// SignalWithStartWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) SignalWithStartWorkflow(ctx context.Context, in *ClientSignalWithStartWorkflowInput) (WorkflowRun, error) {
	return b.Next.SignalWithStartWorkflow(ctx, in)
}

// CancelWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) CancelWorkflow(ctx context.Context, in *ClientCancelWorkflowInput) error {
	return b.Next.CancelWorkflow(ctx, in)
}

// TerminateWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) TerminateWorkflow(ctx context.Context, in *ClientTerminateWorkflowInput) error {
	return b.Next.TerminateWorkflow(ctx, in)
}

// QueryWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) QueryWorkflow(ctx context.Context, in *ClientQueryWorkflowInput) (converter.EncodedValue, error) {
	return b.Next.QueryWorkflow(ctx, in)
}

// DescribeWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) DescribeWorkflow(ctx context.Context, in *ClientDescribeWorkflowInput) (*ClientDescribeWorkflowOutput, error) {
	return b.Next.DescribeWorkflow(ctx, in)
}

// UpdateWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) UpdateWorkflow(ctx context.Context, in *ClientUpdateWorkflowInput) (WorkflowUpdateHandle, error) {
	return b.Next.UpdateWorkflow(ctx, in)
}

// UpdateWithStartWorkflow implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) UpdateWithStartWorkflow(ctx context.Context, in *ClientUpdateWithStartWorkflowInput) (WorkflowUpdateHandle, error) {
	return b.Next.UpdateWithStartWorkflow(ctx, in)
}

// PollWorkflowUpdate implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) PollWorkflowUpdate(ctx context.Context, in *ClientPollWorkflowUpdateInput) (*ClientPollWorkflowUpdateOutput, error) {
	return b.Next.PollWorkflowUpdate(ctx, in)
}

// CreateSchedule implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) CreateSchedule(ctx context.Context, in *ScheduleClientCreateInput) (ScheduleHandle, error) {
	return b.Next.CreateSchedule(ctx, in)
}

func (*ClientOutboundInterceptorBase) mustEmbedClientOutboundInterceptorBase() {}
