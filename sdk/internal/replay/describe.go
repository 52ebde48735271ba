package replay

import (
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// describeEvent names an event and what identifies it, in one line.
func describeEvent(event *historypb.HistoryEvent) string {
	name := event.GetEventType().String()
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		e := event.GetActivityTaskScheduledEventAttributes()
		return fmt.Sprintf("%s(ActivityId: %s, ActivityType: %s)", name, e.GetActivityId(), e.GetActivityType().GetName())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, event.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, activityResult(event).ScheduledEventID)
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		e := event.GetTimerStartedEventAttributes()
		return fmt.Sprintf("%s(TimerId: %s, %v)", name, e.GetTimerId(), e.GetStartToFireTimeout().AsDuration())
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		return fmt.Sprintf("%s(TimerId: %s)", name, event.GetTimerFiredEventAttributes().GetTimerId())
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		return fmt.Sprintf("%s(TimerId: %s)", name, event.GetTimerCanceledEventAttributes().GetTimerId())
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		return fmt.Sprintf("%s(MarkerName: %s)", name, event.GetMarkerRecordedEventAttributes().GetMarkerName())
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		e := event.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		return fmt.Sprintf("%s(WorkflowType: %s, WorkflowId: %s)", name, e.GetWorkflowType().GetName(), e.GetWorkflowId())
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
		r := childResult(event)
		return fmt.Sprintf("%s(WorkflowType: %s, WorkflowId: %s)", name, r.WorkflowType, r.Execution.GetWorkflowId())
	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return fmt.Sprintf("%s(WorkflowId: %s)", name, event.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes().GetWorkflowExecution().GetWorkflowId())
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		e := event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		return fmt.Sprintf("%s(WorkflowId: %s, SignalName: %s)", name, e.GetWorkflowExecution().GetWorkflowId(), e.GetSignalName())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:
		e := event.GetNexusOperationScheduledEventAttributes()
		return fmt.Sprintf("%s(Endpoint: %s, Service: %s, Operation: %s)", name, e.GetEndpoint(), e.GetService(), e.GetOperation())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, event.GetNexusOperationStartedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED, enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED, enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
		id, _ := nexusResult(event)
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, id)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, event.GetNexusOperationCancelRequestedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return fmt.Sprintf("%s(UpdateId: %s)", name, event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetProtocolInstanceId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		return fmt.Sprintf("%s(UpdateId: %s)", name, event.GetWorkflowExecutionUpdateCompletedEventAttributes().GetMeta().GetUpdateId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return fmt.Sprintf("%s(WorkflowType: %s)", name, event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetWorkflowType().GetName())
	}
	return name
}

// describeCommand is describeEvent for commands.
func describeCommand(command *commandpb.Command) string {
	name := command.GetCommandType().String()
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		c := command.GetScheduleActivityTaskCommandAttributes()
		return fmt.Sprintf("%s(ActivityId: %s, ActivityType: %s)", name, c.GetActivityId(), c.GetActivityType().GetName())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, command.GetRequestCancelActivityTaskCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_START_TIMER:
		c := command.GetStartTimerCommandAttributes()
		return fmt.Sprintf("%s(TimerId: %s, %v)", name, c.GetTimerId(), c.GetStartToFireTimeout().AsDuration())
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		return fmt.Sprintf("%s(TimerId: %s)", name, command.GetCancelTimerCommandAttributes().GetTimerId())
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		return fmt.Sprintf("%s(MarkerName: %s)", name, command.GetRecordMarkerCommandAttributes().GetMarkerName())
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		c := command.GetStartChildWorkflowExecutionCommandAttributes()
		return fmt.Sprintf("%s(WorkflowType: %s, WorkflowId: %s)", name, c.GetWorkflowType().GetName(), c.GetWorkflowId())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		return fmt.Sprintf("%s(WorkflowId: %s)", name, command.GetRequestCancelExternalWorkflowExecutionCommandAttributes().GetWorkflowId())
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		c := command.GetSignalExternalWorkflowExecutionCommandAttributes()
		return fmt.Sprintf("%s(WorkflowId: %s, SignalName: %s)", name, c.GetExecution().GetWorkflowId(), c.GetSignalName())
	case enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:
		c := command.GetScheduleNexusOperationCommandAttributes()
		return fmt.Sprintf("%s(Endpoint: %s, Service: %s, Operation: %s)", name, c.GetEndpoint(), c.GetService(), c.GetOperation())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:
		return fmt.Sprintf("%s(ScheduledEventId: %d)", name, command.GetRequestCancelNexusOperationCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE:
		return fmt.Sprintf("%s(MessageId: %s)", name, command.GetProtocolMessageCommandAttributes().GetMessageId())
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return fmt.Sprintf("%s(WorkflowType: %s)", name, command.GetContinueAsNewWorkflowExecutionCommandAttributes().GetWorkflowType().GetName())
	}
	return name
}
