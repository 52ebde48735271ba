package workflow

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"

	"github.com/perdure/perdure/internal/records"
)

// The events of updates. That an update is admitted is an event only where it is
// taken over from another run, by a reset.

var (
	errUpdateNamed   = errors.New("it names no update")
	errUpdateState   = errors.New("the update is not in the state for it")
	errUpdateForeign = errors.New("the event that has accepted the update is another one")
)

func applyWorkflowExecutionUpdateAdmitted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionUpdateAdmittedEventAttributes) error {
	id := attr.GetRequest().GetMeta().GetUpdateId()
	switch {
	case id == "":
		return errUpdateNamed
	case r.updates.get(id) != nil:
		return errUpdateState
	}
	r.updates.put(id, &records.Update{AdmittedEventId: e.EventId})
	r.applyToUpdate(e, id, attr.GetRequest().GetRequestId(), attr.GetRequest().GetCompletionCallbacks())
	return nil
}

func workflowExecutionUpdateAdmitted(request *updatepb.Request, origin enumspb.UpdateAdmittedEventOrigin) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAdmittedEventAttributes{WorkflowExecutionUpdateAdmittedEventAttributes: &historypb.WorkflowExecutionUpdateAdmittedEventAttributes{
			Request: request,
			Origin:  origin,
		}},
	}
}

func workflowExecutionUpdateAccepted(id string, sequencingEventID int64, request *updatepb.Request) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		Links:     request.GetLinks(),
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
			ProtocolInstanceId:               id,
			AcceptedRequestMessageId:         updateMessageID(id),
			AcceptedRequestSequencingEventId: sequencingEventID,
			AcceptedRequest:                  request,
		}},
	}
}

func applyWorkflowExecutionUpdateAccepted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionUpdateAcceptedEventAttributes) error {
	id := attr.GetProtocolInstanceId()
	item := r.updates.get(id)
	switch {
	case id == "":
		return errUpdateNamed
	case item == nil:
		item = new(records.Update)
	case item.AcceptedEventId != 0:
		return errUpdateState
	case item.Rejected:
		item.Rejected = false
		r.updates.rejected--
	}
	item.AcceptedEventId = e.EventId
	r.updates.put(id, item)
	r.applyToUpdate(e, id, attr.GetAcceptedRequest().GetRequestId(), attr.GetAcceptedRequest().GetCompletionCallbacks())
	return nil
}

func workflowExecutionUpdateCompleted(acceptedEventID int64, response *updatepb.Response) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{
			AcceptedEventId: acceptedEventID,
			Meta:            response.GetMeta(),
			Outcome:         response.GetOutcome(),
		}},
	}
}

func applyWorkflowExecutionUpdateCompleted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionUpdateCompletedEventAttributes) error {
	id := attr.GetMeta().GetUpdateId()
	item := r.updates.get(id)
	switch {
	case item.GetAcceptedEventId() == 0 || item.GetCompletedEventId() != 0:
		return errUpdateState
	case item.AcceptedEventId != attr.GetAcceptedEventId():
		return errUpdateForeign
	}
	item.CompletedEventId = e.EventId
	r.updates.completed++
	r.updates.touch(id)
	r.callbacks.updateEnded(id)
	return nil
}
