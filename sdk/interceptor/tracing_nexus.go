package interceptor

import (
	"context"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/workflow"
)

// nexusHeader is the header of Nexus operations. It has what the tracer makes of a span as
// it is: the other side may be no Temporal SDK.
type nexusHeader nexus.Header

func (h nexusHeader) spanData(string) (map[string]string, error) { return h, nil }

func (h nexusHeader) setSpanData(_ string, data map[string]string) error {
	for key, value := range data {
		nexus.Header(h).Set(key, value)
	}
	return nil
}

// tracedNexus traces what enters the code of Nexus operations.
type tracedNexus struct {
	NexusOperationInboundInterceptorBase
	root *tracingInterceptor
}

// handling are the options of a span of a handler of the operation that ctx is of.
func handling(ctx context.Context, operation string) *TracerStartSpanOptions {
	info := nexus.ExtractHandlerInfo(ctx)
	return &TracerStartSpanOptions{Operation: operation, Name: info.Service + "/" + info.Operation, DependedOn: true, FromHeader: true}
}

func (n *tracedNexus) StartOperation(ctx context.Context, in NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	options := handling(ctx, "RunStartNexusOperationHandler")
	return traceWith(ctx, n.root, options, nexusHeader(in.Options.Header), func(ctx context.Context) (nexus.HandlerStartOperationResult[any], error) {
		return n.Next.StartOperation(ctx, in)
	})
}

func (n *tracedNexus) CancelOperation(ctx context.Context, in NexusCancelOperationInput) error {
	options := handling(ctx, "RunCancelNexusOperationHandler")
	_, err := traceWith(ctx, n.root, options, nexusHeader(in.Options.Header), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, n.Next.CancelOperation(ctx, in)
	})
	return err
}

// ExecuteNexusOperation starts a span of the asking.
func (c *tracedWorkflowCalls) ExecuteNexusOperation(ctx workflow.Context, in ExecuteNexusOperationInput) workflow.NexusOperationFuture {
	var name string
	switch operation := in.Operation.(type) {
	case string:
		name = operation
	case interface{ Name() string }:
		name = operation.Name()
	default:
		return failedNexus{failed(ctx, fmt.Errorf("unexpected operation type: %v", in.Operation))}
	}
	spanned, finish, err := c.startIn(ctx, "StartNexusOperation", in.Client.Service()+"/"+name, false, nexusHeader(in.NexusHeader))
	if err != nil {
		return failedNexus{failed(ctx, err)}
	}
	defer finish()
	return c.Next.ExecuteNexusOperation(spanned, in)
}

// failedNexus is the future of an operation that was not asked for.
type failedNexus struct{ workflow.Future }

func (f failedNexus) GetNexusOperationExecution() workflow.Future { return f }
