package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"

	publicclient "github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/workergroup"
	"github.com/perdure/perdure/sdk/log"
)

// shutdownTimeout bounds the call that tells the server that a worker stops, and
// what polls are given to end by themselves after it.
const shutdownTimeout = 5 * time.Second

// Worker polls one task queue and runs the workflows and activities that it was
// told about. Make it with New, then Start it or Run it, then Stop it; it does
// not start twice.
type Worker struct {
	config      config
	cache       *stickyCache
	version     *buildVersion
	instanceKey string
	logger      log.Logger
	metrics     metrics.Handler   // with the tags of the task queue
	storage     *extstore.Storage // nil if there is none

	workflows  *workflowWorker // nil if disabled
	activities *activityWorker // nil if disabled
	nexus      *nexusWorker    // nil until Start, and without Nexus services; guarded by mu
	sessions   *sessionWorker  // nil if disabled

	// The three contexts of a worker's life end in this order as it stops.

	// stopping ends first: nothing new begins, activities are warned.
	stopping context.Context
	// polling bounds open polls.
	polling context.Context
	// taskContext bounds tasks: workflow tasks, and the contexts of activities.
	taskContext context.Context

	endStopping context.CancelFunc
	endPolling  context.CancelFunc
	endTasks    context.CancelCauseFunc

	start   func() error
	stopped chan struct{} // closed when Stop is done

	mu         sync.Mutex
	stopBegun  bool
	fatalError error
	// beats and leaveGroup are nil until Start, and without worker heartbeats.
	beats      *heartbeats
	leaveGroup func()
	// commandQueue is where the server sends commands, empty if it does not. It is set before
	// the worker polls.
	commandQueue string
	// recent remembers failures for the status page; nil without one.
	recent *recent
	// started is when Start was called, page the status page, nil until then and without one.
	started time.Time
	page    *statusPage
	// background waits for goroutines that are neither pollers nor tasks.
	background sync.WaitGroup
	// deregister takes the worker away from the client's eager starts.
	deregister func()
	// drain says that the server ends polls itself when told of the stop, so
	// that no task is lost in a poll that is cut off.
	drain bool
	// scalable says that the server makes suggestions about numbers of polls.
	scalable bool
}

// config is all that a Worker is made of, its options with their defaults.
type config struct {
	Options
	backend   *client.Backend
	client    publicclient.Client // for activity.GetClient
	taskQueue string
	registry  *registry.Registry
	sizes     *payloadlimits.Checker
	plugins   []Plugin
	// instanceKey is unique for each worker; registryOptions are told of registrations.
	instanceKey     string
	registryOptions *PluginConfigureWorkerRegistryOptions
	// pluginRegistry is what plugins may register more with. Default nothing: it is set
	// before the worker starts.
	pluginRegistry PluginRegistry
	// untold says of which tasks nobody has chosen the number of polls.
	untold struct{ workflows, activities, nexus bool }
}

// enrollInAutoscaling lets the numbers of polls that nobody has chosen follow what the
// server suggests.
func (c *config) enrollInAutoscaling() {
	scaled := NewPollerBehaviorAutoscaling(PollerBehaviorAutoscalingOptions{})
	if c.untold.workflows {
		c.WorkflowTaskPollerBehavior = scaled
	}
	if c.untold.activities {
		c.ActivityTaskPollerBehavior = scaled
	}
	if c.untold.nexus {
		c.NexusTaskPollerBehavior = scaled
	}
}

// New returns a Worker. It fails if the options make no sense, or if the client was
// not made by package client.
func New(c publicclient.Client, taskQueue string, options Options) (*Worker, error) {
	backend, err := client.BackendOf(c)
	if err != nil {
		return nil, err
	}
	instanceKey, plugins := uuid.NewString(), pluginsOf(backend.Plugins, options.Plugins)
	registryOptions := &PluginConfigureWorkerRegistryOptions{}
	for _, plugin := range plugins {
		if err := plugin.ConfigureWorker(context.Background(), PluginConfigureWorkerOptions{
			WorkerInstanceKey: instanceKey, TaskQueue: taskQueue, WorkerOptions: &options, WorkerRegistryOptions: registryOptions,
		}); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", plugin.Name(), err)
		}
	}
	if err := options.check(taskQueue); err != nil {
		return nil, err
	}
	sizes, err := payloadlimits.New(backend.PayloadLimits, backend.Logger, nil)
	if err != nil {
		return nil, err
	}
	options.Interceptors = interceptorsOf(backend, options.Interceptors)
	return newWorker(config{
		Options:   options,
		backend:   backend,
		client:    c,
		taskQueue: taskQueue,
		registry:  flow.NewRegistry(options.DisableRegistrationAliasing),
		sizes:     sizes,
		plugins:   plugins,

		instanceKey:     instanceKey,
		registryOptions: registryOptions,
	}, options.cacheOf()), nil
}

