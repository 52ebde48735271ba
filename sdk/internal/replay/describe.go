package replay

import (
	"fmt"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// described writes a name and what identifies it, pairs of a field and its value, in the form in which the Temporal Go
// SDK writes messages of the API: tools and tests look for it.
func described(name fmt.Stringer, pairs ...any) string {
	var b strings.Builder
	b.WriteString(name.String())
	b.WriteString(": (")
	for n := 0; n+1 < len(pairs); n += 2 {
		if n > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%v:%v", pairs[n], pairs[n+1])
	}
	b.WriteByte(')')
	return b.String()
}

// typeNamed is how described writes the type of an activity or a workflow.
func typeNamed(name string) string { return "(Name:" + name + ")" }

// describeEvent names an event and what identifies it, in one line.
func describeEvent(event *historypb.HistoryEvent) string {
	name := event.GetEventType()
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		e := event.GetActivityTaskScheduledEventAttributes()
		return described(name, "ActivityId", e.GetActivityId(), "ActivityType", typeNamed(e.GetActivityType().GetName()))
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		return described(name, "ScheduledEventId", event.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		return described(name, "ScheduledEventId", activityResult(event).ScheduledEventID)
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		e := event.GetTimerStartedEventAttributes()
		return described(name, "TimerId", e.GetTimerId(), "StartToFireTimeout", e.GetStartToFireTimeout().AsDuration())
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		return described(name, "TimerId", event.GetTimerFiredEventAttributes().GetTimerId())
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		return described(name, "TimerId", event.GetTimerCanceledEventAttributes().GetTimerId())
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		return described(name, "MarkerName", event.GetMarkerRecordedEventAttributes().GetMarkerName())
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		e := event.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		return described(name, "WorkflowId", e.GetWorkflowId(), "WorkflowType", typeNamed(e.GetWorkflowType().GetName()))
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
		r := childResult(event)
		return described(name, "WorkflowId", r.Execution.GetWorkflowId(), "WorkflowType", typeNamed(r.WorkflowType))
	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return described(name, "WorkflowId", event.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes().GetWorkflowExecution().GetWorkflowId())
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		e := event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		return described(name, "WorkflowId", e.GetWorkflowExecution().GetWorkflowId(), "SignalName", e.GetSignalName())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:
		e := event.GetNexusOperationScheduledEventAttributes()
		return described(name, "Endpoint", e.GetEndpoint(), "Service", e.GetService(), "Operation", e.GetOperation())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED:
		return described(name, "ScheduledEventId", event.GetNexusOperationStartedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED, enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED, enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
		id, _ := nexusResult(event)
		return described(name, "ScheduledEventId", id)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
		return described(name, "ScheduledEventId", event.GetNexusOperationCancelRequestedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return described(name, "UpdateId", event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetProtocolInstanceId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		return described(name, "UpdateId", event.GetWorkflowExecutionUpdateCompletedEventAttributes().GetMeta().GetUpdateId())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return described(name, "WorkflowType", typeNamed(event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetWorkflowType().GetName()))
	}
	return name.String()
}

// describeCommand is describeEvent for commands.
func describeCommand(command *commandpb.Command) string {
	name := command.GetCommandType()
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		c := command.GetScheduleActivityTaskCommandAttributes()
		return described(name, "ActivityId", c.GetActivityId(), "ActivityType", typeNamed(c.GetActivityType().GetName()))
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		return described(name, "ScheduledEventId", command.GetRequestCancelActivityTaskCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_START_TIMER:
		c := command.GetStartTimerCommandAttributes()
		return described(name, "TimerId", c.GetTimerId(), "StartToFireTimeout", c.GetStartToFireTimeout().AsDuration())
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		return described(name, "TimerId", command.GetCancelTimerCommandAttributes().GetTimerId())
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		return described(name, "MarkerName", command.GetRecordMarkerCommandAttributes().GetMarkerName())
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		c := command.GetStartChildWorkflowExecutionCommandAttributes()
		return described(name, "WorkflowId", c.GetWorkflowId(), "WorkflowType", typeNamed(c.GetWorkflowType().GetName()))
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		return described(name, "WorkflowId", command.GetRequestCancelExternalWorkflowExecutionCommandAttributes().GetWorkflowId())
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		c := command.GetSignalExternalWorkflowExecutionCommandAttributes()
		return described(name, "WorkflowId", c.GetExecution().GetWorkflowId(), "SignalName", c.GetSignalName())
	case enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:
		c := command.GetScheduleNexusOperationCommandAttributes()
		return described(name, "Endpoint", c.GetEndpoint(), "Service", c.GetService(), "Operation", c.GetOperation())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:
		return described(name, "ScheduledEventId", command.GetRequestCancelNexusOperationCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE:
		return described(name, "MessageId", command.GetProtocolMessageCommandAttributes().GetMessageId())
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return described(name, "WorkflowType", typeNamed(command.GetContinueAsNewWorkflowExecutionCommandAttributes().GetWorkflowType().GetName()))
	}
	return name.String()
}
