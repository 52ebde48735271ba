package testenv

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
)

// ActivityCall is one attempt of an activity that no engine runs.
type ActivityCall struct {
	ID, Type             string
	Namespace, TaskQueue string
	// Workflow is zero for an activity that no workflow has started.
	Workflow      execution.Workflow
	WorkflowType  string
	ActivityRunID string
	Input         *commonpb.Payloads
	Header        *commonpb.Header
	Details       *commonpb.Payloads
	Timeout       time.Duration
	// Attempt is the number of the attempt. Default 1.
	Attempt int32
	// Heartbeat is told of heartbeats; may be nil.
	Heartbeat func(*activities.Info, converter.EncodedValues)
}

// RunActivity runs the activity on the caller's goroutine. Its error is as a workflow
// would find it in an ActivityError, or activities.ErrResultPending.
func RunActivity(ctx context.Context, call ActivityCall, options activities.Options) (*commonpb.Payloads, error) {
	token := call.Workflow.RunID
	if token == "" {
		token = call.ActivityRunID
	}
	now := time.Now()
	task := &workflowservice.PollActivityTaskQueueResponse{
		TaskToken: []byte(token + "#" + call.ID), WorkflowNamespace: call.Namespace, ActivityId: call.ID,
		ActivityType: &commonpb.ActivityType{Name: call.Type}, Header: call.Header, Input: call.Input, HeartbeatDetails: call.Details,
		ScheduledTime: timestamppb.New(now), StartedTime: timestamppb.New(now), Attempt: max(call.Attempt, 1),
		ScheduleToCloseTimeout: durationpb.New(call.Timeout), StartToCloseTimeout: durationpb.New(call.Timeout),
		ActivityRunId: call.ActivityRunID,
	}
	if call.Workflow.ID != "" {
		task.WorkflowExecution = workflowExecution(call.Workflow.ID, call.Workflow.RunID)
		task.WorkflowType = &commonpb.WorkflowType{Name: call.WorkflowType}
	}
	service := &callService{call: &call, info: activities.Info{
		TaskToken: task.GetTaskToken(), ActivityID: call.ID, ActivityType: execution.ActivityType{Name: call.Type},
		WorkflowExecution: call.Workflow, ActivityRunID: call.ActivityRunID, Attempt: max(call.Attempt, 1), Namespace: call.Namespace, TaskQueue: call.TaskQueue,
	}, converter: options.DataConverter}
	options.Service, options.Context = service, ctx
	switch err := activities.NewRunner(options).Run(task); {
	case errors.Is(err, activities.ErrAfterDeadline):
		return nil, failure.NewTimeoutError("Activity timeout", enumspb.TIMEOUT_TYPE_START_TO_CLOSE, context.DeadlineExceeded)
	case err != nil:
		return nil, err
	}
	switch response := service.response.(type) {
	case *workflowservice.RespondActivityTaskCompletedRequest:
		return response.GetResult(), nil
	case *workflowservice.RespondActivityTaskCanceledRequest:
		return nil, failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{encoded.NewValues(response.GetDetails(), options.DataConverter)}})
	case *workflowservice.RespondActivityTaskFailedRequest:
		return nil, options.FailureConverter.FailureToError(response.GetFailure())
	}
	return nil, activities.ErrResultPending
}

// Stopping is a context that ends with stop; if that is nil, with ctx.
func Stopping(ctx context.Context, stop <-chan struct{}) context.Context {
	return stopping{Context: ctx, stop: stop}
}

// callService is the server for an ActivityCall.
type callService struct {
	workflowservice.WorkflowServiceClient // nil: nothing else is called
	call                                  *ActivityCall
	info                                  activities.Info
	converter                             converter.DataConverter
	response                              any
}

func (s *callService) RespondActivityTaskCompleted(_ context.Context, in *workflowservice.RespondActivityTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	s.response = in
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

func (s *callService) RespondActivityTaskFailed(_ context.Context, in *workflowservice.RespondActivityTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	s.response = in
	return &workflowservice.RespondActivityTaskFailedResponse{}, nil
}

func (s *callService) RespondActivityTaskCanceled(_ context.Context, in *workflowservice.RespondActivityTaskCanceledRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCanceledResponse, error) {
	s.response = in
	return &workflowservice.RespondActivityTaskCanceledResponse{}, nil
}

func (s *callService) RecordActivityTaskHeartbeat(_ context.Context, in *workflowservice.RecordActivityTaskHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
	if s.call.Heartbeat != nil {
		info := s.info
		s.call.Heartbeat(&info, newValues(in.GetDetails(), s.converter))
	}
	return &workflowservice.RecordActivityTaskHeartbeatResponse{}, nil
}
