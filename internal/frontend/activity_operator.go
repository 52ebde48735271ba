package frontend

import (
	"cmp"
	"context"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// activityOperatorHandlers are for those who look after activities: to pause them,
// begin them anew, change their options. Each call exists twice: for any activities
// of a workflow, and for one activity, of a workflow or of its own.
type activityOperatorHandlers struct{ runtime stepper }

// operatedActivities is what they need of a workflow.
type operatedActivities interface {
	PauseActivities(step *entity.Step, runID string, target workflow.ActivityTarget, pause workflow.ActivityPause) error
	UnpauseActivities(step *entity.Step, runID string, target workflow.ActivityTarget, resume workflow.ActivityResume) error
	ResetActivities(step *entity.Step, runID string, target workflow.ActivityTarget, reset workflow.ActivityReset) error
	UpdateActivityOptions(step *entity.Step, runID string, target workflow.ActivityTarget, wanted *activitypb.ActivityOptions, mask *fieldmaskpb.FieldMask) (*activitypb.ActivityOptions, error)
	RestoreActivityOptions(step *entity.Step, runID string, target workflow.ActivityTarget) (*activitypb.ActivityOptions, error)
}

var _ operatedActivities = (*workflow.Chain)(nil)

// targets is what the calls for any activities of a workflow have in common.
type targets interface {
	GetExecution() *commonpb.WorkflowExecution
	GetId() string
	GetType() string
}

// targetOf checks which activities are meant, of which a request of the older calls
// says one thing in one of several fields; all is the one that says all.
func targetOf(ctx context.Context, req targets, all bool) (workflow.ActivityTarget, error) {
	target := workflow.ActivityTarget{ID: req.GetId(), Type: req.GetType(), All: all}
	if err := cmp.Or(
		limitsOf(ctx).CheckKnownWorkflowID(req.GetExecution().GetWorkflowId(), check.Request),
		check.RunID(req.GetExecution().GetRunId(), check.Loading),
	); err != nil {
		return target, err
	}
	if target == (workflow.ActivityTarget{}) {
		return target, errActivityTargetNotSet
	}
	return target, nil
}

// oneTarget is what the calls for one activity have in common.
type oneTarget interface {
	idRequest
	GetIdentity() string
	GetRequestId() string
}

// oneTargetOf checks which activity is meant, and completes the id of the request. That
// its workflow is named is up to the caller: without one it is an activity of its own.
func oneTargetOf(ctx context.Context, req oneTarget, requestID *string) (workflow.ActivityTarget, error) {
	target := workflow.ActivityTarget{ID: req.GetActivityId()}
	if req.GetWorkflowId() == "" {
		if err := checkStandaloneActivities(ctx); err != nil {
			return target, err
		}
		if !settingOf(ctx, dynamicconfig.ActivityOperators) {
			return target, errActivityOperatorsOff
		}
	}
	if err := cmp.Or(
		limitsOf(ctx).CheckActivityRequestID(requestID),
		limitsOf(ctx).CheckActivityID(target.ID),
		limitsOf(ctx).CheckActivityRequest(requestID, req.GetIdentity()),
		check.ActivityRunID(req.GetRunId()),
	); err != nil || req.GetWorkflowId() == "" {
		return target, err
	}
	return target, limitsOf(ctx).CheckWorkflowID(req.GetWorkflowId(), check.Request)
}

// operatedActivity is what operators need of an activity without a workflow.
type operatedActivity interface {
	Pause(*entity.Step, *workflowservice.PauseActivityExecutionRequest) error
	Unpause(*entity.Step, *workflowservice.UnpauseActivityExecutionRequest) error
	Reset(*entity.Step, *workflowservice.ResetActivityExecutionRequest) error
	UpdateOptions(*entity.Step, *workflowservice.UpdateActivityExecutionOptionsRequest) (*activitypb.ActivityOptions, error)
}

var _ operatedActivity = (*activity.Chain)(nil)

func (h *activityOperatorHandlers) step(ctx context.Context, workflowID string, do func(*entity.Step, operatedActivities) error) error {
	return stepWorkflow(ctx, h.runtime, workflowID, do)
}

// PauseActivity pauses an activity of a workflow, or all of a type.
func (h *activityOperatorHandlers) PauseActivity(ctx context.Context, req *workflowservice.PauseActivityRequest) (*workflowservice.PauseActivityResponse, error) {
	target, err := targetOf(ctx, req, false)
	if err != nil {
		return nil, err
	}
	if err := h.pause(ctx, req.GetExecution(), target, req); err != nil {
		return nil, err
	}
	return &workflowservice.PauseActivityResponse{}, nil
}

// PauseActivityExecution pauses one activity.
func (h *activityOperatorHandlers) PauseActivityExecution(ctx context.Context, req *workflowservice.PauseActivityExecutionRequest) (*workflowservice.PauseActivityExecutionResponse, error) {
	target, err := oneTargetOf(ctx, req, &req.RequestId)
	if err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckReason(req.GetReason()); err != nil {
		return nil, err
	}
	if req.GetWorkflowId() == "" {
		if err := stepActivity(ctx, h.runtime, target.ID, func(step *entity.Step, a operatedActivity) error {
			return a.Pause(step, req)
		}); err != nil {
			return nil, err
		}
		return &workflowservice.PauseActivityExecutionResponse{}, nil
	}
	if err := limitsOf(ctx).CheckLength("Reason", req.GetReason(), check.Request); err != nil {
		return nil, err
	}
	if err := h.pause(ctx, executionOf(req), target, req); err != nil {
		return nil, err
	}
	return &workflowservice.PauseActivityExecutionResponse{}, nil
}

// executionOf is the run that the request for one of its activities names.
func executionOf(req oneTarget) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: req.GetWorkflowId(), RunId: req.GetRunId()}
}