// AllowsWorkflow fails if a workflow cannot be registered with the worker. versioned says that
// the workflow has a versioning behavior of its own.
func (w *Worker) AllowsWorkflow(versioned bool) error {
	o := &w.config.Options
	switch {
	case o.DisableWorkflowWorker:
		return errors.New("workflow worker disabled, cannot register workflow")
	case !versioned && o.UseBuildIDForVersioning && o.DeploymentOptions.Version != (WorkerDeploymentVersion{}) &&
		o.DeploymentOptions.DefaultVersioningBehavior == policy.VersioningBehaviorUnspecified:
		return errors.New("workflow type does not have a versioning behavior")
	}
	return nil
}

// RegistryOptions are to be told of what is registered.
func (w *Worker) RegistryOptions() *PluginConfigureWorkerRegistryOptions {
	return w.config.registryOptions
}

// SetPluginRegistry sets what plugins may register more with when the worker starts. It is
// called before that.
func (w *Worker) SetPluginRegistry(r PluginRegistry) { w.config.pluginRegistry = r }

// Registry is where the worker's workflows and activities are registered.
func (w *Worker) Registry() *registry.Registry { return w.config.registry }

func newWorker(config config, cache *stickyCache) *Worker {
	if config.instanceKey == "" {
		config.instanceKey = uuid.NewString()
	}
	config.untold.workflows = config.MaxConcurrentWorkflowTaskPollers == 0 && config.WorkflowTaskPollerBehavior == nil
	config.untold.activities = config.MaxConcurrentActivityTaskPollers == 0 && config.ActivityTaskPollerBehavior == nil
	config.untold.nexus = config.MaxConcurrentNexusTaskPollers == 0 && config.NexusTaskPollerBehavior == nil
	config.Options = config.withDefaults(config.backend, config.taskQueue)
	w := &Worker{
		config:      config,
		cache:       cache,
		version:     newBuildVersion(&config.Options),
		instanceKey: config.instanceKey,
		stopped:     make(chan struct{}),
		metrics:     metrics.OrNop(config.backend.Metrics).WithTags(metrics.TaskQueueTags(config.taskQueue)),
		logger: log.With(config.backend.Logger,
			logtag.Namespace, config.backend.Namespace,
			logtag.TaskQueue, config.taskQueue,
			logtag.WorkerID, config.Identity),
	}
	if config.StatusPageAddress != "" || config.StatusLogInterval > 0 {
		w.recent = &recent{}
	}
	w.storage = config.backend.Storage.ForWorker(w.logger)
	w.start = sync.OnceValue(func() error {
		return StartThrough(w.config.plugins, PluginStartWorkerOptions{WorkerInstanceKey: w.instanceKey, WorkerRegistry: w.config.pluginRegistry}, w.begin)
	})
	w.stopping, w.endStopping = context.WithCancel(context.Background())
	w.polling, w.endPolling = context.WithCancel(context.Background())
	w.taskContext, w.endTasks = context.WithCancelCause(config.BackgroundActivityContext)
	if !config.DisableWorkflowWorker {
		w.workflows = newWorkflowWorker(w)
	}
	if !config.LocalActivityWorkerOnly {
		w.activities = newActivityWorker(w, activityQueue{
			name: config.taskQueue, version: w.version, slots: config.Tuner.GetActivityTaskSlotSupplier(), context: w.taskContext,
		})
		if config.EnableSessionWorker {
			w.sessions = newSessionWorker(w)
		}
		if w.workflows != nil {
			w.workflows.eager.activities = w.activities
		}
	}
	return w
}

// Start connects to the server, checks that the namespace exists, and begins to
// poll. Calling it again returns what the first call returned. It panics on a
// worker that was stopped.
func (w *Worker) Start() error {
	if w.stopping.Err() != nil {
		panic("attempted to start a worker that has been stopped before")
	}
	return w.start()
}

