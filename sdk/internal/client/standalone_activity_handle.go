package client

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	activitypb "go.temporal.io/api/activity/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

type activityHandle struct{ executionHandle }

func newActivityHandle(c *Client, id, runID string) *activityHandle {
	return &activityHandle{executionHandle{client: c, id: id, runID: runID, ask: func(ctx context.Context) (*executionOutcome, error) {
		out, err := c.outbound.PollActivityResult(header.WithoutFields(ctx), &ClientPollActivityResultInput{
			ActivityID: id,
			RunID:      runID,
		})
		if err != nil {
			return nil, err
		}
		return &executionOutcome{result: out.Result, err: out.Error}, nil
	}}}
}

func (h *activityHandle) Describe(ctx context.Context, options DescribeActivityOptions) (*ActivityExecutionDescription, error) {
	out, err := h.client.outbound.DescribeActivity(header.WithoutFields(ctx), &ClientDescribeActivityInput{
		ActivityID: h.id,
		RunID:      h.runID,
		Options:    &options,
	})
	if err != nil {
		return nil, err
	}
	return out.Description, nil
}

func (o outbound) DescribeActivity(ctx context.Context, in *ClientDescribeActivityInput) (*ClientDescribeActivityOutput, error) {
	response, err := o.service.DescribeActivityExecution(ctx, &workflowservice.DescribeActivityExecutionRequest{
		Namespace:               o.namespace,
		ActivityId:              in.ActivityID,
		RunId:                   in.RunID,
		IncludeInput:            in.Options.IncludeInput,
		IncludeOutcome:          in.Options.IncludeOutcome,
		IncludeHeartbeatDetails: in.Options.IncludeHeartbeatDetails,
		IncludeLastFailure:      in.Options.IncludeLastFailure,
	})
	if err != nil {
		return nil, err
	}
	info := response.GetInfo()
	if info == nil {
		return nil, errors.New("the description of the activity has no info")
	}
	payloadsOf := converter.ActivitySerializationContext{
		Namespace:    o.namespace,
		ActivityType: info.GetActivityType().GetName(),
		TaskQueue:    info.GetTaskQueue(),
	}
	return &ClientDescribeActivityOutput{Description: &ActivityExecutionDescription{
		ClientActivityExecutionInfo: ClientActivityExecutionInfo{
			ActivityID:            info.GetActivityId(),
			ActivityRunID:         info.GetRunId(),
			ActivityType:          info.GetActivityType().GetName(),
			ScheduleTime:          info.GetScheduleTime().AsTime(),
			CloseTime:             info.GetCloseTime().AsTime(),
			Status:                info.GetStatus(),
			TypedSearchAttributes: searchattr.Decode(o.logger, info.GetSearchAttributes()),
			TaskQueue:             info.GetTaskQueue(),
			ExecutionDuration:     info.GetExecutionDuration().AsDuration(),
			ExecutionTime:         info.GetExecutionTime().AsTime(),
		},
		RawResponse:             response,
		ScheduleToCloseTimeout:  info.GetScheduleToCloseTimeout().AsDuration(),
		ScheduleToStartTimeout:  info.GetScheduleToStartTimeout().AsDuration(),
		StartToCloseTimeout:     info.GetStartToCloseTimeout().AsDuration(),
		HeartbeatTimeout:        info.GetHeartbeatTimeout().AsDuration(),
		StartDelay:              info.GetStartDelay().AsDuration(),
		RunState:                info.GetRunState(),
		LastHeartbeatTime:       info.GetLastHeartbeatTime().AsTime(),
		LastStartedTime:         info.GetLastStartedTime().AsTime(),
		Attempt:                 info.GetAttempt(),
		TotalHeartbeatCount:     info.GetTotalHeartbeatCount(),
		RetryPolicy:             policy.RetryFromProto(info.GetRetryPolicy()),
		ExpirationTime:          info.GetExpirationTime().AsTime(),
		LastWorkerIdentity:      info.GetLastWorkerIdentity(),
		CurrentRetryInterval:    info.GetCurrentRetryInterval().AsDuration(),
		LastAttemptCompleteTime: info.GetLastAttemptCompleteTime().AsTime(),
		NextAttemptScheduleTime: info.GetNextAttemptScheduleTime().AsTime(),
		LastDeploymentVersion:   optionalVersion(info.GetLastDeploymentVersion(), ""),
		Priority:                policy.PriorityFromProto(info.GetPriority()),
		CanceledReason:          info.GetCanceledReason(),
		dc:                      o.converterFor(ctx, payloadsOf),
		fc:                      converter.WithFailureConverterSerializationContext(o.failureConverter, payloadsOf),
	}}, nil
}

