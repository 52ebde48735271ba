package worker

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// workflowWorker is the workflow half of a Worker.
type workflowWorker struct {
	tasks   *tasks[workflowTask]
	pollers []*poller[workflowTask] // made when the worker starts
	balance balance
	cache   *stickyCache
	eager   *eager
	local   *activities.LocalRunner
	// localSlots are those of local activities.
	localSlots *slots
	// hits and misses count the tasks of which the run was in the cache, and was not.
	hits, misses atomic.Int64

	options flow.Options

	service          workflowservice.WorkflowServiceClient
	failureConverter converter.FailureConverter
	storage          *extstore.Storage // nil if there is none
	registry         *registry.Registry
	namespace        string
	identity         string
	version          *buildVersion
	// commandQueue is that of the worker.
	commandQueue    string
	sizes           *payloadlimits.Checker
	versioning      VersioningBehavior // of workflow types that declare none
	logger          log.Logger
	recent          *recent
	metrics         *workflowMetrics
	forcedEvictions metrics.Counter

	// normalPolls and stickyPolls are the open polls of either task queue.
	normalPolls, stickyPolls *pollGauge

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
	local := newSlots(c.Tuner.GetLocalActivitySlotSupplier(), w, c.taskQueue, w.logger, w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerLocalActivity)))
	ww := &workflowWorker{
		localSlots:       local,
		cache:            w.cache,
		service:          c.backend.Service,
		failureConverter: c.backend.FailureConverter,
		storage:          w.storage,
		registry:         c.registry,
		namespace:        c.backend.Namespace,
		identity:         c.Identity,
		version:          w.version,
		sizes:            c.sizes,
		versioning:       c.DeploymentOptions.DefaultVersioningBehavior,
		logger:           logger,
		recent:           w.recent,
		metrics:          newWorkflowMetrics(w.metrics),
		forcedEvictions:  metrics.Fresh(w.metrics).Counter(metrics.StickyCacheTotalForcedEviction),
		normalPolls:      newPollGauge(w.metrics, metrics.PollerWorkflowTask),
		stickyPolls:      newPollGauge(w.metrics, metrics.PollerWorkflowStickyTask),
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
			Check:         c.sizes.Check,
			Storage:       w.storage,
			Slots:         localSlots{local},
			Failed:        failedAttempts(local, w.recent, "local activity"),
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
		PreferredVersion:      c.PreferredVersionProvider,
		Interceptors:          WorkflowInterceptors(c.Interceptors),
		LocalActivities:       ww.local,
	}
	ww.options = *ww.options.WithDefaults()
	if w.cache.capacity() > 0 {
		ww.sticky = &taskqueuepb.StickyExecutionAttributes{
			WorkerTaskQueue: &taskqueuepb.TaskQueue{
				Name:       stickyQueueName(),
				Kind:       enumspb.TASK_QUEUE_KIND_STICKY,
				NormalName: c.taskQueue,
			},
			ScheduleToStartTimeout: durationpb.New(c.StickyScheduleToStartTimeout),
		}
	}
	tagged := w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerWorkflow))
	ww.tasks = newTasks(newSlots(c.Tuner.GetWorkflowTaskSlotSupplier(), w, c.taskQueue, logger, tagged), logger, w.stopping.Done(), ww.handle)
	ww.tasks.slots.several = true // the server hands tasks over in its answers
	return ww
}

// newPollers makes the pollers: one that shares its polls out between the sticky and the
// normal task queue, or, if their number follows what the server suggests, one for each.
func (w *workflowWorker) newPollers(worker *Worker) {
	c := &worker.config
	tagged := worker.metrics.WithTags(metrics.WorkerTags(metrics.WorkerWorkflow))
	add := func(kind enumspb.TaskQueueKind, sticky func() bool) {
		w.pollers = append(w.pollers, &poller[workflowTask]{
			tasks:    w.tasks,
			behavior: c.WorkflowTaskPollerBehavior,
			scalable: worker.scalable,
			kind:     kind,
			fatal:    worker.fail,
			started:  tagged.Counter(metrics.PollerStart),
			poll: func(ctx context.Context) (*workflowTask, *taskqueuepb.PollerScalingDecision, error) {
				return w.poll(ctx, c.taskQueue, worker.instanceKey, sticky())
			},
		})
	}
	_, scales := c.WorkflowTaskPollerBehavior.behavior().(autoscaling)
	switch {
	case w.sticky == nil:
		add(enumspb.TASK_QUEUE_KIND_NORMAL, func() bool { return false })
	case scales:
		add(enumspb.TASK_QUEUE_KIND_NORMAL, func() bool { return false })
		add(enumspb.TASK_QUEUE_KIND_STICKY, func() bool { return true })
	default:
		w.balance.enabled = true
		add(enumspb.TASK_QUEUE_KIND_UNSPECIFIED, w.balance.next)
	}
	tagged.Counter(metrics.WorkerStart).Inc(1)
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

// start begins to poll.
func (w *workflowWorker) start(worker *Worker) {
	w.commandQueue = worker.commandQueue
	w.newPollers(worker)
	for _, p := range w.pollers {
		p.start(worker.stopping, worker.polling)
	}
}

// poll asks one of the two task queues for a workflow task.
func (w *workflowWorker) poll(ctx context.Context, taskQueue, instanceKey string, sticky bool) (*workflowTask, *taskqueuepb.PollerScalingDecision, error) {
	queue, open := &taskqueuepb.TaskQueue{Name: taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}, w.normalPolls
	if sticky {
		queue, open = w.sticky.GetWorkerTaskQueue(), w.stickyPolls
	}
	request := &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace:         w.namespace,
		TaskQueue:         queue,
		Identity:          w.identity,
		WorkerInstanceKey: instanceKey,

		WorkerControlTaskQueue: w.commandQueue,
	}
	w.version.stampWorkflowPoll(request)
	open.begin()
	task, err := w.service.PollWorkflowTaskQueue(ctx, request)
	w.balance.done(sticky, task.GetBacklogCountHint())
	found := err == nil && len(task.GetTaskToken()) > 0
	open.end(found)
	if !found {
		if err == nil {
			w.metrics.pollEmpty.Inc(1)
		}
		return nil, task.GetPollerScalingDecision(), err
	}
	w.metrics.polled(task)
	return task, task.GetPollerScalingDecision(), nil
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
