package worker

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/internal/workergroup"
)

// fakeServer is the server that a Worker under test talks to: tests put tasks in its
// queues and look at what comes back.
type fakeServer struct {
	workflowservice.WorkflowServiceClient // nil: a call of anything else panics

	normal, sticky chan *workflowservice.PollWorkflowTaskQueueResponse
	activities     chan *workflowservice.PollActivityTaskQueueResponse
	nexus          chan *workflowservice.PollNexusTaskQueueResponse
	// answers is what the worker answered to tasks, in order.
	answers chan proto.Message

	mu        sync.Mutex
	polls     []*workflowservice.PollWorkflowTaskQueueRequest
	shutdowns []*workflowservice.ShutdownWorkerRequest
	pages     map[string]historyPage
	fetches   []string // tokens of the pages fetched
	namespace error    // the answer to DescribeNamespace
	drains    bool     // ends polls when told of a shutdown
	silent    bool     // does not answer ShutdownWorker, nor end polls
	// beats are the heartbeats of the worker, beatError what is answered to them.
	beats     []*workflowservice.RecordWorkerHeartbeatRequest
	beatError error
	// heartbeats that activities made.
	heartbeats []*workflowservice.RecordActivityTaskHeartbeatRequest
	// limits of the namespace.
	limits *namespacepb.NamespaceInfo_Limits
	// capabilities of the namespace, besides that one.
	capabilities *namespacepb.NamespaceInfo_Capabilities
	down         chan struct{}
	// reply answers a completion. Nil for an empty answer.
	reply func(*workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error)
}

type historyPage struct {
	events []*historypb.HistoryEvent
	next   string
}

func newFakeServer() *fakeServer {
	return &fakeServer{
		normal:     make(chan *workflowservice.PollWorkflowTaskQueueResponse, 10),
		sticky:     make(chan *workflowservice.PollWorkflowTaskQueueResponse, 10),
		activities: make(chan *workflowservice.PollActivityTaskQueueResponse, 10),
		nexus:      make(chan *workflowservice.PollNexusTaskQueueResponse, 10),
		answers:    make(chan proto.Message, 100),
		pages:      map[string]historyPage{},
		down:       make(chan struct{}),
	}
}

func (f *fakeServer) PollWorkflowTaskQueue(ctx context.Context, in *workflowservice.PollWorkflowTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	f.mu.Lock()
	f.polls = append(f.polls, in)
	queue := f.normal
	if in.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		queue = f.sticky
	}
	f.mu.Unlock()
	select {
	case task := <-queue:
		return task, nil
	case <-f.down:
		return &workflowservice.PollWorkflowTaskQueueResponse{}, nil
	case <-ctx.Done():
		return nil, serviceerror.NewCanceled("poll ended")
	}
}

func (f *fakeServer) PollActivityTaskQueue(ctx context.Context, _ *workflowservice.PollActivityTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.PollActivityTaskQueueResponse, error) {
	select {
	case task := <-f.activities:
		return task, nil
	case <-f.down:
		return &workflowservice.PollActivityTaskQueueResponse{}, nil
	case <-ctx.Done():
		return nil, serviceerror.NewCanceled("poll ended")
	}
}

func (f *fakeServer) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	capabilities := &namespacepb.NamespaceInfo_Capabilities{WorkerPollCompleteOnShutdown: f.drains}
	proto.Merge(capabilities, f.capabilities)
	return &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacepb.NamespaceInfo{Capabilities: capabilities, Limits: f.limits}}, f.namespace
}

func (f *fakeServer) RecordWorkerHeartbeat(_ context.Context, in *workflowservice.RecordWorkerHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordWorkerHeartbeatResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats = append(f.beats, in)
	return &workflowservice.RecordWorkerHeartbeatResponse{}, f.beatError
}

func (f *fakeServer) RecordActivityTaskHeartbeat(ctx context.Context, in *workflowservice.RecordActivityTaskHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	f.heartbeats = append(f.heartbeats, in)
	return &workflowservice.RecordActivityTaskHeartbeatResponse{}, nil
}

func (f *fakeServer) ShutdownWorker(ctx context.Context, in *workflowservice.ShutdownWorkerRequest, _ ...grpc.CallOption) (*workflowservice.ShutdownWorkerResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shutdowns = append(f.shutdowns, in)
	if f.silent {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.drains {
		close(f.down)
	}
	return &workflowservice.ShutdownWorkerResponse{}, nil
}

func (f *fakeServer) GetWorkflowExecutionHistory(_ context.Context, in *workflowservice.GetWorkflowExecutionHistoryRequest, _ ...grpc.CallOption) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	token := string(in.GetNextPageToken())
	f.fetches = append(f.fetches, token)
	page, ok := f.pages[token]
	if !ok {
		return nil, serviceerror.NewNotFound("no such page: " + token)
	}
	response := &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: page.events}}
	if page.next != "" {
		response.NextPageToken = []byte(page.next)
	}
	return response, nil
}

func (f *fakeServer) RespondWorkflowTaskCompleted(_ context.Context, in *workflowservice.RespondWorkflowTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondWorkflowTaskCompletedResponse, error) {
	f.answers <- in
	f.mu.Lock()
	reply := f.reply
	f.mu.Unlock()
	if reply == nil {
		return &workflowservice.RespondWorkflowTaskCompletedResponse{}, nil
	}
	return reply(in)
}

func (f *fakeServer) RespondWorkflowTaskFailed(_ context.Context, in *workflowservice.RespondWorkflowTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondWorkflowTaskFailedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondWorkflowTaskFailedResponse{}, nil
}

