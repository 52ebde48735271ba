package frontend

import (
	"cmp"
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
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
	places *places
}

// execution is what they need of a workflow.
type execution interface {
	Expect(*workflow.Places)
	Start(*entity.Step, *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error)
	SignalWithStart(*entity.Step, *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error)
	Signal(*entity.Step, *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error)
	RequestCancel(*entity.Step, *workflowservice.RequestCancelWorkflowExecutionRequest) error
	Terminate(*entity.Step, *workflowservice.TerminateWorkflowExecutionRequest) error
	Describe(entity.Reader, time.Time, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	Delete(*entity.Step, *workflowservice.DeleteWorkflowExecutionRequest) error
}

var _ execution = (*workflow.Chain)(nil)

// StartWorkflowExecution starts a workflow, or says which one is in the way.
func (h *executionHandlers) StartWorkflowExecution(ctx context.Context, req *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	if err := checkStart(ctx, req); err != nil {
		return nil, err
	}
	req.RequestEagerExecution = req.RequestEagerExecution && settingOf(ctx, dynamicconfig.EagerWorkflowStart)
	kept, err := h.places.keep(ctx, req)
	if err != nil {
		return nil, err
	}
	defer h.places.giveUp(ctx, kept)
	var resp *workflowservice.StartWorkflowExecutionResponse
	err = stepWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(step *entity.Step, c execution) (err error) {
		c.Expect(kept)
		defer c.Expect(nil)
		resp, err = c.Start(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// startingRequest is what the two requests that start a workflow have in common.
type startingRequest interface {
	GetWorkflowId() string
	GetWorkflowType() *commonpb.WorkflowType
	GetTaskQueue() *taskqueuepb.TaskQueue
	GetInput() *commonpb.Payloads
	GetWorkflowExecutionTimeout() *durationpb.Duration
	GetWorkflowRunTimeout() *durationpb.Duration
	GetWorkflowTaskTimeout() *durationpb.Duration
	GetIdentity() string
	GetRetryPolicy() *commonpb.RetryPolicy
	GetCronSchedule() string
	GetMemo() *commonpb.Memo
	GetSearchAttributes() *commonpb.SearchAttributes
	GetWorkflowStartDelay() *durationpb.Duration
	GetUserMetadata() *sdkpb.UserMetadata
	GetLinks() []*commonpb.Link
	GetVersioningOverride() *workflowpb.VersioningOverride
	GetPriority() *commonpb.Priority
	GetTimeSkippingConfig() *commonpb.TimeSkippingConfig
}

func checkStartRequest(ctx context.Context, req startingRequest, limits *check.Limits) error {
	retries := settingOf(ctx, dynamicconfig.WorkflowRetryPolicy)
	if err := cmp.Or(
		check.RetryPolicy(req.GetRetryPolicy(), &retries),
		check.StartDelay(req.GetCronSchedule(), req.GetWorkflowStartDelay()),
		check.CronSchedule(req.GetCronSchedule()),
		limits.CheckUserTaskQueue(req.GetTaskQueue(), ""),
		check.Timeouts(req),
		check.Priority(req.GetPriority()),
		check.VersioningOverride(req.GetVersioningOverride()),
		limits.CheckLinks(req.GetLinks()),
		limits.CheckMemo(req.GetMemo()),
		limits.CheckBlob(req.GetInput()),
	); err != nil {
		return err
	}
	return checkTimeSkipping(ctx, req.GetTimeSkippingConfig())
}

func checkStart(ctx context.Context, req *workflowservice.StartWorkflowExecutionRequest) error {
	limits := limitsOf(ctx)
	if err := cmp.Or(
		limits.CheckNewWorkflowID(req.GetWorkflowId()),
		limits.CheckWorkflowType(req.GetWorkflowType(), check.Request),
		checkStartRequest(ctx, req, limits),
		limits.FillRequestID(&req.RequestId),
		check.Policies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL),
		checkOnConflict(req.GetOnConflictOptions()),
	); err != nil {
		return err
	}
	if err := checkCallbacks(ctx, req.GetCompletionCallbacks()); err != nil {
		return err
	}
	all, own := linksOf(req.GetLinks(), req.GetCompletionCallbacks())
	if err := limits.CheckLinks(all); err != nil {
		return err
	}
	req.Links = own
	return limits.CheckDeploymentOptions(req.GetEagerWorkerDeploymentOptions(), nil)
}

func checkSignalWithStart(ctx context.Context, req *workflowservice.SignalWithStartWorkflowExecutionRequest) error {
	if req.RequestId == "" {
		req.RequestId = check.NewRequestID()
	}
	limits := limitsOf(ctx)
	if err := cmp.Or(
		limits.CheckSignalWithStart(req),
		checkStartRequest(ctx, req, limits),
		limits.CheckBlob(req.GetSignalInput()),
	); err != nil {
		return err
	}
	if req.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		return errConflictFail
	}
	return check.Policies(&req.WorkflowIdReusePolicy, &req.WorkflowIdConflictPolicy, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
}

// checkOnConflict checks what is to be attached to a workflow that is already
// running.
func checkOnConflict(options *workflowpb.OnConflictOptions) error {
	if options.GetAttachCompletionCallbacks() && !options.GetAttachRequestId() {
		return errAttachWithoutRequest
	}
	return nil
}
