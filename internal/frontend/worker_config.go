package frontend

import (
	"context"
	"errors"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/nexus"
)

// The configuration of a worker is the worker's: it is asked for it, and told to change it, by commands. Perdure's Go SDK
// knows these; a Temporal server has the calls, and always answers that they are not there.

// commandQueuePrefix is how SDKs begin the names of the queues at which they take commands; the namespace and the key of
// the worker's group follow.
const commandQueuePrefix = "temporal-sys/worker-commands/"

// FetchWorkerConfig asks a worker for its configuration.
func (h *workerHandlers) FetchWorkerConfig(ctx context.Context, req *workflowservice.FetchWorkerConfigRequest) (*workflowservice.FetchWorkerConfigResponse, error) {
	if !settingOf(ctx, dynamicconfig.WorkerCommands) {
		return nil, serviceerror.NewUnimplemented("FetchWorkerConfig command is not enabled.")
	}
	config, err := h.commandConfig(ctx, req.GetSelector().GetWorkerInstanceKey(), req)
	if err != nil {
		return nil, err
	}
	return &workflowservice.FetchWorkerConfigResponse{WorkerConfig: config}, nil
}

// UpdateWorkerConfig has a worker change its configuration.
func (h *workerHandlers) UpdateWorkerConfig(ctx context.Context, req *workflowservice.UpdateWorkerConfigRequest) (*workflowservice.UpdateWorkerConfigResponse, error) {
	switch {
	case !settingOf(ctx, dynamicconfig.WorkerCommands):
		return nil, serviceerror.NewUnimplemented("UpdateWorkerConfig command is not enabled.")
	case req.GetWorkerConfig() == nil:
		return nil, serviceerror.NewInvalidArgument("WorkerConfig is not set")
	case len(req.GetUpdateMask().GetPaths()) == 0:
		return nil, serviceerror.NewInvalidArgument("update_mask has to name the fields of the worker's configuration that are to be changed")
	}
	config, err := h.commandConfig(ctx, req.GetSelector().GetWorkerInstanceKey(), req)
	if err != nil {
		return nil, err
	}
	return &workflowservice.UpdateWorkerConfigResponse{Response: &workflowservice.UpdateWorkerConfigResponse_WorkerConfig{WorkerConfig: config}}, nil
}

func (h *workerHandlers) commandConfig(ctx context.Context, key string, req proto.Message) (*sdkpb.WorkerConfig, error) {
	if key == "" {
		return nil, serviceerror.NewInvalidArgument("selector has to name one worker, by its instance key")
	}
	ns := callOf(ctx).namespace
	heartbeat := h.workers.Find(ns.ID, key)
	if heartbeat == nil {
		return nil, serviceerror.NewNotFoundf("Worker %s not found", key)
	}
	config, err := h.dispatcher.CommandConfig(ctx, ns.ID, commandQueuePrefix+ns.Name+"/"+heartbeat.GetHostInfo().GetWorkerGroupingKey(), req)
	var refused *nexus.RefusedError
	switch {
	case errors.As(err, &refused):
		return nil, serviceerror.NewInvalidArgument(refused.Message)
	case errors.Is(err, nexus.ErrUnknownCommand):
		return nil, serviceerror.NewFailedPreconditionf("the SDK of worker %s does not take commands about its configuration", key)
	case errors.Is(err, nexus.ErrNoAnswer):
		return nil, serviceerror.NewUnavailable("worker " + key + " has not answered: it may be gone, or take no commands")
	}
	return config, err
}
