package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/tuner"
)

// Options of a worker. The zero value works.
type Options struct {
	// MaxConcurrentActivityExecutionSize is how many activities run at a time.
	// Default 1000. It cannot be set together with Tuner.
	MaxConcurrentActivityExecutionSize int

	// WorkerActivitiesPerSecond is how many activities this worker starts in a
	// second, fractions allowed: 0.1 is one in ten seconds. Activities wait in the task
	// queue for it. Default 100000, which is no limit.
	WorkerActivitiesPerSecond float64

	// MaxConcurrentLocalActivityExecutionSize is how many local activities run at
	// a time. Default 1000. It cannot be set together with Tuner.
	MaxConcurrentLocalActivityExecutionSize int

	// WorkerLocalActivitiesPerSecond is how many local activities this worker
	// starts in a second. Default 100000, which is no limit.
	WorkerLocalActivitiesPerSecond float64

	// TaskQueueActivitiesPerSecond is how many activities of the task queue are
	// started in a second by all workers together; the server sees to it. Workers of a
	// task queue should agree: the server goes by the one that polled last. Setting it
	// turns eager activities off, which would pass it by. Default 100000, which is no
	// limit.
	TaskQueueActivitiesPerSecond float64

	// MaxConcurrentActivityTaskPollers is how many polls for activities are open at
	// a time. Default 2. It cannot be set together with ActivityTaskPollerBehavior.
	MaxConcurrentActivityTaskPollers int

	// MaxConcurrentWorkflowTaskExecutionSize is how many workflow tasks are handled
	// at a time. It cannot be 1: one would starve the other of the sticky and the
	// normal task queue. Default 1000. It cannot be set together with Tuner.
	MaxConcurrentWorkflowTaskExecutionSize int

	// MaxConcurrentWorkflowTaskPollers is how many polls for workflow tasks are open
	// at a time, shared out between the sticky and the normal task queue. It cannot
	// be 1. Default 2. It cannot be set together with WorkflowTaskPollerBehavior.
	MaxConcurrentWorkflowTaskPollers int

	// WorkflowTaskPollerBehavior is how many polls for workflow tasks are open at a
	// time. Default NewPollerBehaviorSimpleMaximum with
	// MaxConcurrentWorkflowTaskPollers, or autoscaling if neither is set and the
	// namespace asks for it.
	WorkflowTaskPollerBehavior PollerBehavior

	// ActivityTaskPollerBehavior is how many polls for activities are open at a time,
	// with the same default.
	ActivityTaskPollerBehavior PollerBehavior

	// MaxConcurrentNexusTaskExecutionSize is how many Nexus tasks are handled at a time.
	// Default 1000. It cannot be set together with Tuner.
	MaxConcurrentNexusTaskExecutionSize int

	// MaxConcurrentNexusTaskPollers is how many polls for Nexus tasks are open at a time, if
	// the worker has Nexus services. Default 2. It cannot be set together with
	// NexusTaskPollerBehavior.
	MaxConcurrentNexusTaskPollers int

	// NexusTaskPollerBehavior is how many polls for Nexus tasks are open at a time, or how
	// that number follows the load.
	NexusTaskPollerBehavior PollerBehavior

	// Tuner decides how many tasks run at a time. Default a fixed size tuner of the
	// MaxConcurrent sizes above.
	Tuner tuner.WorkerTuner

	// SysInfoProvider tells worker heartbeats how busy the machine is. Default that of
	// the Tuner, if it has one; they must not differ. Package contrib/sysinfo has one.
	SysInfoProvider tuner.SysInfoProvider

	// EnableLoggingInReplay lets workflow.GetLogger write during replay, too.
	EnableLoggingInReplay bool

	// StickyScheduleToStartTimeout is how long the server keeps a workflow task for
	// this worker, which has the workflow in memory, before it offers it to all: what a
	// workflow waits longer when its worker has crashed. Default 5 seconds.
	StickyScheduleToStartTimeout time.Duration

	// BackgroundActivityContext is the parent of all activity contexts: a place for
	// values that activities share. Default context.Background().
	BackgroundActivityContext context.Context

	// StickyWorkflowCacheSize, if positive, gives the worker a sticky cache of its own, for so
	// many workflows. Default 0: the cache of the process, unless StickyWorkflowCacheBytes is set.
	StickyWorkflowCacheSize int

	// StickyWorkflowCacheBytes, if positive, gives the worker a sticky cache of its own, for
	// workflows that take so many bytes together, and by default 10000 of them. What a
	// workflow takes is estimated: 9 KiB for each of its goroutines, 4 KiB, and the size
	// of its history, for what its variables hold. A workflow that is larger than that is
	// not kept. Default 0: no bound of its own.
	StickyWorkflowCacheBytes int64

	// WorkflowPanicPolicy says what happens to workflows whose code panics or is not
	// deterministic. Default BlockWorkflow.
	WorkflowPanicPolicy flow.PanicPolicy

	// WorkerStopTimeout is how long Stop waits for running tasks before it ends
	// their contexts. Activities that heed neither activity.GetWorkerStopChannel nor their
	// context run on after Stop, and their results are lost. Default 0: contexts end at
	// once.
	WorkerStopTimeout time.Duration

	// EnableSessionWorker has the worker run sessions: workflow.CreateSession. It cannot
	// be set together with UseBuildIDForVersioning.
	EnableSessionWorker bool

	// MaxConcurrentSessionExecutionSize is how many sessions this worker has at a time.
	// Default 1000.
	MaxConcurrentSessionExecutionSize int

	// PreferredVersionProvider chooses the version that workflow.GetVersion records where a
	// run first comes by a change, so that a change can be deployed before it is made use
	// of. Default the greatest version that the code supports.
	PreferredVersionProvider flow.PreferredVersionProvider

	// DisableWorkflowWorker makes a worker for activities only.
	DisableWorkflowWorker bool

	// LocalActivityWorkerOnly makes a worker for workflows and local activities
	// only: it does not poll for activities.
	LocalActivityWorkerOnly bool

	// Identity names the worker to the server, and to people in histories. Default the
	// client's, and if that was not set, process id, host name and task queue.
	Identity string

	// DeadlockDetectionTimeout is how long workflow code may run without waiting
	// for something in the ways of package workflow, before its task is failed.
	// Default 1 second; unlimited if the environment variable TEMPORAL_DEBUG is set,
	// for debuggers.
	DeadlockDetectionTimeout time.Duration

	// MaxHeartbeatThrottleInterval is the longest time for which heartbeats of an
	// activity are gathered; usually it is 80% of its heartbeat timeout. Default 60
	// seconds.
	MaxHeartbeatThrottleInterval time.Duration

	// DefaultHeartbeatThrottleInterval is the time for which heartbeats of an
	// activity without heartbeat timeout are gathered. Default 30 seconds.
	DefaultHeartbeatThrottleInterval time.Duration

	// Interceptors of the workflows and activities that the worker runs, the first
	// outermost. Interceptors of the client that are for workers as well are
	// outside of these; they should not be given here again.
	Interceptors []WorkerInterceptor

	// DisablePayloadErrorLimit leaves it to the server to refuse what is larger than the
	// namespace allows. By default the worker measures, and fails the workflow task or
	// the activity with an error that says so.
	DisablePayloadErrorLimit bool

	// Plugins configure the worker, and are called when it starts and stops, the first
	// outermost. Plugins of the client that are for workers as well are outside of these;
	// they should not be given here again.
	Plugins []Plugin

	// OnFatalError is called, once and before the worker stops, with an error after
	// which the worker cannot go on, such as that its namespace was deleted: polls have
	// failed with it for 2 minutes. It must not call Stop. Run returns the error as well.
	OnFatalError func(error)

	// DisableEagerActivities turns off starting activities in the answer to the
	// workflow task that schedules them.
	DisableEagerActivities bool

	// MaxEagerActivityReservationsPerWorkflowTask is how many activities may be
	// started like that by one workflow task. It must be positive; to turn eager
	// activities off there is DisableEagerActivities. Default 3.
	MaxEagerActivityReservationsPerWorkflowTask *int

	// MaxConcurrentEagerActivityExecutionSize is how many activities started like
	// that run at a time. Default 0, no limit but that of all activities.
	MaxConcurrentEagerActivityExecutionSize int

	// StatusPageAddress, if not empty, is where the worker serves a page about itself over
	// HTTP while it runs: its polls, its slots, its sticky cache, and what failed lately, with
	// the texts of errors. The page is at "/", the same as JSON at "/status.json". It must be
	// a loopback address, such as "localhost:8088", or "127.0.0.1:0" for a free port, which is
	// logged. Default none.
	StatusPageAddress string

	// StatusLogInterval, if positive, is how often the worker logs the figures of that page.
	// Default never.
	StatusLogInterval time.Duration

	// DisableRegistrationAliasing turns off finding an activity or workflow that is
	// registered under another name by its function.
	DisableRegistrationAliasing bool

	// BuildID names the code that the worker runs, at most 255 bytes. Default a checksum
	// of the binary. DeploymentOptions.Version takes its place.
	BuildID string

	// UseBuildIDForVersioning has the server give this worker only workflows that
	// BuildID is compatible with.
	//
	// Deprecated: use DeploymentOptions.
	UseBuildIDForVersioning bool

	// DeploymentOptions make the worker part of a worker deployment.
	DeploymentOptions DeploymentOptions
}

