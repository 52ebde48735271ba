package frontend

//lint:file-ignore SA1019 older workers still send what is deprecated

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// RespondWorkflowTaskCompleted brings the commands of a workflow task. A command
// that makes no sense fails the task, durably, and is answered InvalidArgument.
func (s *Service) RespondWorkflowTaskCompleted(ctx context.Context, req *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error) {
	if err := checkIdentity(req.GetIdentity()); err != nil {
		return nil, err
	}
	if err := checkCompletionVersion(req); err != nil {
		return nil, err
	}
	if req.GetIntermediatePage() || req.GetPageNumber() != 0 {
		return nil, errPagedCompletion
	}
	if req.GetStickyAttributes() != nil {
		if err := checkTaskQueueName(req.GetStickyAttributes().GetWorkerTaskQueue().GetName()); err != nil {
			return nil, err
		}
		if err := checkDuration(req.GetStickyAttributes().GetScheduleToStartTimeout()); err != nil {
			return nil, invalid("invalid ScheduleToStartTimeout set on StickyAttributes: %v", err)
		}
	}
	token := callOf(ctx).token
	if token.GetWorkflowId() == "" || token.GetRunId() == "" {
		return nil, errTokenInvalid
	}
	var completion *workflow.Completion
	err := s.updateWorkflow(ctx, token.GetWorkflowId(), func(step *entity.Step, c chain) (err error) {
		completion, err = c.CompleteWorkflowTask(step, token, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	if completion.Err != nil {
		return nil, completion.Err
	}
	return completion.Response, nil
}

func checkCompletionVersion(req *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	if req.GetVersioningBehavior() != enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED &&
		req.GetDeploymentOptions().GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return errVersioningBehavior
	}
	return checkWorkerVersion(req.GetWorkerVersionStamp(), req.GetDeploymentOptions(), req.GetStickyAttributes().GetWorkerTaskQueue())
}

// RespondWorkflowTaskFailed says that a worker could not make sense of a workflow
// task. The task is offered again.
func (s *Service) RespondWorkflowTaskFailed(ctx context.Context, req *workflowservice.RespondWorkflowTaskFailedRequest) (*workflowservice.RespondWorkflowTaskFailedResponse, error) {
	if err := checkIdentity(req.GetIdentity()); err != nil {
		return nil, err
	}
	token := callOf(ctx).token
	if token.GetWorkflowId() == "" || token.GetRunId() == "" {
		return nil, errTokenInvalid
	}
	req.Failure = cutFailure(req.GetFailure())
	err := s.updateWorkflow(ctx, token.GetWorkflowId(), func(step *entity.Step, c chain) error {
		return c.FailWorkflowTask(step, token, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.RespondWorkflowTaskFailedResponse{}, nil
}

// cutFailure replaces a failure that is too big to be recorded by one that says
// so, with as much of the text as helps.
func cutFailure(failure *failurepb.Failure) *failurepb.Failure {
	if proto.Size(failure) <= maxBlobSize {
		return failure
	}
	return &failurepb.Failure{
		Message: reasonFailureTooBig,
		Source:  "Server",
		FailureInfo: &failurepb.Failure_ServerFailureInfo{
			ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: true},
		},
		Cause: &failurepb.Failure{
			Message:    truncateText(failure.GetMessage(), keptFailureText),
			Source:     truncateText(failure.GetSource(), maxIDLength),
			StackTrace: truncateText(failure.GetStackTrace(), keptFailureText),
		},
	}
}

// ResetStickyTaskQueue makes the next workflow task of a run go to any worker,
// with the whole history.
func (s *Service) ResetStickyTaskQueue(ctx context.Context, req *workflowservice.ResetStickyTaskQueueRequest) (*workflowservice.ResetStickyTaskQueueResponse, error) {
	if err := checkExecution(req.GetExecution()); err != nil {
		return nil, err
	}
	err := s.updateWorkflow(ctx, req.GetExecution().GetWorkflowId(), func(step *entity.Step, c chain) error {
		return c.ResetSticky(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.ResetStickyTaskQueueResponse{}, nil
}
