package telemetry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/frontend"
)

// Calls counts the calls of the API; it implements frontend.CallObserver.
type Calls struct {
	t      *Telemetry
	tracer *Tracer // may be nil
}

// Calls returns what counts calls. The tracer, which makes spans of them, may be nil.
func (t *Telemetry) Calls(tracer *Tracer) *Calls { return &Calls{t, tracer} }

// calls is what is counted of a method in a namespace.
type calls struct {
	requests, errors prometheus.Counter
	latency          prometheus.Observer
}

// operation is the name of the method in labels; as on a Temporal server, those of the
// OperatorService have a prefix.
func operation(m *methods.Method) string {
	switch m.Service {
	case methods.OperatorService:
		return "Operator" + m.Name
	case methods.AdminService:
		return "Admin" + m.Name
	}
	return m.Name
}

func (n *namespace) newCalls(m *methods.Method) *calls {
	return &calls{
		requests: n.vectors.counter(&serviceRequests, operation(m), n.name),
		errors:   n.vectors.counter(&serviceErrors, operation(m), n.name),
		latency:  n.vectors.histogram(&serviceLatency, operation(m), n.name),
	}
}

// Begin implements frontend.CallObserver.
func (c *Calls) Begin(ctx context.Context, method *methods.Method) context.Context {
	if c.tracer != nil {
		return c.tracer.beginCall(ctx, method)
	}
	return ctx
}

// End implements frontend.CallObserver.
func (c *Calls) End(ctx context.Context, end frontend.CallEnd) {
	n := c.t.namespaces.named(end.Namespace)
	counted := n.calls[end.Method.Number()].Load()
	if counted == nil {
		counted = once(n, &n.calls[end.Method.Number()], func() *calls { return n.newCalls(end.Method) })
	}
	counted.requests.Inc()
	counted.latency.Observe(end.Took.Seconds())
	if end.Err != nil {
		c.countError(n, counted, end)
	}
	if c.tracer != nil {
		c.tracer.endCall(ctx, end)
	}
}

// countError counts a call that has failed.
func (c *Calls) countError(n *namespace, counted *calls, end frontend.CallEnd) {
	v := n.vectors
	v.counter(&serviceErrorType, operation(end.Method), n.name, errorType(end.Err, end.Reply)).Inc()
	var exhausted *serviceerror.ResourceExhausted
	if errors.As(end.Err, &exhausted) {
		v.counter(&serviceExhausted, operation(end.Method), n.name, exhausted.Cause.String(), exhausted.Scope.String()).Inc()
	}
	if end.Panicked {
		c.t.panics.Inc()
	}
	if !ofCaller(status.Code(end.Reply), exhausted) {
		counted.errors.Inc()
	}
}

// errorType is the type of the error as Temporal servers have it in labels, such as
// "serviceerror_NotFound"; of others it is the code of gRPC.
func errorType(err, reply error) string {
	var known serviceerror.ServiceError
	if errors.As(err, &known) {
		return strings.ReplaceAll(strings.TrimPrefix(fmt.Sprintf("%T", known), "*"), ".", "_")
	}
	return status.Code(reply).String()
}

// ofCaller reports whether an error is to be expected of a server that works: the caller's fault, or
// something that has to be said.
func ofCaller(code codes.Code, exhausted *serviceerror.ResourceExhausted) bool {
	switch code {
	case codes.Canceled, codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied,
		codes.FailedPrecondition, codes.OutOfRange, codes.Unauthenticated, codes.Unimplemented:
		return true
	case codes.ResourceExhausted:
		return exhausted != nil && exhausted.Scope == enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE
	}
	return false
}
