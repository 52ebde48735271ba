package drive

import (
	"strconv"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
)

// NewReplay returns a function that replays a history of at least the given number of
// events, of the workflow Activities.
func NewReplay(events int) func() error {
	history := activitiesHistory(events)
	r := worker.NewWorkflowReplayer()
	r.RegisterWorkflow(Activities)
	return func() error { return r.ReplayWorkflowHistory(quiet{}, history) }
}

// activitiesHistory is the history of a run of Activities that has ended: six events for
// each activity, and five around them.
func activitiesHistory(size int) *historypb.History {
	n := size / 6
	h := &history{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	queue := &taskqueuepb.TaskQueue{Name: "bench", Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
	h.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: "Activities"}, WorkflowId: "bench", TaskQueue: queue, Input: payloads(n),
			OriginalExecutionRunId: "6a1f7c0e-1111-4222-8333-444455556666", WorkflowTaskTimeout: durationpb.New(10 * time.Second), Attempt: 1,
		}}})
	h.task(queue)
	for range n {
		completed := h.last()
		scheduled := h.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
				ActivityId: strconv.FormatInt(completed+1, 10), ActivityType: &commonpb.ActivityType{Name: "Echo"}, TaskQueue: queue, Input: payloads("hello"),
				StartToCloseTimeout: durationpb.New(time.Minute), WorkflowTaskCompletedEventId: completed,
			}}})
		started := h.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
			ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{ScheduledEventId: scheduled, Identity: "bench", RequestId: "request", Attempt: 1}}})
		h.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
			ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
				Result: payloads("hello"), ScheduledEventId: scheduled, StartedEventId: started, Identity: "bench"}}})
		h.task(queue)
	}
	h.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
		WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{WorkflowTaskCompletedEventId: h.last()}}})
	return &historypb.History{Events: h.events}
}

// history is one in the making.
type history struct {
	events []*historypb.HistoryEvent
	now    time.Time
}

func (h *history) last() int64 { return int64(len(h.events)) }

// add adds an event and returns its id.
func (h *history) add(kind enumspb.EventType, event *historypb.HistoryEvent) int64 {
	h.now = h.now.Add(time.Millisecond)
	event.EventId, event.EventType, event.EventTime, event.TaskId = h.last()+1, kind, timestamppb.New(h.now), h.last()+1
	h.events = append(h.events, event)
	return event.EventId
}

// task adds a workflow task that is completed.
func (h *history) task(queue *taskqueuepb.TaskQueue) {
	scheduled := h.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{
		WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: queue, StartToCloseTimeout: durationpb.New(10 * time.Second), Attempt: 1}}})
	started := h.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
		WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{
			ScheduledEventId: scheduled, Identity: "bench", RequestId: "request", HistorySizeBytes: 100 * scheduled}}})
	h.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: started, Identity: "bench"}}})
}

func payloads(values ...any) *commonpb.Payloads {
	encoded, err := converter.GetDefaultDataConverter().ToPayloads(values...)
	if err != nil {
		panic(err)
	}
	return encoded
}
