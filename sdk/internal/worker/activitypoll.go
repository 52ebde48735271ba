package worker

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// activityWorker is the activity half of a Worker.
type activityWorker struct {
	tasks  *tasks[activityTask]
	poller *poller[activityTask]
	polls  *pollGauge
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
		Check:                    c.sizes.Check,
	})
	request := &workflowservice.PollActivityTaskQueueRequest{
		Namespace:         c.backend.Namespace,
		TaskQueue:         &taskqueuepb.TaskQueue{Name: c.taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Identity:          c.Identity,
		TaskQueueMetadata: &taskqueuepb.TaskQueueMetadata{MaxTasksPerSecond: wrapperspb.Double(c.TaskQueueActivitiesPerSecond)},
		WorkerInstanceKey: w.instanceKey,
	}
	w.version.stampActivityPoll(request)
	tagged := w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerActivity))
	measured := newActivityMetrics(w.metrics, c.taskQueue)
	a := &activityWorker{polls: newPollGauge(w.metrics, metrics.PollerActivityTask)}
	a.tasks = &tasks[activityTask]{
		slots:  newSlots(c.Tuner.GetActivityTaskSlotSupplier(), w, logger, tagged),
		logger: logger,
		run: func(task *activityTask) {
			if err := runner.Run(task); err != nil {
				logger.Warn("The outcome of an activity could not be reported; the attempt will time out.",
					logtag.Attempt, task.GetAttempt(),
					logtag.WorkflowType, task.GetWorkflowType().GetName(),
					logtag.ActivityType, task.GetActivityType().GetName(),
					logtag.ActivityID, task.GetActivityId(),
					logtag.WorkflowID, task.GetWorkflowExecution().GetWorkflowId(),
					logtag.RunID, task.GetWorkflowExecution().GetRunId(),
					logtag.Error, err)
			}
		},
	}
	a.poller = &poller[activityTask]{
		tasks:   a.tasks,
		kind:    enumspb.TASK_QUEUE_KIND_NORMAL,
		limit:   newLimiter(c.WorkerActivitiesPerSecond),
		fatal:   w.fail,
		started: tagged.Counter(metrics.PollerStart),
		poll: func(ctx context.Context) (*activityTask, *taskqueuepb.PollerScalingDecision, error) {
			a.polls.begin()
			task, err := c.backend.Service.PollActivityTaskQueue(ctx, request)
			found := err == nil && len(task.GetTaskToken()) > 0
			a.polls.end(found)
			if !found {
				if err == nil {
					measured.noTask.Inc(1)
				}
				return nil, task.GetPollerScalingDecision(), err
			}
			measured.polled(task)
			return task, task.GetPollerScalingDecision(), nil
		},
	}
	return a
}

// start begins to poll.
func (a *activityWorker) start(w *Worker) {
	w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerActivity)).Counter(metrics.WorkerStart).Inc(1)
	a.poller.behavior, a.poller.scalable = w.config.ActivityTaskPollerBehavior, w.scalable
	a.poller.start(w.stopping, w.polling)
}
