package opentelemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/workflow"
)

// DefaultTextMapPropagator is TracerOptions.TextMapPropagator if that is nil.
var DefaultTextMapPropagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// TracerOptions are options of NewTracingInterceptor and NewTracer. The zero value works.
type TracerOptions struct {
	// Tracer to use. Default that of the global provider, under the name "temporal-sdk-go".
	Tracer trace.Tracer
	// DisableSignalTracing leaves out spans of signals.
	DisableSignalTracing bool
	// DisableQueryTracing leaves out spans of queries.
	DisableQueryTracing bool
	// DisableUpdateTracing leaves out spans of updates.
	DisableUpdateTracing bool
	// DisableBaggage leaves baggage behind.
	DisableBaggage bool
	// AllowInvalidParentSpans passes over spans in headers that can not be read, in place of failing
	// what they came with.
	AllowInvalidParentSpans bool
	// TextMapPropagator writes spans in headers, and reads them. Default DefaultTextMapPropagator,
	// not the global one.
	TextMapPropagator propagation.TextMapPropagator
	// SpanContextKey is the key under which contexts of workflows carry their span. It has a default,
	// which SpanFromWorkflowContext needs.
	SpanContextKey any
	// HeaderKey is the name under which spans travel in headers. Default "_tracer-data", which the
	// SDKs of other languages use, too.
	HeaderKey string
	// SpanStarter starts spans. Default Tracer.Start.
	SpanStarter func(ctx context.Context, t trace.Tracer, spanName string, opts ...trace.SpanStartOption) trace.Span
}

const defaultHeaderKey = "_tracer-data"

type spanContextKey struct{}

// NewTracingInterceptor returns an interceptor for client.Options, and so for the client's workers.
func NewTracingInterceptor(options TracerOptions) (interceptor.Interceptor, error) {
	t, err := NewTracer(options)
	if err != nil {
		return nil, err
	}
	return interceptor.NewTracingInterceptor(t), nil
}

// NewTracer returns the tracer that NewTracingInterceptor uses.
func NewTracer(options TracerOptions) (interceptor.Tracer, error) {
	if options.Tracer == nil {
		options.Tracer = otel.GetTracerProvider().Tracer(instrumentation)
	}
	if options.TextMapPropagator == nil {
		options.TextMapPropagator = DefaultTextMapPropagator
	}
	if options.SpanContextKey == nil {
		options.SpanContextKey = spanContextKey{}
	}
	if options.HeaderKey == "" {
		options.HeaderKey = defaultHeaderKey
	}
	if options.SpanStarter == nil {
		options.SpanStarter = func(ctx context.Context, t trace.Tracer, name string, opts ...trace.SpanStartOption) trace.Span {
			_, s := t.Start(ctx, name, opts...)
			return s
		}
	}
	return &tracer{options: options}, nil
}

type tracer struct {
	interceptor.BaseTracer
	options TracerOptions
}

// reference is a span in another process, span one in this; both with the baggage that goes along.
type (
	reference struct {
		context trace.SpanContext
		baggage baggage.Baggage
	}
	span struct {
		trace.Span
		baggage baggage.Baggage
	}
)

// SpanFromWorkflowContext returns the span of workflow code. Without one it returns a span that does
// nothing, and false.
func SpanFromWorkflowContext(ctx workflow.Context) (trace.Span, bool) {
	if s, ok := ctx.Value(spanContextKey{}).(*span); ok {
		return s.Span, true
	}
	return trace.SpanFromContext(context.Background()), false
}

func (t *tracer) Options() interceptor.TracerOptions {
	return interceptor.TracerOptions{
		SpanContextKey:          t.options.SpanContextKey,
		HeaderKey:               t.options.HeaderKey,
		DisableSignalTracing:    t.options.DisableSignalTracing,
		DisableQueryTracing:     t.options.DisableQueryTracing,
		DisableUpdateTracing:    t.options.DisableUpdateTracing,
		AllowInvalidParentSpans: t.options.AllowInvalidParentSpans,
	}
}

// baggageOf is the baggage of ctx, unless it is left behind.
func (t *tracer) baggageOf(ctx context.Context) baggage.Baggage {
	if t.options.DisableBaggage {
		return baggage.Baggage{}
	}
	return baggage.FromContext(ctx)
}

func (t *tracer) withBaggage(ctx context.Context, b baggage.Baggage) context.Context {
	if t.options.DisableBaggage {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, b)
}

func (t *tracer) UnmarshalSpan(data map[string]string) (interceptor.TracerSpanRef, error) {
	if _, ok := data["traceparent"]; !ok {
		return nil, nil
	}
	ctx := t.options.TextMapPropagator.Extract(context.Background(), propagation.MapCarrier(data))
	parent := trace.SpanContextFromContext(ctx)
	if !parent.IsValid() {
		return nil, errors.New("failed extracting OpenTelemetry span from map")
	}
	return &reference{parent, t.baggageOf(ctx)}, nil
}

func (t *tracer) MarshalSpan(s interceptor.TracerSpan) (map[string]string, error) {
	data := propagation.MapCarrier{}
	t.options.TextMapPropagator.Inject(t.ContextWithSpan(context.Background(), s), data)
	return data, nil
}

func (t *tracer) SpanFromContext(ctx context.Context) interceptor.TracerSpan {
	s := trace.SpanFromContext(ctx)
	if !s.SpanContext().IsValid() {
		return nil
	}
	return &span{s, t.baggageOf(ctx)}
}

func (t *tracer) ContextWithSpan(ctx context.Context, s interceptor.TracerSpan) context.Context {
	own := s.(*span)
	return trace.ContextWithSpan(t.withBaggage(ctx, own.baggage), own.Span)
}

func (t *tracer) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	var parent trace.SpanContext
	var carried baggage.Baggage
	switch p := options.Parent.(type) {
	case nil:
	case *span:
		parent, carried = p.SpanContext(), p.baggage
	case *reference:
		parent, carried = p.context, p.baggage
	default:
		return nil, fmt.Errorf("the parent span is of an unknown type %T", p)
	}
	ctx := context.Background()
	if parent.IsValid() {
		ctx = t.withBaggage(trace.ContextWithSpanContext(ctx, parent), carried)
	}
	kind := trace.SpanKindServer
	if options.ToHeader {
		kind = trace.SpanKindClient
	}
	s := t.options.SpanStarter(ctx, t.options.Tracer, t.SpanName(options), trace.WithTimestamp(options.Time), trace.WithSpanKind(kind))
	for key, value := range options.Tags {
		s.SetAttributes(attribute.String(key, value))
	}
	return &span{s, carried}, nil
}

// GetLogger returns a logger that names the trace and the span.
func (t *tracer) GetLogger(logger log.Logger, ref interceptor.TracerSpanRef) log.Logger {
	s, ok := ref.(*span)
	if !ok {
		return logger
	}
	return log.With(logger, "TraceID", s.SpanContext().TraceID(), "SpanID", s.SpanContext().SpanID())
}

func (s *span) Finish(options *interceptor.TracerFinishSpanOptions) {
	if err := options.Error; err != nil {
		s.RecordError(err)
		if !isBenign(err) {
			s.SetStatus(codes.Error, err.Error())
		}
	}
	s.End()
}

// isBenign says whether an error is one that is expected to happen.
func isBenign(err error) bool {
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && application.Category() == temporal.ApplicationErrorCategoryBenign
}
