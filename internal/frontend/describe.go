package frontend

import (
	"context"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// DescribeWorkflowExecution tells all about a run but its history.
func (h *executionHandlers) DescribeWorkflowExecution(ctx context.Context, req *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if err := limitsOf(ctx).CheckExecution(req.GetExecution(), check.Request); err != nil {
		return nil, err
	}
	var resp *workflowservice.DescribeWorkflowExecutionResponse
	err := viewWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(c execution, view entity.View) (err error) {
		resp, err = c.Describe(view, view.Now(), req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// DeleteWorkflowExecution removes a run and its history, after terminating it if
// it is running.
func (h *executionHandlers) DeleteWorkflowExecution(ctx context.Context, req *workflowservice.DeleteWorkflowExecutionRequest) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
	if err := limitsOf(ctx).CheckExecution(req.GetWorkflowExecution(), check.Request); err != nil {
		return nil, err
	}
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c execution) error {
		return c.Delete(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.DeleteWorkflowExecutionResponse{}, nil
}
