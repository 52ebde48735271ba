package replay

import (
	"fmt"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// match compares the commands of a replayed task, and the command with which
// the workflow ended in it, with the events that the task left: the
// beginning of the segment that follows.
//
// Only what identifies a command is compared, never its inputs or options.
// Markers of GetVersion and MutableSideEffect are passed over, and so is the
// search attribute that GetVersion updates: replay does not repeat them. Answers
// of updates are compared if they are ordered among commands.
func match(commands []*output, closing *commandpb.Command, following *segment, ordered bool) error {
	var closed *historypb.HistoryEvent
	next := 0
	for i := 0; i < len(following.events); i++ {
		event := following.events[i]
		if !isCommandEvent(event.GetEventType()) {
			continue
		}
		if isClosingEvent(event.GetEventType()) {
			closed = event
			continue
		}
		if isUpdateAnswer(event.GetEventType()) && !ordered {
			continue
		}
		if skipEvent(event) {
			if isVersionMarker(event) && i+1 < len(following.events) && isChangeVersionUpsert(following.events[i+1]) {
				i++
			}
			continue
		}
		for next < len(commands) && skipCommand(commands[next].command) {
			next++
		}
		if next == len(commands) {
			if closing != nil {
				return &NonDeterminismError{
					EventID: event.GetEventId(), History: describeEvent(event), Workflow: describeCommand(closing), KnownAs: knownAs(following.events[i:], commands, closing),
					Problem: fmt.Sprintf("missing replay command for %s: the workflow code ended before", describeEvent(event)),
				}
			}
			return &NonDeterminismError{
				EventID: event.GetEventId(), History: describeEvent(event), Workflow: "nothing", nothing: true, KnownAs: knownAs(following.events[i:], commands, closing),
				Problem: "missing replay command for " + describeEvent(event),
			}
		}
		if !commands[next].matches(event) {
			return &NonDeterminismError{
				EventID: event.GetEventId(), History: describeEvent(event), Workflow: describeCommand(commands[next].command),
				Problem: fmt.Sprintf("history event is %s, replay command is %s", describeEvent(event), describeCommand(commands[next].command)),
				KnownAs: knownAs(following.events[i:], commands, closing),
				site:    commands[next].site,
			}
		}
		next++
	}
	for ; next < len(commands); next++ {
		if skipCommand(commands[next].command) {
			continue
		}
		return &NonDeterminismError{
			EventID: following.events[0].GetEventId(), History: "nothing", Workflow: describeCommand(commands[next].command),
			Problem: "extra replay command for " + describeCommand(commands[next].command),
			site:    commands[next].site,
		}
	}
	return matchClosing(closing, closed, following)
}

func matchClosing(closing *commandpb.Command, closed *historypb.HistoryEvent, following *segment) error {
	switch {
	case closing == nil && closed == nil:
		return nil
	case closing == nil:
		return &NonDeterminismError{
			EventID: closed.GetEventId(), History: describeEvent(closed), Workflow: "still running", nothing: true, KnownAs: knownAs([]*historypb.HistoryEvent{closed}, nil, closing),
			Problem: fmt.Sprintf("missing replay command for %s: the workflow code has not ended", describeEvent(closed)),
		}
	case closed == nil:
		return &NonDeterminismError{
			EventID: following.events[0].GetEventId(), History: "still running", Workflow: describeCommand(closing),
			Problem: "extra replay command for " + describeCommand(closing),
		}
	case !matches(closing, closed):
		return &NonDeterminismError{
			EventID: closed.GetEventId(), History: describeEvent(closed), Workflow: describeCommand(closing),
			Problem: fmt.Sprintf("history event is %s, replay command is %s", describeEvent(closed), describeCommand(closing)),
			KnownAs: knownAs([]*historypb.HistoryEvent{closed}, nil, closing),
		}
	}
	return nil
}

func skipCommand(command *commandpb.Command) bool {
	switch command.GetRecordMarkerCommandAttributes().GetMarkerName() {
	case markerVersion, markerMutableSideEffect:
		return true
	}
	return false
}

func skipEvent(event *historypb.HistoryEvent) bool {
	switch event.GetMarkerRecordedEventAttributes().GetMarkerName() {
	case markerVersion, markerMutableSideEffect:
		return true
	}
	return false
}

func isVersionMarker(event *historypb.HistoryEvent) bool {
	return event.GetMarkerRecordedEventAttributes().GetMarkerName() == markerVersion
}

func isChangeVersionUpsert(event *historypb.HistoryEvent) bool {
	fields := event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes().GetIndexedFields()
	_, ok := fields[ChangeVersionAttribute]
	return ok
}

func isUpdateAnswer(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		return true
	}
	return false
}

