// Package worker runs workflows and activities.
//
// A worker belongs to one task queue. It is told which workflows and activities it
// knows, and then takes tasks from the server until it is stopped:
//
//	w := worker.New(c, "orders", worker.Options{})
//	w.RegisterWorkflow(Order)
//	w.RegisterActivity(&Payments{Gateway: gateway})
//	err := w.Run(worker.InterruptCh())
//
// Any number of workers, in one process or in many, may serve one task queue. All
// should know the same workflows and activities.
//
// # Names
//
// Workflows and activities are known to the server by name: that of the function,
// without package and receiver, unless RegisterOptions give another.
// RegisterActivity given a pointer to a struct registers its exported methods. Names
// that begin with "__temporal_" are reserved.
//
// # The sticky cache
//
// A worker keeps workflows in memory between their tasks, so that it need not replay
// their history each time. All workers of a process share this cache;
// [SetStickyWorkflowCacheSize] and [SetStickyWorkflowCacheBytes] set its bounds. A worker
// can have its own: Options.StickyWorkflowCacheSize and Options.StickyWorkflowCacheBytes.
package worker

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// ErrWorkerShutdown is the cause with which the contexts of activities end when their
// worker stops.
var ErrWorkerShutdown = activities.ErrWorkerShutdown

type (
	// Worker takes tasks of a task queue from the server and runs them.
	Worker interface {
		Registry

		// Start begins to take tasks, and returns. It fails if the server cannot be
		// reached or does not know the namespace. Called again it returns what it
		// returned first; after Stop it panics.
		Start() error

		// Run starts the worker, waits until interruptCh delivers or is closed, and
		// stops the worker. It returns early, with the error, if the worker cannot
		// go on, and without one if Stop is called. Pass InterruptCh() to stop on
		// SIGINT and SIGTERM.
		Run(interruptCh <-chan any) error

		// Stop ends taking tasks, waits for running ones for WorkerStopTimeout, ends
		// their contexts, and returns.
		Stop()
	}

	// Registry is what a worker is told of.
	Registry interface {
		WorkflowRegistry
		ActivityRegistry
		NexusServiceRegistry
	}

	// NexusServiceRegistry takes Nexus services.
	NexusServiceRegistry interface {
		// RegisterNexusService registers a service, whose operations the worker then handles:
		// it polls for Nexus tasks if it has any service when it is started. It panics if the
		// name is taken or reserved, or the worker was started.
		RegisterNexusService(service *nexus.Service)
	}

	// WorkflowRegistry takes workflows. Its methods panic if what they are given is
	// not a workflow or its name is taken: mistakes to find out when a program starts.
	WorkflowRegistry interface {
		// RegisterWorkflow registers a workflow function under its own name.
		RegisterWorkflow(w any)

		// RegisterWorkflowWithOptions registers a workflow function under a name of its own, or
		// with a versioning behavior.
		RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)

		// RegisterDynamicWorkflow registers the function that runs workflows of all
		// other names. It takes a workflow.Context and converter.EncodedValues.
		RegisterDynamicWorkflow(w any, options workflow.DynamicRegisterOptions)
	}

	// ActivityRegistry takes activities. Its methods panic like those of
	// WorkflowRegistry.
	ActivityRegistry interface {
		// RegisterActivity registers an activity function under its own name, or the
		// exported methods of a pointer to a struct under theirs.
		RegisterActivity(a any)

		// RegisterActivityWithOptions registers an activity function, or the exported
		// methods of a pointer to a struct.
		RegisterActivityWithOptions(a any, options activity.RegisterOptions)

		// RegisterDynamicActivity registers the function that runs activities of all
		// other names. It takes a context.Context and converter.EncodedValues.
		RegisterDynamicActivity(a any, options activity.DynamicRegisterOptions)
	}
)

// New returns a worker for a task queue, which does nothing until it is started. The
// client must have been made by package client, and stay open until the worker is stopped.
// New panics if the options make no sense, or the task queue's name begins with
// "__temporal_".
func New(client client.Client, taskQueue string, options Options) Worker {
	w, err := worker.New(client, taskQueue, options)
	must(err)
	a := &aggregate{registrar: registrar{Registry: w.Registry(), Plugins: w.RegistryOptions(), Allowed: w.AllowsWorkflow}, Worker: w}
	w.SetPluginRegistry(a)
	return a
}

// aggregate joins a worker and its registry.
type aggregate struct {
	registrar
	*worker.Worker
}

var _ Worker = (*aggregate)(nil)

// InterruptCh returns a channel that delivers when the process is asked to end by
// SIGINT or SIGTERM.
func InterruptCh() <-chan any {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	interrupt := make(chan any, 1)
	go func() {
		interrupt <- <-signals
		close(interrupt)
	}()
	return interrupt
}

// SetStickyWorkflowCacheSize sets how many workflows the workers of this process keep
// in memory together. With 0 each workflow task replays the history from its start.
// Call it before the first worker is made: later it has no effect. Default 10000.
func SetStickyWorkflowCacheSize(cacheSize int) { worker.SetStickyCacheSize(cacheSize) }

// SetStickyWorkflowCacheBytes sets how many bytes the workflows may take that the workers of
// this process keep in memory together. They are estimated, as for
// Options.StickyWorkflowCacheBytes. Default 0: no bound. It may be called at any time.
func SetStickyWorkflowCacheBytes(bytes int64) { worker.SetStickyCacheBytes(bytes) }

// PurgeStickyWorkflowCache drops all workflows that are kept in memory. Call it when
// all workers are stopped.
func PurgeStickyWorkflowCache() { worker.PurgeStickyCache() }

// SetBinaryChecksum sets the build id of workers made from then on whose Options have none,
// in place of a checksum of the program.
//
// Deprecated: use Options.BuildID or Options.DeploymentOptions.
func SetBinaryChecksum(checksum string) { worker.SetBinaryChecksum(checksum) }

// EnableVerboseLogging has the workers of this process log every poll, at the level of
// debugging.
func EnableVerboseLogging(enable bool) { worker.SetVerbose(enable) }
