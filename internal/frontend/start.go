package frontend

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/searchattribute"
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
	if err := checkWorkflowID(req.GetWorkflowId()); err != nil {
		return err
	}
	if err := checkRetryPolicy(req.GetRetryPolicy()); err != nil {
		return err
	}
	if err := checkStartDelay(req.GetCronSchedule(), req.GetWorkflowStartDelay()); err != nil {
		return err
	}
	if err := checkWorkflowType(req.GetWorkflowType()); err != nil {
		return err
	}
	if err := checkStartTaskQueue(req.GetTaskQueue()); err != nil {
		return err
	}
	if err := checkTimeouts(req); err != nil {
		return err
	}
	if err := fillRequestID(&req.RequestId); err != nil {
		return err
	}
	if err := checkIdentity(req.GetIdentity()); err != nil {
		return err
	}
	if err := fillPolicies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy,
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL); err != nil {
		return err
	}
	if err := checkOnConflict(req.GetOnConflictOptions()); err != nil {
		return err
	}
	if err := searchattribute.CheckSize(req.GetSearchAttributes()); err != nil {
		return err
	}
	if err := checkPriority(req.GetPriority()); err != nil {
		return err
	}
	if err := checkLinks(req.GetLinks()); err != nil {
		return err
	}
	if err := checkUserMetadata(req.GetUserMetadata()); err != nil {
		return err
	}
	if err := checkMemo(req.GetMemo()); err != nil {
		return err
	}
	if err := checkBlob(req.GetInput()); err != nil {
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
	return checkWorkerVersion(noBuildID{}, req.GetEagerWorkerDeploymentOptions(), nil)
}

// checkSignalWithStart is checkStart and checkSignal for the call that does
// either.
func checkSignalWithStart(req *workflowservice.SignalWithStartWorkflowExecutionRequest) error {
	if err := checkWorkflowID(req.GetWorkflowId()); err != nil {
		return err
	}
	if err := checkSignalName(req.GetSignalName()); err != nil {
		return err
	}
	if err := checkWorkflowType(req.GetWorkflowType()); err != nil {
		return err
	}
	if err := checkStartTaskQueue(req.GetTaskQueue()); err != nil {
		return err
	}
	if err := fillRequestID(&req.RequestId); err != nil {
		return err
	}
	if err := checkIdentity(req.GetIdentity()); err != nil {
		return err
	}
	if err := checkTimeouts(req); err != nil {
		return err
	}
	if err := checkRetryPolicy(req.GetRetryPolicy()); err != nil {
		return err
	}
	if err := checkStartDelay(req.GetCronSchedule(), req.GetWorkflowStartDelay()); err != nil {
		return err
	}
	if req.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		return errConflictFail
	}
	if err := fillPolicies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy,
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING); err != nil {
		return err
	}
	if err := searchattribute.CheckSize(req.GetSearchAttributes()); err != nil {
		return err
	}
	if err := checkPriority(req.GetPriority()); err != nil {
		return err
	}
	if err := checkLinks(req.GetLinks()); err != nil {
		return err
	}
	if err := checkUserMetadata(req.GetUserMetadata()); err != nil {
		return err
	}
	if err := checkMemo(req.GetMemo()); err != nil {
		return err
	}
	if err := checkBlob(req.GetInput()); err != nil {
		return err
	}
	if err := checkBlob(req.GetSignalInput()); err != nil {
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

// fillPolicies gives both policies a value, and replaces the old reuse policy
// that was about conflicts by the conflict policy that it meant.
func fillPolicies(reuse *enumspb.WorkflowIdReusePolicy, conflict *enumspb.WorkflowIdConflictPolicy, conflictDefault enumspb.WorkflowIdConflictPolicy) error {
	if _, known := enumspb.WorkflowIdReusePolicy_name[int32(*reuse)]; !known {
		return errReusePolicy
	}
	if _, known := enumspb.WorkflowIdConflictPolicy_name[int32(*conflict)]; !known {
		return errConflictPolicy
	}
	if *reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED {
		*reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	//lint:ignore SA1019 older clients use it
	if *reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING {
		if *conflict != enumspb.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED {
			return errReuseTerminate
		}
		*reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		*conflict = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}
	if *conflict == enumspb.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED {
		*conflict = conflictDefault
	}
	if *conflict == enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING &&
		*reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE {
		return errReuseReject
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

// noBuildID stands for requests that have no place for an old-style build id.
type noBuildID struct{}

func (noBuildID) GetUseVersioning() bool { return false }
func (noBuildID) GetBuildId() string     { return "" }
