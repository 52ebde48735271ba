package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/records"
)

// The events by which a parent learns how its child has ended.

// childEnd turns the event that has closed a child into the one that its parent
// records; nil if the event closes nothing.
func childEnd(child *records.Child, runID string, end *historypb.HistoryEvent) *historypb.HistoryEvent {
	switch end.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return childWorkflowExecutionCompleted(child, runID, end.GetWorkflowExecutionCompletedEventAttributes())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return childWorkflowExecutionFailed(child, runID, end.GetWorkflowExecutionFailedEventAttributes())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return childWorkflowExecutionCanceled(child, runID, end.GetWorkflowExecutionCanceledEventAttributes())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return childWorkflowExecutionTerminated(child, runID)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return childWorkflowExecutionTimedOut(child, runID, end.GetWorkflowExecutionTimedOutEventAttributes())
	}
	return nil
}

func childExecution(child *records.Child, runID string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: child.WorkflowId, RunId: runID}
}

func childType(child *records.Child) *commonpb.WorkflowType {
	return &commonpb.WorkflowType{Name: child.WorkflowType}
}

func childWorkflowExecutionCompleted(child *records.Child, runID string, end *historypb.WorkflowExecutionCompletedEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes{ChildWorkflowExecutionCompletedEventAttributes: &historypb.ChildWorkflowExecutionCompletedEventAttributes{
			Result:            end.GetResult(),
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			WorkflowExecution: childExecution(child, runID),
			WorkflowType:      childType(child),
			InitiatedEventId:  child.InitiatedEventId,
			StartedEventId:    child.StartedEventId,
		}},
	}
}

func applyChildWorkflowExecutionCompleted(r *Run, _ *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionCompletedEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

func childWorkflowExecutionFailed(child *records.Child, runID string, end *historypb.WorkflowExecutionFailedEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes{ChildWorkflowExecutionFailedEventAttributes: &historypb.ChildWorkflowExecutionFailedEventAttributes{
			Failure:           end.GetFailure(),
			RetryState:        end.GetRetryState(),
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			WorkflowExecution: childExecution(child, runID),
			WorkflowType:      childType(child),
			InitiatedEventId:  child.InitiatedEventId,
			StartedEventId:    child.StartedEventId,
		}},
	}
}

func applyChildWorkflowExecutionFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionFailedEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

func childWorkflowExecutionCanceled(child *records.Child, runID string, end *historypb.WorkflowExecutionCanceledEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes{ChildWorkflowExecutionCanceledEventAttributes: &historypb.ChildWorkflowExecutionCanceledEventAttributes{
			Details:           end.GetDetails(),
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			WorkflowExecution: childExecution(child, runID),
			WorkflowType:      childType(child),
			InitiatedEventId:  child.InitiatedEventId,
			StartedEventId:    child.StartedEventId,
		}},
	}
}

func applyChildWorkflowExecutionCanceled(r *Run, _ *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionCanceledEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

func childWorkflowExecutionTerminated(child *records.Child, runID string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes{ChildWorkflowExecutionTerminatedEventAttributes: &historypb.ChildWorkflowExecutionTerminatedEventAttributes{
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			WorkflowExecution: childExecution(child, runID),
			WorkflowType:      childType(child),
			InitiatedEventId:  child.InitiatedEventId,
			StartedEventId:    child.StartedEventId,
		}},
	}
}

func applyChildWorkflowExecutionTerminated(r *Run, _ *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionTerminatedEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

func childWorkflowExecutionTimedOut(child *records.Child, runID string, end *historypb.WorkflowExecutionTimedOutEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes{ChildWorkflowExecutionTimedOutEventAttributes: &historypb.ChildWorkflowExecutionTimedOutEventAttributes{
			RetryState:        end.GetRetryState(),
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			WorkflowExecution: childExecution(child, runID),
			WorkflowType:      childType(child),
			InitiatedEventId:  child.InitiatedEventId,
			StartedEventId:    child.StartedEventId,
		}},
	}
}

func applyChildWorkflowExecutionTimedOut(r *Run, _ *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionTimedOutEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

// applyChildEnd applies any of the events that end a child, or its start.
func applyChildEnd(r *Run, initiatedEventID int64) error {
	if r.children.get(initiatedEventID) == nil {
		return errNotPending
	}
	r.children.remove(initiatedEventID)
	return nil
}

// startOfChild is eventRule.start of the events that end children.
func startOfChild(e *historypb.HistoryEvent) (initiatedEventID int64, startedEventID *int64) {
	switch a := e.Attributes.(type) {
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		x := a.ChildWorkflowExecutionCompletedEventAttributes
		return x.InitiatedEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes:
		x := a.ChildWorkflowExecutionFailedEventAttributes
		return x.InitiatedEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes:
		x := a.ChildWorkflowExecutionCanceledEventAttributes
		return x.InitiatedEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes:
		x := a.ChildWorkflowExecutionTerminatedEventAttributes
		return x.InitiatedEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes:
		x := a.ChildWorkflowExecutionTimedOutEventAttributes
		return x.InitiatedEventId, &x.StartedEventId
	}
	return 0, nil
}
