package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// script is a history under construction, and the run that is fed with it. It
// plays the server: what the workflow asks for becomes events.
type script struct {
	t        *testing.T
	options  Options
	events   []*historypb.HistoryEvent
	started  []int64 // started events of workflow tasks, completed or not
	clock    time.Time
	instance *Instance
	fed      int // how many events the instance has been given
	// messages go to the instance with the next task.
	messages []*protocolpb.Message
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newScript begins a run of fn, registered as "Workflow".
func newScript(t *testing.T, fn any, args ...any) *script {
	t.Helper()
	r := NewRegistry(false)
	if err := r.RegisterWorkflow(fn, registry.WorkflowOptions{Name: "Workflow"}); err != nil {
		t.Fatal(err)
	}
	s := &script{
		t:     t,
		clock: epoch,
		options: Options{
			Namespace:   "default",
			TaskQueue:   "queue",
			Registry:    r,
			Logger:      logger.Discard{},
			SDKMetadata: true,
		},
	}
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType:           &commonpb.WorkflowType{Name: "Workflow"},
			TaskQueue:              &taskqueuepb.TaskQueue{Name: "queue"},
			Input:                  payloads(t, args...),
			OriginalExecutionRunId: "run",
			WorkflowTaskTimeout:    durationpb.New(10 * time.Second),
			Attempt:                1,
		},
	})
	t.Cleanup(func() {
		if s.instance != nil {
			s.instance.Close()
		}
	})
	return s
}

func payloads(t testing.TB, values ...any) *commonpb.Payloads {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(values...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// add appends an event with the attributes given, the wrapper of the oneof.
func (s *script) add(typ enumspb.EventType, attributes any) *historypb.HistoryEvent {
	s.clock = s.clock.Add(time.Second)
	event := &historypb.HistoryEvent{
		EventId:   int64(len(s.events) + 1),
		EventTime: timestamppb.New(s.clock),
		EventType: typ,
	}
	setAttributes(event, attributes)
	s.events = append(s.events, event)
	return event
}

// task begins a workflow task.
func (s *script) task() *script {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, nil)
	started := s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{
		WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{HistorySizeBytes: 1000},
	})
	s.started = append(s.started, started.EventId)
	return s
}

func (s *script) poll(from int) *workflowservice.PollWorkflowTaskQueueResponse {
	var previous int64
	if n := len(s.started); n > 1 {
		previous = s.started[n-2]
	}
	return &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken:              []byte("token"),
		WorkflowExecution:      &commonpb.WorkflowExecution{WorkflowId: "id", RunId: "run"},
		WorkflowType:           &commonpb.WorkflowType{Name: "Workflow"},
		PreviousStartedEventId: previous,
		StartedEventId:         s.started[len(s.started)-1],
		History:                &historypb.History{Events: slices.Clone(s.events[from:])},
		Messages:               s.messages,
	}
}