func (f *fakeServer) RespondQueryTaskCompleted(_ context.Context, in *workflowservice.RespondQueryTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondQueryTaskCompletedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondQueryTaskCompletedResponse{}, nil
}

func (f *fakeServer) RespondActivityTaskCompleted(_ context.Context, in *workflowservice.RespondActivityTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

func (f *fakeServer) RespondActivityTaskFailed(_ context.Context, in *workflowservice.RespondActivityTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondActivityTaskFailedResponse{}, nil
}

func (f *fakeServer) setReply(reply func(*workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reply = reply
}

func (f *fakeServer) fetched() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.fetches)
}

// answer waits for the worker's next answer, which must be of type M.
func answer[M proto.Message](t *testing.T, f *fakeServer) M {
	t.Helper()
	select {
	case got := <-f.answers:
		m, ok := got.(M)
		if !ok {
			t.Fatalf("the worker answered with a %T: %v", got, got)
		}
		return m
	case <-time.After(time.Hour):
		t.Fatal("the worker does not answer")
		panic("unreachable")
	}
}

// testing runs test, in virtual time, with a started worker and its server, and
// stops the worker after it. All goroutines of the worker must have ended by then.
func workerTest(t *testing.T, change func(*config, *fakeServer), test func(t *testing.T, w *Worker, f *fakeServer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		config := testConfig(f)
		if change != nil {
			change(&config, f)
		}
		w := newWorker(config, config.cacheOf())
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		test(t, w, f)
		w.Stop()
	})
}

func testConfig(f *fakeServer) config {
	return config{
		Options: Options{Identity: "tester", BuildID: "build"},
		backend: &client.Backend{
			Service:          f,
			Workers:          client.WorkerOptions{Group: workergroup.New()},
			Namespace:        "default",
			Logger:           logger.Discard{},
			DataConverter:    converter.GetDefaultDataConverter(),
			FailureConverter: failure.DefaultConverter(),
			Capabilities: func(context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error) {
				return &workflowservice.GetSystemInfoResponse_Capabilities{SdkMetadata: true, BuildIdBasedVersioning: true}, nil
			},
		},
		taskQueue: "queue",
		registry:  flow.NewRegistry(false),
		sizes:     testSizes(),
	}
}

func testSizes() *payloadlimits.Checker {
	sizes, err := payloadlimits.New(payloadlimits.Options{}, logger.Discard{}, nil)
	if err != nil {
		panic(err)
	}
	return sizes
}

// script writes the history of a run, as a server would.
type script struct {
	events []*historypb.HistoryEvent
}

func newScript(workflowType string) *script {
	s := &script{}
	s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType:        &commonpb.WorkflowType{Name: workflowType},
			TaskQueue:           &taskqueuepb.TaskQueue{Name: "queue"},
			WorkflowTaskTimeout: durationpb.New(10 * time.Second),
			Attempt:             1,
		}},
	})
	return s
}

func (s *script) add(event *historypb.HistoryEvent) *script {
	event.EventId = s.last() + 1
	event.EventTime = timestamppb.Now()
	s.events = append(s.events, event)
	return s
}

func (s *script) last() int64 { return int64(len(s.events)) }

// started adds a workflow task that is started.
func (s *script) started() *script {
	s.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{}},
	})
	return s.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: s.last()}},
	})
}

// completed adds the completion of the workflow task that is started.
func (s *script) completed() *script {
	return s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			ScheduledEventId: s.last() - 1, StartedEventId: s.last(),
		}},
	})
}

// activity adds an activity that is scheduled, started and completed.
func (s *script) activity(id, activityType string) *script {
	s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: id, ActivityType: &commonpb.ActivityType{Name: activityType},
		}},
	})
	scheduled := s.last()
	s.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled}},
	})
	return s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: s.last(),
		}},
	})
}

func (s *script) signal(name string, value any) *script {
	input, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		panic(err)
	}
	return s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: name, Input: input,
		}},
	})
}

// marker adds the event that a command to record a marker becomes.
func (s *script) marker(command *commandpb.RecordMarkerCommandAttributes) *script {
	return s.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
		Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
			MarkerName: command.GetMarkerName(), Details: command.GetDetails(), Failure: command.GetFailure(),
		}},
	})
}

// task is the task that is started last, with the events after the given one.
func (s *script) task(after int64) *workflowservice.PollWorkflowTaskQueueResponse {
	previous := int64(0)
	for _, event := range s.events[:len(s.events)-1] {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			previous = event.GetEventId()
		}
	}
	return &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken:              fmt.Appendf(nil, "task-%d", s.last()),
		WorkflowExecution:      &commonpb.WorkflowExecution{WorkflowId: "wf", RunId: "run"},
		WorkflowType:           s.events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType(),
		PreviousStartedEventId: previous,
		StartedEventId:         s.last(),
		Attempt:                1,
		History:                &historypb.History{Events: slices.Clone(s.events[after:])},
	}
}

// refusing is a connection that finds every message too large.
type refusing struct{ grpc.ClientConnInterface }

func (refusing) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return status.Error(codes.ResourceExhausted, "trying to send message larger than max (5 vs. 4)")
}

// errTooLarge is what package rpc makes of a request that gRPC refuses for its size.
func errTooLarge(t *testing.T) error {
	conn, err := rpc.Connect(rpc.Options{Connection: rpc.ConnectionOptions{Conn: refusing{}}})
	if err != nil {
		t.Fatal(err)
	}
	return conn.Invoke(t.Context(), "/", nil, nil)
}