// DeploymentOptions make a worker part of a worker deployment.
type DeploymentOptions struct {
	// UseVersioning has the server route workflows to versions of the deployment.
	// Version must be set then, and every workflow type needs a versioning behavior:
	// when it is registered, or DefaultVersioningBehavior. A version gets no new
	// workflows until it is made the current or the ramping one.
	UseVersioning bool

	// Version of the deployment that the worker runs. Its build id takes the place
	// of Options.BuildID.
	Version WorkerDeploymentVersion

	// DefaultVersioningBehavior of workflow types that are registered without one. It
	// needs UseVersioning. Default none: registering a type without a behavior panics.
	DefaultVersioningBehavior VersioningBehavior
}

// WorkerDeploymentVersion names a version of a worker deployment.
type WorkerDeploymentVersion = policy.WorkerDeploymentVersion

// check finds the mistakes that can be found before anything runs.
func (o *Options) check(taskQueue string) error {
	switch {
	case strings.HasPrefix(taskQueue, registry.ReservedPrefix):
		return fmt.Errorf("task queue %q begins with %s, which is reserved for the system", taskQueue, registry.ReservedPrefix)
	case o.MaxConcurrentWorkflowTaskPollers == 1:
		return errors.New("cannot set MaxConcurrentWorkflowTaskPollers to 1: the sticky and the normal task queue need one poller each")
	case o.MaxConcurrentWorkflowTaskPollers != 0 && o.WorkflowTaskPollerBehavior != nil:
		return errors.New("cannot set both MaxConcurrentWorkflowTaskPollers and WorkflowTaskPollerBehavior")
	case o.MaxConcurrentActivityTaskPollers != 0 && o.ActivityTaskPollerBehavior != nil:
		return errors.New("cannot set both MaxConcurrentActivityTaskPollers and ActivityTaskPollerBehavior")
	case o.WorkflowTaskPollerBehavior != nil && o.WorkflowTaskPollerBehavior.behavior() == PollerBehavior(simpleMaximum{1}):
		return errors.New("cannot set the maximum of WorkflowTaskPollerBehavior to 1: the sticky and the normal task queue need one poller each")
	case o.MaxConcurrentNexusTaskPollers != 0 && o.NexusTaskPollerBehavior != nil:
		return errors.New("cannot set both MaxConcurrentNexusTaskPollers and NexusTaskPollerBehavior")
	case o.Tuner != nil && o.MaxConcurrentNexusTaskExecutionSize != 0:
		return errors.New("cannot set both MaxConcurrentNexusTaskExecutionSize and Tuner")
	case o.Tuner != nil && o.MaxConcurrentWorkflowTaskExecutionSize != 0:
		return errors.New("cannot set both MaxConcurrentWorkflowTaskExecutionSize and Tuner")
	case o.Tuner != nil && o.MaxConcurrentActivityExecutionSize != 0:
		return errors.New("cannot set both MaxConcurrentActivityExecutionSize and Tuner")
	case o.Tuner != nil && o.MaxConcurrentLocalActivityExecutionSize != 0:
		return errors.New("cannot set both MaxConcurrentLocalActivityExecutionSize and Tuner")
	case o.SysInfoProvider != nil && tunerSystemInfo(o.Tuner) != nil && o.SysInfoProvider != tunerSystemInfo(o.Tuner):
		return errors.New("SysInfoProvider conflicts with that of the Tuner: set only one, or both to the same")
	case o.Tuner != nil && !o.DisableWorkflowWorker && (o.Tuner.GetWorkflowTaskSlotSupplier() == nil || o.Tuner.GetLocalActivitySlotSupplier() == nil):
		return errors.New("the Tuner has no slot suppliers for workflow tasks and local activities")
	case o.Tuner != nil && !o.LocalActivityWorkerOnly && o.Tuner.GetActivityTaskSlotSupplier() == nil:
		return errors.New("the Tuner has no slot supplier for activity tasks")
	case o.MaxConcurrentWorkflowTaskExecutionSize == 1:
		return errors.New("cannot set MaxConcurrentWorkflowTaskExecutionSize to 1: the sticky and the normal task queue need one slot each")
	case o.MaxEagerActivityReservationsPerWorkflowTask != nil && *o.MaxEagerActivityReservationsPerWorkflowTask <= 0:
		return errors.New("MaxEagerActivityReservationsPerWorkflowTask must be positive; set DisableEagerActivities to disable eager activity execution")
	case o.DeploymentOptions.DefaultVersioningBehavior != policy.VersioningBehaviorUnspecified && !o.DeploymentOptions.UseVersioning:
		return errors.New("cannot set DeploymentOptions.DefaultVersioningBehavior without DeploymentOptions.UseVersioning")
	case o.StatusLogInterval < 0:
		return errors.New("StatusLogInterval must not be negative")
	case o.EnableSessionWorker && o.UseBuildIDForVersioning:
		return errors.New("cannot set both EnableSessionWorker and UseBuildIDForVersioning")
	case o.DeploymentOptions.UseVersioning && o.DeploymentOptions.Version == (WorkerDeploymentVersion{}):
		return errors.New("DeploymentOptions.UseVersioning needs DeploymentOptions.Version")
	}
	return checkStatusAddress(o.StatusPageAddress)
}

