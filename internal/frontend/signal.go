package frontend

import (
	"context"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// SignalWorkflowExecution signals a running workflow.
func (h *executionHandlers) SignalWorkflowExecution(ctx context.Context, req *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	if err := limitsOf(ctx).CheckExecution(req.GetWorkflowExecution(), check.Request); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckSignalName(req.GetSignalName(), check.Request); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckLinks(req.GetLinks()); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckBlob(req.GetInput()); err != nil {
		return nil, err
	}
	var resp *workflowservice.SignalWorkflowExecutionResponse
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c execution) (err error) {
		resp, err = c.Signal(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// SignalWithStartWorkflowExecution signals a workflow and starts it before if it
// is not running, in one step.
func (h *executionHandlers) SignalWithStartWorkflowExecution(ctx context.Context, req *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	if err := checkSignalWithStart(ctx, req); err != nil {
		return nil, err
	}
	kept, err := h.places.keep(ctx, req)
	if err != nil {
		return nil, err
	}
	defer h.places.giveUp(ctx, kept)
	var resp *workflowservice.SignalWithStartWorkflowExecutionResponse
	err = stepWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(step *entity.Step, c execution) (err error) {
		c.Expect(kept)
		defer c.Expect(nil)
		resp, err = c.SignalWithStart(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}
