package worker

import (
	"context"
	"os"
	"time"

	"github.com/perdure/perdure/sdk/client"
	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/worker"
)

// debugVariable switches deadlock detection off: code that is stopped in a debugger
// does not yield.
const debugVariable = "TEMPORAL_DEBUG"

// unlimited turns deadlock detection off.
const unlimited = time.Duration(-1)

// config translates the options of a worker. It panics if the client is not one of
// package client.
func (o *Options) config(c client.Client, taskQueue string, reg *registry.Registry) worker.Config {
	backend, err := iclient.BackendOf(c)
	must(err)
	identity := backend.Identity
	if backend.IdentityIsDefault {
		identity += taskQueue
	}
	if o.Identity != "" {
		identity = o.Identity
	}
	deadlock := o.DeadlockDetectionTimeout
	if deadlock == 0 && os.Getenv(debugVariable) != "" {
		deadlock = unlimited
	}
	background := o.BackgroundActivityContext
	if background == nil {
		background = context.Background()
	}
	perTask := 0
	if o.MaxEagerActivityReservationsPerWorkflowTask != nil {
		perTask = *o.MaxEagerActivityReservationsPerWorkflowTask
	}
	return worker.Config{
		Connection: worker.Connection{
			Service:            backend.Service,
			Namespace:          backend.Namespace,
			Logger:             backend.Logger,
			DataConverter:      backend.DataConverter,
			FailureConverter:   backend.FailureConverter,
			ContextPropagators: backend.ContextPropagators,
			Capabilities:       backend.Capabilities,
			Client:             c,
		},
		TaskQueue: taskQueue,
		Identity:  identity,
		Registry:  reg,

		MaxConcurrentActivityExecutionSize:      o.MaxConcurrentActivityExecutionSize,
		MaxConcurrentLocalActivityExecutionSize: o.MaxConcurrentLocalActivityExecutionSize,
		MaxConcurrentWorkflowTaskExecutionSize:  o.MaxConcurrentWorkflowTaskExecutionSize,
		MaxConcurrentActivityTaskPollers:        o.MaxConcurrentActivityTaskPollers,
		MaxConcurrentWorkflowTaskPollers:        o.MaxConcurrentWorkflowTaskPollers,
		WorkerActivitiesPerSecond:               o.WorkerActivitiesPerSecond,
		WorkerLocalActivitiesPerSecond:          o.WorkerLocalActivitiesPerSecond,
		TaskQueueActivitiesPerSecond:            o.TaskQueueActivitiesPerSecond,

		EnableLoggingInReplay:        o.EnableLoggingInReplay,
		StickyScheduleToStartTimeout: o.StickyScheduleToStartTimeout,
		BackgroundActivityContext:    background,
		WorkflowPanicPolicy:          o.WorkflowPanicPolicy,
		WorkerStopTimeout:            o.WorkerStopTimeout,
		DisableWorkflowWorker:        o.DisableWorkflowWorker,
		LocalActivityWorkerOnly:      o.LocalActivityWorkerOnly,
		DeadlockDetectionTimeout:     deadlock,
		MaxHeartbeatThrottle:         o.MaxHeartbeatThrottleInterval,
		DefaultHeartbeatThrottle:     o.DefaultHeartbeatThrottleInterval,
		OnFatalError:                 o.OnFatalError,

		DisableEagerActivities:                      o.DisableEagerActivities,
		MaxEagerActivityReservationsPerWorkflowTask: perTask,
		MaxConcurrentEagerActivityExecutionSize:     o.MaxConcurrentEagerActivityExecutionSize,

		BuildID:                   o.BuildID,
		UseBuildIDForVersioning:   o.UseBuildIDForVersioning || o.DeploymentOptions.UseVersioning,
		DeploymentVersion:         o.DeploymentOptions.Version.proto(),
		DefaultVersioningBehavior: o.DeploymentOptions.DefaultVersioningBehavior,
	}
}
