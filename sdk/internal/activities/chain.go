package activities

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// outbound is the end of the chain of outbound calls: it does what activity code
// asked for.
type outbound struct{ env *Env }

// inbound is the end of the chain of inbound calls: it enters activity code.
type inbound struct{ env *Env }

var (
	_ ActivityOutboundInterceptor = outbound{}
	_ ActivityInboundInterceptor  = inbound{}
)

// Calls returns the chain of outbound calls of the activity that ctx belongs to.
// It panics outside activities: the caller's mistake, which no caller handles.
func Calls(ctx context.Context) ActivityOutboundInterceptor {
	env := FromContext(ctx)
	if env == nil {
		panic("activity: the context is not that of an activity")
	}
	if env.outbound == nil {
		return outbound{env}
	}
	return env.outbound
}

// intercept builds the chains. The first interceptor is outermost: an inbound call
// meets it first, an outbound one last.
func (e *Env) intercept(ctx context.Context) (ActivityInboundInterceptor, error) {
	if len(e.interceptors) == 0 {
		return inbound{e}, nil
	}
	var chain ActivityInboundInterceptor = inbound{e}
	for n := len(e.interceptors) - 1; n >= 0; n-- {
		chain = e.interceptors[n].InterceptActivity(ctx, chain)
	}
	if err := chain.Init(outbound{e}); err != nil {
		return nil, fmt.Errorf("starting the interceptors of activity %s: %w", e.Info.ActivityType.Name, err)
	}
	return chain, nil
}

func (i inbound) Init(outbound ActivityOutboundInterceptor) error {
	i.env.outbound = outbound
	return nil
}

func (i inbound) ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error) {
	return i.env.function.Call(header.WithoutFields(ctx), in.Args)
}

func (inbound) mustEmbedActivityInboundInterceptorBase() {}

func (o outbound) GetInfo(context.Context) Info { return o.env.Info }

func (o outbound) GetLogger(context.Context) log.Logger { return o.env.Logger() }

func (o outbound) GetMetricsHandler(context.Context) metrics.Handler { return o.env.MetricsHandler() }

func (o outbound) RecordHeartbeat(ctx context.Context, details ...any) {
	o.env.RecordHeartbeat(ctx, details...)
}

func (o outbound) HasHeartbeatDetails(context.Context) bool { return o.env.Details != nil }

func (o outbound) GetHeartbeatDetails(ctx context.Context, d ...any) error {
	return o.env.HeartbeatDetails(ctx, d...)
}

func (o outbound) GetWorkerStopChannel(context.Context) <-chan struct{} { return o.env.Stopping }

func (o outbound) GetClient(context.Context) client.Client { return o.env.Client }

func (outbound) mustEmbedActivityOutboundInterceptorBase() {}
