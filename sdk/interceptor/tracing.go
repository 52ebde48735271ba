package interceptor

import (
	"context"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/workflow"
)

// The tags of spans.
const (
	workflowIDTag = "temporalWorkflowID"
	runIDTag      = "temporalRunID"
	activityIDTag = "temporalActivityID"
	updateIDTag   = "temporalUpdateID"
)

// tracingInterceptor makes spans of what goes into and out of workflows, activities and
// clients. Its parts are in tracing_client.go, tracing_activity.go and
// tracing_workflow.go.
type tracingInterceptor struct {
	InterceptorBase
	tracer  Tracer
	options TracerOptions
}

// NewTracingInterceptor returns an interceptor that traces with tracer: clients, workflows
// and activities, and what leads from one to another. Give it to client.Options, and the
// workers of the client use it as well.
//
// It panics if the tracer's options lack a SpanContextKey or a HeaderKey.
func NewTracingInterceptor(tracer Tracer) Interceptor {
	options := tracer.Options()
	switch {
	case options.SpanContextKey == nil:
		panic("missing span context key: set SpanContextKey of TracerOptions")
	case options.HeaderKey == "":
		panic("missing header key: set HeaderKey of TracerOptions")
	}
	return &tracingInterceptor{tracer: tracer, options: options}
}

// InterceptClient implements ClientInterceptor.
func (t *tracingInterceptor) InterceptClient(next ClientOutboundInterceptor) ClientOutboundInterceptor {
	return &tracedClient{ClientOutboundInterceptorBase{Next: next}, t}
}

// InterceptActivity implements WorkerInterceptor.
func (t *tracingInterceptor) InterceptActivity(_ context.Context, next ActivityInboundInterceptor) ActivityInboundInterceptor {
	return &tracedActivity{ActivityInboundInterceptorBase{Next: next}, t}
}

// InterceptWorkflow implements WorkerInterceptor.
func (t *tracingInterceptor) InterceptWorkflow(ctx workflow.Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor {
	return &tracedWorkflow{WorkflowInboundInterceptorBase: WorkflowInboundInterceptorBase{Next: next}, root: t, info: workflow.GetInfo(ctx)}
}

// trace calls f in a span that starts now, or at the time that options say.
func trace[T any](ctx context.Context, t *tracingInterceptor, options *TracerStartSpanOptions, f func(ctx context.Context) (T, error)) (T, error) {
	if options.Time.IsZero() {
		options.Time = time.Now()
	}
	// Checked, because a nil span in an interface is a parent that is not nil.
	if parent := t.tracer.SpanFromContext(ctx); parent != nil {
		options.Parent = parent
	}
	span, err := t.start(ctx, options, Header(ctx))
	if err != nil {
		var none T
		return none, err
	}
	var finish TracerFinishSpanOptions
	defer func() { span.Finish(&finish) }()
	result, err := f(t.tracer.ContextWithSpan(context.WithValue(ctx, t.options.SpanContextKey, span), span))
	finish.Error = err
	return result, err
}

// traceInbound is trace for what enters workflow code.
func traceInbound[T any](ctx workflow.Context, t *tracingInterceptor, options *TracerStartSpanOptions, f func(ctx workflow.Context) (T, error)) (T, error) {
	if options.Time.IsZero() {
		options.Time = time.Now()
	}
	span, err := t.start(ctx, options, WorkflowHeader(ctx))
	if err != nil {
		var none T
		return none, err
	}
	var finish TracerFinishSpanOptions
	defer func() { span.Finish(&finish) }()
	result, err := f(workflow.WithValue(ctx, t.options.SpanContextKey, span))
	finish.Error = err
	return result, err
}

// start starts a span. Its parent is, in this order: what options say, what the header
// says, what the context carries.
func (t *tracingInterceptor) start(ctx interface{ Value(any) any }, options *TracerStartSpanOptions, header map[string]*commonpb.Payload) (TracerSpan, error) {
	if options.Parent == nil && options.FromHeader {
		parent, err := t.read(header)
		if err != nil && !t.options.AllowInvalidParentSpans {
			return nil, fmt.Errorf("reading the parent span in the header %s: %w", t.options.HeaderKey, err)
		}
		if err == nil {
			options.Parent = parent
		}
	}
	if options.Parent == nil {
		if parent, _ := ctx.Value(t.options.SpanContextKey).(TracerSpan); parent != nil {
			options.Parent = parent
		}
	}
	span, err := t.tracer.StartSpan(options)
	if err != nil {
		return nil, err
	}
	if options.ToHeader {
		if err := t.write(span, header); err != nil {
			return nil, err
		}
	}
	return span, nil
}

// read returns the span of a header, nil if it has none.
func (t *tracingInterceptor) read(header map[string]*commonpb.Payload) (TracerSpanRef, error) {
	payload := header[t.options.HeaderKey]
	if payload == nil {
		return nil, nil
	}
	// Not the user's converter: the other side may have another.
	var data map[string]string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &data); err != nil {
		return nil, err
	}
	return t.tracer.UnmarshalSpan(data)
}

// write puts a span in a header.
func (t *tracingInterceptor) write(span TracerSpan, header map[string]*commonpb.Payload) error {
	data, err := t.tracer.MarshalSpan(span)
	if err != nil || len(data) == 0 || header == nil {
		return err
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(data)
	if err != nil {
		return err
	}
	header[t.options.HeaderKey] = payload
	return nil
}
