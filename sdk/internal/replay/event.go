package replay

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// apply lets one event have its effect. Markers have had theirs before.
func (m *Machine) apply(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		// Decided once for the run, here and not when it first matters.
		m.UseFlag(FlagProtocolMessageCommand)
		return m.workflow.Start(event)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
		return m.startTask(event)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
		attributes := event.GetWorkflowTaskFailedEventAttributes()
		if attributes.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW {
			m.runID = attributes.GetNewRunId()
		}
		return nil
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return m.workflow.Signal(event.GetWorkflowExecutionSignaledEventAttributes())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		m.workflow.Cancel()
		return nil

	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		return m.activityScheduled(event)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		return m.activityClosed(event)

	case enumspb.EVENT_TYPE_TIMER_STARTED:
		return m.timerStarted(event)
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		return m.timerFired(event)
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		return m.timerCanceled(event)

	case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		m.workflow.Upserted(event.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes(), nil)
		return nil
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		m.workflow.Upserted(nil, event.GetWorkflowPropertiesModifiedEventAttributes().GetUpsertedMemo())
		return nil

	default:
		return m.applyExternal(event)
	}
}

// applyExternal is apply for what is about other workflows.
func (m *Machine) applyExternal(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		return m.childInitiated(event)
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
		return m.childStartFailed(event)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
		return m.childStarted(event)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
		return m.childClosed(event)

	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return m.signalInitiated(event)
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
		attributes := event.GetSignalExternalWorkflowExecutionFailedEventAttributes()
		return m.signalClosed(event, attributes.GetInitiatedEventId(), attributes)
	case enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
		return m.signalClosed(event, event.GetExternalWorkflowExecutionSignaledEventAttributes().GetInitiatedEventId(), nil)

	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return m.cancelInitiated(event)
	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
		attributes := event.GetRequestCancelExternalWorkflowExecutionFailedEventAttributes()
		m.cancelClosed(attributes.GetInitiatedEventId(), attributes)
		return nil
	case enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		m.cancelClosed(event.GetExternalWorkflowExecutionCancelRequestedEventAttributes().GetInitiatedEventId(), nil)
		return nil

	default:
		return m.applyNexus(event)
	}
}

// applyNexus is apply for what is about Nexus operations.
func (m *Machine) applyNexus(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:
		return m.nexusScheduled(event)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED:
		return m.nexusStarted(event)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
		return m.nexusClosed(event)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
		return m.nexusCancelRequested(event)
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED:
		return m.nexusCancelDelivered(event)
	default:
		return ignore(event)
	}
}

// ignore passes over an event that has no effect, or may be ignored by who does not
// know its type.
func ignore(event *historypb.HistoryEvent) error {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return nil
	}
	if event.GetWorkerMayIgnore() {
		return nil
	}
	return fmt.Errorf("unknown history event %d: this SDK does not know the type %v, and it may not be ignored", event.GetEventId(), event.GetEventType())
}

// unknown is the error for an event about something that the code never asked
// for.
func unknown(event *historypb.HistoryEvent) error {
	return &NonDeterminismError{
		EventID: event.GetEventId(),
		History: describeEvent(event),
		Problem: "no command of the workflow code matches history event",
		KnownAs: knownAs([]*historypb.HistoryEvent{event}, nil, nil),
	}
}

// isCommandEvent says whether events of a type come from commands.
func isCommandEvent(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_TIMER_STARTED,
		enumspb.EVENT_TYPE_TIMER_CANCELED,
		enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_REJECTED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:
		return true
	}
	return false
}

// isClosingEvent says whether events of a type come from a command that closes
// the execution.
func isClosingEvent(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}
