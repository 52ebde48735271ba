package frontend

import (
	"cmp"
	"context"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// withOptions is what a change of options needs of a workflow.
type withOptions interface {
	UpdateOptions(*entity.Step, *workflowservice.UpdateWorkflowExecutionOptionsRequest) (*workflowservice.UpdateWorkflowExecutionOptionsResponse, error)
}

var _ withOptions = (*workflow.Chain)(nil)

// UpdateWorkflowExecutionOptions changes the options of a running workflow that the
// mask names, and tells all of them as they are then.
func (h *executionHandlers) UpdateWorkflowExecutionOptions(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionOptionsRequest) (*workflowservice.UpdateWorkflowExecutionOptionsResponse, error) {
	if err := checkUpdateOptions(ctx, req); err != nil {
		return nil, err
	}
	var resp *workflowservice.UpdateWorkflowExecutionOptionsResponse
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c withOptions) (err error) {
		resp, err = c.UpdateOptions(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func checkUpdateOptions(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionOptionsRequest) error {
	if err := cmp.Or(
		limitsOf(ctx).CheckKnownWorkflowID(req.GetWorkflowExecution().GetWorkflowId(), check.Request),
		check.RunID(req.GetWorkflowExecution().GetRunId(), check.Loading),
	); err != nil {
		return err
	}
	options := req.GetWorkflowExecutionOptions()
	switch {
	case req.GetUpdateMask() == nil:
		return errUpdateMaskNotSet
	case options == nil:
		return errOptionsNotSet
	}
	if _, err := fieldmaskpb.New(options, req.GetUpdateMask().GetPaths()...); err != nil {
		return serviceerror.NewInvalidArgumentf("error parsing UpdateMask: %v", err)
	}
	if err := check.Priority(options.GetPriority()); err != nil {
		return err
	}
	return checkTimeSkipping(ctx, options.GetTimeSkippingConfig())
}
