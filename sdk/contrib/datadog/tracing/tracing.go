// Package tracing traces clients, workflows and activities with Datadog.
//
//	c, err := client.Dial(client.Options{
//		Interceptors: []interceptor.ClientInterceptor{tracing.NewTracingInterceptor(tracing.TracerOptions{})},
//	})
//
// The spans go to the tracer of the process, which the program starts by tracer.Start of
// dd-trace-go and stops at its end. They are called after the operation (temporal.RunWorkflow),
// and the name of the workflow or activity is their resource (Order). The span of a workflow, of a signal, of a query has an id that follows
// from what it is about, so a replay on another worker makes the same span again and not another one.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"

	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

// TracerOptions are the options of NewTracer and NewTracingInterceptor. The zero value traces
// everything.
type TracerOptions struct {
	// DisableSignalTracing leaves signals without spans.
	DisableSignalTracing bool
	// DisableQueryTracing leaves queries without spans.
	DisableQueryTracing bool
	// DisableUpdateTracing leaves updates without spans.
	DisableUpdateTracing bool
	// OnFinish says with what options spans are finished. Default: with tracer.WithError of the
	// error, if there is one that is not a continue-as-new.
	OnFinish func(options *interceptor.TracerFinishSpanOptions) []tracer.FinishOption
}

// NewTracingInterceptor returns an interceptor for client.Options, and so for the client's workers.
func NewTracingInterceptor(opts TracerOptions) interceptor.Interceptor {
	return interceptor.NewTracingInterceptor(NewTracer(opts))
}

// NewTracer returns the tracer that NewTracingInterceptor uses.
func NewTracer(opts TracerOptions) interceptor.Tracer {
	if opts.OnFinish == nil {
		opts.OnFinish = finishWithError
	}
	return &datadog{options: opts}
}

func finishWithError(options *interceptor.TracerFinishSpanOptions) []tracer.FinishOption {
	if options.Error == nil || workflow.IsContinueAsNewError(options.Error) {
		return nil
	}
	return []tracer.FinishOption{tracer.WithError(options.Error)}
}

// SpanFromWorkflowContext returns the span of the workflow, and whether there is one.
func SpanFromWorkflowContext(ctx workflow.Context) (*tracer.Span, bool) {
	if s, ok := ctx.Value(spanContextKey).(*span); ok {
		return s.Span, true
	}
	return nil, false
}

type contextKey string

// spanContextKey is the key under which contexts of workflows carry their span, and its text
// the header in which spans travel.
const spanContextKey contextKey = "dd_trace_span"

type datadog struct {
	interceptor.BaseTracer
	options TracerOptions
}

// reference is a span in another process, span one in this.
type (
	reference struct{ *tracer.SpanContext }
	span      struct {
		*tracer.Span
		onFinish func(*interceptor.TracerFinishSpanOptions) []tracer.FinishOption
	}
)

func (d *datadog) Options() interceptor.TracerOptions {
	return interceptor.TracerOptions{
		SpanContextKey:       spanContextKey,
		HeaderKey:            string(spanContextKey),
		DisableSignalTracing: d.options.DisableSignalTracing,
		DisableQueryTracing:  d.options.DisableQueryTracing,
		DisableUpdateTracing: d.options.DisableUpdateTracing,
	}
}

func (d *datadog) UnmarshalSpan(data map[string]string) (interceptor.TracerSpanRef, error) {
	parent, err := tracer.Extract(tracer.TextMapCarrier(data))
	switch {
	case errors.Is(err, tracer.ErrSpanContextNotFound):
		return nil, nil // whoever has called was not traced
	case err != nil:
		return nil, fmt.Errorf("reading a span: %w", err)
	}
	return &reference{parent}, nil
}

func (d *datadog) MarshalSpan(s interceptor.TracerSpan) (map[string]string, error) {
	data := tracer.TextMapCarrier{}
	if err := tracer.Inject(s.(*span).Context(), data); err != nil {
		return nil, fmt.Errorf("writing a span: %w", err)
	}
	return data, nil
}

func (d *datadog) SpanFromContext(ctx context.Context) interceptor.TracerSpan {
	s, ok := tracer.SpanFromContext(ctx)
	if !ok {
		return nil
	}
	return &span{s, d.options.OnFinish}
}

func (d *datadog) ContextWithSpan(ctx context.Context, s interceptor.TracerSpan) context.Context {
	return tracer.ContextWithSpan(ctx, s.(*span).Span)
}

func (d *datadog) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	start := []tracer.StartSpanOption{tracer.ResourceName(options.Name), tracer.StartTime(options.Time)}
	if options.IdempotencyKey != "" {
		id := fnv.New64()
		_, _ = id.Write([]byte(options.IdempotencyKey))
		start = append(start, tracer.WithSpanID(id.Sum64()))
	}
	for key, value := range options.Tags {
		// One group of tags: temporal.WorkflowID and so on.
		start = append(start, tracer.Tag("temporal."+strings.TrimPrefix(key, "temporal"), value))
	}
	name := d.SpanName(options)
	switch parent := options.Parent.(type) {
	case *span:
		return &span{parent.StartChild(name, start...), d.options.OnFinish}, nil
	case *reference:
		start = append(start, tracer.WithStartSpanConfig(&tracer.StartSpanConfig{Parent: parent.SpanContext}))
	}
	return &span{tracer.StartSpan(name, start...), d.options.OnFinish}, nil
}

// GetLogger returns a logger that tags lines with the ids by which Datadog finds their span.
func (d *datadog) GetLogger(logger log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	s, ok := ref.(*span)
	if !ok {
		return logger
	}
	return log.With(logger, "dd.trace_id", s.TraceID(), "dd.span_id", s.SpanID())
}

// SpanName is the operation alone: what it is about is the span's resource.
func (d *datadog) SpanName(options *interceptor.TracerStartSpanOptions) string {
	return "temporal." + options.Operation
}

// SpanID is the id of the span.
func (s *span) SpanID() uint64 { return s.Context().SpanID() }

// TraceID is the lower half of the id of the trace.
func (s *span) TraceID() uint64 { return s.Context().TraceIDLower() }

// ForeachBaggageItem calls the handler with everything that travels with the span.
func (s *span) ForeachBaggageItem(handler func(k, v string) bool) {
	s.Context().ForeachBaggageItem(handler)
}

func (s *span) Finish(options *interceptor.TracerFinishSpanOptions) {
	s.Span.Finish(s.onFinish(options)...)
}
