package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// noteClosed notes that the run has ended.
func (r *Run) noteClosed(step *entity.Step) {
	step.Note(entity.Occurrence{
		Kind:   entity.WorkflowClosed,
		Type:   r.info.WorkflowType,
		Detail: int32(r.state.Status),
		Took:   r.state.CloseTime.AsTime().Sub(r.info.StartTime.AsTime()),
		Count:  r.state.NextEventId - 1,
		Bytes:  r.state.HistorySize,
	})
}

// noteActivityEnd notes that an activity ends with the event.
func noteActivityEnd(step *entity.Step, act *records.Activity, end *historypb.HistoryEvent) {
	var failure *failurepb.Failure
	kind := entity.ActivityCompleted
	switch end.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		kind = entity.ActivityFailed
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		kind = entity.ActivityCanceled
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		kind, failure = entity.ActivityTimedOut, end.GetActivityTaskTimedOutEventAttributes().GetFailure()
	}
	attempt.NoteEnd(step, act, kind, failure)
}

// noteNexusEnd notes that a Nexus operation ends with the event.
func (r *Run) noteNexusEnd(step *entity.Step, op *records.NexusOperation, end *historypb.HistoryEvent) {
	var failure *failurepb.Failure
	status := enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED
	switch end.GetEventType() {
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED:
		status = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED:
		status = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
		status, failure = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT, end.GetNexusOperationTimedOutEventAttributes().GetFailure().GetCause()
	}
	nexus.NoteEnd(step, op, r.info.WorkflowType, status, failure)
}