func (h *activityHandle) Cancel(ctx context.Context, options CancelActivityOptions) error {
	return h.client.outbound.CancelActivity(header.WithoutFields(ctx), &ClientCancelActivityInput{
		ActivityID: h.id,
		RunID:      h.runID,
		Reason:     options.Reason,
	})
}

func (o outbound) CancelActivity(ctx context.Context, in *ClientCancelActivityInput) error {
	_, err := o.service.RequestCancelActivityExecution(ctx, &workflowservice.RequestCancelActivityExecutionRequest{
		Namespace:  o.namespace,
		ActivityId: in.ActivityID,
		RunId:      in.RunID,
		Identity:   o.identity,
		RequestId:  uuid.NewString(),
		Reason:     in.Reason,
	})
	return err
}

func (h *activityHandle) Terminate(ctx context.Context, options TerminateActivityOptions) error {
	return h.client.outbound.TerminateActivity(header.WithoutFields(ctx), &ClientTerminateActivityInput{
		ActivityID: h.id,
		RunID:      h.runID,
		Reason:     options.Reason,
	})
}

func (o outbound) TerminateActivity(ctx context.Context, in *ClientTerminateActivityInput) error {
	_, err := o.service.TerminateActivityExecution(ctx, &workflowservice.TerminateActivityExecutionRequest{
		Namespace:  o.namespace,
		ActivityId: in.ActivityID,
		RunId:      in.RunID,
		Identity:   o.identity,
		RequestId:  uuid.NewString(),
		Reason:     in.Reason,
	})
	return err
}

func (h *activityHandle) Pause(ctx context.Context, options PauseActivityOptions) error {
	return h.client.outbound.PauseActivity(header.WithoutFields(ctx), &ClientPauseActivityInput{
		ActivityID: h.id,
		RunID:      h.runID,
		Options:    &options,
	})
}

func (o outbound) PauseActivity(ctx context.Context, in *ClientPauseActivityInput) error {
	_, err := o.service.PauseActivityExecution(ctx, &workflowservice.PauseActivityExecutionRequest{
		Namespace:  o.namespace,
		ActivityId: in.ActivityID,
		RunId:      in.RunID,
		Identity:   o.identity,
		RequestId:  uuid.NewString(),
		Reason:     in.Options.Reason,
		ResourceId: execution.ResourceID("", in.ActivityID),
	})
	return err
}

func (h *activityHandle) Unpause(ctx context.Context, options UnpauseActivityOptions) error {
	return h.client.outbound.UnpauseActivity(header.WithoutFields(ctx), &ClientUnpauseActivityInput{
		ActivityID: h.id,
		RunID:      h.runID,
		Options:    &options,
	})
}

func (o outbound) UnpauseActivity(ctx context.Context, in *ClientUnpauseActivityInput) error {
	request := &workflowservice.UnpauseActivityExecutionRequest{
		Namespace:  o.namespace,
		ActivityId: in.ActivityID,
		RunId:      in.RunID,
		Identity:   o.identity,
		RequestId:  uuid.NewString(),
		Reason:     in.Options.Reason,
		ResourceId: execution.ResourceID("", in.ActivityID),
	}
	if in.Options.Jitter != 0 {
		request.Jitter = durationpb.New(in.Options.Jitter)
	}
	_, err := o.service.UnpauseActivityExecution(ctx, request)
	return err
}

func (h *activityHandle) UpdateOptions(ctx context.Context, update ActivityOptionsUpdate) (*ActivityExecutionOptions, error) {
	if update == (ActivityOptionsUpdate{}) {
		return nil, errors.New("UpdateOptions requires at least one option change")
	}
	return h.updateOptions(ctx, &ClientUpdateActivityOptionsInput{Update: &update})
}

