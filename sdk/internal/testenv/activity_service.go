package testenv

import (
	"context"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// activityService is the server for one attempt of an activity.
type activityService struct {
	workflowservice.WorkflowServiceClient // nil: nothing else is called
	engine                                *Engine
	attempt                               *attempt
}

func (s activityService) RespondActivityTaskCompleted(_ context.Context, in *workflowservice.RespondActivityTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	s.attempt.response = in
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

func (s activityService) RespondActivityTaskFailed(_ context.Context, in *workflowservice.RespondActivityTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	s.attempt.response = in
	return &workflowservice.RespondActivityTaskFailedResponse{}, nil
}

func (s activityService) RespondActivityTaskCanceled(_ context.Context, in *workflowservice.RespondActivityTaskCanceledRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCanceledResponse, error) {
	s.attempt.response = in
	return &workflowservice.RespondActivityTaskCanceledResponse{}, nil
}

// RecordActivityTaskHeartbeat notes the details, and has the listener told.
func (s activityService) RecordActivityTaskHeartbeat(_ context.Context, in *workflowservice.RecordActivityTaskHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
	a := s.attempt
	if a.over.Load() {
		return nil, serviceerror.NewNotFound("the activity is over, or its workflow is")
	}
	s.engine.Post(func() {
		t := a.task
		if a.over.Load() || !t.open() {
			return
		}
		t.details = in.GetDetails()
		if a.heartbeat != nil && a.heartbeat.Stop() {
			a.heartbeat.Reset(t.info.HeartbeatTimeout)
		}
		if listener := s.engine.Options.Listeners.ActivityHeartbeat; listener != nil {
			info := t.info
			s.engine.later(func() { listener(&info, newValues(in.GetDetails(), t.converter)) })
		}
	})
	return &workflowservice.RecordActivityTaskHeartbeatResponse{}, nil
}
