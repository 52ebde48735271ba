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
	"github.com/perdure/perdure/sdk/internal/tuner"
	"github.com/perdure/perdure/sdk/log"
)

// activityWorker is the activity half of a Worker, or one of those for its sessions.
type activityWorker struct {
	queue activityQueue
	tasks *tasks[activityTask]
	// request is that of each poll.
	request *workflowservice.PollActivityTaskQueueRequest
	poller  *poller[activityTask]
	polls   *pollGauge
}

type activityTask = workflowservice.PollActivityTaskQueueResponse

// activityQueue is where an activityWorker gets its tasks, and how it runs them.
type activityQueue struct {
	name    string
	version *buildVersion
	slots   tuner.SlotSupplier
	// context is the parent of the contexts of its activities.
	context context.Context
	// behavior of its poller; nil for that of the worker's options.
	behavior PollerBehavior
}

func newActivityWorker(w *Worker, queue activityQueue) *activityWorker {
	c := &w.config
	logger := log.With(w.logger, logtag.WorkerType, metrics.WorkerActivity, logtag.TaskQueue, queue.name)
	tagged := w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerActivity))
	slots := newSlots(queue.slots, w, queue.name, logger, tagged)
	runner := activities.NewRunner(activities.Options{
		Failed:                   failedAttempts(slots, w.recent, "activity"),
		Service:                  c.backend.Service,
		Namespace:                c.backend.Namespace,
		TaskQueue:                queue.name,
		Identity:                 c.Identity,
		Registry:                 c.registry,
		DataConverter:            c.backend.DataConverter,
		FailureConverter:         c.backend.FailureConverter,
		ContextPropagators:       c.backend.ContextPropagators,
		Logger:                   w.logger,
		Metrics:                  w.metrics,
		Client:                   c.client,
		Interceptors:             activityInterceptors(c.Interceptors),
		Context:                  queue.context,
		Stopping:                 w.stopping,
		DefaultHeartbeatThrottle: c.DefaultHeartbeatThrottleInterval,
		MaxHeartbeatThrottle:     c.MaxHeartbeatThrottleInterval,
		Cancellable:              c.backend.Workers.Group.Cancellable,
		Stamp:                    queue.version.stampActivity,
		Check:                    c.sizes.Check,
		Storage:                  w.storage,
	})
	request := &workflowservice.PollActivityTaskQueueRequest{
		Namespace:         c.backend.Namespace,
		TaskQueue:         &taskqueuepb.TaskQueue{Name: queue.name, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Identity:          c.Identity,
		TaskQueueMetadata: &taskqueuepb.TaskQueueMetadata{MaxTasksPerSecond: wrapperspb.Double(c.TaskQueueActivitiesPerSecond)},
		WorkerInstanceKey: w.instanceKey,
	}
	queue.version.stampActivityPoll(request)
	measured := newActivityMetrics(w.metrics, queue.name)
	a := &activityWorker{queue: queue, request: request, polls: newPollGauge(w.metrics, metrics.PollerActivityTask)}
	a.tasks = newTasks(slots, logger, nil, func(task *activityTask) {
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
	})
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
	a.request.WorkerControlTaskQueue = w.commandQueue
	a.poller.behavior, a.poller.scalable = a.queue.behavior, w.scalable
	if a.queue.behavior == nil {
		a.poller.behavior = w.config.ActivityTaskPollerBehavior
	}
	a.poller.start(w.stopping, w.polling)
}

// failedAttempts counts and remembers attempts that failed.
func failedAttempts(slots *slots, recent *recent, what string) func(activities.Failure) {
	return func(f activities.Failure) {
		slots.failed.Add(1)
		if recent != nil {
			recent.add(failureNote{What: what, Type: f.ActivityType, WorkflowID: f.Workflow.ID, RunID: f.Workflow.RunID, Error: f.Err.Error()})
		}
	}
}