func (w *Worker) begin() error {
	ctx := w.stopping
	capabilities, err := w.config.backend.Capabilities(ctx)
	if err != nil {
		return fmt.Errorf("starting the worker of task queue %q: %w", w.config.taskQueue, err)
	}
	namespace, err := w.config.backend.Service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
		Namespace: w.config.backend.Namespace,
	})
	if err != nil {
		return fmt.Errorf("starting the worker of task queue %q in namespace %q: %w", w.config.taskQueue, w.config.backend.Namespace, err)
	}
	w.mu.Lock()
	w.learn(namespace.GetNamespaceInfo())
	begun := w.stopBegun
	if !begun {
		w.started = time.Now()
		w.version.configure(capabilities)
		w.startHeartbeats(namespace.GetNamespaceInfo().GetCapabilities())
		if w.workflows != nil {
			w.workflows.configure(capabilities)
			w.workflows.start(w)
		}
		if w.activities != nil {
			w.activities.start(w)
		}
		w.nexus, err = newNexusWorker(w)
		if err == nil {
			err = w.startStatusPage()
		}
		if interval := w.config.StatusLogInterval; interval > 0 {
			w.background.Go(func() { w.logStatus(w.stopping, interval) })
		}
		if w.workflows != nil && w.config.backend.RegisterEager != nil {
			w.deregister = w.config.backend.RegisterEager(w.config.taskQueue, eagerStarts{w})
		}
		if w.sessions != nil {
			w.sessions.start(w)
		}
	}
	w.mu.Unlock()
	if err != nil {
		w.Stop()
		return fmt.Errorf("starting the worker of task queue %q: %w", w.config.taskQueue, err)
	}
	if begun {
		return errors.New("the worker was stopped while it started")
	}
	w.logger.Info("Started Worker")
	return nil
}

// startHeartbeats begins to tell the server how the worker is, if both sides want it, and
// lets the server send commands, if it does. The caller holds mu; nothing polls yet.
func (w *Worker) startHeartbeats(capabilities *namespacepb.NamespaceInfo_Capabilities) {
	interval := w.config.backend.Workers.HeartbeatInterval
	if interval <= 0 || !capabilities.GetWorkerHeartbeats() {
		return
	}
	w.beats = newHeartbeats(w)
	w.leaveGroup = w.config.backend.Workers.Group.Join(w.beats, workergroup.Options{
		Service:   w.config.backend.Service,
		Namespace: w.config.backend.Namespace,
		Identity:  w.config.backend.Identity,
		Interval:  interval,
		Logger:    w.logger,
		Commands:  capabilities.GetWorkerCommands(),
	})
	if capabilities.GetWorkerCommands() {
		w.commandQueue = w.config.backend.Workers.Group.CommandQueue(w.config.backend.Namespace)
	}
}

// learn takes in what the server can do in the namespace. The caller holds mu.
func (w *Worker) learn(namespace *namespacepb.NamespaceInfo) {
	if !w.config.DisablePayloadErrorLimit {
		w.config.sizes.SetLimits(payloadlimits.LimitsOf(namespace))
	}
	capabilities := namespace.GetCapabilities()
	w.drain = capabilities.GetWorkerPollCompleteOnShutdown()
	enroll := capabilities.GetPollerAutoscalingAutoEnroll()
	w.scalable = capabilities.GetPollerAutoscaling() || enroll
	if enroll {
		w.config.enrollInAutoscaling()
	}
}

// Run starts the worker and blocks until interrupt delivers or is closed, or the
// worker is stopped otherwise. It returns the error that the worker could not
// start with, or that ended it.
func (w *Worker) Run(interrupt <-chan any) error {
	if err := w.Start(); err != nil {
		return err
	}
	select {
	case signal := <-interrupt:
		w.logger.Info("Worker has been stopped.", "Signal", signal)
		w.Stop()
		return nil
	case <-w.stopped:
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.fatalError
	}
}

// fail ends the worker because the server will not have it. It is called by
// pollers, which Stop waits for, and so does not wait for Stop.
func (w *Worker) fail(err error) {
	w.mu.Lock()
	first := w.fatalError == nil
	if first {
		w.fatalError = err
	}
	w.mu.Unlock()
	if !first {
		return
	}
	w.logger.Error("Worker received non-retriable error. Shutting down.", logtag.Error, err)
	go func() {
		if w.config.OnFatalError != nil {
			w.config.OnFatalError(err)
		}
		w.Stop()
	}()
}
