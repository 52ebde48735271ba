package frontend

import (
	"context"
	"errors"
	deploymentpb "go.temporal.io/api/deployment/v1"
	"io"
	"log/slog"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage/memory"
	"github.com/perdure/perdure/internal/taskqueue"
	"github.com/perdure/perdure/internal/workflow"
)

// door is a Service on a real runtime, with a state machine and a matching that
// do as they are told.
type door struct {
	t        *testing.T
	service  *Service
	chain    *fakeChain
	matching *fakeMatching
	log      *strings.Builder
	ns       *namespace.Namespace
	broken   error // of the runtime, as it says
}

// fakeChain is every workflow. It answers err, and remembers the last request.
type fakeChain struct {
	mu     sync.Mutex
	err    error
	last   proto.Message
	read   workflow.HistoryRequest
	called string
	act    func() // in the step, if set
	plan   workflow.QueryPlan
	// release ends a buffered query with the word that no task takes it along.
	release bool
	cut     []*failurepb.Failure
}

func (f *fakeChain) step(called string, req proto.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.called, f.last = called, req
	if f.act != nil {
		f.act()
	}
	return f.err
}

// Load makes the one chain every workflow.
func (f *fakeChain) Load(context.Context, entity.Reader, entity.Key) (entity.Entity, error) {
	return f, nil
}
func (f *fakeChain) Fire(*entity.Step) error                        { return nil }
func (f *fakeChain) Receive(*entity.Step, entity.Key, []byte) error { return nil }

func (f *fakeChain) EndStep(*entity.Step) error { return nil }
func (f *fakeChain) Size() int                  { return 0 }
func (f *fakeChain) Pinned() bool               { return false }

func (f *fakeChain) Start(_ *entity.Step, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run"}, f.step("Start", r)
}
func (f *fakeChain) Expect(*workflow.Places) {}

