package interceptor

import (
	"context"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/log"
)

// tracedActivity traces an attempt of an activity.
type tracedActivity struct {
	ActivityInboundInterceptorBase
	root *tracingInterceptor
}

func (a *tracedActivity) Init(outbound ActivityOutboundInterceptor) error {
	return a.Next.Init(&tracedActivityCalls{ActivityOutboundInterceptorBase{Next: outbound}, a.root})
}

func (a *tracedActivity) ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	return trace(ctx, a.root, &TracerStartSpanOptions{
		Operation:  "RunActivity",
		Name:       info.ActivityType.Name,
		DependedOn: true,
		Tags: map[string]string{
			workflowIDTag: info.WorkflowExecution.ID,
			runIDTag:      info.WorkflowExecution.RunID,
			activityIDTag: info.ActivityID,
		},
		FromHeader: true,
		Time:       info.StartedTime,
	}, func(ctx context.Context) (any, error) { return a.Next.ExecuteActivity(ctx, in) })
}

// tracedActivityCalls gives activity code a logger that names the span.
type tracedActivityCalls struct {
	ActivityOutboundInterceptorBase
	root *tracingInterceptor
}

func (c *tracedActivityCalls) GetLogger(ctx context.Context) log.Logger {
	logger := c.Next.GetLogger(ctx)
	if span := c.root.tracer.SpanFromContext(ctx); span != nil {
		return c.root.tracer.GetLogger(logger, span)
	}
	return logger
}