// matches says whether event is what became of the command.
func (o *output) matches(event *historypb.HistoryEvent) bool {
	if o.command.GetCommandType() == enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE {
		return o.update.matches(event)
	}
	return matches(o.command, event)
}

// matches says whether event is what became of command.
func matches(command *commandpb.Command, event *historypb.HistoryEvent) bool {
	if eventOf[command.GetCommandType()] != event.GetEventType() {
		return false
	}
	switch command.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		c, e := command.GetScheduleActivityTaskCommandAttributes(), event.GetActivityTaskScheduledEventAttributes()
		return c.GetActivityId() == e.GetActivityId() &&
			lastPart(c.GetActivityType().GetName()) == lastPart(e.GetActivityType().GetName())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		return command.GetRequestCancelActivityTaskCommandAttributes().GetScheduledEventId() ==
			event.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId()
	case enumspb.COMMAND_TYPE_START_TIMER:
		return command.GetStartTimerCommandAttributes().GetTimerId() == event.GetTimerStartedEventAttributes().GetTimerId()
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		return command.GetCancelTimerCommandAttributes().GetTimerId() == event.GetTimerCanceledEventAttributes().GetTimerId()
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		return command.GetRecordMarkerCommandAttributes().GetMarkerName() == event.GetMarkerRecordedEventAttributes().GetMarkerName()
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		c, e := command.GetStartChildWorkflowExecutionCommandAttributes(), event.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		return lastPart(c.GetWorkflowType().GetName()) == lastPart(e.GetWorkflowType().GetName())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		c, e := command.GetRequestCancelExternalWorkflowExecutionCommandAttributes(), event.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes()
		//lint:ignore SA1019 the field is how a workflow in another namespace is named
		return sameNamespace(c.GetNamespace(), e.GetNamespace()) && c.GetWorkflowId() == e.GetWorkflowExecution().GetWorkflowId()
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		c, e := command.GetSignalExternalWorkflowExecutionCommandAttributes(), event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		//lint:ignore SA1019 the field is how a workflow in another namespace is named
		return sameNamespace(c.GetNamespace(), e.GetNamespace()) && c.GetSignalName() == e.GetSignalName() &&
			c.GetExecution().GetWorkflowId() == e.GetWorkflowExecution().GetWorkflowId()
	case enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:
		c, e := command.GetScheduleNexusOperationCommandAttributes(), event.GetNexusOperationScheduledEventAttributes()
		return c.GetService() == e.GetService() && c.GetOperation() == e.GetOperation()
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:
		return command.GetRequestCancelNexusOperationCommandAttributes().GetScheduledEventId() ==
			event.GetNexusOperationCancelRequestedEventAttributes().GetScheduledEventId()
	}
	return true
}

// ReplayNamespace is the namespace of histories replayed without a server. It
// matches any.
const ReplayNamespace = "ReplayNamespace"

func sameNamespace(command, event string) bool {
	return command == "" || command == ReplayNamespace || command == event
}

// lastPart is a type name without what precedes its last dot: very old
// histories have names with the package in front.
func lastPart(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 && i < len(name)-1 {
		return name[i+1:]
	}
	return name
}

// eventOf is the event that each command becomes.
var eventOf = map[enumspb.CommandType]enumspb.EventType{
	enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:                     enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:               enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
	enumspb.COMMAND_TYPE_START_TIMER:                                enumspb.EVENT_TYPE_TIMER_STARTED,
	enumspb.COMMAND_TYPE_CANCEL_TIMER:                               enumspb.EVENT_TYPE_TIMER_CANCELED,
	enumspb.COMMAND_TYPE_RECORD_MARKER:                              enumspb.EVENT_TYPE_MARKER_RECORDED,
	enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:             enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
	enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:         enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
	enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:          enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
	enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:                 enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
	enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:                   enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:             enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED,
	enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:                enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
	enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:                    enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
	enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:                  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
	enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:         enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}
