package frontend

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// executionHandlers are what clients do to executions: start, signal, cancel,
// terminate, describe, delete.
type executionHandlers struct {
	runtime interface {
		stepper
		viewer
	}
}

// execution is what they need of a workflow.
type execution interface {
	Start(*entity.Step, *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error)
	SignalWithStart(*entity.Step, *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error)
	Signal(*entity.Step, *workflowservice.SignalWorkflowExecutionRequest) error
	RequestCancel(*entity.Step, *workflowservice.RequestCancelWorkflowExecutionRequest) error
	Terminate(*entity.Step, *workflowservice.TerminateWorkflowExecutionRequest) error
	Describe(entity.Reader, time.Time, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	Delete(*entity.Step, *workflowservice.DeleteWorkflowExecutionRequest) error
}

var _ execution = (*workflow.Chain)(nil)

// StartWorkflowExecution starts a workflow, or says which one is in the way.
func (h *executionHandlers) StartWorkflowExecution(ctx context.Context, req *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	if err := checkStart(req); err != nil {
		return nil, err
	}
	var resp *workflowservice.StartWorkflowExecutionResponse
	err := stepWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(step *entity.Step, c execution) (err error) {
		resp, err = c.Start(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func checkStart(req *workflowservice.StartWorkflowExecutionRequest) error {
	if err := check.WorkflowID(req.GetWorkflowId(), check.Request); err != nil {
		return err
	}
	if err := check.RetryPolicy(req.GetRetryPolicy()); err != nil {
		return err
	}
	if err := check.StartDelay(req.GetCronSchedule(), req.GetWorkflowStartDelay()); err != nil {
		return err
	}
	if err := check.CronSchedule(req.GetCronSchedule(), check.Request); err != nil {
		return err
	}
	if err := check.WorkflowType(req.GetWorkflowType(), check.Request); err != nil {
		return err
	}
	if err := check.UserTaskQueue(req.GetTaskQueue(), ""); err != nil {
		return err
	}
	if err := check.Timeouts(req); err != nil {
		return err
	}
	if err := check.FillRequestID(&req.RequestId); err != nil {
		return err
	}
	if err := check.Identity(req.GetIdentity()); err != nil {
		return err
	}
	if err := check.Policies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy,
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL); err != nil {
		return err
	}
	if err := checkOnConflict(req.GetOnConflictOptions()); err != nil {
		return err
	}
	if err := check.SearchAttributes(req.GetSearchAttributes()); err != nil {
		return err
	}
	if err := check.Priority(req.GetPriority()); err != nil {
		return err
	}
	if err := check.Links(req.GetLinks()); err != nil {
		return err
	}
	if err := check.UserMetadata(req.GetUserMetadata()); err != nil {
		return err
	}
	if err := check.Memo(req.GetMemo()); err != nil {
		return err
	}
	if err := check.Blob(req.GetInput()); err != nil {
		return err
	}
	switch {
	case len(req.GetCompletionCallbacks()) > 0:
		return errCallbacks
	case req.GetVersioningOverride() != nil:
		return errVersionOverride
	case req.GetTimeSkippingConfig() != nil:
		return errTimeSkipping
	}
	return check.DeploymentOptions(req.GetEagerWorkerDeploymentOptions(), nil)
}

// checkSignalWithStart is checkStart and checkSignal for the call that does
// either.
func checkSignalWithStart(req *workflowservice.SignalWithStartWorkflowExecutionRequest) error {
	if err := check.WorkflowID(req.GetWorkflowId(), check.Request); err != nil {
		return err
	}
	if err := check.SignalName(req.GetSignalName(), check.Request); err != nil {
		return err
	}
	if err := check.WorkflowType(req.GetWorkflowType(), check.Request); err != nil {
		return err
	}
	if err := check.UserTaskQueue(req.GetTaskQueue(), ""); err != nil {
		return err
	}
	if err := check.FillRequestID(&req.RequestId); err != nil {
		return err
	}
	if err := check.Identity(req.GetIdentity()); err != nil {
		return err
	}
	if err := check.Timeouts(req); err != nil {
		return err
	}
	if err := check.RetryPolicy(req.GetRetryPolicy()); err != nil {
		return err
	}
	if err := check.StartDelay(req.GetCronSchedule(), req.GetWorkflowStartDelay()); err != nil {
		return err
	}
	if err := check.CronSchedule(req.GetCronSchedule(), check.Request); err != nil {
		return err
	}
	if req.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		return errConflictFail
	}
	if err := check.Policies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy,
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING); err != nil {
		return err
	}
	if err := check.SearchAttributes(req.GetSearchAttributes()); err != nil {
		return err
	}
	if err := check.Priority(req.GetPriority()); err != nil {
		return err
	}
	if err := check.Links(req.GetLinks()); err != nil {
		return err
	}
	if err := check.UserMetadata(req.GetUserMetadata()); err != nil {
		return err
	}
	if err := check.Memo(req.GetMemo()); err != nil {
		return err
	}
	if err := check.Blob(req.GetInput()); err != nil {
		return err
	}
	if err := check.Blob(req.GetSignalInput()); err != nil {
		return err
	}
	switch {
	case req.GetVersioningOverride() != nil:
		return errVersionOverride
	case req.GetTimeSkippingConfig() != nil:
		return errTimeSkipping
	}
	return nil
}

// checkOnConflict checks what is to be attached to a workflow that is already
// running.
func checkOnConflict(options *workflowpb.OnConflictOptions) error {
	switch {
	case options.GetAttachCompletionCallbacks() && !options.GetAttachRequestId():
		return errAttachWithoutRequest
	case options.GetAttachCompletionCallbacks():
		return errCallbacks
	}
	return nil
}