func (f *fakeChain) SignalWithStart(_ *entity.Step, r *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{RunId: "run"}, f.step("SignalWithStart", r)
}
func (f *fakeChain) Signal(_ *entity.Step, r *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	return &workflowservice.SignalWorkflowExecutionResponse{}, f.step("Signal", r)
}
func (f *fakeChain) RequestCancel(_ *entity.Step, r *workflowservice.RequestCancelWorkflowExecutionRequest) error {
	return f.step("RequestCancel", r)
}
func (f *fakeChain) Terminate(_ *entity.Step, r *workflowservice.TerminateWorkflowExecutionRequest) error {
	return f.step("Terminate", r)
}
func (f *fakeChain) Delete(_ *entity.Step, r *workflowservice.DeleteWorkflowExecutionRequest) error {
	return f.step("Delete", r)
}
func (f *fakeChain) StartWorkflowTask(_ *entity.Step, _ *entity.Task, r *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	return &workflowservice.PollWorkflowTaskQueueResponse{TaskToken: []byte("token")}, f.step("StartWorkflowTask", r)
}
func (f *fakeChain) CompleteWorkflowTask(_ *entity.Step, _ *records.TaskToken, r *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflow.Completion, error) {
	return &workflow.Completion{Response: &workflowservice.RespondWorkflowTaskCompletedResponse{}}, f.step("CompleteWorkflowTask", r)
}
func (f *fakeChain) FailWorkflowTask(_ *entity.Step, _ *records.TaskToken, r *workflowservice.RespondWorkflowTaskFailedRequest) error {
	return f.step("FailWorkflowTask", r)
}
func (f *fakeChain) ResetSticky(_ *entity.Step, r *workflowservice.ResetStickyTaskQueueRequest) error {
	return f.step("ResetSticky", r)
}
func (f *fakeChain) StartActivity(_ *entity.Step, _ *entity.Task, r *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	return &workflowservice.PollActivityTaskQueueResponse{TaskToken: []byte("token")}, f.step("StartActivity", r)
}
func (f *fakeChain) CompleteActivity(*entity.Step, attempt.Ref, *commonpb.Payloads, string) error {
	return f.step("CompleteActivity", nil)
}
func (f *fakeChain) FailActivity(*entity.Step, attempt.Ref, *failurepb.Failure, *commonpb.Payloads, string) ([]*failurepb.Failure, error) {
	return f.cut, f.step("FailActivity", nil)
}
func (f *fakeChain) CancelActivity(*entity.Step, attempt.Ref, *commonpb.Payloads, string) error {
	return f.step("CancelActivity", nil)
}
func (f *fakeChain) Heartbeat(*entity.Step, attempt.Ref, *commonpb.Payloads, string) (attempt.HeartbeatAnswer, error) {
	return attempt.HeartbeatAnswer{CancelRequested: true, Paused: true}, f.step("Heartbeat", nil)
}
func (f *fakeChain) Query(_ *entity.Step, r *workflowservice.QueryWorkflowRequest, done func(*workflow.QueryResult)) (*workflow.QueryPlan, error) {
	err := f.step("Query", r)
	plan := f.plan
	if f.release && plan.Disposition == workflow.QueryBuffered {
		go done(&workflow.QueryResult{})
	}
	return &plan, err
}
func (f *fakeChain) QueryReady(string) bool     { return true }
func (f *fakeChain) CancelQuery(string, string) { _ = f.step("CancelQuery", nil) }
func (f *fakeChain) DirectQueryTask(_ entity.Reader, _ string, q *querypb.WorkflowQuery, _ bool, token []byte) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	return &workflowservice.PollWorkflowTaskQueueResponse{TaskToken: token, Query: q}, f.step("DirectQueryTask", nil)
}
func (f *fakeChain) Describe(_ entity.Reader, _ time.Time, r *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{}, f.step("Describe", r)
}
func (f *fakeChain) ReadHistory(_ entity.Reader, r workflow.HistoryRequest) (*workflow.HistoryPage, error) {
	f.read = r
	return &workflow.HistoryPage{RunID: runID, End: 1}, f.step("ReadHistory", nil)
}
func (f *fakeChain) CloseEvent(entity.Reader, string) (*workflow.HistoryPage, error) {
	return &workflow.HistoryPage{RunID: runID, End: 1}, f.step("CloseEvent", nil)
}
func (f *fakeChain) HistoryEnd(string) (int64, bool) { return 1, false }

// fakeMatching hands out the work it is given and remembers what comes back.
type fakeMatching struct {
	work     chan *matching.Work
	returned chan *entity.Task
	asked    chan *matching.QueryTask
	err      error
	// polled is the last poll, configured the queues that were said to be.
	polled     atomic.Pointer[matching.PollRequest]
	configured []entity.Queue
	// aside are the tasks that were put aside.
	aside []*entity.Task
}