const (
	defaultPollers                      = 2
	defaultActivitiesPerSecond          = 100_000
	defaultStickyScheduleToStartTimeout = 5 * time.Second
	defaultEagerReservations            = 3

	// debugVariable switches deadlock detection off: code that is stopped in a
	// debugger does not yield.
	debugVariable = "TEMPORAL_DEBUG"
)

// withDefaults are the options with what was left out filled in.
func (o Options) withDefaults(backend *client.Backend, taskQueue string) Options {
	if o.Identity == "" {
		o.Identity = backend.Identity
		if backend.IdentityIsDefault {
			o.Identity += taskQueue
		}
	}
	setDefault(&o.MaxConcurrentSessionExecutionSize, tuner.DefaultSlots)
	o.setConcurrencyDefaults()
	setDefault(&o.WorkerActivitiesPerSecond, defaultActivitiesPerSecond)
	setDefault(&o.WorkerLocalActivitiesPerSecond, defaultActivitiesPerSecond)
	if o.TaskQueueActivitiesPerSecond == 0 {
		o.TaskQueueActivitiesPerSecond = defaultActivitiesPerSecond
	} else {
		// The server does not count eager activities against the limit.
		o.DisableEagerActivities = true
	}
	setDefault(&o.StickyScheduleToStartTimeout, defaultStickyScheduleToStartTimeout)
	if o.MaxEagerActivityReservationsPerWorkflowTask == nil {
		perTask := defaultEagerReservations
		o.MaxEagerActivityReservationsPerWorkflowTask = &perTask
	}
	if o.MaxConcurrentEagerActivityExecutionSize <= 0 {
		o.MaxConcurrentEagerActivityExecutionSize = math.MaxInt
	}
	if o.BackgroundActivityContext == nil {
		o.BackgroundActivityContext = context.Background()
	}
	if o.DeadlockDetectionTimeout == 0 && os.Getenv(debugVariable) != "" {
		o.DeadlockDetectionTimeout = flow.NoDeadlockTimeout
	}
	o.UseBuildIDForVersioning = o.UseBuildIDForVersioning || o.DeploymentOptions.UseVersioning
	if o.DeploymentOptions.Version != (WorkerDeploymentVersion{}) {
		o.BuildID = o.DeploymentOptions.Version.BuildID
	} else if o.BuildID == "" {
		o.BuildID = defaultBuildID()
	}
	return o
}

