package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/runtime"
)

// Attributes of spans. Those of workflows have the names that SDKs give them.
const (
	attrServiceName    = attribute.Key("service.name")
	attrServiceVersion = attribute.Key("service.version")
	attrSystem         = attribute.Key("rpc.system")
	attrService        = attribute.Key("rpc.service")
	attrMethod         = attribute.Key("rpc.method")
	attrStatus         = attribute.Key("rpc.grpc.status_code")
	attrNamespace      = attribute.Key("temporalNamespace")
	attrWorkflowID     = attribute.Key("temporalWorkflowID")
	attrRunID          = attribute.Key("temporalRunID")
	attrTaskQueue      = attribute.Key("temporalTaskQueue")
	attrKind           = attribute.Key("perdure.entity.kind")
	attrID             = attribute.Key("perdure.entity.id")
)

// Tracer makes spans of calls and steps; it implements runtime.Tracer.
type Tracer struct {
	provider   *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
}

func newTracer(provider *sdktrace.TracerProvider) *Tracer {
	return &Tracer{
		provider:   provider,
		tracer:     provider.Tracer("github.com/perdure/perdure"),
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
}

// Close sends what is left, as long as the context allows.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// headers are those of a call, as propagators read them.
type headers struct{ ctx context.Context }

// Get implements propagation.TextMapCarrier.
func (h headers) Get(key string) string {
	if values := metadata.ValueFromIncomingContext(h.ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier; nothing is sent.
func (headers) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (headers) Keys() []string { return nil }

// beginCall begins the span of a call. A poll for tasks has one only if its caller is being traced:
// polls are there all the time, and are about nothing in particular.
func (t *Tracer) beginCall(ctx context.Context, method *methods.Method) context.Context {
	ctx = t.propagator.Extract(ctx, headers{ctx})
	if method.Wait.When == methods.Always && !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx
	}
	ctx, _ = t.tracer.Start(ctx, method.Service+"/"+method.Name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attrSystem.String("grpc"), attrService.String(method.Service), attrMethod.String(method.Name)))
	return ctx
}

// endCall ends the span of a call.
func (t *Tracer) endCall(ctx context.Context, end frontend.CallEnd) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	code := status.Code(end.Reply)
	span.SetAttributes(attrStatus.Int(int(code)))
	if end.Namespace != "" {
		span.SetAttributes(attrNamespace.String(end.Namespace))
	}
	if request, ok := end.Request.(proto.Message); ok {
		span.SetAttributes(owner(end.Method, request)...)
	}
	if end.Reply != nil {
		span.RecordError(end.Reply)
		if serverError(code) {
			span.SetStatus(codes.Error, status.Convert(end.Reply).Message())
		}
	}
	span.End()
}

// serverError reports whether a call with the code makes the span of a server one of an error, as
// OpenTelemetry has it.
func serverError(code grpccodes.Code) bool {
	switch code {
	case grpccodes.Unknown, grpccodes.DeadlineExceeded, grpccodes.Unimplemented, grpccodes.Internal, grpccodes.Unavailable, grpccodes.DataLoss:
		return true
	}
	return false
}

// owner says what a request is about.
func owner(method *methods.Method, request proto.Message) []attribute.KeyValue {
	kind, id := method.OwnerOf(request)
	switch kind {
	case methods.OwnerWorkflow:
		return []attribute.KeyValue{attrWorkflowID.String(id)}
	case methods.OwnerTaskQueue:
		return []attribute.KeyValue{attrTaskQueue.String(id)}
	case methods.OwnerToken:
		if task, err := token.DecodeTask([]byte(id)); err == nil && task.GetWorkflowId() != "" {
			return []attribute.KeyValue{attrWorkflowID.String(task.GetWorkflowId()), attrRunID.String(task.GetRunId())}
		}
	}
	return nil
}

// StartStep implements runtime.Tracer.
func (t *Tracer) StartStep(ctx context.Context, key entity.Key) (context.Context, runtime.StepSpan) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx, nil
	}
	id := attrID.String(key.ID)
	if key.Kind == entity.KindWorkflow {
		id = attrWorkflowID.String(key.ID)
	}
	ctx, span := t.tracer.Start(ctx, "step "+key.Kind.String(), trace.WithAttributes(attrKind.String(key.Kind.String()), id))
	return ctx, stepSpan{span}
}

// stepSpan is the span of a step; it implements runtime.StepSpan.
type stepSpan struct{ span trace.Span }

// Locked implements runtime.StepSpan.
func (s stepSpan) Locked() { s.span.AddEvent("locked") }

// Applied implements runtime.StepSpan.
func (s stepSpan) Applied() { s.span.AddEvent("applied") }

// End implements runtime.StepSpan.
func (s stepSpan) End(err error) {
	if err != nil {
		s.span.RecordError(err)
	}
	s.span.End()
}