// handle has the task handled by the instance there is, or by a new one.
func (s *script) handle() *Outcome {
	s.t.Helper()
	if s.instance == nil {
		s.instance = NewInstance(&s.options)
		s.fed = 0
	}
	outcome, err := s.instance.HandleTask(context.Background(), &Task{Poll: s.poll(s.fed)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.fed = len(s.events)
	s.messages = nil
	return outcome
}

// evict closes the instance: the next task replays from the beginning.
func (s *script) evict() *script {
	s.instance.Close()
	s.instance = nil
	return s
}

// run handles a new task and turns its commands into events.
func (s *script) run(want ...string) *script {
	s.t.Helper()
	outcome := s.task().handle()
	s.expect(outcome, want...)
	s.complete(outcome)
	return s
}

// expect compares the commands of a completion, described.
func (s *script) expect(outcome *Outcome, want ...string) {
	s.t.Helper()
	if outcome.Completed == nil {
		s.t.Fatalf("the task was not completed: %v", outcome.Err)
	}
	var got []string
	for _, c := range outcome.Completed.Commands {
		got = append(got, describe(c))
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("commands\n  got  %q\n  want %q", got, want)
	}
}

func describe(c *commandpb.Command) string {
	name := c.GetCommandType().String()
	switch a := c.GetAttributes().(type) {
	case *commandpb.Command_ScheduleActivityTaskCommandAttributes:
		return fmt.Sprintf("%s %s %s", name, a.ScheduleActivityTaskCommandAttributes.ActivityId, a.ScheduleActivityTaskCommandAttributes.ActivityType.Name)
	case *commandpb.Command_StartTimerCommandAttributes:
		return fmt.Sprintf("%s %s %v", name, a.StartTimerCommandAttributes.TimerId, a.StartTimerCommandAttributes.StartToFireTimeout.AsDuration())
	case *commandpb.Command_CancelTimerCommandAttributes:
		return fmt.Sprintf("%s %s", name, a.CancelTimerCommandAttributes.TimerId)
	case *commandpb.Command_RequestCancelActivityTaskCommandAttributes:
		return fmt.Sprintf("%s %d", name, a.RequestCancelActivityTaskCommandAttributes.ScheduledEventId)
	case *commandpb.Command_RecordMarkerCommandAttributes:
		return fmt.Sprintf("%s %s", name, a.RecordMarkerCommandAttributes.MarkerName)
	case *commandpb.Command_StartChildWorkflowExecutionCommandAttributes:
		return fmt.Sprintf("%s %s", name, a.StartChildWorkflowExecutionCommandAttributes.WorkflowId)
	case *commandpb.Command_ScheduleNexusOperationCommandAttributes:
		o := a.ScheduleNexusOperationCommandAttributes
		return fmt.Sprintf("%s %s/%s/%s %s", name, o.Endpoint, o.Service, o.Operation, o.Input.GetData())
	case *commandpb.Command_RequestCancelNexusOperationCommandAttributes:
		return fmt.Sprintf("%s %d", name, a.RequestCancelNexusOperationCommandAttributes.ScheduledEventId)
	case *commandpb.Command_ProtocolMessageCommandAttributes:
		return fmt.Sprintf("%s %s", name, a.ProtocolMessageCommandAttributes.MessageId)
	case *commandpb.Command_CompleteWorkflowExecutionCommandAttributes:
		var values []string
		for _, p := range a.CompleteWorkflowExecutionCommandAttributes.GetResult().GetPayloads() {
			values = append(values, string(p.GetData()))
		}
		return strings.TrimSpace(name + " " + strings.Join(values, " "))
	case *commandpb.Command_FailWorkflowExecutionCommandAttributes:
		return fmt.Sprintf("%s %s", name, a.FailWorkflowExecutionCommandAttributes.GetFailure().GetMessage())
	}
	return name
}

// complete appends the completion of the task and the events of its commands.
func (s *script) complete(outcome *Outcome) {
	s.t.Helper()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{SdkMetadata: outcome.Completed.SdkMetadata},
	})
	for _, c := range outcome.Completed.Commands {
		if c.GetCommandType() == enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE {
			s.updateEvent(outcome, c.GetProtocolMessageCommandAttributes().GetMessageId())
			continue
		}
		s.commandEvent(c)
	}
}

