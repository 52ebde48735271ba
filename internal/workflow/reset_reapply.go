package workflow

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// Of the events after the point of a reset, those are applied again to the new run by
// which something came from outside that nobody is going to send again:
//
//   - signals, to the base and to the runs that continue it as new;
//   - updates, admitted or accepted there. They are admitted, by an event;
//   - changes of the options of these runs;
//   - what became of the children of the base that were pending at the point;
//   - what became of Nexus operations that were.
//
// Cancel requests are not: who resets a workflow wants it to go on.

// reapply is what of that a reset does.
type reapply struct {
	signals, updates, nexus bool
	// anything: not everything that could be is excluded. Then the runs that continue the
	// base are looked at, and options are changed again, which have no word of their own.
	anything bool
}

// reapplyOf reads what the request says about it, in the words of today and of old.
func reapplyOf(req *workflowservice.ResetWorkflowExecutionRequest) reapply {
	excluded := slices.Clone(req.GetResetReapplyExcludeTypes())
	//lint:ignore SA1019 older clients use it
	switch req.GetResetReapplyType() {
	case enumspb.RESET_REAPPLY_TYPE_SIGNAL:
		excluded = append(excluded, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE)
	case enumspb.RESET_REAPPLY_TYPE_NONE:
		excluded = append(excluded, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE)
	}
	r := reapply{
		signals: !slices.Contains(excluded, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL),
		updates: !slices.Contains(excluded, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE),
		nexus:   !slices.Contains(excluded, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS),
	}
	for kind := range enumspb.ResetReapplyExcludeType_name {
		kind := enumspb.ResetReapplyExcludeType(kind)
		r.anything = r.anything || kind != enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UNSPECIFIED && !slices.Contains(excluded, kind)
	}
	return r
}

// collect reads what of the base, and of the runs that continue it as new, is to be
// applied again. A run that has been deleted ends the search.
func (x *reset) collect() error {
	r, from := x.base, x.req.GetWorkflowTaskFinishEventId()
	for range maxContinuations {
		x.reachesCurrent = x.reachesCurrent || r == x.chain.current
		var last *historypb.HistoryEvent
		err := r.eachPage(x.step.Reader, from, r.state.NextEventId-1, func(_, _ int64, data []byte) error {
			return eachEvent(data, func(e *historypb.HistoryEvent) error {
				x.note([]*historypb.HistoryEvent{e}, r == x.base)
				last = e
				return nil
			})
		})
		if err != nil {
			return err
		}
		next := last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		if next == "" || !x.reapply.anything {
			return nil
		}
		r, err = x.chain.findRun(x.step, next)
		if notFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		from = 1
	}
	return nil
}

// maxContinuations is how many runs that continue the base are looked at.
const maxContinuations = 10_000

// note keeps those of the events that are to be applied again. Children belong to one
// run.
func (x *reset) note(events []*historypb.HistoryEvent, ofBase bool) {
	for _, e := range events {
		take := false
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			take = x.reapply.signals
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:
			take = x.reapply.anything
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:
			take = x.reapply.updates
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			// Without a request it comes after an event that has admitted the update.
			take = x.reapply.updates && e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest() != nil
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
			enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
			enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
			enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
			take = ofBase
		case enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED, enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED, enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
			enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED, enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
			take = x.reapply.nexus
		}
		if take {
			x.reapplied = append(x.reapplied, e)
		}
	}
}

// reapplyEvent applies an event of another run.
func (r *Run) reapplyEvent(step *entity.Step, e *historypb.HistoryEvent) {
	switch a := e.Attributes.(type) {
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		attr := a.WorkflowExecutionSignaledEventAttributes
		r.addEvent(step, workflowExecutionSignaled(signalParams{
			name:      attr.GetSignalName(),
			input:     attr.GetInput(),
			header:    attr.GetHeader(),
			identity:  attr.GetIdentity(),
			requestID: attr.GetRequestId(),
			links:     e.GetLinks(),
		}))
	case *historypb.HistoryEvent_WorkflowExecutionOptionsUpdatedEventAttributes:
		r.addOptionsUpdated(step, a.WorkflowExecutionOptionsUpdatedEventAttributes, e.GetLinks())
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAdmittedEventAttributes:
		attr := a.WorkflowExecutionUpdateAdmittedEventAttributes
		r.admitAgain(step, attr.GetRequest(), attr.GetOrigin())
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		r.admitAgain(step, a.WorkflowExecutionUpdateAcceptedEventAttributes.GetAcceptedRequest(), enumspb.UPDATE_ADMITTED_EVENT_ORIGIN_REAPPLY)
	case *historypb.HistoryEvent_NexusOperationStartedEventAttributes, *historypb.HistoryEvent_NexusOperationCompletedEventAttributes,
		*historypb.HistoryEvent_NexusOperationFailedEventAttributes, *historypb.HistoryEvent_NexusOperationCanceledEventAttributes,
		*historypb.HistoryEvent_NexusOperationTimedOutEventAttributes:
		r.reapplyNexusEvent(step, e)
	default:
		r.reapplyChildEvent(step, e)
	}
}

// admitAgain admits an update of another run, unless the run has one with its id.
func (r *Run) admitAgain(step *entity.Step, request *updatepb.Request, origin enumspb.UpdateAdmittedEventOrigin) {
	if id := request.GetMeta().GetUpdateId(); id != "" && r.updates.get(id) == nil {
		r.addEvent(step, workflowExecutionUpdateAdmitted(request, origin))
	}
}

// reapplyChildEvent applies what became of a child, if the run has it, too.
func (r *Run) reapplyChildEvent(step *entity.Step, e *historypb.HistoryEvent) {
	again := &historypb.HistoryEvent{EventType: e.EventType, Attributes: proto.CloneOf(e).Attributes}
	if started := again.GetChildWorkflowExecutionStartedEventAttributes(); started != nil {
		if child := r.children.get(started.GetInitiatedEventId()); child != nil && child.StartedEventId == 0 {
			r.addEvent(step, again)
		}
		return
	}
	initiated, startedEventID := startOfChild(again)
	if failed := again.GetStartChildWorkflowExecutionFailedEventAttributes(); failed != nil {
		initiated = failed.GetInitiatedEventId()
	}
	child := r.children.get(initiated)
	if child == nil {
		return
	}
	if startedEventID != nil {
		*startedEventID = child.StartedEventId
	}
	r.addEvent(step, again)
}
