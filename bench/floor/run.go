package main

import (
	"strconv"
	"sync"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// run is a workflow run: its history, and whether there is a workflow task.
type run struct {
	service        *service
	workflowID, id string
	workflowType   *commonpb.WorkflowType
	queue          string
	closed         chan struct{}

	mu     sync.Mutex
	events []*historypb.HistoryEvent
	sticky string
	// waiting and started say that there is a workflow task, and where it is.
	waiting, started bool
	// scheduledAt, startedAt and before are event ids: of the present task, and of
	// the last one that was started.
	scheduledAt, startedAt, before int64
	// buffered is what happens while a task is started.
	buffered []*historypb.HistoryEvent
}

// add adds an event to the history. Like all methods but those that say otherwise, it
// is called with the lock held.
func (r *run) add(event *historypb.HistoryEvent) int64 {
	event.EventId = int64(len(r.events) + 1)
	event.EventTime = timestamppb.Now()
	r.events = append(r.events, event)
	return event.EventId
}

// happens adds events from outside, and has the workflow told of them. It takes the
// lock.
func (r *run) happens(events ...*historypb.HistoryEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started {
		r.buffered = append(r.buffered, events...)
		return
	}
	r.addAll(events)
	r.schedule()
}

// addAll adds events; one that ends an activity follows its start.
func (r *run) addAll(events []*historypb.HistoryEvent) {
	for _, event := range events {
		id := r.add(event)
		if completed := event.GetActivityTaskCompletedEventAttributes(); completed != nil {
			completed.StartedEventId = id - 1
		}
	}
}

// schedule puts a workflow task into its queue, if there is none.
func (r *run) schedule() {
	if r.waiting || r.started {
		return
	}
	r.waiting = true
	queue := &taskqueuepb.TaskQueue{Name: r.queue}
	if r.sticky != "" {
		queue = &taskqueuepb.TaskQueue{Name: r.sticky, Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: r.queue}
	}
	r.scheduledAt = r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: queue, StartToCloseTimeout: durationpb.New(10 * time.Second), Attempt: 1,
		}},
	})
	r.service.workflows.put(queue.GetName(), r)
}

// start makes the reply to a poll. It takes the lock.
func (r *run) start(sticky bool) *workflowservice.PollWorkflowTaskQueueResponse {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting, r.started = false, true
	r.startedAt = r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{
			ScheduledEventId: r.scheduledAt,
		}},
	})
	from := int64(0)
	if sticky {
		from = r.before
	}
	before := r.before
	r.before = r.startedAt
	return &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken: []byte(r.id), WorkflowExecution: r.execution(), WorkflowType: r.workflowType,
		PreviousStartedEventId: before, StartedEventId: r.startedAt, Attempt: 1,
		History:                    &historypb.History{Events: r.events[from:len(r.events):len(r.events)]},
		WorkflowExecutionTaskQueue: &taskqueuepb.TaskQueue{Name: r.queue},
		ScheduledTime:              timestamppb.Now(), StartedTime: timestamppb.Now(),
	}
}

// complete carries out the commands of a workflow task. It takes the lock.
func (r *run) complete(request *workflowservice.RespondWorkflowTaskCompletedRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started = false
	r.sticky = request.GetStickyAttributes().GetWorkerTaskQueue().GetName()
	completed := r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			ScheduledEventId: r.scheduledAt, StartedEventId: r.startedAt, SdkMetadata: request.GetSdkMetadata(),
		}},
	})
	for _, command := range request.GetCommands() {
		r.carryOut(command, completed)
	}
	if len(r.buffered) > 0 {
		r.addAll(r.buffered)
		r.buffered = nil
		r.schedule()
	}
}

func (r *run) carryOut(command *commandpb.Command, completed int64) {
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		r.scheduleActivity(command.GetScheduleActivityTaskCommandAttributes(), completed)
	case enumspb.COMMAND_TYPE_START_TIMER:
		r.startTimer(command.GetStartTimerCommandAttributes(), completed)
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		r.add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
				Result: command.GetCompleteWorkflowExecutionCommandAttributes().GetResult(), WorkflowTaskCompletedEventId: completed,
			}},
		})
		close(r.closed)
	}
}

func (r *run) scheduleActivity(a *commandpb.ScheduleActivityTaskCommandAttributes, completed int64) {
	scheduled := r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: a.GetActivityId(), ActivityType: a.GetActivityType(), TaskQueue: a.GetTaskQueue(), Input: a.GetInput(),
			StartToCloseTimeout: a.GetStartToCloseTimeout(), WorkflowTaskCompletedEventId: completed,
		}},
	})
	r.service.activities.put(a.GetTaskQueue().GetName(), &workflowservice.PollActivityTaskQueueResponse{
		TaskToken:    []byte(r.id + "/" + strconv.FormatInt(scheduled, 10)),
		WorkflowType: r.workflowType, WorkflowExecution: r.execution(), WorkflowNamespace: "default",
		ActivityType: a.GetActivityType(), ActivityId: a.GetActivityId(), Input: a.GetInput(), Attempt: 1,
		ScheduledTime: timestamppb.Now(), CurrentAttemptScheduledTime: timestamppb.Now(),
		StartToCloseTimeout: a.GetStartToCloseTimeout(), ScheduleToCloseTimeout: a.GetScheduleToCloseTimeout(),
	})
}

func (r *run) startTimer(a *commandpb.StartTimerCommandAttributes, completed int64) {
	started := r.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_STARTED,
		Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId: a.GetTimerId(), StartToFireTimeout: a.GetStartToFireTimeout(), WorkflowTaskCompletedEventId: completed,
		}},
	})
	time.AfterFunc(a.GetStartToFireTimeout().AsDuration(), func() {
		r.service.log.sync()
		r.happens(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_TIMER_FIRED,
			Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{
				TimerId: a.GetTimerId(), StartedEventId: started,
			}},
		})
	})
}