func (h *activityOperatorHandlers) pause(ctx context.Context, execution *commonpb.WorkflowExecution, target workflow.ActivityTarget, req interface {
	GetIdentity() string
	GetReason() string
	GetRequestId() string
}) error {
	pause := workflow.ActivityPause{Identity: req.GetIdentity(), Reason: req.GetReason(), RequestID: req.GetRequestId()}
	return h.step(ctx, execution.GetWorkflowId(), func(step *entity.Step, c operatedActivities) error {
		return c.PauseActivities(step, execution.GetRunId(), target, pause)
	})
}

// UnpauseActivity ends pauses of activities of a workflow.
func (h *activityOperatorHandlers) UnpauseActivity(ctx context.Context, req *workflowservice.UnpauseActivityRequest) (*workflowservice.UnpauseActivityResponse, error) {
	target, err := targetOf(ctx, req, req.GetUnpauseAll())
	if err != nil {
		return nil, err
	}
	resume := workflow.ActivityResume{ResetAttempts: req.GetResetAttempts(), ResetHeartbeat: req.GetResetHeartbeat(), Jitter: req.GetJitter()}
	if err := h.unpause(ctx, req.GetExecution(), target, resume); err != nil {
		return nil, err
	}
	return &workflowservice.UnpauseActivityResponse{}, nil
}

// UnpauseActivityExecution ends the pause of one activity.
func (h *activityOperatorHandlers) UnpauseActivityExecution(ctx context.Context, req *workflowservice.UnpauseActivityExecutionRequest) (*workflowservice.UnpauseActivityExecutionResponse, error) {
	target, err := oneTargetOf(ctx, req, &req.RequestId)
	if err != nil {
		return nil, err
	}
	if err := check.Jitter(req.GetJitter()); err != nil {
		return nil, err
	}
	if req.GetWorkflowId() == "" {
		if err := stepActivity(ctx, h.runtime, target.ID, func(step *entity.Step, a operatedActivity) error {
			return a.Unpause(step, req)
		}); err != nil {
			return nil, err
		}
		return &workflowservice.UnpauseActivityExecutionResponse{}, nil
	}
	if err := h.unpause(ctx, executionOf(req), target, workflow.ActivityResume{Jitter: req.GetJitter()}); err != nil {
		return nil, err
	}
	return &workflowservice.UnpauseActivityExecutionResponse{}, nil
}

func (h *activityOperatorHandlers) unpause(ctx context.Context, execution *commonpb.WorkflowExecution, target workflow.ActivityTarget, resume workflow.ActivityResume) error {
	return h.step(ctx, execution.GetWorkflowId(), func(step *entity.Step, c operatedActivities) error {
		return c.UnpauseActivities(step, execution.GetRunId(), target, resume)
	})
}

// ResetActivity has activities of a workflow begin anew.
func (h *activityOperatorHandlers) ResetActivity(ctx context.Context, req *workflowservice.ResetActivityRequest) (*workflowservice.ResetActivityResponse, error) {
	target, err := targetOf(ctx, req, req.GetMatchAll())
	if err != nil {
		return nil, err
	}
	if err := h.reset(ctx, req.GetExecution(), target, req); err != nil {
		return nil, err
	}
	return &workflowservice.ResetActivityResponse{}, nil
}

// ResetActivityExecution has one activity begin anew.
func (h *activityOperatorHandlers) ResetActivityExecution(ctx context.Context, req *workflowservice.ResetActivityExecutionRequest) (*workflowservice.ResetActivityExecutionResponse, error) {
	target, err := oneTargetOf(ctx, req, &req.RequestId)
	if err != nil {
		return nil, err
	}
	if err := check.Jitter(req.GetJitter()); err != nil {
		return nil, err
	}
	if req.GetWorkflowId() == "" {
		if err := stepActivity(ctx, h.runtime, target.ID, func(step *entity.Step, a operatedActivity) error {
			return a.Reset(step, req)
		}); err != nil {
			return nil, err
		}
		return &workflowservice.ResetActivityExecutionResponse{}, nil
	}
	if err := h.reset(ctx, executionOf(req), target, req); err != nil {
		return nil, err
	}
	return &workflowservice.ResetActivityExecutionResponse{}, nil
}

