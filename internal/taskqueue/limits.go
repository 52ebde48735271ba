package taskqueue

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// types are the types of tasks and what the API calls them.
var types = map[entity.TaskType]enumspb.TaskQueueType{
	entity.TaskWorkflow: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	entity.TaskActivity: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
	entity.TaskNexus:    enumspb.TASK_QUEUE_TYPE_NEXUS,
}

// TaskType is the type of the tasks in queues of a type; false if there are none.
func TaskType(queueType enumspb.TaskQueueType) (entity.TaskType, bool) {
	for t, name := range types {
		if name == queueType {
			return t, true
		}
	}
	return 0, false
}

// QueueType is what the API calls the type of queues with tasks of a type.
func QueueType(t entity.TaskType) enumspb.TaskQueueType { return types[t] }

// Limits returns a function that reads what matching has to keep to in a queue.
func Limits(view func(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error) func(context.Context, entity.Queue) (matching.Config, error) {
	return func(ctx context.Context, queue entity.Queue) (limits matching.Config, err error) {
		if queue.Namespace == "" {
			return limits, nil // a queue of the server's own, which nobody configures
		}
		key := entity.Key{Kind: entity.KindTaskQueue, Namespace: queue.Namespace, ID: queue.Name}
		err = view(ctx, key, func(e entity.Entity, _ entity.View) error {
			config := e.(*Config).Of(types[queue.Type])
			limits = matching.Config{
				Rate:    perSecond(config.GetQueueRateLimit()),
				KeyRate: perSecond(config.GetFairnessKeysRateLimitDefault()),
				Weights: config.GetFairnessWeightOverrides(),
			}
			return nil
		})
		return limits, err
	}
}

func perSecond(config *taskqueuepb.RateLimitConfig) *float64 {
	if config.GetRateLimit() == nil {
		return nil
	}
	rate := float64(config.GetRateLimit().GetRequestsPerSecond())
	return &rate
}
