package frontend

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/workflow"
)

// activityTaskHandlers give activity tasks to workers and take their reports.
type activityTaskHandlers struct {
	runtime stepper
	polls   *polls
}

// activities is what they need of a workflow, and standaloneAttempts of an activity
// without one.
type (
	activities interface {
		reportedActivities
		StartActivity(*entity.Step, *entity.Task, *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error)
	}
	standaloneAttempts interface {
		reportedActivities
		StartActivity(*entity.Step, *entity.Task, *workflowservice.PollActivityTaskQueueRequest, activity.SDK) (*workflowservice.PollActivityTaskQueueResponse, error)
	}
)

// reportedActivities takes the reports of workers.
type reportedActivities interface {
	CompleteActivity(step *entity.Step, ref attempt.Ref, result *commonpb.Payloads, identity string) error
	FailActivity(step *entity.Step, ref attempt.Ref, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string) ([]*failurepb.Failure, error)
	CancelActivity(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) error
	Heartbeat(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) (attempt.HeartbeatAnswer, error)
}

var (
	_ activities         = (*workflow.Chain)(nil)
	_ standaloneAttempts = (*activity.Chain)(nil)
)

// PollActivityTaskQueue waits for an activity to run.
func (h *activityTaskHandlers) PollActivityTaskQueue(ctx context.Context, req *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	//lint:ignore SA1019 older clients use it
	if err := checkPoll(ctx, req, req.GetWorkerVersionCapabilities()); err != nil {
		return nil, err
	}
	poll := matching.PollRequest{
		Queue:       entity.Queue{Namespace: callOf(ctx).namespace.ID, Type: entity.TaskActivity, Name: req.GetTaskQueue().GetName()},
		Identity:    req.GetIdentity(),
		InstanceKey: req.GetWorkerInstanceKey(),
		//lint:ignore SA1019 older clients use it
		Capabilities: req.GetWorkerVersionCapabilities(),
		Deployment:   req.GetDeploymentOptions(),
	}
	if limit := req.GetTaskQueueMetadata().GetMaxTasksPerSecond(); limit != nil {
		poll.Rate = &limit.Value
	}
	if err := h.polls.registered(ctx, &poll, poll.Deployment, poll.Capabilities); err != nil {
		return nil, err
	}
	var resp *workflowservice.PollActivityTaskQueueResponse
	err := h.polls.poll(ctx, poll, func(work *matching.Work) (taken bool, err error) {
		if work.Task.Entity.Kind == entity.KindActivity {
			sdk := activity.SDK{Name: header(ctx, headerClientName), Version: header(ctx, headerClientVersion)}
			err = startTask(ctx, h.runtime, work.Task, func(step *entity.Step, a standaloneAttempts) (err error) {
				resp, err = a.StartActivity(step, work.Task, req, sdk)
				return err
			})
		} else {
			err = startTask(ctx, h.runtime, work.Task, func(step *entity.Step, c activities) (err error) {
				resp, err = c.StartActivity(step, work.Task, req)
				return err
			})
		}
		if err == nil && resp == nil {
			err = entity.ErrStaleTask // a rule has paused the activity
		}
		if err == nil {
			resp.PollerScalingDecision = scalingDecision(work)
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	if resp == nil {
		resp = new(workflowservice.PollActivityTaskQueueResponse)
	}
	return resp, nil
}

// A worker reports on an activity by the token it got with the task; anyone else
// by the ids of the activity and of its workflow, if it has one. Each call thus exists
// twice, and both do the same.

// tokenRef names the activity of the request's task token, and who owns it.
func tokenRef(ctx context.Context) (owner entity.Key, ref attempt.Ref, err error) {
	token := callOf(ctx).token
	if err := tokens.CheckActivityTask(token); err != nil {
		return owner, ref, err
	}
	if token.GetWorkflowId() != "" {
		return workflowKey(ctx, token.GetWorkflowId()), attempt.Ref{Token: token}, nil
	}
	return activityKey(ctx, token.GetActivityId()), attempt.Ref{Token: token}, checkStandaloneActivities(ctx)
}

// idRequest is what the calls by ids have in common.
type idRequest interface {
	GetWorkflowId() string
	GetRunId() string
	GetActivityId() string
}

func idRef(ctx context.Context, req idRequest) (owner entity.Key, ref attempt.Ref, err error) {
	if err := check.Set("ActivityId", req.GetActivityId(), check.Request); err != nil {
		return owner, ref, err
	}
	ref = attempt.Ref{RunID: req.GetRunId(), ActivityID: req.GetActivityId()}
	if req.GetWorkflowId() == "" {
		if checkStandaloneActivities(ctx) != nil {
			return owner, ref, errActivityWorkflowID
		}
		if len(req.GetActivityId()) > limitsOf(ctx).ID {
			return owner, ref, serviceerror.NewNotFoundf("activity not found for ID: %s", req.GetActivityId())
		}
		return activityKey(ctx, req.GetActivityId()), ref, nil
	}
	if err := limitsOf(ctx).CheckKnownWorkflowID(req.GetWorkflowId(), check.Loading); err != nil {
		return owner, ref, err
	}
	if err := check.RunID(req.GetRunId(), check.Loading); err != nil {
		return owner, ref, err
	}
	return workflowKey(ctx, req.GetWorkflowId()), ref, nil
}

// report runs the step in which the owner of an activity takes a report.
func (h *activityTaskHandlers) report(ctx context.Context, owner entity.Key, take func(*entity.Step, reportedActivities) error) error {
	return h.runtime.Step(ctx, owner, func(step *entity.Step, e entity.Entity) error {
		return take(step, e.(reportedActivities))
	})
}

// RespondActivityTaskCompleted reports the result of an activity.
func (h *activityTaskHandlers) RespondActivityTaskCompleted(ctx context.Context, req *workflowservice.RespondActivityTaskCompletedRequest) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	owner, ref, err := tokenRef(ctx)
	if err == nil {
		err = h.completeActivity(ctx, owner, ref, req.GetResult(), req.GetIdentity())
	}
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

// RespondActivityTaskCompletedById is RespondActivityTaskCompleted by ids.
func (h *activityTaskHandlers) RespondActivityTaskCompletedById(ctx context.Context, req *workflowservice.RespondActivityTaskCompletedByIdRequest) (*workflowservice.RespondActivityTaskCompletedByIdResponse, error) {
	owner, ref, err := idRef(ctx, req)
	if err == nil {
		err = h.completeActivity(ctx, owner, ref, req.GetResult(), req.GetIdentity())
	}
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskCompletedByIdResponse{}, nil
}

func (h *activityTaskHandlers) completeActivity(ctx context.Context, owner entity.Key, ref attempt.Ref, result *commonpb.Payloads, identity string) error {
	if err := limitsOf(ctx).CheckIdentity(identity); err != nil {
		return err
	}
	return h.report(ctx, owner, func(step *entity.Step, c reportedActivities) error {
		return c.CompleteActivity(step, ref, result, identity)
	})
}

// RespondActivityTaskFailed reports that an attempt of an activity has failed.
func (h *activityTaskHandlers) RespondActivityTaskFailed(ctx context.Context, req *workflowservice.RespondActivityTaskFailedRequest) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	owner, ref, err := tokenRef(ctx)
	if err != nil {
		return nil, err
	}
	if err := check.ActivityFailure(req.GetFailure()); err != nil {
		return nil, err
	}
	cut, err := h.failActivity(ctx, owner, ref, req.GetFailure(), req.GetLastHeartbeatDetails(), req.GetIdentity())
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskFailedResponse{Failures: cut}, nil
}

// RespondActivityTaskFailedById is RespondActivityTaskFailed by ids. The failure may be
// of any kind.
func (h *activityTaskHandlers) RespondActivityTaskFailedById(ctx context.Context, req *workflowservice.RespondActivityTaskFailedByIdRequest) (*workflowservice.RespondActivityTaskFailedByIdResponse, error) {
	owner, ref, err := idRef(ctx, req)
	if err != nil {
		return nil, err
	}
	cut, err := h.failActivity(ctx, owner, ref, req.GetFailure(), req.GetLastHeartbeatDetails(), req.GetIdentity())
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskFailedByIdResponse{Failures: cut}, nil
}

func (h *activityTaskHandlers) failActivity(ctx context.Context, owner entity.Key, ref attempt.Ref, failure *failurepb.Failure, heartbeat *commonpb.Payloads, identity string) (cut []*failurepb.Failure, err error) {
	if err := limitsOf(ctx).CheckIdentity(identity); err != nil {
		return nil, err
	}
	if err := check.ForeignFailure(failure); err != nil {
		return nil, err
	}
	err = h.report(ctx, owner, func(step *entity.Step, c reportedActivities) (err error) {
		cut, err = c.FailActivity(step, ref, failure, heartbeat, identity)
		return err
	})
	return cut, err
}

// RespondActivityTaskCanceled reports that an activity has followed a request to
// cancel itself.
func (h *activityTaskHandlers) RespondActivityTaskCanceled(ctx context.Context, req *workflowservice.RespondActivityTaskCanceledRequest) (*workflowservice.RespondActivityTaskCanceledResponse, error) {
	owner, ref, err := tokenRef(ctx)
	if err == nil {
		err = h.cancelActivity(ctx, owner, ref, req.GetDetails(), req.GetIdentity())
	}
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskCanceledResponse{}, nil
}

// RespondActivityTaskCanceledById is RespondActivityTaskCanceled by ids.
func (h *activityTaskHandlers) RespondActivityTaskCanceledById(ctx context.Context, req *workflowservice.RespondActivityTaskCanceledByIdRequest) (*workflowservice.RespondActivityTaskCanceledByIdResponse, error) {
	owner, ref, err := idRef(ctx, req)
	if err == nil {
		err = h.cancelActivity(ctx, owner, ref, req.GetDetails(), req.GetIdentity())
	}
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondActivityTaskCanceledByIdResponse{}, nil
}

func (h *activityTaskHandlers) cancelActivity(ctx context.Context, owner entity.Key, ref attempt.Ref, details *commonpb.Payloads, identity string) error {
	if err := limitsOf(ctx).CheckIdentity(identity); err != nil {
		return err
	}
	return h.report(ctx, owner, func(step *entity.Step, c reportedActivities) error {
		return c.CancelActivity(step, ref, details, identity)
	})
}

// RecordActivityTaskHeartbeat says that an activity is alive, and learns whether
// it should go on.
func (h *activityTaskHandlers) RecordActivityTaskHeartbeat(ctx context.Context, req *workflowservice.RecordActivityTaskHeartbeatRequest) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
	owner, ref, err := tokenRef(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := h.heartbeat(ctx, owner, ref, req.GetDetails(), req.GetIdentity())
	if err != nil {
		return nil, err
	}
	return &workflowservice.RecordActivityTaskHeartbeatResponse{
		CancelRequested: answer.CancelRequested, ActivityPaused: answer.Paused, ActivityReset: answer.Reset}, nil
}

// RecordActivityTaskHeartbeatById is RecordActivityTaskHeartbeat by ids.
func (h *activityTaskHandlers) RecordActivityTaskHeartbeatById(ctx context.Context, req *workflowservice.RecordActivityTaskHeartbeatByIdRequest) (*workflowservice.RecordActivityTaskHeartbeatByIdResponse, error) {
	owner, ref, err := idRef(ctx, req)
	if err != nil {
		return nil, err
	}
	answer, err := h.heartbeat(ctx, owner, ref, req.GetDetails(), req.GetIdentity())
	if err != nil {
		return nil, err
	}
	return &workflowservice.RecordActivityTaskHeartbeatByIdResponse{
		CancelRequested: answer.CancelRequested, ActivityPaused: answer.Paused, ActivityReset: answer.Reset}, nil
}

func (h *activityTaskHandlers) heartbeat(ctx context.Context, owner entity.Key, ref attempt.Ref, details *commonpb.Payloads, identity string) (answer attempt.HeartbeatAnswer, err error) {
	err = h.report(ctx, owner, func(step *entity.Step, c reportedActivities) (err error) {
		answer, err = c.Heartbeat(step, ref, details, identity)
		return err
	})
	return answer, err
}
