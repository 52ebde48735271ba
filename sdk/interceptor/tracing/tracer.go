package tracing

import (
	"context"

	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

// commonTracer is what tracers have whatever kind of context they are for.
type commonTracer interface {
	// Options are asked for at every call.
	Options() TracerOptions
	// UnmarshalSpan makes a reference to a span of what MarshalSpan returned, in this process or
	// another. It returns nil if there is none in the map.
	UnmarshalSpan(map[string]string) (TracerSpanRef, error)
	// MarshalSpan returns what another process needs to refer to the span, which may be nil.
	// Nothing is sent if it is empty.
	MarshalSpan(TracerSpanRef) (map[string]string, error)
	// GetLogger returns a logger that says to which span its lines belong.
	GetLogger(log.Logger, TracerSpanRef) log.Logger
	// SpanName is the name of a span with the options.
	SpanName(options *TracerStartSpanOptions) string
	mustEmbedBaseTracer()
}

// spanner is a tracer for one kind of context.
type spanner[C any] interface {
	commonTracer
	// SpanFromContext returns the span that the context carries, or nil.
	SpanFromContext(C) TracerSpanRef
	// ContextWithSpan returns a copy of the context that carries the span.
	ContextWithSpan(C, TracerSpanRef) C
	// CreateSpan starts a span.
	CreateSpan(C, *TracerStartSpanOptions) TracerSpan
}

// Tracer traces clients, activities and Nexus operations. Implementations embed [BaseTracer], and
// are safe for concurrent use.
type Tracer interface {
	spanner[context.Context]
}

// WorkflowTracer traces workflows. Implementations embed [BaseTracer], and are safe for concurrent
// use. What they do must be deterministic.
type WorkflowTracer interface {
	spanner[workflow.Context]
}

// BaseTracer is the part of tracers that has defaults. Embed it in implementations.
type BaseTracer struct{}

// GetLogger returns the logger as it is.
func (BaseTracer) GetLogger(logger log.Logger, _ TracerSpanRef) log.Logger { return logger }

// SpanName is the operation and the name with a colon in between, or the one of both that is there.
func (BaseTracer) SpanName(options *TracerStartSpanOptions) string {
	switch {
	case options.Operation == "":
		return options.Name
	case options.Name == "":
		return options.Operation
	}
	return options.Operation + ":" + options.Name
}

//lint:ignore U1000 only there to be required by tracers
func (BaseTracer) mustEmbedBaseTracer() {}

// TracerOptions say how a tracer is used.
type TracerOptions struct {
	// HeaderKey is the name under which spans travel in headers. Required.
	HeaderKey string
	// AddTemporalSpans makes spans of what is done: StartWorkflow, RunWorkflow, RunActivity and so on.
	// Without, spans are carried along all the same: those of the program are connected.
	AddTemporalSpans bool
	// AllowInvalidParentSpans passes over spans in headers that can not be read, in place of failing
	// what they came with.
	AllowInvalidParentSpans bool
}

// SpanDirection says whether a span is of something that enters or leaves.
type SpanDirection int

const (
	// SpanDirectionUnspecified is for spans of neither kind.
	SpanDirectionUnspecified SpanDirection = iota
	// SpanDirectionInbound is for what enters: RunWorkflow, HandleSignal.
	SpanDirectionInbound
	// SpanDirectionOutbound is for what leaves: StartWorkflow, SignalWorkflow.
	SpanDirectionOutbound
)

// TracerStartSpanOptions are what a span is started with.
type TracerStartSpanOptions struct {
	// Parent of the span, or nil.
	Parent TracerSpanRef
	// Operation is what is done, such as StartWorkflow.
	Operation string
	// Name is of what it is done: the type of a workflow or activity, the name of a signal. It may be
	// empty.
	Name string
	// DependedOn says that the parent waits for the span.
	DependedOn bool
	// Direction is that of the call.
	Direction SpanDirection
	// Tags say what the span is about: workflow and run ids, for instance.
	Tags map[string]string
}

// TracerSpanRef refers to a span, which may be in another process.
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
