// Package opentracing traces clients, workflows and activities with OpenTracing.
//
//	tracing, err := opentracing.NewInterceptor(opentracing.TracerOptions{Tracer: tracer})
//	if err != nil { … }
//	c, err := client.Dial(client.Options{Interceptors: []interceptor.ClientInterceptor{tracing}})
//
// New programs are better off with OpenTelemetry, which has taken OpenTracing's place.
package opentracing

import (
	"context"
	"fmt"

	"github.com/opentracing/opentracing-go"

	"github.com/perdure/perdure/sdk/interceptor"
)

// TracerOptions are options of NewInterceptor and NewTracer. The zero value works.
type TracerOptions struct {
	// Tracer to use. Default opentracing.GlobalTracer().
	Tracer opentracing.Tracer
	// SpanContextKey is the key under which contexts of workflows carry their span. It has a default.
	SpanContextKey any
	// HeaderKey is the name under which spans travel in headers. Default "_tracer-data", which the
	// SDKs of other languages use, too.
	HeaderKey string
	// SpanStarter starts spans. Default Tracer.StartSpan.
	SpanStarter func(t opentracing.Tracer, operationName string, opts ...opentracing.StartSpanOption) opentracing.Span
}

const defaultHeaderKey = "_tracer-data"

type spanContextKey struct{}

// NewInterceptor returns an interceptor for client.Options, and so for the client's workers.
func NewInterceptor(options TracerOptions) (interceptor.Interceptor, error) {
	t, err := NewTracer(options)
	if err != nil {
		return nil, err
	}
	return interceptor.NewTracingInterceptor(t), nil
}

// NewTracer returns the tracer that NewInterceptor uses.
func NewTracer(options TracerOptions) (interceptor.Tracer, error) {
	if options.Tracer == nil {
		options.Tracer = opentracing.GlobalTracer()
	}
	if options.SpanContextKey == nil {
		options.SpanContextKey = spanContextKey{}
	}
	if options.HeaderKey == "" {
		options.HeaderKey = defaultHeaderKey
	}
	if options.SpanStarter == nil {
		options.SpanStarter = opentracing.Tracer.StartSpan
	}
	return &tracer{options: options}, nil
}

type tracer struct {
	interceptor.BaseTracer
	options TracerOptions
}

// reference is a span in another process, span one in this.
type (
	reference struct{ opentracing.SpanContext }
	span      struct{ opentracing.Span }
)

func (t *tracer) Options() interceptor.TracerOptions {
	return interceptor.TracerOptions{SpanContextKey: t.options.SpanContextKey, HeaderKey: t.options.HeaderKey}
}

func (t *tracer) UnmarshalSpan(data map[string]string) (interceptor.TracerSpanRef, error) {
	context, err := t.options.Tracer.Extract(opentracing.TextMap, opentracing.TextMapCarrier(data))
	if err != nil {
		return nil, fmt.Errorf("reading a span: %w", err)
	}
	return &reference{context}, nil
}

func (t *tracer) MarshalSpan(s interceptor.TracerSpan) (map[string]string, error) {
	data := opentracing.TextMapCarrier{}
	if err := t.options.Tracer.Inject(s.(*span).Context(), opentracing.TextMap, data); err != nil {
		return nil, fmt.Errorf("writing a span: %w", err)
	}
	return data, nil
}

func (t *tracer) SpanFromContext(ctx context.Context) interceptor.TracerSpan {
	if s := opentracing.SpanFromContext(ctx); s != nil {
		return &span{s}
	}
	return nil
}

func (t *tracer) ContextWithSpan(ctx context.Context, s interceptor.TracerSpan) context.Context {
	return opentracing.ContextWithSpan(ctx, s.(*span).Span)
}

func (t *tracer) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	var parent opentracing.SpanContext
	switch p := options.Parent.(type) {
	case nil:
	case *span:
		parent = p.Context()
	case *reference:
		parent = p.SpanContext
	default:
		return nil, fmt.Errorf("the parent span is of an unknown type %T", p)
	}
	var start []opentracing.StartSpanOption
	switch {
	case parent == nil:
	case options.DependedOn:
		start = append(start, opentracing.ChildOf(parent))
	default:
		start = append(start, opentracing.FollowsFrom(parent))
	}
	for key, value := range options.Tags {
		start = append(start, opentracing.Tag{Key: key, Value: value})
	}
	return &span{t.options.SpanStarter(t.options.Tracer, t.SpanName(options), start...)}, nil
}

func (s *span) Finish(options *interceptor.TracerFinishSpanOptions) {
	if options.Error != nil {
		// The form that bridges to OpenTelemetry know.
		s.SetTag("error", "true")
	}
	s.Span.Finish()
}
