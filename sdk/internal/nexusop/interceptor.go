package nexusop

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// Interceptor is the part of a worker interceptor that deals with Nexus operations.
type Interceptor interface {
	// InterceptNexusOperation is called once for each Nexus task, before the operation's
	// code runs. It returns next, or what is to be called in its place.
	InterceptNexusOperation(ctx context.Context, next NexusOperationInboundInterceptor) NexusOperationInboundInterceptor
}

// NexusOperationInboundInterceptor is called for all that enters the code of Nexus operations.
// Embed NexusOperationInboundInterceptorBase, which passes everything on, and override what is
// to be intercepted.
type NexusOperationInboundInterceptor interface {
	// Init is called first. Implementations wrap outbound in an interceptor of their own, if
	// they want one, and pass it to Init of the next interceptor.
	Init(ctx context.Context, outbound NexusOperationOutboundInterceptor) error

	// StartOperation starts an operation. Headers are in input.Options.
	StartOperation(ctx context.Context, input NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error)

	// CancelOperation asks an operation to cancel. Headers are in input.Options.
	CancelOperation(ctx context.Context, input NexusCancelOperationInput) error

	mustEmbedNexusOperationInboundInterceptorBase()
}

// NexusStartOperationInput is the input of NexusOperationInboundInterceptor.StartOperation.
type NexusStartOperationInput struct {
	// Input is the operation's, decoded.
	Input any
	// Options of the request.
	Options nexus.StartOperationOptions
}

// NexusCancelOperationInput is the input of NexusOperationInboundInterceptor.CancelOperation.
type NexusCancelOperationInput struct {
	// Token is what the operation's start returned.
	Token string
	// Options of the request.
	Options nexus.CancelOperationOptions
}

// NexusOperationOutboundInterceptor is called for all that the code of Nexus operations asks
// for: the functions of package temporalnexus of the same names. Embed
// NexusOperationOutboundInterceptorBase, which passes everything on, and override what is to
// be intercepted.
type NexusOperationOutboundInterceptor interface {
	// GetOperationInfo intercepts temporalnexus.GetOperationInfo.
	GetOperationInfo(ctx context.Context) Info
	// GetClient intercepts temporalnexus.GetClient.
	GetClient(ctx context.Context) client.Client
	// GetLogger intercepts temporalnexus.GetLogger.
	GetLogger(ctx context.Context) log.Logger
	// GetMetricsHandler intercepts temporalnexus.GetMetricsHandler.
	GetMetricsHandler(ctx context.Context) metrics.Handler

	mustEmbedNexusOperationOutboundInterceptorBase()
}

// NexusOperationInboundInterceptorBase passes everything on to Next. Embed it in
// implementations of NexusOperationInboundInterceptor.
type NexusOperationInboundInterceptorBase struct {
	// Next is the interceptor that comes next. Required.
	Next NexusOperationInboundInterceptor
}

var _ NexusOperationInboundInterceptor = (*NexusOperationInboundInterceptorBase)(nil)

// Init implements NexusOperationInboundInterceptor.
func (b *NexusOperationInboundInterceptorBase) Init(ctx context.Context, outbound NexusOperationOutboundInterceptor) error {
	return b.Next.Init(ctx, outbound)
}

// StartOperation implements NexusOperationInboundInterceptor.
func (b *NexusOperationInboundInterceptorBase) StartOperation(ctx context.Context, input NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	return b.Next.StartOperation(ctx, input)
}

// CancelOperation implements NexusOperationInboundInterceptor.
func (b *NexusOperationInboundInterceptorBase) CancelOperation(ctx context.Context, input NexusCancelOperationInput) error {
	return b.Next.CancelOperation(ctx, input)
}

func (*NexusOperationInboundInterceptorBase) mustEmbedNexusOperationInboundInterceptorBase() {}

// NexusOperationOutboundInterceptorBase passes everything on to Next. Embed it in
// implementations of NexusOperationOutboundInterceptor.
type NexusOperationOutboundInterceptorBase struct {
	// Next is the interceptor that comes next. Required.
	Next NexusOperationOutboundInterceptor
}

var _ NexusOperationOutboundInterceptor = (*NexusOperationOutboundInterceptorBase)(nil)

// GetOperationInfo implements NexusOperationOutboundInterceptor.
func (b *NexusOperationOutboundInterceptorBase) GetOperationInfo(ctx context.Context) Info {
	return b.Next.GetOperationInfo(ctx)
}

// GetClient implements NexusOperationOutboundInterceptor.
func (b *NexusOperationOutboundInterceptorBase) GetClient(ctx context.Context) client.Client {
	return b.Next.GetClient(ctx)
}

// GetLogger implements NexusOperationOutboundInterceptor.
func (b *NexusOperationOutboundInterceptorBase) GetLogger(ctx context.Context) log.Logger {
	return b.Next.GetLogger(ctx)
}

// GetMetricsHandler implements NexusOperationOutboundInterceptor.
func (b *NexusOperationOutboundInterceptorBase) GetMetricsHandler(ctx context.Context) metrics.Handler {
	return b.Next.GetMetricsHandler(ctx)
}

func (*NexusOperationOutboundInterceptorBase) mustEmbedNexusOperationOutboundInterceptorBase() {}