// setConcurrencyDefaults fills in how many tasks run and how many polls are open.
func (o *Options) setConcurrencyDefaults() {
	if o.WorkflowTaskPollerBehavior == nil {
		o.WorkflowTaskPollerBehavior = NewPollerBehaviorSimpleMaximum(PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: o.MaxConcurrentWorkflowTaskPollers})
	}
	if o.ActivityTaskPollerBehavior == nil {
		o.ActivityTaskPollerBehavior = NewPollerBehaviorSimpleMaximum(PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: o.MaxConcurrentActivityTaskPollers})
	}
	if o.NexusTaskPollerBehavior == nil {
		o.NexusTaskPollerBehavior = NewPollerBehaviorSimpleMaximum(PollerBehaviorSimpleMaximumOptions{MaximumNumberOfPollers: o.MaxConcurrentNexusTaskPollers})
	}
	if o.Tuner == nil {
		// It does not fail.
		o.Tuner, _ = tuner.NewFixedSizeTuner(tuner.FixedSizeTunerOptions{
			NumWorkflowSlots:      o.MaxConcurrentWorkflowTaskExecutionSize,
			NumActivitySlots:      o.MaxConcurrentActivityExecutionSize,
			NumLocalActivitySlots: o.MaxConcurrentLocalActivityExecutionSize,
			NumNexusSlots:         o.MaxConcurrentNexusTaskExecutionSize,
		})
	}
}

func setDefault[T int | float64 | time.Duration](value *T, byDefault T) {
	if *value <= 0 {
		*value = byDefault
	}
}
