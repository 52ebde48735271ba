package frontend

import (
	"cmp"
	"context"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// pauseHandlers pause workflows.
type pauseHandlers struct{ runtime stepper }

// pauseRequest is the place of the fields of the requests for pauses.
var pauseRequest = check.Brief()

// pausable is what they need of a workflow.
type pausable interface {
	Pause(step *entity.Step, req *workflowservice.PauseWorkflowExecutionRequest) error
	Unpause(step *entity.Step, req *workflowservice.UnpauseWorkflowExecutionRequest) error
}

var _ pausable = (*workflow.Chain)(nil)

// PauseWorkflowExecution has a workflow wait until it is unpaused, which it can be in
// any case.
func (h *pauseHandlers) PauseWorkflowExecution(ctx context.Context, req *workflowservice.PauseWorkflowExecutionRequest) (*workflowservice.PauseWorkflowExecutionResponse, error) {
	if !settingOf(ctx, dynamicconfig.WorkflowPause) {
		return nil, serviceerror.NewUnimplementedf("workflow pause is not enabled for namespace: %s", req.GetNamespace())
	}
	if err := checkPause(ctx, req); err != nil {
		return nil, err
	}
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(step *entity.Step, c pausable) error {
		return c.Pause(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.PauseWorkflowExecutionResponse{}, nil
}

// UnpauseWorkflowExecution ends the pause of a workflow.
func (h *pauseHandlers) UnpauseWorkflowExecution(ctx context.Context, req *workflowservice.UnpauseWorkflowExecutionRequest) (*workflowservice.UnpauseWorkflowExecutionResponse, error) {
	if err := checkPause(ctx, req); err != nil {
		return nil, err
	}
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(step *entity.Step, c pausable) error {
		return c.Unpause(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.UnpauseWorkflowExecutionResponse{}, nil
}

// checkPause checks what the two requests have in common. The words are those of the
// Temporal server.
func checkPause(ctx context.Context, req interface {
	GetWorkflowId() string
	GetRunId() string
	GetIdentity() string
	GetReason() string
	GetRequestId() string
}) error {
	return cmp.Or(
		limitsOf(ctx).CheckKnownWorkflowID(req.GetWorkflowId(), check.Loading),
		check.RunID(req.GetRunId(), check.Loading),
		limitsOf(ctx).CheckLength("reason", req.GetReason(), pauseRequest),
		limitsOf(ctx).CheckLength("request id", req.GetRequestId(), pauseRequest),
		limitsOf(ctx).CheckLength("identity", req.GetIdentity(), pauseRequest),
	)
}
