package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// Terminate closes a running run without asking it.
func (c *Chain) Terminate(step *entity.Step, req *workflowservice.TerminateWorkflowExecutionRequest) error {
	r, err := c.findInChain(step, req.GetWorkflowExecution().GetRunId(), req.GetFirstExecutionRunId())
	if err != nil {
		return err
	}
	if r.closed() {
		return errCompleted()
	}
	r.terminate(step, req.GetReason(), req.GetDetails(), req.GetIdentity(), req.GetLinks())
	return nil
}

// terminateRun closes a running run; it does nothing to a closed one.
func (c *Chain) terminateRun(step *entity.Step, r *Run, reason string, details *commonpb.Payloads, identity string) {
	if !r.closed() {
		r.terminate(step, reason, details, identity, nil)
	}
}

func (r *Run) terminate(step *entity.Step, reason string, details *commonpb.Payloads, identity string, links []*commonpb.Link) {
	r.failStarted(step)
	r.close(step, workflowExecutionTerminated(reason, details, identity, links))
}

func workflowExecutionTerminated(reason string, details *commonpb.Payloads, identity string, links []*commonpb.Link) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		Links:     links,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{
			Reason:   reason,
			Details:  details,
			Identity: identity,
		}},
	}
}

func applyWorkflowExecutionTerminated(r *Run, e *historypb.HistoryEvent, _ *historypb.WorkflowExecutionTerminatedEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, "")
}

// Delete removes a run with its history, after terminating it if it is running.
func (c *Chain) Delete(step *entity.Step, req *workflowservice.DeleteWorkflowExecutionRequest) error {
	r, err := c.findRun(step, req.GetWorkflowExecution().GetRunId())
	if err != nil {
		return err
	}
	if !r.closed() {
		r.terminate(step, "Delete workflow execution", nil, identityHistoryService, nil)
	}
	c.deleteRun(step, r.info.RunId)
	return nil
}
