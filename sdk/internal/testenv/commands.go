package testenv

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/internal/failure"
)

// apply makes the event of a command, and arranges what comes of it.
func (x *Execution) apply(completed int64, command *commandpb.Command, messages []*protocolpb.Message) {
	if x.closed {
		return
	}
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		x.scheduleActivity(completed, command.GetScheduleActivityTaskCommandAttributes())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		x.requestCancelActivity(completed, command.GetRequestCancelActivityTaskCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_START_TIMER:
		x.startTimer(completed, command.GetStartTimerCommandAttributes(), command.GetUserMetadata())
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		x.cancelTimer(completed, command.GetCancelTimerCommandAttributes().GetTimerId())
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		a := command.GetRecordMarkerCommandAttributes()
		x.add(enumspb.EVENT_TYPE_MARKER_RECORDED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName: a.GetMarkerName(), Details: a.GetDetails(), Header: a.GetHeader(), Failure: a.GetFailure(), WorkflowTaskCompletedEventId: completed,
			}}})
	case enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		x.add(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
			UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
				SearchAttributes: command.GetUpsertWorkflowSearchAttributesCommandAttributes().GetSearchAttributes(), WorkflowTaskCompletedEventId: completed,
			}}})
	case enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:
		x.add(enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
			WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
				UpsertedMemo: command.GetModifyWorkflowPropertiesCommandAttributes().GetUpsertedMemo(), WorkflowTaskCompletedEventId: completed,
			}}})
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		x.initiateChild(completed, command.GetStartChildWorkflowExecutionCommandAttributes())
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		x.signalExternal(completed, command.GetSignalExternalWorkflowExecutionCommandAttributes())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		x.cancelExternal(completed, command.GetRequestCancelExternalWorkflowExecutionCommandAttributes())
	case enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:
		x.scheduleNexus(completed, command.GetScheduleNexusOperationCommandAttributes())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:
		x.requestCancelNexus(completed, command.GetRequestCancelNexusOperationCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE:
		x.message(command.GetProtocolMessageCommandAttributes().GetMessageId(), messages)
	default:
		x.applyClosing(completed, command)
	}
}

// applyClosing is apply for commands that end the run.
func (x *Execution) applyClosing(completed int64, command *commandpb.Command) {
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		result := command.GetCompleteWorkflowExecutionCommandAttributes().GetResult()
		x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: result, WorkflowTaskCompletedEventId: completed}}})
		x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, result, nil)
	case enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
		cause := command.GetFailWorkflowExecutionCommandAttributes().GetFailure()
		x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: cause, WorkflowTaskCompletedEventId: completed}}})
		x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, nil, x.failures.FailureToError(cause))
	case enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
		details := command.GetCancelWorkflowExecutionCommandAttributes().GetDetails()
		x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{
			WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{Details: details, WorkflowTaskCompletedEventId: completed}}})
		x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, details, failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{newValues(details, x.values)}}))
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		x.continueAsNew(completed, command.GetContinueAsNewWorkflowExecutionCommandAttributes())
	default:
		x.failTask(unsupported(command.GetCommandType().String()))
	}
}

func (x *Execution) startTimer(completed int64, a *commandpb.StartTimerCommandAttributes, metadata *sdkpb.UserMetadata) {
	e, d := x.engine, a.GetStartToFireTimeout().AsDuration()
	id := a.GetTimerId()
	started := x.add(enumspb.EVENT_TYPE_TIMER_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: id, StartToFireTimeout: durationpb.New(d), WorkflowTaskCompletedEventId: completed}}})
	t := &openTimer{started: started, d: d, hidden: x.isHidden(metadata.GetSummary())}
	x.timers[id] = t
	t.timer = e.schedule(d, func() {
		delete(x.timers, id)
		x.happened(enumspb.EVENT_TYPE_TIMER_FIRED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
			TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: id, StartedEventId: started}}})
		if listener := e.Options.Listeners.TimerFired; listener != nil && !t.hidden {
			// After the workflow has seen it.
			e.Post(func() { e.later(func() { listener(id) }) })
		}
	})
	if listener := e.Options.Listeners.TimerScheduled; listener != nil && !t.hidden {
		e.later(func() { listener(id, d) })
	}
}

// MockWait is the summary of timers that stand for the time a mock takes: the test is
// not told of them.
const MockWait = "testsuite: a mock takes its time"

func (x *Execution) isHidden(summary *commonpb.Payload) bool {
	var text string
	return summary != nil && x.values.FromPayload(summary, &text) == nil && text == MockWait
}

func (x *Execution) cancelTimer(completed int64, id string) {
	t := x.timers[id]
	if t == nil {
		return
	}
	delete(x.timers, id)
	x.engine.unschedule(t.timer)
	x.add(enumspb.EVENT_TYPE_TIMER_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{
		TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{TimerId: id, StartedEventId: t.started, WorkflowTaskCompletedEventId: completed}}})
	if listener := x.engine.Options.Listeners.TimerCanceled; listener != nil && !t.hidden {
		x.engine.later(func() { listener(id) })
	}
}
