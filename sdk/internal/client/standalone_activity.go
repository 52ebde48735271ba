package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/links"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// ExecuteActivity starts an activity that belongs to no workflow and returns at once with
// its handle.
func (c *Client) ExecuteActivity(ctx context.Context, options StartActivityOptions, activity any, args ...any) (ActivityHandle, error) {
	name, err := (*registry.Registry)(nil).ActivityName(activity)
	if err != nil {
		return nil, err
	}
	if err := registry.CheckActivityArgs(activity, args); err != nil {
		return nil, err
	}
	return c.outbound.ExecuteActivity(c.outgoing(ctx), &ClientExecuteActivityInput{
		Options:      &options,
		ActivityType: name,
		Args:         args,
	})
}

func (o outbound) ExecuteActivity(ctx context.Context, in *ClientExecuteActivityInput) (ActivityHandle, error) {
	options := in.Options
	if err := options.check(); err != nil {
		return nil, err
	}
	dc := o.converterFor(ctx, converter.ActivitySerializationContext{
		Namespace:    o.namespace,
		ActivityType: in.ActivityType,
		TaskQueue:    options.TaskQueue,
	})
	input, err := dc.ToPayloads(in.Args...)
	if err != nil {
		return nil, err
	}
	attributes, err := searchattr.EncodeForStart(nil, options.TypedSearchAttributes)
	if err != nil {
		return nil, err
	}
	metadata, err := encoded.UserMetadata(options.Summary, options.StaticDetails, dc)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, o.propagators)
	if err != nil {
		return nil, err
	}
	request := &workflowservice.StartActivityExecutionRequest{
		Namespace:              o.namespace,
		Identity:               o.identity,
		RequestId:              uuid.NewString(),
		ActivityId:             options.ID,
		ActivityType:           &commonpb.ActivityType{Name: in.ActivityType},
		TaskQueue:              &taskqueuepb.TaskQueue{Name: options.TaskQueue},
		ScheduleToCloseTimeout: durationpb.New(options.ScheduleToCloseTimeout),
		ScheduleToStartTimeout: durationpb.New(options.ScheduleToStartTimeout),
		StartToCloseTimeout:    durationpb.New(options.StartToCloseTimeout),
		HeartbeatTimeout:       durationpb.New(options.HeartbeatTimeout),
		RetryPolicy:            policy.RetryToProto(options.RetryPolicy),
		Input:                  input,
		IdReusePolicy:          options.ActivityIDReusePolicy,
		IdConflictPolicy:       options.ActivityIDConflictPolicy,
		SearchAttributes:       attributes,
		Header:                 h,
		UserMetadata:           metadata,
		Priority:               policy.PriorityToProto(options.Priority),
		StartDelay:             durationpb.New(options.StartDelay),
	}
	if options.nexus != nil {
		options.nexus.applyToActivity(request)
	} else {
		fromHandler(ctx, request)
	}
	response, err := o.service.StartActivityExecution(ctx, request)
	if err != nil {
		return nil, err
	}
	if options.nexus != nil {
		options.nexus.answered(response.GetLink())
	} else {
		links.Answered(ctx, response.GetLink())
	}
	return newActivityHandle(o.Client, options.ID, response.GetRunId()), nil
}

func (options *StartActivityOptions) check() error {
	switch {
	case options.ID == "":
		return errors.New("activity ID is required")
	case options.TaskQueue == "":
		return errors.New("task queue is required")
	case options.ScheduleToCloseTimeout < 0:
		return errors.New("negative ScheduleToCloseTimeout")
	case options.StartToCloseTimeout < 0:
		return errors.New("negative StartToCloseTimeout")
	case options.StartToCloseTimeout == 0 && options.ScheduleToCloseTimeout == 0:
		return errors.New("at least one of ScheduleToCloseTimeout and StartToCloseTimeout is required")
	}
	return nil
}

// GetActivityHandle returns the handle of an activity, without asking the server whether it
// exists.
func (c *Client) GetActivityHandle(options GetActivityHandleOptions) ActivityHandle {
	in := ClientGetActivityHandleInput(options)
	return c.outbound.GetActivityHandle(&in)
}

