package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// startedTaskOf returns the run whose started workflow task the token names. It fails with
// NotFound, in other words if there is no such run any more.
func (c *Chain) startedTaskOf(step *entity.Step, token *records.TaskToken) (*Run, error) {
	r, err := c.findRun(step, token.GetRunId())
	if err != nil {
		return nil, err
	}
	if r != c.current || r.closed() || r.started == nil {
		return nil, errTaskNotFound()
	}
	wt, s := r.state.WorkflowTask, r.started
	if wt.ScheduledEventId != token.ScheduledEventId || s.eventID != token.StartedEventId ||
		wt.Attempt != token.Attempt || s.time.UnixNano() != token.StartedTime || s.stamp() != token.Stamp {
		return nil, errTaskNotFound()
	}
	return r, nil
}

// FailWorkflowTask ends a workflow task that its worker cannot complete, and
// schedules the next attempt.
func (c *Chain) FailWorkflowTask(step *entity.Step, token *records.TaskToken, req *workflowservice.RespondWorkflowTaskFailedRequest) error {
	r, err := c.startedTaskOf(step, token)
	if err != nil {
		if run, findErr := c.findRun(step, token.GetRunId()); findErr == nil && run.closed() {
			return errCompleted()
		}
		return c.sparing(err)
	}
	if req.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE {
		// No attempt will ever fit: the workflow cannot go on.
		r.terminate(step, req.GetCause().String(), nil, identityHistoryService, nil)
		return nil
	}
	//lint:ignore SA1019 older clients use it
	r.failTask(step, req.GetCause(), req.GetFailure(), req.GetIdentity(), req.GetBinaryChecksum())
	r.wantWorkflowTask()
	return nil
}
