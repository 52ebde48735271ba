package worker

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// activityWorker is the activity half of a Worker.
type activityWorker struct {
	poller *poller[activityTask]
}

type activityTask = workflowservice.PollActivityTaskQueueResponse

func newActivityWorker(w *Worker) *activityWorker {
	c := &w.config
	logger := log.With(w.logger, logtag.WorkerType, "ActivityWorker")
	runner := activities.NewRunner(activities.Options{
		Service:                  c.backend.Service,
		Namespace:                c.backend.Namespace,
		TaskQueue:                c.taskQueue,
		Identity:                 c.Identity,
		Registry:                 c.registry,
		DataConverter:            c.backend.DataConverter,
		FailureConverter:         c.backend.FailureConverter,
		ContextPropagators:       c.backend.ContextPropagators,
		Logger:                   w.logger,
		Metrics:                  w.metrics,
		Client:                   c.client,
		Interceptors:             activityInterceptors(c.Interceptors),
		Context:                  w.taskContext,
		Stopping:                 w.stopping,
		DefaultHeartbeatThrottle: c.DefaultHeartbeatThrottleInterval,
		MaxHeartbeatThrottle:     c.MaxHeartbeatThrottleInterval,
		Stamp:                    w.version.stampActivity,
	})
	request := &workflowservice.PollActivityTaskQueueRequest{
		Namespace:         c.backend.Namespace,
		TaskQueue:         &taskqueuepb.TaskQueue{Name: c.taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Identity:          c.Identity,
		TaskQueueMetadata: &taskqueuepb.TaskQueueMetadata{MaxTasksPerSecond: wrapperspb.Double(c.TaskQueueActivitiesPerSecond)},
		WorkerInstanceKey: w.instanceKey,
	}
	w.version.stampActivityPoll(request)
	a := &activityWorker{}
	a.poller = &poller[activityTask]{
		count:  c.MaxConcurrentActivityTaskPollers,
		slots:  newSlots(c.MaxConcurrentActivityExecutionSize),
		limit:  newLimiter(c.WorkerActivitiesPerSecond),
		logger: logger,
		fatal:  w.fail,
		poll: func(ctx context.Context) (*activityTask, error) {
			task, err := c.backend.Service.PollActivityTaskQueue(ctx, request)
			if err != nil || len(task.GetTaskToken()) == 0 {
				return nil, err
			}
			return task, nil
		},
		run: func(task *activityTask) {
			if err := runner.Run(task); err != nil {
				logger.Info("Task processing failed with error",
					logtag.ActivityType, task.GetActivityType().GetName(),
					logtag.ActivityID, task.GetActivityId(),
					logtag.WorkflowID, task.GetWorkflowExecution().GetWorkflowId(),
					logtag.RunID, task.GetWorkflowExecution().GetRunId(),
					logtag.Error, err)
			}
		},
	}
	return a
}
