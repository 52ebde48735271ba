package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// service is the WorkflowService, as far as it goes.
type service struct {
	workflowservice.UnimplementedWorkflowServiceServer

	// log is nil if nothing is durable.
	log *syncLog

	runs       sync.Map // run id: *run
	current    sync.Map // workflow id: *run
	workflows  queues[*run]
	activities queues[*workflowservice.PollActivityTaskQueueResponse]
}

func newService() *service { return &service{} }

// queues are task queues by name.
type queues[T any] struct{ byName sync.Map }

// longest is how many tasks a queue holds, which the benchmark's programs do not reach
// unless they are without a worker.
const longest = 1 << 16

func (q *queues[T]) of(name string) chan T {
	if c, ok := q.byName.Load(name); ok {
		return c.(chan T)
	}
	c, _ := q.byName.LoadOrStore(name, make(chan T, longest))
	return c.(chan T)
}

// put adds a task, or drops it if nobody takes any.
func (q *queues[T]) put(name string, task T) {
	select {
	case q.of(name) <- task:
	default:
	}
}

// take waits for a task, for a minute at most.
func (q *queues[T]) take(ctx context.Context, name string) (task T, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case task = <-q.of(name):
		return task, true
	case <-ctx.Done():
		return task, false
	}
}

func (s *service) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{
		ServerVersion: "0",
		Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{
			SignalAndQueryHeader: true, InternalErrorDifferentiation: true, ActivityFailureIncludeHeartbeat: true,
			EncodedFailureAttributes: true, BuildIdBasedVersioning: true, UpsertMemo: true, SdkMetadata: true,
		},
	}, nil
}

func (s *service) DescribeNamespace(_ context.Context, request *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{
		NamespaceInfo: &namespacepb.NamespaceInfo{Name: request.GetNamespace(), State: enumspb.NAMESPACE_STATE_REGISTERED},
		Config:        &namespacepb.NamespaceConfig{},
	}, nil
}

func (s *service) ShutdownWorker(context.Context, *workflowservice.ShutdownWorkerRequest) (*workflowservice.ShutdownWorkerResponse, error) {
	return &workflowservice.ShutdownWorkerResponse{}, nil
}

func (s *service) StartWorkflowExecution(_ context.Context, request *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	r := &run{
		service: s, workflowID: request.GetWorkflowId(), id: uuid.NewString(), workflowType: request.GetWorkflowType(),
		queue: request.GetTaskQueue().GetName(), closed: make(chan struct{}),
	}
	s.log.sync()
	s.runs.Store(r.id, r)
	s.current.Store(r.workflowID, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: request.GetWorkflowType(), TaskQueue: request.GetTaskQueue(), Input: request.GetInput(), Attempt: 1,
			WorkflowTaskTimeout: durationpb.New(10 * time.Second), OriginalExecutionRunId: r.id, FirstExecutionRunId: r.id, WorkflowId: r.workflowID,
		}},
	})
	r.schedule()
	return &workflowservice.StartWorkflowExecutionResponse{RunId: r.id, Started: true}, nil
}

func (s *service) SignalWorkflowExecution(_ context.Context, request *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	r, ok := s.current.Load(request.GetWorkflowExecution().GetWorkflowId())
	if !ok {
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	s.log.sync()
	r.(*run).happens(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: request.GetSignalName(), Input: request.GetInput(),
		}},
	})
	return &workflowservice.SignalWorkflowExecutionResponse{}, nil
}

// GetWorkflowExecutionHistory waits for the event that closes the run and forgets it.
func (s *service) GetWorkflowExecutionHistory(ctx context.Context, request *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	found, ok := s.runs.Load(request.GetExecution().GetRunId())
	if !ok {
		return nil, serviceerror.NewNotFound("no such run")
	}
	r := found.(*run)
	select {
	case <-r.closed:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(20 * time.Second):
		return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{}, NextPageToken: []byte("again")}, nil
	}
	s.runs.Delete(r.id)
	s.current.CompareAndDelete(r.workflowID, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: r.events[len(r.events)-1:]}}, nil
}

func (s *service) PollWorkflowTaskQueue(ctx context.Context, request *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	r, ok := s.workflows.take(ctx, request.GetTaskQueue().GetName())
	if !ok {
		return &workflowservice.PollWorkflowTaskQueueResponse{}, nil
	}
	return r.start(request.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY), nil
}

func (s *service) RespondWorkflowTaskCompleted(_ context.Context, request *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error) {
	r, ok := s.runs.Load(string(request.GetTaskToken()))
	if !ok {
		return nil, serviceerror.NewNotFound("no such run")
	}
	s.log.sync()
	r.(*run).complete(request)
	return &workflowservice.RespondWorkflowTaskCompletedResponse{}, nil
}

func (s *service) PollActivityTaskQueue(ctx context.Context, request *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	task, ok := s.activities.take(ctx, request.GetTaskQueue().GetName())
	if !ok {
		return &workflowservice.PollActivityTaskQueueResponse{}, nil
	}
	task.StartedTime = timestamppb.Now()
	return task, nil
}

func (s *service) RespondActivityTaskCompleted(_ context.Context, request *workflowservice.RespondActivityTaskCompletedRequest) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	runID, event, _ := strings.Cut(string(request.GetTaskToken()), "/")
	found, ok := s.runs.Load(runID)
	if !ok {
		return nil, serviceerror.NewNotFound("no such run")
	}
	scheduled, err := strconv.ParseInt(event, 10, 64)
	if err != nil {
		return nil, serviceerror.NewInvalidArgument("bad token")
	}
	s.log.sync()
	started := &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
			ScheduledEventId: scheduled, Attempt: 1,
		}},
	}
	found.(*run).happens(started, &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
			ScheduledEventId: scheduled, Result: request.GetResult(),
		}},
	})
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

// execution names a run.
func (r *run) execution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: r.workflowID, RunId: r.id}
}