func (s *script) commandEvent(c *commandpb.Command) {
	s.t.Helper()
	switch a := c.GetAttributes().(type) {
	case *commandpb.Command_ScheduleActivityTaskCommandAttributes:
		s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
				ActivityId: a.ScheduleActivityTaskCommandAttributes.ActivityId, ActivityType: a.ScheduleActivityTaskCommandAttributes.ActivityType,
				TaskQueue: a.ScheduleActivityTaskCommandAttributes.TaskQueue,
			}})
	case *commandpb.Command_RequestCancelActivityTaskCommandAttributes:
		s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, &historypb.HistoryEvent_ActivityTaskCancelRequestedEventAttributes{
			ActivityTaskCancelRequestedEventAttributes: &historypb.ActivityTaskCancelRequestedEventAttributes{
				ScheduledEventId: a.RequestCancelActivityTaskCommandAttributes.ScheduledEventId,
			}})
	case *commandpb.Command_StartTimerCommandAttributes:
		s.add(enumspb.EVENT_TYPE_TIMER_STARTED, &historypb.HistoryEvent_TimerStartedEventAttributes{
			TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: a.StartTimerCommandAttributes.TimerId}})
	case *commandpb.Command_CancelTimerCommandAttributes:
		s.add(enumspb.EVENT_TYPE_TIMER_CANCELED, &historypb.HistoryEvent_TimerCanceledEventAttributes{
			TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{TimerId: a.CancelTimerCommandAttributes.TimerId}})
	case *commandpb.Command_RecordMarkerCommandAttributes:
		m := a.RecordMarkerCommandAttributes
		s.add(enumspb.EVENT_TYPE_MARKER_RECORDED, &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{MarkerName: m.MarkerName, Details: m.Details, Failure: m.Failure}})
	case *commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes:
		s.add(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
			UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
				SearchAttributes: a.UpsertWorkflowSearchAttributesCommandAttributes.SearchAttributes}})
	case *commandpb.Command_StartChildWorkflowExecutionCommandAttributes:
		c := a.StartChildWorkflowExecutionCommandAttributes
		s.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{
			StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
				WorkflowId: c.WorkflowId, WorkflowType: c.WorkflowType}})
	case *commandpb.Command_CompleteWorkflowExecutionCommandAttributes:
		s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{}})
	case *commandpb.Command_ScheduleNexusOperationCommandAttributes:
		c := a.ScheduleNexusOperationCommandAttributes
		s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED, &historypb.HistoryEvent_NexusOperationScheduledEventAttributes{
			NexusOperationScheduledEventAttributes: &historypb.NexusOperationScheduledEventAttributes{
				Endpoint: c.Endpoint, Service: c.Service, Operation: c.Operation, Input: c.Input}})
	case *commandpb.Command_RequestCancelNexusOperationCommandAttributes:
		s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED, &historypb.HistoryEvent_NexusOperationCancelRequestedEventAttributes{
			NexusOperationCancelRequestedEventAttributes: &historypb.NexusOperationCancelRequestedEventAttributes{
				ScheduledEventId: a.RequestCancelNexusOperationCommandAttributes.ScheduledEventId}})
	default:
		s.t.Fatalf("the script does not know how to record %v", c.GetCommandType())
	}
}

// last is the id of the last event of a type.
func (s *script) last(typ enumspb.EventType) int64 {
	for _, event := range slices.Backward(s.events) {
		if event.GetEventType() == typ {
			return event.GetEventId()
		}
	}
	s.t.Fatalf("no event %v", typ)
	return 0
}

// activityDone completes the last activity scheduled.
func (s *script) activityDone(result any) *script {
	s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
		ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), Result: payloads(s.t, result),
		}})
	return s
}

// activityFailed fails the last activity scheduled.
func (s *script) activityFailed(message string) *script {
	s.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED, &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
		ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
			Failure: &failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
				ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "Broken"}}},
		}})
	return s
}

func (s *script) timerFired(id string) *script {
	s.add(enumspb.EVENT_TYPE_TIMER_FIRED, &historypb.HistoryEvent_TimerFiredEventAttributes{
		TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: id}})
	return s
}

func (s *script) signal(name string, arg any) *script {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: name, Input: payloads(s.t, arg)}})
	return s
}

func (s *script) cancel() *script {
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
		WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{}})
	return s
}

// query asks the instance directly, as a sticky query task does.
func (s *script) query(queryType string, args ...any) *workflowservice.RespondQueryTaskCompletedRequest {
	s.t.Helper()
	outcome, err := s.instance.HandleTask(context.Background(), &Task{Poll: &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken:         []byte("query"),
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "id", RunId: "run"},
		Query:             &querypb.WorkflowQuery{QueryType: queryType, QueryArgs: payloads(s.t, args...)},
		History:           &historypb.History{},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	return outcome.QueryCompleted
}

func setAttributes(event *historypb.HistoryEvent, attributes any) {
	switch a := attributes.(type) {
	case nil:
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowTaskStartedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowTaskFailedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_ActivityTaskCancelRequestedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_TimerStartedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_TimerFiredEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_TimerCanceledEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_MarkerRecordedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationScheduledEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationStartedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationCompletedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationFailedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationCancelRequestedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_NexusOperationCancelRequestCompletedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAdmittedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		event.Attributes = a
	case *historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes:
		event.Attributes = a
	default:
		panic(fmt.Sprintf("unknown attributes %T", a))
	}
}
