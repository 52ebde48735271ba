package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// cancelParams is a cancel request on its way into a run.
type cancelParams struct {
	reason    string
	identity  string
	requestID string
	links     []*commonpb.Link
	// external is the workflow that asks, if one does, and externalInitiatedID its
	// initiated event.
	external            *commonpb.WorkflowExecution
	externalInitiatedID int64
}

// RequestCancel asks a run to cancel itself. For a run that has been asked before,
// or has ended, there is nothing to do.
func (c *Chain) RequestCancel(step *entity.Step, req *workflowservice.RequestCancelWorkflowExecutionRequest) error {
	r, err := c.findInChain(step, req.GetWorkflowExecution().GetRunId(), req.GetFirstExecutionRunId())
	if err != nil {
		return err
	}
	return c.requestCancelRun(step, r, cancelParams{
		reason:    req.GetReason(),
		identity:  req.GetIdentity(),
		requestID: req.GetRequestId(),
		links:     req.GetLinks(),
	})
}

// findInChain finds the run a caller means who names a run, or the first run of a
// chain of runs that continue each other: then its current one.
func (c *Chain) findInChain(step *entity.Step, runID, firstRunID string) (*Run, error) {
	if firstRunID != "" {
		runID = ""
	}
	r, err := c.findRun(step, runID)
	if err != nil {
		return nil, err
	}
	if firstRunID != "" && !r.closed() && r.info.FirstRunId != firstRunID {
		return nil, errChainMismatch()
	}
	return r, nil
}

// requestCancelRun adds the cancel request to a run; a second one, and one to a
// closed run, is accepted silently.
func (c *Chain) requestCancelRun(step *entity.Step, r *Run, p cancelParams) error {
	if r.closed() || r.state.CancelRequested {
		return nil
	}
	r.addEvent(step, workflowExecutionCancelRequested(p))
	// A run that waits for its first workflow task is woken.
	r.wantWorkflowTask()
	return nil
}

func workflowExecutionCancelRequested(p cancelParams) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
		Links:     p.links,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{
			Cause:                     p.reason,
			Identity:                  p.identity,
			ExternalInitiatedEventId:  p.externalInitiatedID,
			ExternalWorkflowExecution: p.external,
		}},
	}
}

func applyWorkflowExecutionCancelRequested(r *Run, _ *historypb.HistoryEvent, _ *historypb.WorkflowExecutionCancelRequestedEventAttributes) error {
	r.state.CancelRequested = true
	r.dirty.state = true
	return nil
}