func (h *activityOperatorHandlers) reset(ctx context.Context, execution *commonpb.WorkflowExecution, target workflow.ActivityTarget, req interface {
	GetResetHeartbeat() bool
	GetKeepPaused() bool
	GetRestoreOriginalOptions() bool
	GetJitter() *durationpb.Duration
}) error {
	reset := workflow.ActivityReset{
		ResetHeartbeat: req.GetResetHeartbeat(), KeepPaused: req.GetKeepPaused(),
		RestoreOptions: req.GetRestoreOriginalOptions(), Jitter: req.GetJitter(),
	}
	return h.step(ctx, execution.GetWorkflowId(), func(step *entity.Step, c operatedActivities) error {
		return c.ResetActivities(step, execution.GetRunId(), target, reset)
	})
}

// UpdateActivityOptions changes the options of activities of a workflow.
func (h *activityOperatorHandlers) UpdateActivityOptions(ctx context.Context, req *workflowservice.UpdateActivityOptionsRequest) (*workflowservice.UpdateActivityOptionsResponse, error) {
	target, err := targetOf(ctx, req, req.GetMatchAll())
	if err != nil {
		return nil, err
	}
	options, err := h.updateOptions(ctx, req.GetExecution(), target, req)
	if err != nil {
		return nil, err
	}
	return &workflowservice.UpdateActivityOptionsResponse{ActivityOptions: options}, nil
}

// UpdateActivityExecutionOptions changes the options of one activity.
func (h *activityOperatorHandlers) UpdateActivityExecutionOptions(ctx context.Context, req *workflowservice.UpdateActivityExecutionOptionsRequest) (*workflowservice.UpdateActivityExecutionOptionsResponse, error) {
	target, err := oneTargetOf(ctx, req, &req.RequestId)
	if err != nil {
		return nil, err
	}
	if !req.GetRestoreOriginal() && req.GetUpdateMask() != nil && len(req.GetUpdateMask().GetPaths()) == 0 {
		return nil, errOptionsMaskEmpty
	}
	if req.GetWorkflowId() == "" {
		return h.updateStandaloneOptions(ctx, req)
	}
	options, err := h.updateOptions(ctx, executionOf(req), target, req)
	if err != nil {
		return nil, err
	}
	return &workflowservice.UpdateActivityExecutionOptionsResponse{ActivityOptions: options}, nil
}

// updateStandaloneOptions changes the options of an activity without a workflow.
func (h *activityOperatorHandlers) updateStandaloneOptions(ctx context.Context, req *workflowservice.UpdateActivityExecutionOptionsRequest) (*workflowservice.UpdateActivityExecutionOptionsResponse, error) {
	if err := checkOptionsUpdate(ctx, req); err != nil {
		return nil, err
	}
	resp := &workflowservice.UpdateActivityExecutionOptionsResponse{}
	err := stepActivity(ctx, h.runtime, req.GetActivityId(), func(step *entity.Step, a operatedActivity) (err error) {
		resp.ActivityOptions, err = a.UpdateOptions(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// checkOptionsUpdate checks the options that the mask names, each for itself.
func checkOptionsUpdate(ctx context.Context, req *workflowservice.UpdateActivityExecutionOptionsRequest) error {
	options, mask := req.GetActivityOptions(), req.GetUpdateMask()
	switch {
	case req.GetRestoreOriginal() && len(mask.GetPaths()) > 0:
		return errOptionsMaskAndRestore
	case req.GetRestoreOriginal():
		return nil
	case options == nil:
		return errActivityOptionsNotSet
	case mask == nil:
		return errOptionsMaskNotSet
	}
	retries := settingOf(ctx, dynamicconfig.ActivityRetryPolicy)
	if err := attempt.CheckOptions(options, mask, limitsOf(ctx), &retries, activity.ExtraOptions); err != nil {
		return err
	}
	if activity.NamesStartDelay(mask) {
		return checkActivityStartDelay(ctx, options.GetStartDelay())
	}
	return nil
}

func (h *activityOperatorHandlers) updateOptions(ctx context.Context, execution *commonpb.WorkflowExecution, target workflow.ActivityTarget, req interface {
	GetActivityOptions() *activitypb.ActivityOptions
	GetUpdateMask() *fieldmaskpb.FieldMask
	GetRestoreOriginal() bool
}) (options *activitypb.ActivityOptions, err error) {
	switch {
	case req.GetRestoreOriginal() && len(req.GetUpdateMask().GetPaths()) > 0:
		return nil, errOptionsMaskAndRestore
	case req.GetRestoreOriginal():
		err = h.step(ctx, execution.GetWorkflowId(), func(step *entity.Step, c operatedActivities) (err error) {
			options, err = c.RestoreActivityOptions(step, execution.GetRunId(), target)
			return err
		})
		return options, err
	case req.GetActivityOptions() == nil:
		return nil, errActivityOptionsNotSet
	case req.GetUpdateMask() == nil:
		return nil, errOptionsMaskNotSet
	}
	if err := check.Priority(req.GetActivityOptions().GetPriority()); err != nil {
		return nil, err
	}
	err = h.step(ctx, execution.GetWorkflowId(), func(step *entity.Step, c operatedActivities) (err error) {
		options, err = c.UpdateActivityOptions(step, execution.GetRunId(), target, req.GetActivityOptions(), req.GetUpdateMask())
		return err
	})
	return options, err
}
