package tracing

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

type workerTracing struct {
	interceptor.WorkerInterceptorBase
	tracer         Tracer
	workflowTracer WorkflowTracer
}

func (t *workerTracing) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &tracedActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, t.tracer}
}

func (t *workerTracing) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &tracedWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}, t.workflowTracer}
}

func (t *workerTracing) InterceptNexusOperation(_ context.Context, next interceptor.NexusOperationInboundInterceptor) interceptor.NexusOperationInboundInterceptor {
	return &tracedOperation{interceptor.NexusOperationInboundInterceptorBase{Next: next}, t.tracer}
}

// loggerOf is a logger that names the span of the context, if there is one.
func loggerOf[C any](t spanner[C], ctx C, logger log.Logger) log.Logger {
	if span := t.SpanFromContext(ctx); span != nil {
		return t.GetLogger(logger, span)
	}
	return logger
}

// tracedActivity traces an attempt of an activity.
type tracedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	tracer Tracer
}

func (a *tracedActivity) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	return a.Next.Init(&tracedActivityCalls{interceptor.ActivityOutboundInterceptorBase{Next: outbound}, a.tracer})
}

func (a *tracedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	return inbound(a.tracer, ctx, inHeader(interceptor.Header(ctx)), &TracerStartSpanOptions{
		Operation:  "RunActivity",
		Name:       info.ActivityType.Name,
		DependedOn: true,
		Tags: map[string]string{
			workflowIDTag: info.WorkflowExecution.ID,
			runIDTag:      info.WorkflowExecution.RunID,
			activityIDTag: info.ActivityID,
		},
	}, func(ctx context.Context) (any, error) { return a.Next.ExecuteActivity(ctx, in) })
}

type tracedActivityCalls struct {
	interceptor.ActivityOutboundInterceptorBase
	tracer Tracer
}

func (c *tracedActivityCalls) GetLogger(ctx context.Context) log.Logger {
	return loggerOf(c.tracer, ctx, c.Next.GetLogger(ctx))
}

// tracedOperation traces the handling of a Nexus operation.
type tracedOperation struct {
	interceptor.NexusOperationInboundInterceptorBase
	tracer Tracer
}

func (o *tracedOperation) Init(ctx context.Context, outbound interceptor.NexusOperationOutboundInterceptor) error {
	return o.Next.Init(ctx, &tracedOperationCalls{interceptor.NexusOperationOutboundInterceptorBase{Next: outbound}, o.tracer})
}

func handling(ctx context.Context, operation string) *TracerStartSpanOptions {
	info := nexus.ExtractHandlerInfo(ctx)
	return &TracerStartSpanOptions{
		Operation:  operation,
		Name:       info.Service + "/" + info.Operation,
		DependedOn: true,
		Tags:       nexusTags(map[string]string{}, "", info.Service, info.Operation),
	}
}

func (o *tracedOperation) StartOperation(ctx context.Context, in interceptor.NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	return inbound(o.tracer, ctx, inNexusHeader(in.Options.Header), handling(ctx, "RunStartNexusOperationHandler"), func(ctx context.Context) (nexus.HandlerStartOperationResult[any], error) {
		return o.Next.StartOperation(ctx, in)
	})
}

func (o *tracedOperation) CancelOperation(ctx context.Context, in interceptor.NexusCancelOperationInput) error {
	_, err := inbound(o.tracer, ctx, inNexusHeader(in.Options.Header), handling(ctx, "RunCancelNexusOperationHandler"), only(func(ctx context.Context) error {
		return o.Next.CancelOperation(ctx, in)
	}))
	return err
}

type tracedOperationCalls struct {
	interceptor.NexusOperationOutboundInterceptorBase
	tracer Tracer
}

func (c *tracedOperationCalls) GetLogger(ctx context.Context) log.Logger {
	return loggerOf(c.tracer, ctx, c.Next.GetLogger(ctx))
}
