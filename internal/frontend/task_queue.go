package frontend

import (
	"cmp"
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/taskqueue"
)

// taskQueueHandlers describe and configure task queues.
type taskQueueHandlers struct {
	runtime interface {
		stepper
		viewer
	}
	matching interface {
		// Describe describes a queue, or the sticky queue of that name.
		Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
		// Configured says that the configuration of a queue has changed.
		Configured(queue entity.Queue)
	}
}

// ListTaskQueuePartitions says what a queue is made of: one part, here.
func (h *taskQueueHandlers) ListTaskQueuePartitions(ctx context.Context, req *workflowservice.ListTaskQueuePartitionsRequest) (*workflowservice.ListTaskQueuePartitionsResponse, error) {
	if err := limitsOf(ctx).CheckTaskQueue(req.GetTaskQueue()); err != nil {
		return nil, err
	}
	only := []*taskqueuepb.TaskQueuePartitionMetadata{{Key: req.GetTaskQueue().GetName()}}
	return &workflowservice.ListTaskQueuePartitionsResponse{
		ActivityTaskQueuePartitions: only,
		WorkflowTaskQueuePartitions: only,
	}, nil
}

// UpdateTaskQueueConfig changes the rate limits, the fairness weights and the concurrency limit of a task
// queue. They hold when it returns.
func (h *taskQueueHandlers) UpdateTaskQueueConfig(ctx context.Context, req *workflowservice.UpdateTaskQueueConfigRequest) (*workflowservice.UpdateTaskQueueConfigResponse, error) {
	if err := checkConfigUpdate(ctx, req); err != nil {
		return nil, err
	}
	resp := new(workflowservice.UpdateTaskQueueConfigResponse)
	err := h.runtime.Step(ctx, keyOf(ctx, entity.KindTaskQueue, req.GetTaskQueue()), func(step *entity.Step, e entity.Entity) (err error) {
		resp.Config, err = e.(*taskqueue.Config).Update(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t, ok := taskqueue.TaskType(req.GetTaskQueueType()); ok {
		h.matching.Configured(entity.Queue{Namespace: callOf(ctx).namespace.ID, Type: t, Name: req.GetTaskQueue()})
	}
	return resp, nil
}

// config reads what is configured of a type of a queue; nil if nothing is.
func (h *taskQueueHandlers) config(ctx context.Context, name string, queueType enumspb.TaskQueueType) (config *taskqueuepb.TaskQueueConfig, err error) {
	err = h.runtime.View(ctx, keyOf(ctx, entity.KindTaskQueue, name), func(e entity.Entity, _ entity.View) error {
		config = e.(*taskqueue.Config).Of(queueType)
		return nil
	})
	return config, err
}

func checkConfigUpdate(ctx context.Context, req *workflowservice.UpdateTaskQueueConfigRequest) error {
	if err := limitsOf(ctx).CheckTaskQueueName(req.GetTaskQueue()); err != nil {
		return err
	}
	if _, known := enumspb.TaskQueueType_name[int32(req.GetTaskQueueType())]; !known || req.GetTaskQueueType() == enumspb.TASK_QUEUE_TYPE_UNSPECIFIED {
		return serviceerror.NewInvalidArgument("TaskQueueType is not set on request.")
	}
	if req.GetTaskQueueType() == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
		if req.GetUpdateQueueRateLimit().GetRateLimit() != nil {
			return serviceerror.NewInvalidArgument("Setting rate limit on workflow task queues is not allowed.")
		}
		if req.GetUpdateFairnessKeyRateLimitDefault().GetRateLimit() != nil {
			return serviceerror.NewInvalidArgument("Setting fairness key rate limit on workflow task queues is not allowed.")
		}
	}
	if err := checkRateUpdate("UpdateQueueRateLimit", req.GetUpdateQueueRateLimit()); err != nil {
		return err
	}
	if err := checkRateUpdate("UpdateFairnessKeyRateLimitDefault", req.GetUpdateFairnessKeyRateLimitDefault()); err != nil {
		return err
	}
	if err := cmp.Or(checkConcurrencyUpdate(req), check.Reason("Identity", req.GetIdentity())); err != nil {
		return err
	}
	return check.FairnessWeightOverrides(req.GetSetFairnessWeightOverrides(), req.GetUnsetFairnessWeightOverrides())
}

// checkConcurrencyUpdate checks the concurrency limit, which flow control keeps for attempts of activities.
func checkConcurrencyUpdate(req *workflowservice.UpdateTaskQueueConfigRequest) error {
	update := req.GetUpdateQueueConcurrencyLimit()
	switch {
	case update == nil:
		return nil
	case update.GetConcurrencyLimit() != nil && req.GetTaskQueueType() != enumspb.TASK_QUEUE_TYPE_ACTIVITY:
		return serviceerror.NewInvalidArgument("Setting concurrency limit is allowed on activity task queues only.")
	case update.GetConcurrencyLimit().GetConcurrentTasks() < 0:
		return serviceerror.NewInvalidArgument("UpdateQueueConcurrencyLimit: concurrent tasks must not be negative.")
	}
	return check.Reason("UpdateQueueConcurrencyLimit.Reason", update.GetReason())
}

func checkRateUpdate(label string, update *workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate) error {
	if err := check.Rate(label, update.GetRateLimit().GetRequestsPerSecond()); err != nil {
		return err
	}
	return check.Reason(label+".Reason", update.GetReason())
}
