package frontend

import (
	"context"
	"encoding/json"
	enumspb "go.temporal.io/api/enums/v1"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// nexusTaskHandlers give Nexus requests to workers and take their answers.
type nexusTaskHandlers struct {
	polls      *polls
	dispatcher *nexus.Dispatcher
	// heartbeats takes the heartbeats of workers that come with a poll.
	heartbeats func(context.Context, []*workerpb.WorkerHeartbeat) error
	logger     *slog.Logger
}

// PollNexusTaskQueue waits for a Nexus request.
func (h *nexusTaskHandlers) PollNexusTaskQueue(ctx context.Context, req *workflowservice.PollNexusTaskQueueRequest) (*workflowservice.PollNexusTaskQueueResponse, error) {
	//lint:ignore SA1019 older clients use it
	if err := checkPoll(ctx, req, req.GetWorkerVersionCapabilities()); err != nil {
		return nil, err
	}
	if len(req.GetWorkerHeartbeat()) > 0 {
		if err := h.heartbeats(ctx, req.GetWorkerHeartbeat()); err != nil {
			h.logger.WarnContext(ctx, "The heartbeats of workers that came with a poll could not be kept", "namespace", req.GetNamespace(), "taskQueue", req.GetTaskQueue().GetName(), "error", err)
		}
	}
	ns, queue := callOf(ctx).namespace.ID, req.GetTaskQueue().GetName()
	poll := matching.PollRequest{
		Queue:       entity.Queue{Namespace: ns, Type: entity.TaskNexus, Name: queue},
		Identity:    req.GetIdentity(),
		InstanceKey: req.GetWorkerInstanceKey(),
		//lint:ignore SA1019 older clients use it
		Capabilities: req.GetWorkerVersionCapabilities(),
		Deployment:   req.GetDeploymentOptions(),
	}
	if req.GetTaskQueue().GetKind() != enumspb.TASK_QUEUE_KIND_WORKER_COMMANDS { // the worker's own
		if err := h.polls.registered(ctx, &poll, poll.Deployment, poll.Capabilities); err != nil {
			return nil, err
		}
	}
	resp := new(workflowservice.PollNexusTaskQueueResponse)
	err := h.polls.poll(ctx, poll, func(work *matching.Work) (taken bool, err error) {
		task := work.Query.Payload.(*nexus.Task)
		resp.TaskToken = tokens.EncodeTask(&records.TaskToken{NamespaceId: ns, TaskQueue: queue, NexusTaskId: task.ID})
		resp.Request = task.Request(time.Now())
		resp.PollerScalingDecision = scalingDecision(work)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// errDetails: details of failures in the form of older SDKs are JSON.
var errDetails = serviceerror.NewInvalidArgument("failure details must be JSON serializable")

// checkDetails refuses details that are set and not JSON.
func checkDetails(details []byte) error {
	if details != nil && !json.Valid(details) {
		return errDetails
	}
	return nil
}

// RespondNexusTaskCompleted brings the answer to a Nexus request.
func (h *nexusTaskHandlers) RespondNexusTaskCompleted(ctx context.Context, req *workflowservice.RespondNexusTaskCompletedRequest) (*workflowservice.RespondNexusTaskCompletedResponse, error) {
	if async := req.GetResponse().GetStartOperation().GetAsyncSuccess(); async != nil {
		operationToken := async.GetOperationToken()
		if operationToken == "" {
			//lint:ignore SA1019 older workers use it
			operationToken = async.GetOperationId()
		}
		if operationToken == "" {
			return nil, serviceerror.NewInvalidArgument("missing opration token in response")
		}
		if most := settingOf(ctx, dynamicconfig.NexusOperationToken); len(operationToken) > most {
			return nil, serviceerror.NewInvalidArgumentf("operation token length exceeds allowed limit (%d/%d)", len(operationToken), most)
		}
	}
	token := callOf(ctx).token
	if err := tokens.CheckNexusTask(token); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older workers use it
	if err := checkDetails(req.GetResponse().GetStartOperation().GetOperationError().GetFailure().GetDetails()); err != nil {
		return nil, err
	}
	if err := h.dispatcher.Answer(token.GetNexusTaskId(), token.GetNamespaceId(), &nexus.Answer{Response: req.GetResponse()}); err != nil {
		return nil, err
	}
	return &workflowservice.RespondNexusTaskCompletedResponse{}, nil
}

// RespondNexusTaskFailed says that the handler of a Nexus request has failed.
func (h *nexusTaskHandlers) RespondNexusTaskFailed(ctx context.Context, req *workflowservice.RespondNexusTaskFailedRequest) (*workflowservice.RespondNexusTaskFailedResponse, error) {
	token := callOf(ctx).token
	if err := tokens.CheckNexusTask(token); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older workers use it
	handlerError := req.GetError()
	if handlerError == nil && req.GetFailure() == nil {
		return nil, serviceerror.NewInvalidArgument("request must contain error or failure")
	}
	if err := checkDetails(handlerError.GetFailure().GetDetails()); err != nil {
		return nil, err
	}
	if req.GetFailure() != nil && req.GetFailure().GetNexusHandlerFailureInfo() == nil {
		return nil, serviceerror.NewInvalidArgument("request Failure must contain error or failure with NexusHandlerFailureInfo")
	}
	answer := &nexus.Answer{Error: handlerError}
	if handlerError == nil {
		answer.Failure = req.GetFailure()
	}
	if err := h.dispatcher.Answer(token.GetNexusTaskId(), token.GetNamespaceId(), answer); err != nil {
		return nil, err
	}
	return &workflowservice.RespondNexusTaskFailedResponse{}, nil
}
