package worker

import (
	"context"
	"os"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// workflowWorker is the workflow half of a Worker.
type workflowWorker struct {
	poller  *poller[workflowTask]
	balance balance
	cache   *stickyCache
	eager   *eager
	local   *activities.LocalRunner
	options flow.Options

	service          workflowservice.WorkflowServiceClient
	failureConverter converter.FailureConverter
	registry         *registry.Registry
	namespace        string
	identity         string
	version          *buildVersion
	versioning       VersioningBehavior // of workflow types that declare none
	logger           log.Logger

	// sticky is told to the server with each completion; nil when runs are not
	// cached.
	sticky *taskqueuepb.StickyExecutionAttributes

	// ctx bounds what task handlers ask of the server, and ends with the last
	// grace of Stop.
	ctx context.Context
}

type workflowTask = workflowservice.PollWorkflowTaskQueueResponse

func newWorkflowWorker(w *Worker) *workflowWorker {
	c := &w.config
	logger := log.With(w.logger, logtag.WorkerType, "WorkflowWorker")
	ww := &workflowWorker{
		cache:            w.cache,
		service:          c.backend.Service,
		failureConverter: c.backend.FailureConverter,
		registry:         c.registry,
		namespace:        c.backend.Namespace,
		identity:         c.Identity,
		version:          w.version,
		versioning:       c.DeploymentOptions.DefaultVersioningBehavior,
		logger:           logger,
		ctx:              w.taskContext,
		eager: &eager{
			disabled:  c.DisableEagerActivities,
			taskQueue: c.taskQueue,
			perTask:   *c.MaxEagerActivityReservationsPerWorkflowTask,
			maximum:   c.MaxConcurrentEagerActivityExecutionSize,
		},
		local: activities.NewLocalRunner(activities.LocalOptions{
			Registry:      c.registry,
			DataConverter: c.backend.DataConverter,
			Logger:        w.logger,
			Metrics:       w.metrics,
			Client:        c.client,
			Interceptors:  activityInterceptors(c.Interceptors),
			Context:       w.taskContext,
			Stopping:      w.stopping,
			MaxConcurrent: c.MaxConcurrentLocalActivityExecutionSize,
			Limit:         newLimiter(c.WorkerLocalActivitiesPerSecond).wait,
		}),
	}
	ww.options = flow.Options{
		Namespace:             c.backend.Namespace,
		TaskQueue:             c.taskQueue,
		Identity:              c.Identity,
		BuildID:               c.BuildID,
		Registry:              c.registry,
		DataConverter:         c.backend.DataConverter,
		FailureConverter:      c.backend.FailureConverter,
		ContextPropagators:    c.backend.ContextPropagators,
		Logger:                w.logger,
		Metrics:               w.metrics,
		EnableLoggingInReplay: c.EnableLoggingInReplay,
		PanicPolicy:           c.WorkflowPanicPolicy,
		DeadlockTimeout:       c.DeadlockDetectionTimeout,
		Interceptors:          WorkflowInterceptors(c.Interceptors),
		LocalActivities:       ww.local,
	}
	if w.cache.capacity() > 0 {
		ww.balance.enabled = true
		ww.sticky = &taskqueuepb.StickyExecutionAttributes{
			WorkerTaskQueue: &taskqueuepb.TaskQueue{
				Name:       stickyQueueName(),
				Kind:       enumspb.TASK_QUEUE_KIND_STICKY,
				NormalName: c.taskQueue,
			},
			ScheduleToStartTimeout: durationpb.New(c.StickyScheduleToStartTimeout),
		}
	}
	ww.poller = &poller[workflowTask]{
		count:  c.MaxConcurrentWorkflowTaskPollers,
		slots:  newSlots(c.MaxConcurrentWorkflowTaskExecutionSize),
		logger: logger,
		fatal:  w.fail,
		poll: func(ctx context.Context) (*workflowTask, error) {
			return ww.poll(ctx, c.taskQueue, w.instanceKey)
		},
		run: ww.handle,
	}
	return ww
}

// stickyQueueName names the task queue that only this worker polls. The host is
// for people who look at it.
func stickyQueueName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "UnKnown"
	}
	return host + ":" + uuid.NewString()
}

// stickyQueue is the name of the sticky queue, empty if there is none.
func (w *workflowWorker) stickyQueue() string {
	return w.sticky.GetWorkerTaskQueue().GetName()
}

// configure takes in what the server can do, before polling.
func (w *workflowWorker) configure(capabilities *workflowservice.GetSystemInfoResponse_Capabilities) {
	w.options.SDKMetadata = capabilities.GetSdkMetadata()
}

// poll asks one of the two task queues for a workflow task.
func (w *workflowWorker) poll(ctx context.Context, taskQueue, instanceKey string) (*workflowTask, error) {
	queue := &taskqueuepb.TaskQueue{Name: taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
	sticky := w.balance.next()
	if sticky {
		queue = w.sticky.GetWorkerTaskQueue()
	}
	request := &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace:         w.namespace,
		TaskQueue:         queue,
		Identity:          w.identity,
		WorkerInstanceKey: instanceKey,
	}
	w.version.stampWorkflowPoll(request)
	task, err := w.service.PollWorkflowTaskQueue(ctx, request)
	w.balance.done(sticky, task.GetBacklogCountHint())
	if err != nil || len(task.GetTaskToken()) == 0 {
		return nil, err
	}
	return task, nil
}

// stop waits for the local activities until ctx ends.
func (w *workflowWorker) stop(ctx context.Context) error {
	return w.local.Close(ctx)
}

// dropRuns closes the cached runs of this worker.
func (w *workflowWorker) dropRuns() {
	w.cache.removeIf(func(c cached) bool {
		r, ok := c.(*run)
		return ok && r.owner == w
	})
}
