package interceptor

import (
	"context"
	"time"

	"github.com/perdure/perdure/sdk/log"
)

// Tracer connects [NewTracingInterceptor] with a tracing library. Programs do not use it
// directly but take the interceptor of a companion package, such as contrib/opentelemetry.
//
// Implementations embed [BaseTracer], which keeps them compiling when methods are added.
// They must be safe for concurrent use.
type Tracer interface {
	// Options are asked for once.
	Options() TracerOptions

	// UnmarshalSpan makes a reference to a span of what MarshalSpan returned, in this
	// process or another. It may return nil if there is none in the map.
	UnmarshalSpan(map[string]string) (TracerSpanRef, error)

	// MarshalSpan returns what another process needs to refer to the span. Nothing is
	// sent if it is empty.
	MarshalSpan(TracerSpan) (map[string]string, error)

	// SpanFromContext returns the span that the tracing library has put in the context,
	// or nil.
	SpanFromContext(context.Context) TracerSpan

	// ContextWithSpan puts a span in a context, where the tracing library finds it.
	ContextWithSpan(context.Context, TracerSpan) context.Context

	// StartSpan starts a span, below options.Parent if there is one. An error fails the call
	// that is traced.
	StartSpan(*TracerStartSpanOptions) (TracerSpan, error)

	// GetLogger returns a logger that says to which span its lines belong.
	GetLogger(log.Logger, TracerSpanRef) log.Logger

	// SpanName is the name of the span that is started with the options. That of
	// BaseTracer is Operation:Name.
	SpanName(options *TracerStartSpanOptions) string

	mustEmbedBaseTracer()
}

// BaseTracer is the part of a [Tracer] that has defaults. Embed it in implementations.
type BaseTracer struct{}

// GetLogger returns the logger as it is.
func (BaseTracer) GetLogger(logger log.Logger, _ TracerSpanRef) log.Logger { return logger }

// SpanName is the operation and the name with a colon in between, as in
// "StartWorkflow:Order". The SDKs of other languages name spans like that, too.
func (BaseTracer) SpanName(options *TracerStartSpanOptions) string {
	return options.Operation + ":" + options.Name
}

//lint:ignore U1000 only there to be required by Tracer
func (BaseTracer) mustEmbedBaseTracer() {}

// TracerOptions say how [NewTracingInterceptor] uses a tracer.
type TracerOptions struct {
	// SpanContextKey is the key under which contexts of workflows carry their span, whom
	// tracing libraries know nothing of. Required.
	SpanContextKey any

	// HeaderKey is the name under which spans travel in headers. The companion packages
	// all use "_tracer-data". Required.
	HeaderKey string

	// DisableSignalTracing leaves out spans of signals.
	DisableSignalTracing bool

	// DisableQueryTracing leaves out spans of queries.
	DisableQueryTracing bool

	// DisableUpdateTracing leaves out spans of updates.
	DisableUpdateTracing bool

	// AllowInvalidParentSpans passes over spans in headers that cannot be read, in place
	// of failing the workflow or activity: for the time in which a program changes from
	// one tracing library to another.
	AllowInvalidParentSpans bool
}

// TracerStartSpanOptions are what a span is started with.
type TracerStartSpanOptions struct {
	// Parent of the span, or nil.
	Parent TracerSpanRef

	// Operation is what is done, such as StartWorkflow, RunWorkflow, StartActivity,
	// RunActivity, SignalWorkflow or HandleSignal.
	Operation string

	// Name is of what it is done: the type of a workflow or activity, the name of a
	// signal, query or update.
	Name string

	// Time is when the span started. For RunWorkflow and RunActivity it is when the
	// workflow or the attempt started, for the others it is now.
	Time time.Time

	// DependedOn says that the parent waits for the span (in OpenTracing a ChildOf
	// reference), not only leads to it (FollowsFrom).
	DependedOn bool

	// Tags say what the span is about: workflow and run ids, for instance.
	Tags map[string]string

	// FromHeader has the parent looked for in the header that came in. Tracers need not
	// look at it.
	FromHeader bool

	// ToHeader has the span written in the header that goes out. Tracers need not look at
	// it.
	ToHeader bool

	// IdempotencyKey is, unless it is empty, the same whenever the span is started, in
	// replay as well. A tracer that derives the span's id of it has spans in workflows
	// that survive replay. It says nothing else.
	IdempotencyKey string
}

// TracerSpanRef refers to a span, such as the parent of another, which may be in another
// process.
type TracerSpanRef any

// TracerSpan is a span that was started.
type TracerSpan interface {
	TracerSpanRef

	// Finish ends the span.
	Finish(*TracerFinishSpanOptions)
}

// TracerFinishSpanOptions are what a span is finished with.
type TracerFinishSpanOptions struct {
	// Error is that of the code that the span is about, or nil.
	Error error
}
