package workflow

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

func nexusOperationScheduled(attr *commandpb.ScheduleNexusOperationCommandAttributes, endpointID, requestID string, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
		Attributes: &historypb.HistoryEvent_NexusOperationScheduledEventAttributes{NexusOperationScheduledEventAttributes: &historypb.NexusOperationScheduledEventAttributes{
			Endpoint:                     attr.Endpoint,
			EndpointId:                   endpointID,
			Service:                      attr.Service,
			Operation:                    attr.Operation,
			Input:                        attr.Input,
			ScheduleToCloseTimeout:       attr.ScheduleToCloseTimeout,
			ScheduleToStartTimeout:       attr.ScheduleToStartTimeout,
			StartToCloseTimeout:          attr.StartToCloseTimeout,
			NexusHeader:                  attr.NexusHeader,
			RequestId:                    requestID,
			WorkflowTaskCompletedEventId: completedEventID,
		}},
	}
}

func applyNexusOperationScheduled(r *Run, e *historypb.HistoryEvent, attr *historypb.NexusOperationScheduledEventAttributes) error {
	op := &records.NexusOperation{
		ScheduledEventId:       e.EventId,
		EndpointId:             attr.GetEndpointId(),
		Endpoint:               attr.GetEndpoint(),
		Service:                attr.GetService(),
		Operation:              attr.GetOperation(),
		RequestId:              attr.GetRequestId(),
		ScheduledTime:          e.EventTime,
		ScheduleToCloseTimeout: attr.GetScheduleToCloseTimeout(),
		ScheduleToStartTimeout: attr.GetScheduleToStartTimeout(),
		StartToCloseTimeout:    attr.GetStartToCloseTimeout(),
	}
	r.nexusOperations.put(e.EventId, op)
	r.nexusOperations.noteDeadline(r, op)
	return nil
}

func nexusOperationStarted(op *records.NexusOperation, token string, links []*commonpb.Link) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED,
		Links:     links,
		Attributes: &historypb.HistoryEvent_NexusOperationStartedEventAttributes{NexusOperationStartedEventAttributes: &historypb.NexusOperationStartedEventAttributes{
			ScheduledEventId: op.ScheduledEventId,
			OperationToken:   token,
			//lint:ignore SA1019 older clients use it
			OperationId: token,
			RequestId:   op.RequestId,
		}},
	}
}

func applyNexusOperationStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.NexusOperationStartedEventAttributes) error {
	op := r.nexusOperations.get(attr.GetScheduledEventId())
	if op == nil || op.StartedTime != nil {
		return errNotPending
	}
	token := attr.GetOperationToken()
	if token == "" {
		//lint:ignore SA1019 older servers write it
		token = attr.GetOperationId()
	}
	r.nexusOperations.change(r, op, func() {
		nexus.Started(op, token, e.EventTime)
		nexus.MayCancel(op, e.EventTime)
	})
	return nil
}

func nexusOperationCancelRequested(scheduledEventID, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED,
		Attributes: &historypb.HistoryEvent_NexusOperationCancelRequestedEventAttributes{NexusOperationCancelRequestedEventAttributes: &historypb.NexusOperationCancelRequestedEventAttributes{
			ScheduledEventId:             scheduledEventID,
			WorkflowTaskCompletedEventId: completedEventID,
		}},
	}
}

func applyNexusOperationCancelRequested(r *Run, e *historypb.HistoryEvent, attr *historypb.NexusOperationCancelRequestedEventAttributes) error {
	op := r.nexusOperations.get(attr.GetScheduledEventId())
	if op == nil {
		return nil // it had ended, and the workflow did not know
	}
	if op.Cancellation != nil {
		return errNotPending
	}
	r.nexusOperations.change(r, op, func() {
		op.Cancellation = &records.NexusCancellation{RequestedEventId: e.EventId}
		nexus.MayCancel(op, e.EventTime)
	})
	return nil
}

func nexusOperationCancelRequestCompleted(op *records.NexusOperation) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED,
		WorkerMayIgnore: true,
		Attributes: &historypb.HistoryEvent_NexusOperationCancelRequestCompletedEventAttributes{NexusOperationCancelRequestCompletedEventAttributes: &historypb.NexusOperationCancelRequestCompletedEventAttributes{
			ScheduledEventId: op.ScheduledEventId,
			RequestedEventId: op.Cancellation.RequestedEventId,
		}},
	}
}

func applyNexusOperationCancelRequestCompleted(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationCancelRequestCompletedEventAttributes) error {
	return r.nexusOperations.cancelRequestEnded(r, attr.GetScheduledEventId(), enumspb.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED)
}

func nexusOperationCancelRequestFailed(op *records.NexusOperation, failure *failurepb.Failure) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED,
		WorkerMayIgnore: true,
		Attributes: &historypb.HistoryEvent_NexusOperationCancelRequestFailedEventAttributes{NexusOperationCancelRequestFailedEventAttributes: &historypb.NexusOperationCancelRequestFailedEventAttributes{
			ScheduledEventId: op.ScheduledEventId,
			RequestedEventId: op.Cancellation.RequestedEventId,
			Failure:          failure,
		}},
	}
}

func applyNexusOperationCancelRequestFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationCancelRequestFailedEventAttributes) error {
	return r.nexusOperations.cancelRequestEnded(r, attr.GetScheduledEventId(), enumspb.NEXUS_OPERATION_CANCELLATION_STATE_FAILED)
}

func (f *nexusOperations) cancelRequestEnded(r *Run, scheduledEventID int64, state enumspb.NexusOperationCancellationState) error {
	op := f.get(scheduledEventID)
	if op.GetCancellation() == nil {
		return errNotPending
	}
	f.change(r, op, func() { op.Cancellation.State = state })
	return nil
}

func nexusOperationCompleted(op *records.NexusOperation, result *commonpb.Payload, links []*commonpb.Link) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
		Links:     links,
		Attributes: &historypb.HistoryEvent_NexusOperationCompletedEventAttributes{NexusOperationCompletedEventAttributes: &historypb.NexusOperationCompletedEventAttributes{
			ScheduledEventId: op.ScheduledEventId, Result: result, RequestId: op.RequestId,
		}},
	}
}

func applyNexusOperationCompleted(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationCompletedEventAttributes) error {
	return r.nexusOperations.end(r, attr.GetScheduledEventId())
}

// nexusFailure is the failure of the operation, as the workflow gets it.
func nexusFailure(op *records.NexusOperation, cause *failurepb.Failure) *failurepb.Failure {
	return &failurepb.Failure{
		Message: "nexus operation completed unsuccessfully",
		Cause:   cause,
		FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
			Endpoint:       op.Endpoint,
			Service:        op.Service,
			Operation:      op.Operation,
			OperationToken: op.OperationToken,
			//lint:ignore SA1019 older clients use it
			OperationId:      op.OperationToken,
			ScheduledEventId: op.ScheduledEventId,
		}},
	}
}

func nexusOperationFailed(op *records.NexusOperation, cause *failurepb.Failure) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
		Attributes: &historypb.HistoryEvent_NexusOperationFailedEventAttributes{NexusOperationFailedEventAttributes: &historypb.NexusOperationFailedEventAttributes{
			ScheduledEventId: op.ScheduledEventId, Failure: nexusFailure(op, cause), RequestId: op.RequestId,
		}},
	}
}

func applyNexusOperationFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationFailedEventAttributes) error {
	return r.nexusOperations.end(r, attr.GetScheduledEventId())
}

func nexusOperationCanceled(op *records.NexusOperation, cause *failurepb.Failure) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
		Attributes: &historypb.HistoryEvent_NexusOperationCanceledEventAttributes{NexusOperationCanceledEventAttributes: &historypb.NexusOperationCanceledEventAttributes{
			ScheduledEventId: op.ScheduledEventId, Failure: nexusFailure(op, cause), RequestId: op.RequestId,
		}},
	}
}

func applyNexusOperationCanceled(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationCanceledEventAttributes) error {
	return r.nexusOperations.end(r, attr.GetScheduledEventId())
}

func nexusOperationTimedOut(op *records.NexusOperation, timeout enumspb.TimeoutType) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT,
		Attributes: &historypb.HistoryEvent_NexusOperationTimedOutEventAttributes{NexusOperationTimedOutEventAttributes: &historypb.NexusOperationTimedOutEventAttributes{
			ScheduledEventId: op.ScheduledEventId, Failure: nexusFailure(op, nexus.TimeoutFailure(timeout)), RequestId: op.RequestId,
		}},
	}
}

func applyNexusOperationTimedOut(r *Run, _ *historypb.HistoryEvent, attr *historypb.NexusOperationTimedOutEventAttributes) error {
	return r.nexusOperations.end(r, attr.GetScheduledEventId())
}

// endOfNexus is the operation that the event has ended, and its request id; 0 for other
// events.
func endOfNexus(e *historypb.HistoryEvent) (scheduledEventID int64, requestID string) {
	switch a := e.GetAttributes().(type) {
	case *historypb.HistoryEvent_NexusOperationCompletedEventAttributes:
		return a.NexusOperationCompletedEventAttributes.GetScheduledEventId(), a.NexusOperationCompletedEventAttributes.GetRequestId()
	case *historypb.HistoryEvent_NexusOperationFailedEventAttributes:
		return a.NexusOperationFailedEventAttributes.GetScheduledEventId(), a.NexusOperationFailedEventAttributes.GetRequestId()
	case *historypb.HistoryEvent_NexusOperationCanceledEventAttributes:
		return a.NexusOperationCanceledEventAttributes.GetScheduledEventId(), a.NexusOperationCanceledEventAttributes.GetRequestId()
	case *historypb.HistoryEvent_NexusOperationTimedOutEventAttributes:
		return a.NexusOperationTimedOutEventAttributes.GetScheduledEventId(), a.NexusOperationTimedOutEventAttributes.GetRequestId()
	}
	return 0, ""
}

// endOfNexusOperation is the operation that the event has ended, if it ends one.
func endOfNexusOperation(e *historypb.HistoryEvent) (scheduledEventID int64, ends bool) {
	scheduledEventID, _ = endOfNexus(e)
	return scheduledEventID, scheduledEventID != 0
}
