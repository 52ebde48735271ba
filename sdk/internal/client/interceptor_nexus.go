package client

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/converter"
)

// nexusOutboundInterceptor is the part of ClientOutboundInterceptor that is about Nexus
// operations that are started without a workflow.
type nexusOutboundInterceptor interface {
	// ExecuteNexusOperation intercepts NexusClient.ExecuteOperation.
	ExecuteNexusOperation(ctx context.Context, in *ClientExecuteNexusOperationInput) (NexusOperationHandle, error)
	// GetNexusOperationHandle intercepts Client.GetNexusOperationHandle.
	GetNexusOperationHandle(in *ClientGetNexusOperationHandleInput) NexusOperationHandle
	// CancelNexusOperation intercepts NexusOperationHandle.Cancel. It sends no header, nor do
	// the following methods.
	CancelNexusOperation(ctx context.Context, in *ClientCancelNexusOperationInput) error
	// TerminateNexusOperation intercepts NexusOperationHandle.Terminate.
	TerminateNexusOperation(ctx context.Context, in *ClientTerminateNexusOperationInput) error
	// DescribeNexusOperation intercepts NexusOperationHandle.Describe.
	DescribeNexusOperation(ctx context.Context, in *ClientDescribeNexusOperationInput) (*ClientDescribeNexusOperationOutput, error)
	// PollNexusOperationResult intercepts the wait for the outcome in
	// NexusOperationHandle.Get.
	PollNexusOperationResult(ctx context.Context, in *ClientPollNexusOperationResultInput) (*ClientPollNexusOperationResultOutput, error)
}

// ClientExecuteNexusOperationInput is the input of
// ClientOutboundInterceptor.ExecuteNexusOperation.
type ClientExecuteNexusOperationInput struct {
	// Options are not checked yet.
	Options *StartNexusOperationOptions
	// Endpoint is the endpoint to call.
	Endpoint string
	// Service names the Nexus service at the endpoint.
	Service string
	// OperationType is the name of the operation.
	OperationType string
	// Input is the operation's input.
	Input any
	// NexusHeader is the header that the handler gets, for interceptors to write in.
	NexusHeader nexus.Header
}

// ClientGetNexusOperationHandleInput is the input of
// ClientOutboundInterceptor.GetNexusOperationHandle.
type ClientGetNexusOperationHandleInput struct {
	// OperationID names the operation that the handle is for.
	OperationID string
	// RunID is empty for the latest run.
	RunID string
}

// ClientCancelNexusOperationInput is the input of
// ClientOutboundInterceptor.CancelNexusOperation.
type ClientCancelNexusOperationInput struct {
	// OperationID names the operation that is asked to stop.
	OperationID string
	// RunID is empty for the latest run.
	RunID string
	// Reason is for people.
	Reason string
}

// ClientTerminateNexusOperationInput is the input of
// ClientOutboundInterceptor.TerminateNexusOperation.
type ClientTerminateNexusOperationInput struct {
	// OperationID names the operation that is ended.
	OperationID string
	// RunID is empty for the latest run.
	RunID string
	// Reason is for people.
	Reason string
}

// ClientDescribeNexusOperationInput is the input of
// ClientOutboundInterceptor.DescribeNexusOperation.
type ClientDescribeNexusOperationInput struct {
	// OperationID names the operation that is described.
	OperationID string
	// RunID is empty for the latest run.
	RunID string
}

// ClientDescribeNexusOperationOutput is the output of
// ClientOutboundInterceptor.DescribeNexusOperation.
type ClientDescribeNexusOperationOutput struct {
	// Description is what the server knows about the operation.
	Description *NexusOperationExecutionDescription
}

// ClientPollNexusOperationResultInput is the input of
// ClientOutboundInterceptor.PollNexusOperationResult.
type ClientPollNexusOperationResultInput struct {
	// OperationID names the operation that is waited for.
	OperationID string
	// RunID is empty for the latest run.
	RunID string

	payloadsOf *converter.NexusSerializationContext // nil if not known
}

// ClientPollNexusOperationResultOutput is the output of
// ClientOutboundInterceptor.PollNexusOperationResult.
type ClientPollNexusOperationResultOutput struct {
	// Result is what the operation returned, if Error is nil.
	Result converter.EncodedValue
	// Error is why it did not succeed.
	Error error
}

// ExecuteNexusOperation implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) ExecuteNexusOperation(ctx context.Context, in *ClientExecuteNexusOperationInput) (NexusOperationHandle, error) {
	return b.Next.ExecuteNexusOperation(ctx, in)
}

// GetNexusOperationHandle implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) GetNexusOperationHandle(in *ClientGetNexusOperationHandleInput) NexusOperationHandle {
	return b.Next.GetNexusOperationHandle(in)
}

// CancelNexusOperation implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) CancelNexusOperation(ctx context.Context, in *ClientCancelNexusOperationInput) error {
	return b.Next.CancelNexusOperation(ctx, in)
}

// TerminateNexusOperation implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) TerminateNexusOperation(ctx context.Context, in *ClientTerminateNexusOperationInput) error {
	return b.Next.TerminateNexusOperation(ctx, in)
}

// DescribeNexusOperation implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) DescribeNexusOperation(ctx context.Context, in *ClientDescribeNexusOperationInput) (*ClientDescribeNexusOperationOutput, error) {
	return b.Next.DescribeNexusOperation(ctx, in)
}

// PollNexusOperationResult implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) PollNexusOperationResult(ctx context.Context, in *ClientPollNexusOperationResultInput) (*ClientPollNexusOperationResultOutput, error) {
	return b.Next.PollNexusOperationResult(ctx, in)
}
