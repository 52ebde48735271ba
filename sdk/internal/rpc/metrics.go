package rpc

import (
	"context"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/perdure/perdure/sdk/internal/metrics"
)

// Metrics count and time the calls of a client: each call, and each attempt of which a call
// may need several. What is nil counts nothing.
//
// Handlers with the tags of an operation, a namespace and, where it is told (About), what the call
// is about are made once, and asked for their instruments again and again.
type Metrics struct {
	handler metrics.Handler
	// noCodes leaves the code of errors out of the tags.
	noCodes bool
	calls   *metrics.Cache[callKind, *callMetrics]
}

// NewMetrics returns Metrics that are recorded with handler, or nil if it drops everything.
// noCodes leaves the code of errors out of the tags of failures.
func NewMetrics(handler metrics.Handler, noCodes bool) *Metrics {
	if metrics.IsNop(handler) {
		return nil
	}
	m := &Metrics{handler: handler, noCodes: noCodes}
	m.calls = metrics.NewCache(func(kind callKind) *callMetrics { return kind.metrics(handler, noCodes) })
	return m
}

type subjectKey struct{}

// subject is what a call is about.
type subject struct{ workflowType, taskQueue string }

// About returns ctx whose calls are recorded with the type and the task queue of the workflow that
// they are about.
func About(ctx context.Context, workflowType, taskQueue string) context.Context {
	return context.WithValue(ctx, subjectKey{}, subject{workflowType, taskQueue})
}

// of returns the metrics of a call, nil if there are none.
func (m *Metrics) of(ctx context.Context, method string, request any) *callMetrics {
	if m == nil {
		return nil
	}
	kind := callKind{
		operation: method[strings.LastIndexByte(method, '/')+1:],
		namespace: "_unknown_",
		long:      isLongPoll(request),
	}
	if r, ok := request.(interface{ GetNamespace() string }); ok {
		kind.namespace = r.GetNamespace()
	}
	kind.subject, _ = ctx.Value(subjectKey{}).(subject)
	return m.calls.Get(kind)
}

// isLongPoll tells whether the server may keep the caller waiting for something to happen.
func isLongPoll(request any) bool {
	switch r := request.(type) {
	case *workflowservice.PollWorkflowTaskQueueRequest,
		*workflowservice.PollActivityTaskQueueRequest,
		*workflowservice.PollNexusTaskQueueRequest,
		*workflowservice.UpdateWorkflowExecutionRequest,
		*workflowservice.ExecuteMultiOperationRequest,
		*workflowservice.PollWorkflowExecutionUpdateRequest,
		*workflowservice.PollActivityExecutionRequest,
		*workflowservice.PollNexusOperationExecutionRequest:
		return true
	case *workflowservice.GetWorkflowExecutionHistoryRequest:
		return r.GetWaitNewEvent()
	default:
		return false
	}
}

// callKind is what calls have in common that have the same metrics.
type callKind struct {
	operation, namespace string
	long                 bool
	subject              subject
}

func (k callKind) metrics(handler metrics.Handler, noCodes bool) *callMetrics {
	tags := map[string]string{}
	if k.subject != (subject{}) {
		tags = metrics.RPCTags(k.subject.workflowType, "", k.subject.taskQueue)
	}
	tags[metrics.TagOperation], tags[metrics.TagNamespace] = k.operation, k.namespace
	tagged := metrics.Fresh(handler.WithTags(tags))
	m := &callMetrics{handler: tagged, noCodes: noCodes}
	request, latency := metrics.Request, metrics.RequestLatency
	m.failure, m.exhausted = metrics.RequestFailure, metrics.RequestResourceExhausted
	if k.long {
		request, latency = metrics.LongRequest, metrics.LongRequestLatency
		m.failure, m.exhausted = metrics.LongRequestFailure, metrics.LongRequestResourceExhausted
	}
	m.call = phase{count: tagged.Counter(request), latency: tagged.Timer(latency)}
	m.attempt = phase{
		count:   tagged.Counter(request + metrics.AttemptSuffix),
		latency: tagged.Timer(latency + metrics.AttemptSuffix),
		suffix:  metrics.AttemptSuffix,
	}
	return m
}

// callMetrics are the metrics of one kind of calls. All methods may be called on nil.
type callMetrics struct {
	handler            metrics.Handler
	noCodes            bool
	failure, exhausted string
	call, attempt      phase
}

// phase is a call, or one attempt of it.
type phase struct {
	count   metrics.Counter
	latency metrics.Timer
	suffix  string
}

func (m *callMetrics) beginCall() time.Time {
	if m == nil {
		return time.Time{}
	}
	m.call.count.Inc(1)
	return time.Now()
}

func (m *callMetrics) beginAttempt() time.Time {
	if m == nil {
		return time.Time{}
	}
	m.attempt.count.Inc(1)
	return time.Now()
}

func (m *callMetrics) endCall(begun time.Time, err error) {
	if m != nil {
		m.end(&m.call, begun, err)
	}
}

func (m *callMetrics) endAttempt(begun time.Time, err error) {
	if m != nil {
		m.end(&m.attempt, begun, err)
	}
}

func (m *callMetrics) end(p *phase, begun time.Time, err error) {
	p.latency.Record(time.Since(begun))
	if err == nil {
		return
	}
	s := serviceerror.ToStatus(err)
	handler := m.handler
	if !m.noCodes {
		handler = handler.WithTags(map[string]string{metrics.TagStatusCode: metrics.StatusCode(s.Code())})
	}
	handler.Counter(m.failure + p.suffix).Inc(1)
	if s.Code() != codes.ResourceExhausted {
		return
	}
	cause := enumspb.RESOURCE_EXHAUSTED_CAUSE_UNSPECIFIED
	if exhausted, ok := serviceerror.FromStatus(s).(*serviceerror.ResourceExhausted); ok {
		cause = exhausted.Cause
	}
	// The same name for calls and attempts, as dashboards have it.
	handler.WithTags(map[string]string{metrics.TagCause: cause.String()}).Counter(m.exhausted).Inc(1)
}

// Measured returns the connection with its calls recorded by m: bounded and retried, as
// Reliable has it, and as the caller says.
func (c *Conn) Measured(m *Metrics) (reliably, once grpc.ClientConnInterface) {
	return reliable{conn: c, metrics: m}, direct{conn: c, metrics: m}
}

// direct makes calls once.
type direct struct {
	conn    *Conn
	metrics *Metrics
}

func (d direct) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return d.conn.NewStream(ctx, desc, method, opts...)
}

func (d direct) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	m := d.metrics.of(ctx, method, request)
	call, attempt := m.beginCall(), m.beginAttempt()
	err := d.conn.Invoke(ctx, method, request, reply, opts...)
	m.endAttempt(attempt, err)
	m.endCall(call, err)
	return err
}
