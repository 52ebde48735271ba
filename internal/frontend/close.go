package frontend

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// RequestCancelWorkflowExecution asks a workflow to cancel itself.
func (h *executionHandlers) RequestCancelWorkflowExecution(ctx context.Context, req *workflowservice.RequestCancelWorkflowExecutionRequest) (*workflowservice.RequestCancelWorkflowExecutionResponse, error) {
	if err := checkClose(ctx, req); err != nil {
		return nil, err
	}
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c execution) error {
		return c.RequestCancel(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.RequestCancelWorkflowExecutionResponse{}, nil
}

// TerminateWorkflowExecution ends a workflow without asking it.
func (h *executionHandlers) TerminateWorkflowExecution(ctx context.Context, req *workflowservice.TerminateWorkflowExecutionRequest) (*workflowservice.TerminateWorkflowExecutionResponse, error) {
	if err := checkClose(ctx, req); err != nil {
		return nil, err
	}
	// So that the history tells a user's termination from one of the server'h.
	if req.GetReason() == "" {
		req.Reason = defaultTerminateReason
	}
	if req.GetIdentity() == "" {
		req.Identity = defaultTerminateIdentity
	}
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c execution) error {
		return c.Terminate(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.TerminateWorkflowExecutionResponse{}, nil
}

// closeRequest is what the two ways of ending a workflow from outside share.
type closeRequest interface {
	GetWorkflowExecution() *commonpb.WorkflowExecution
	GetFirstExecutionRunId() string
	GetIdentity() string
	GetReason() string
	GetLinks() []*commonpb.Link
}

func checkClose(ctx context.Context, req closeRequest) error {
	if err := limitsOf(ctx).CheckExecution(req.GetWorkflowExecution(), check.Request); err != nil {
		return err
	}
	if err := check.RunID(req.GetFirstExecutionRunId(), check.Request); err != nil {
		return err
	}
	if err := check.BlobSize(len(req.GetReason()), limitsOf(ctx).Blob); err != nil {
		return err
	}
	return limitsOf(ctx).CheckLinks(req.GetLinks())
}
