package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// UpdateWithStart is what comes of a start and an update in one step.
type UpdateWithStart struct {
	Start *workflowservice.StartWorkflowExecutionResponse
	// Update is what becomes of the update.
	Update *UpdatePlan
	// StartErr or UpdateErr is why nothing has been done.
	StartErr, UpdateErr error
	// Started: the update has started a run.
	Started bool
}

// UpdateWithStart updates the current run if it is running and may be used, or has
// the update already, and else starts a run with the update. done is that of Update.
func (c *Chain) UpdateWithStart(step *entity.Step, start *workflowservice.StartWorkflowExecutionRequest,
	update *workflowservice.UpdateWorkflowExecutionRequest, done func(*UpdateStatus),
) (*UpdateWithStart, error) {
	if r := c.current; r != nil {
		status, err := r.updateStatus(step.Reader, update.GetRequest().GetMeta().GetUpdateId())
		if err != nil {
			return nil, err
		}
		switch {
		case status != nil && r.updates.get(update.GetRequest().GetMeta().GetUpdateId()).GetCompletedEventId() != 0:
			return &UpdateWithStart{
				Start:  &workflowservice.StartWorkflowExecutionResponse{RunId: r.info.RunId, Status: r.state.Status},
				Update: &UpdatePlan{Status: status},
			}, nil
		case r.closed():
		case status != nil, r.broughtBy(start.GetRequestId()),
			start.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING:
			plan, err := r.update(step, update, done)
			if err != nil {
				return &UpdateWithStart{UpdateErr: err}, nil
			}
			return &UpdateWithStart{
				Start: &workflowservice.StartWorkflowExecutionResponse{
					RunId: r.info.RunId, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Link: c.startLink(r),
				},
				Update: plan,
			}, nil
		}
	}
	return c.startWithUpdate(step, start, update, done)
}

func (c *Chain) startWithUpdate(step *entity.Step, start *workflowservice.StartWorkflowExecutionRequest,
	update *workflowservice.UpdateWorkflowExecutionRequest, done func(*UpdateStatus),
) (*UpdateWithStart, error) {
	if r := c.current; r != nil && r.closed() && r.broughtBy(start.GetRequestId()) {
		return &UpdateWithStart{StartErr: serviceerror.NewUnavailable(
			"Workflow was not started: the request has started a run before, which is closed.")}, nil
	}
	// The start cannot be taken back, so that nothing may be wrong with the update.
	fresh := c.newRunState("")
	if err := fresh.checkUpdateLimits(update.GetRequest()); err != nil {
		return &UpdateWithStart{UpdateErr: err}, nil
	}
	started, err := c.Start(step, start)
	if err != nil {
		return &UpdateWithStart{StartErr: err}, nil
	}
	plan, err := c.current.update(step, update, done)
	if err != nil {
		return nil, err
	}
	return &UpdateWithStart{Start: started, Update: plan, Started: true}, nil
}

// broughtBy reports whether the request with the id has started the run, or has been
// attached to it.
func (r *Run) broughtBy(requestID string) bool {
	return r.info.StartRequestId == requestID || r.requestIDs.get(requestID) != nil
}
