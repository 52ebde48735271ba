package activities

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// ActivityInboundInterceptorBase passes everything on to Next. Embed it in implementations of
// ActivityInboundInterceptor.
type ActivityInboundInterceptorBase struct {
	// Next is the next interceptor of the chain.
	Next ActivityInboundInterceptor
}

var _ ActivityInboundInterceptor = (*ActivityInboundInterceptorBase)(nil)

// Init implements ActivityInboundInterceptor.
func (b *ActivityInboundInterceptorBase) Init(outbound ActivityOutboundInterceptor) error {
	return b.Next.Init(outbound)
}

// ExecuteActivity implements ActivityInboundInterceptor.
func (b *ActivityInboundInterceptorBase) ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error) {
	return b.Next.ExecuteActivity(ctx, in)
}

func (*ActivityInboundInterceptorBase) mustEmbedActivityInboundInterceptorBase() {}

// ActivityOutboundInterceptorBase passes everything on to Next. Embed it in implementations of
// ActivityOutboundInterceptor.
type ActivityOutboundInterceptorBase struct {
	// Next is the next interceptor of the chain.
	Next ActivityOutboundInterceptor
}

var _ ActivityOutboundInterceptor = (*ActivityOutboundInterceptorBase)(nil)

// GetInfo implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetInfo(ctx context.Context) Info {
	return b.Next.GetInfo(ctx)
}

// GetLogger implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetLogger(ctx context.Context) log.Logger {
	return b.Next.GetLogger(ctx)
}

// GetMetricsHandler implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetMetricsHandler(ctx context.Context) metrics.Handler {
	return b.Next.GetMetricsHandler(ctx)
}

// RecordHeartbeat implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) RecordHeartbeat(ctx context.Context, details ...any) {
	b.Next.RecordHeartbeat(ctx, details...)
}

// HasHeartbeatDetails implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) HasHeartbeatDetails(ctx context.Context) bool {
	return b.Next.HasHeartbeatDetails(ctx)
}

// GetHeartbeatDetails implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetHeartbeatDetails(ctx context.Context, d ...any) error {
	return b.Next.GetHeartbeatDetails(ctx, d...)
}

// GetWorkerStopChannel implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetWorkerStopChannel(ctx context.Context) <-chan struct{} {
	return b.Next.GetWorkerStopChannel(ctx)
}

// GetClient implements ActivityOutboundInterceptor.
func (b *ActivityOutboundInterceptorBase) GetClient(ctx context.Context) client.Client {
	return b.Next.GetClient(ctx)
}

func (*ActivityOutboundInterceptorBase) mustEmbedActivityOutboundInterceptorBase() {}
