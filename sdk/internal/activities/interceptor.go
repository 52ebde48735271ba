package activities

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// ActivityInterceptor is the half of a worker interceptor that deals with
// activities.
type ActivityInterceptor interface {
	// InterceptActivity is called once for each attempt of an activity or local
	// activity, before its code runs. It returns next, or what is to be called
	// in its place.
	InterceptActivity(ctx context.Context, next ActivityInboundInterceptor) ActivityInboundInterceptor
}

// ActivityInboundInterceptor is called for all that enters activity code. Embed
// ActivityInboundInterceptorBase, which passes everything on, and override what
// is to be intercepted.
type ActivityInboundInterceptor interface {
	// Init is called first. Implementations wrap outbound in an interceptor of
	// their own, if they want one, and pass it to Init of the next interceptor.
	Init(outbound ActivityOutboundInterceptor) error

	// ExecuteActivity runs the activity function. The header is in ctx:
	// interceptor.Header.
	ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error)

	mustEmbedActivityInboundInterceptorBase()
}

// ExecuteActivityInput is the input of
// ActivityInboundInterceptor.ExecuteActivity.
type ExecuteActivityInput struct {
	// Args are the decoded arguments, without the context.
	Args []any
}

// ActivityOutboundInterceptor is called for all that activity code asks for: the
// functions of package activity of the same names. Embed
// ActivityOutboundInterceptorBase, which passes everything on, and override what
// is to be intercepted.
type ActivityOutboundInterceptor interface {
	// GetInfo intercepts activity.GetInfo.
	GetInfo(ctx context.Context) Info
	// GetLogger intercepts activity.GetLogger.
	GetLogger(ctx context.Context) log.Logger
	// GetMetricsHandler intercepts activity.GetMetricsHandler.
	GetMetricsHandler(ctx context.Context) metrics.Handler
	// RecordHeartbeat intercepts activity.RecordHeartbeat.
	RecordHeartbeat(ctx context.Context, details ...any)
	// HasHeartbeatDetails intercepts activity.HasHeartbeatDetails.
	HasHeartbeatDetails(ctx context.Context) bool
	// GetHeartbeatDetails intercepts activity.GetHeartbeatDetails.
	GetHeartbeatDetails(ctx context.Context, d ...any) error
	// GetWorkerStopChannel intercepts activity.GetWorkerStopChannel.
	GetWorkerStopChannel(ctx context.Context) <-chan struct{}
	// GetClient intercepts activity.GetClient.
	GetClient(ctx context.Context) client.Client

	mustEmbedActivityOutboundInterceptorBase()
}
