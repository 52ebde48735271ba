package frontend

import (
	"cmp"
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// resettable is what a reset needs of a workflow.
type resettable interface {
	Reset(*entity.Step, *workflowservice.ResetWorkflowExecutionRequest) (*workflowservice.ResetWorkflowExecutionResponse, error)
}

var _ resettable = (*workflow.Chain)(nil)

// ResetWorkflowExecution makes a new run of a workflow out of the beginning of an old one,
// and ends the one that is running.
func (h *executionHandlers) ResetWorkflowExecution(ctx context.Context, req *workflowservice.ResetWorkflowExecutionRequest) (*workflowservice.ResetWorkflowExecutionResponse, error) {
	if err := checkReset(ctx, req); err != nil {
		return nil, err
	}
	var resp *workflowservice.ResetWorkflowExecutionResponse
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowExecution().GetWorkflowId(), func(step *entity.Step, c resettable) (err error) {
		resp, err = c.Reset(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func checkReset(ctx context.Context, req *workflowservice.ResetWorkflowExecutionRequest) error {
	if err := cmp.Or(
		limitsOf(ctx).CheckID("RequestId", req.GetRequestId(), check.Request),
		limitsOf(ctx).CheckExecution(req.GetWorkflowExecution(), check.Request),
		check.BlobSize(len(req.GetReason()), limitsOf(ctx).Blob),
	); err != nil {
		return err
	}
	//lint:ignore SA1019 older clients use it
	if kind := req.GetResetReapplyType(); enumspb.ResetReapplyType_name[int32(kind)] == "" {
		return serviceerror.NewInvalidArgumentf("unknown reset reapply type: %v", kind)
	}
	for _, operation := range req.GetPostResetOperations() {
		if signal := operation.GetSignalWorkflow(); signal != nil {
			if err := cmp.Or(
				limitsOf(ctx).CheckSignalName(signal.GetSignalName(), check.Request),
				limitsOf(ctx).CheckLinks(signal.GetLinks()),
				limitsOf(ctx).CheckBlob(signal.GetInput()),
			); err != nil {
				return err
			}
		}
		if options := operation.GetUpdateWorkflowOptions().GetWorkflowExecutionOptions(); options != nil {
			if err := checkTimeSkipping(ctx, options.GetTimeSkippingConfig()); err != nil {
				return err
			}
			if err := check.Priority(options.GetPriority()); err != nil {
				return err
			}
		}
	}
	return nil
}
