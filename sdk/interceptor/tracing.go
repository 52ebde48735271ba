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
// clients. Its parts are in tracing_client.go, tracing_activity.go, tracing_workflow.go and
// tracing_nexus.go.
type tracingInterceptor struct {
	InterceptorBase
	tracer  Tracer
	options TracerOptions
}

// NewTracingInterceptor returns an interceptor that traces with tracer: clients, workflows,
// activities and Nexus operations, and what leads from one to another. Give it to client.Options, and the
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

// InterceptNexusOperation implements WorkerInterceptor.
func (t *tracingInterceptor) InterceptNexusOperation(_ context.Context, next NexusOperationInboundInterceptor) NexusOperationInboundInterceptor {
	return &tracedNexus{NexusOperationInboundInterceptorBase{Next: next}, t}
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
	return traceWith(ctx, t, options, payloadHeader(Header(ctx)), f)
}

// traceWith is trace with the header that the span is read from or written to.
func traceWith[T any](ctx context.Context, t *tracingInterceptor, options *TracerStartSpanOptions, header spanCarrier, f func(ctx context.Context) (T, error)) (T, error) {
	if options.Time.IsZero() {
		options.Time = time.Now()
	}
	// Checked, because a nil span in an interface is a parent that is not nil.
	if parent := t.tracer.SpanFromContext(ctx); parent != nil {
		options.Parent = parent
	}
	span, err := t.start(ctx, options, header)
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
	span, err := t.start(ctx, options, payloadHeader(WorkflowHeader(ctx)))
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
func (t *tracingInterceptor) start(ctx interface{ Value(any) any }, options *TracerStartSpanOptions, header spanCarrier) (TracerSpan, error) {
	if options.Parent == nil && options.FromHeader {
		parent, err := t.read(header)
		// Callers of Nexus operations need not trace.
		_, foreign := header.(nexusHeader)
		if err != nil && !foreign && !t.options.AllowInvalidParentSpans {
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

// spanCarrier is a header in which spans travel.
type spanCarrier interface {
	// spanData is what was put in under the key, nothing if nothing was.
	spanData(key string) (map[string]string, error)
	setSpanData(key string, data map[string]string) error
}

// payloadHeader is the header of workflows and activities. One that is nil takes nothing.
type payloadHeader map[string]*commonpb.Payload

func (h payloadHeader) spanData(key string) (map[string]string, error) {
	payload := h[key]
	if payload == nil {
		return nil, nil
	}
	// Not the user's converter: the other side may have another.
	var data map[string]string
	err := converter.GetDefaultDataConverter().FromPayload(payload, &data)
	return data, err
}

func (h payloadHeader) setSpanData(key string, data map[string]string) error {
	if h == nil {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(data)
	if err != nil {
		return err
	}
	h[key] = payload
	return nil
}

// read returns the span of a header, nil if it has none.
func (t *tracingInterceptor) read(header spanCarrier) (TracerSpanRef, error) {
	data, err := header.spanData(t.options.HeaderKey)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	return t.tracer.UnmarshalSpan(data)
}

// write puts a span in a header.
func (t *tracingInterceptor) write(span TracerSpan, header spanCarrier) error {
	data, err := t.tracer.MarshalSpan(span)
	if err != nil || len(data) == 0 {
		return err
	}
	return header.setSpanData(t.options.HeaderKey, data)
}