func (f *fakeMatching) Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error) {
	f.polled.Store(&request)
	if f.err != nil {
		return nil, f.err
	}
	select {
	case work := <-f.work:
		return work, nil
	case <-ctx.Done():
		return nil, nil
	}
}
func (f *fakeMatching) PollerGone(matching.PollRequest) {}
func (f *fakeMatching) Return(task *entity.Task)        { f.returned <- task }
func (f *fakeMatching) DispatchQuery(ctx context.Context, q *matching.QueryTask) error {
	select {
	case f.asked <- q:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (f *fakeMatching) LeaveAside(task *entity.Task) { f.aside = append(f.aside, task) }

func (f *fakeMatching) Unspent(*entity.Task) {}

func (f *fakeMatching) Configured(queue entity.Queue) { f.configured = append(f.configured, queue) }

func (f *fakeMatching) Describe(context.Context, entity.Queue, string) (matching.Description, error) {
	rate := 2.5
	return matching.Description{
		Pollers: []matching.Poller{{
			Identity: "p", LastAccess: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Rate: &rate,
			Deployment: &deploymentpb.WorkerDeploymentOptions{DeploymentName: "d"},
		}},
		Rate: 5, RateSource: matching.LimitByWorker, RateLimited: true,
		Stats: map[int32]matching.Stats{
			1: {BacklogCount: 2, BacklogAge: 3 * time.Second},
			3: {BacklogCount: 7, AddRate: 1.5, DispatchRate: 0.5},
		},
	}, f.err
}
func (f *fakeMatching) ShutdownSticky(string, string)  {}
func (f *fakeMatching) CancelPolls(string, string) int { return 0 }

// brokenRuntime says that the store has failed if it is told so.
type brokenRuntime struct {
	*runtime.Runtime
	door *door
}

func (r brokenRuntime) Failed() error { return r.door.broken }

const runID = "5e9ba2e4-5a23-4f2c-9d0e-1b7a5d0c8a11"

func newDoor(t *testing.T, overrides ...dynamicconfig.Override) *door {
	t.Helper()
	settings, err := dynamicconfig.Open(dynamicconfig.Options{Overrides: overrides})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, chain: &fakeChain{}, log: new(strings.Builder), matching: &fakeMatching{
		work: make(chan *matching.Work, 10), returned: make(chan *entity.Task, 10), asked: make(chan *matching.QueryTask, 10)}}
	logger := slog.New(slog.NewTextHandler(d.log, nil))
	registry := namespace.New(nil)
	store := memory.New(1)
	rt, err := runtime.Open(t.Context(), runtime.Options{Store: store, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Machines: map[entity.Kind]entity.Machine{entity.KindNamespaces: registry, entity.KindTaskQueue: taskqueue.Machine{}, entity.KindWorkflow: d.chain}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(rt.Close(context.Background()), store.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := registry.Open(t.Context(), rt, 0, "other"); err != nil {
		t.Fatal(err)
	}
	if d.ns, err = registry.ByName("default"); err != nil {
		t.Fatal(err)
	}
	d.service = New(Options{Runtime: brokenRuntime{rt, d}, Matching: d.matching, Namespaces: registry, Logger: logger, Cluster: Cluster{Version: "test", Shards: func() int { return 1 }}, Config: settings.Config()})
	return d
}

// call calls the method of the request, the way gRPC does.
func (d *door) call(ctx context.Context, req proto.Message) (any, error) {
	d.t.Helper()
	name := strings.TrimSuffix(path.Ext(string(proto.MessageName(req))), "Request")[1:]
	for _, m := range workflowservice.WorkflowService_ServiceDesc.Methods {
		if m.MethodName == name {
			return m.Handler(d.service.workflow, ctx, func(into any) error {
				proto.Merge(into.(proto.Message), req)
				return nil
			}, d.service.Intercept)
		}
	}
	d.t.Fatalf("there is no method %s", name)
	return nil, nil
}

// refused checks that the request is refused with the code and the text.
func (d *door) refused(req proto.Message, code codes.Code, text string) {
	d.t.Helper()
	resp, err := d.call(d.t.Context(), req)
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), text) {
		d.t.Errorf("answer is %v, %v; want %v with %q", resp, err, code, text)
	}
	if d.chain.called != "" {
		d.t.Errorf("the request got through to the state machine: %s", d.chain.called)
	}
}

func (d *door) token(change ...func(*records.TaskToken)) []byte {
	token := &records.TaskToken{NamespaceId: d.ns.ID, WorkflowId: "w", RunId: runID, ScheduledEventId: 2, Attempt: 1}
	for _, c := range change {
		c(token)
	}
	return tokens.EncodeTask(token)
}

func long(n int) string { return strings.Repeat("x", n) }

func seconds(n int64) *durationpb.Duration { return &durationpb.Duration{Seconds: n} }

func bytesPayload(n int) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: make([]byte, n)}}}
}

// detail is the service error inside a status, as an SDK sees it.
func detail[E error](err error) (E, bool) {
	var e E
	ok := errors.As(serviceerror.FromStatus(status.Convert(err)), &e)
	return e, ok
}