func (o outbound) GetActivityHandle(in *ClientGetActivityHandleInput) ActivityHandle {
	return newActivityHandle(o.Client, in.ActivityID, in.RunID)
}

// ListActivities lists activities that belong to no workflow.
func (c *Client) ListActivities(ctx context.Context, options ListActivitiesOptions) (ListActivitiesResult, error) {
	fetch := func(token []byte) ([]*activitypb.ActivityExecutionListInfo, []byte, error) {
		response, err := c.service.ListActivityExecutions(ctx, &workflowservice.ListActivityExecutionsRequest{
			Namespace:     c.namespace,
			Query:         options.Query,
			NextPageToken: token,
		})
		return response.GetExecutions(), response.GetNextPageToken(), err
	}
	return ListActivitiesResult{Results: sequence(fetch, c.activityInfoFromProto)}, nil
}

func (c *Client) activityInfoFromProto(p *activitypb.ActivityExecutionListInfo) *ClientActivityExecutionInfo {
	return &ClientActivityExecutionInfo{
		RawExecutionListInfo:  p,
		ActivityID:            p.GetActivityId(),
		ActivityRunID:         p.GetRunId(),
		ActivityType:          p.GetActivityType().GetName(),
		ScheduleTime:          p.GetScheduleTime().AsTime(),
		CloseTime:             p.GetCloseTime().AsTime(),
		Status:                p.GetStatus(),
		TypedSearchAttributes: searchattr.Decode(c.logger, p.GetSearchAttributes()),
		TaskQueue:             p.GetTaskQueue(),
		ExecutionDuration:     p.GetExecutionDuration().AsDuration(),
		ExecutionTime:         p.GetExecutionTime().AsTime(),
	}
}

// CountActivities counts activities that belong to no workflow.
func (c *Client) CountActivities(ctx context.Context, options CountActivitiesOptions) (*CountActivitiesResult, error) {
	response, err := c.service.CountActivityExecutions(ctx, &workflowservice.CountActivityExecutionsRequest{
		Namespace: c.namespace,
		Query:     options.Query,
	})
	if err != nil {
		return nil, err
	}
	result := &CountActivitiesResult{
		Count:  response.GetCount(),
		Groups: make([]CountActivitiesAggregationGroup, 0, len(response.GetGroups())),
	}
	for _, group := range response.GetGroups() {
		result.Groups = append(result.Groups, CountActivitiesAggregationGroup{
			GroupValues: groupValues(group.GetGroupValues()),
			Count:       group.GetCount(),
		})
	}
	return result, nil
}

// groupValues decodes what a query groups by: search attributes, which are never encoded by
// the user's converter. What cannot be decoded is nil.
func groupValues(payloads []*commonpb.Payload) []any {
	values := make([]any, len(payloads))
	for i, payload := range payloads {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &values[i])
	}
	return values
}

// PollActivityResult waits for the outcome. The server ends waits that take long, which is
// not an outcome.
func (o outbound) PollActivityResult(ctx context.Context, in *ClientPollActivityResultInput) (*ClientPollActivityResultOutput, error) {
	for {
		response, err := o.service.PollActivityExecution(ctx, &workflowservice.PollActivityExecutionRequest{
			Namespace:  o.namespace,
			ActivityId: in.ActivityID,
			RunId:      in.RunID,
		})
		if err != nil {
			return nil, err
		}
		if response.GetOutcome() == nil {
			continue
		}
		// What else the activity was started with is not known to those who wait.
		payloadsOf := converter.ActivitySerializationContext{Namespace: o.namespace}
		switch outcome := response.GetOutcome().GetValue().(type) {
		case *activitypb.ActivityExecutionOutcome_Result:
			return &ClientPollActivityResultOutput{
				Result: encoded.NewValue(outcome.Result, o.converterFor(ctx, payloadsOf)),
			}, nil
		case *activitypb.ActivityExecutionOutcome_Failure:
			fc := converter.WithFailureConverterSerializationContext(o.failureConverter, payloadsOf)
			return &ClientPollActivityResultOutput{Error: fc.FailureToError(outcome.Failure)}, nil
		default:
			return nil, fmt.Errorf("unexpected activity outcome type: %T", outcome)
		}
	}
}