func (h *activityHandle) RestoreOriginalOptions(ctx context.Context) (*ActivityExecutionOptions, error) {
	return h.updateOptions(ctx, &ClientUpdateActivityOptionsInput{RestoreOriginal: true})
}

func (h *activityHandle) updateOptions(ctx context.Context, in *ClientUpdateActivityOptionsInput) (*ActivityExecutionOptions, error) {
	in.ActivityID, in.RunID = h.id, h.runID
	out, err := h.client.outbound.UpdateActivityOptions(header.WithoutFields(ctx), in)
	if err != nil {
		return nil, err
	}
	return out.Options, nil
}

func (o outbound) UpdateActivityOptions(ctx context.Context, in *ClientUpdateActivityOptionsInput) (*ClientUpdateActivityOptionsOutput, error) {
	options := &activitypb.ActivityOptions{}
	mask := &fieldmaskpb.FieldMask{}
	if in.Update != nil {
		mask.Paths = in.Update.apply(options)
	}
	if in.RestoreOriginal && len(mask.Paths) > 0 {
		return nil, errors.New("RestoreOriginalOptions cannot be combined with individual option changes")
	}
	response, err := o.service.UpdateActivityExecutionOptions(ctx, &workflowservice.UpdateActivityExecutionOptionsRequest{
		Namespace:       o.namespace,
		ActivityId:      in.ActivityID,
		RunId:           in.RunID,
		Identity:        o.identity,
		RequestId:       uuid.NewString(),
		ActivityOptions: options,
		UpdateMask:      mask,
		RestoreOriginal: in.RestoreOriginal,
		ResourceId:      execution.ResourceID("", in.ActivityID),
	})
	if err != nil {
		return nil, err
	}
	p := response.GetActivityOptions()
	return &ClientUpdateActivityOptionsOutput{Options: &ActivityExecutionOptions{
		TaskQueue:              p.GetTaskQueue().GetName(),
		ScheduleToCloseTimeout: p.GetScheduleToCloseTimeout().AsDuration(),
		ScheduleToStartTimeout: p.GetScheduleToStartTimeout().AsDuration(),
		StartToCloseTimeout:    p.GetStartToCloseTimeout().AsDuration(),
		HeartbeatTimeout:       p.GetHeartbeatTimeout().AsDuration(),
		StartDelay:             p.GetStartDelay().AsDuration(),
		RetryPolicy:            policy.RetryFromProto(p.GetRetryPolicy()),
		Priority:               policy.PriorityFromProto(p.GetPriority()),
	}}, nil
}

// apply sets in p what changes, and returns the paths of it.
func (u *ActivityOptionsUpdate) apply(p *activitypb.ActivityOptions) []string {
	var paths []string
	duration := func(path string, change *ActivityOptionChange[time.Duration], field **durationpb.Duration) {
		if change == nil {
			return
		}
		paths = append(paths, path)
		if change.Value != nil {
			*field = durationpb.New(*change.Value)
		}
	}
	if change := u.TaskQueue; change != nil {
		paths = append(paths, "task_queue.name")
		if change.Value != nil {
			p.TaskQueue = &taskqueuepb.TaskQueue{Name: *change.Value}
		}
	}
	duration("schedule_to_close_timeout", u.ScheduleToCloseTimeout, &p.ScheduleToCloseTimeout)
	duration("schedule_to_start_timeout", u.ScheduleToStartTimeout, &p.ScheduleToStartTimeout)
	duration("start_to_close_timeout", u.StartToCloseTimeout, &p.StartToCloseTimeout)
	duration("heartbeat_timeout", u.HeartbeatTimeout, &p.HeartbeatTimeout)
	duration("start_delay", u.StartDelay, &p.StartDelay)
	if change := u.RetryPolicy; change != nil {
		paths = append(paths, "retry_policy")
		p.RetryPolicy = policy.RetryToProto(change.Value)
	}
	if change := u.Priority; change != nil {
		paths = append(paths, "priority")
		if change.Value != nil {
			p.Priority = policy.PriorityToProto(*change.Value)
		}
	}
	return paths
}
