package worker

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// Plugin configures workers and replayers, and is called when they start, stop and
// replay. Embed PluginBase in implementations.
type Plugin interface {
	// Name of the plugin, for people and worker heartbeats.
	Name() string

	// ConfigureWorker may change the options of a worker that is being made.
	ConfigureWorker(context.Context, PluginConfigureWorkerOptions) error

	// StartWorker is called in place of the start of a worker. It calls next to go on.
	StartWorker(ctx context.Context, options PluginStartWorkerOptions, next func(context.Context, PluginStartWorkerOptions) error) error

	// StopWorker is called in place of the stop of a worker. It must call next.
	StopWorker(ctx context.Context, options PluginStopWorkerOptions, next func(context.Context, PluginStopWorkerOptions))

	// ConfigureWorkflowReplayer may change the options of a replayer that is being made.
	ConfigureWorkflowReplayer(context.Context, PluginConfigureWorkflowReplayerOptions) error

	// ReplayWorkflow is called in place of a replay. It calls next to go on.
	ReplayWorkflow(ctx context.Context, options PluginReplayWorkflowOptions, next func(context.Context, PluginReplayWorkflowOptions) error) error

	mustEmbedWorkerPluginBase()
}

type (
	// PluginConfigureWorkerOptions is what Plugin.ConfigureWorker is called with.
	PluginConfigureWorkerOptions struct {
		// WorkerInstanceKey is unique for each worker.
		WorkerInstanceKey string
		// TaskQueue is where the worker will poll.
		TaskQueue string
		// WorkerOptions may be changed, but for their Plugins.
		WorkerOptions *Options
		// WorkerRegistryOptions may be set, to be told of what is registered. What another
		// plugin has set should be called.
		WorkerRegistryOptions *PluginConfigureWorkerRegistryOptions
	}

	// PluginConfigureWorkerRegistryOptions are called for each registration, before it is
	// made. Nil for not at all.
	PluginConfigureWorkerRegistryOptions struct {
		// OnRegisterWorkflow is told of workflows: the function, and the options of its
		// registration.
		OnRegisterWorkflow func(any, registry.WorkflowOptions)
		// OnRegisterDynamicWorkflow is told of the function for workflows of all other names.
		OnRegisterDynamicWorkflow func(any, registry.DynamicWorkflowOptions)
		// OnRegisterActivity is told of activities: the function or the pointer to a struct,
		// and the options.
		OnRegisterActivity func(any, registry.ActivityOptions)
		// OnRegisterDynamicActivity is told of the function for activities of all other names.
		OnRegisterDynamicActivity func(any, registry.DynamicActivityOptions)
		// OnRegisterNexusService is told of Nexus services.
		OnRegisterNexusService func(*nexus.Service)
	}

	// PluginStartWorkerOptions is what Plugin.StartWorker is called with.
	PluginStartWorkerOptions struct {
		// WorkerInstanceKey is that of ConfigureWorker.
		WorkerInstanceKey string
		// WorkerRegistry is the worker, which more may be registered with.
		WorkerRegistry PluginRegistry
	}

	// PluginRegistry takes registrations.
	PluginRegistry = interface {
		RegisterWorkflowWithOptions(any, registry.WorkflowOptions)
		RegisterDynamicWorkflow(any, registry.DynamicWorkflowOptions)
		RegisterActivityWithOptions(any, registry.ActivityOptions)
		RegisterDynamicActivity(any, registry.DynamicActivityOptions)
		RegisterNexusService(*nexus.Service)
	}

	// PluginStopWorkerOptions is what Plugin.StopWorker is called with.
	PluginStopWorkerOptions struct {
		// WorkerInstanceKey is that of ConfigureWorker.
		WorkerInstanceKey string
	}

	// PluginConfigureWorkflowReplayerOptions is what Plugin.ConfigureWorkflowReplayer is
	// called with.
	PluginConfigureWorkflowReplayerOptions struct {
		// WorkflowReplayerInstanceKey is unique for each replayer.
		WorkflowReplayerInstanceKey string
		// WorkflowReplayerOptions may be changed, but for their Plugins.
		WorkflowReplayerOptions *WorkflowReplayerOptions
		// WorkflowReplayerRegistryOptions may be set, to be told of what is registered.
		WorkflowReplayerRegistryOptions *PluginConfigureWorkflowReplayerRegistryOptions
	}

	// PluginConfigureWorkflowReplayerRegistryOptions are called for each registration.
	PluginConfigureWorkflowReplayerRegistryOptions struct {
		// OnRegisterWorkflow is told of workflows: the function, and the options of its
		// registration.
		OnRegisterWorkflow func(any, registry.WorkflowOptions)
		// OnRegisterDynamicWorkflow is told of the function for workflows of all other names.
		OnRegisterDynamicWorkflow func(any, registry.DynamicWorkflowOptions)
	}

	// PluginReplayWorkflowOptions is what Plugin.ReplayWorkflow is called with.
	PluginReplayWorkflowOptions struct {
		// WorkflowReplayerInstanceKey is that of ConfigureWorkflowReplayer.
		WorkflowReplayerInstanceKey string
		// WorkflowReplayRegistry is the replayer, which more may be registered with.
		WorkflowReplayRegistry PluginReplayRegistry
		// History is what is replayed.
		History *historypb.History
		// Logger is the caller's, nil if there is none.
		Logger log.Logger
		// WorkflowServiceClient and Namespace are where the history came from, if it came
		// from a server.
		WorkflowServiceClient workflowservice.WorkflowServiceClient
		Namespace             string
		// OriginalExecution is what the workflow is told that it runs as.
		OriginalExecution execution.Workflow
	}

	// PluginReplayRegistry takes registrations of workflows.
	PluginReplayRegistry = interface {
		RegisterWorkflowWithOptions(any, registry.WorkflowOptions)
		RegisterDynamicWorkflow(any, registry.DynamicWorkflowOptions)
	}
)

// PluginBase does nothing but go on. Embed it in implementations of Plugin.
type PluginBase struct{}

// What a plugin needs besides is a name.
var _ Plugin = struct {
	named
	PluginBase
}{}

type named interface{ Name() string }

// ConfigureWorker implements Plugin.
func (PluginBase) ConfigureWorker(context.Context, PluginConfigureWorkerOptions) error { return nil }

// StartWorker implements Plugin.
func (PluginBase) StartWorker(ctx context.Context, options PluginStartWorkerOptions, next func(context.Context, PluginStartWorkerOptions) error) error {
	return next(ctx, options)
}

// StopWorker implements Plugin.
func (PluginBase) StopWorker(ctx context.Context, options PluginStopWorkerOptions, next func(context.Context, PluginStopWorkerOptions)) {
	next(ctx, options)
}

// ConfigureWorkflowReplayer implements Plugin.
func (PluginBase) ConfigureWorkflowReplayer(context.Context, PluginConfigureWorkflowReplayerOptions) error {
	return nil
}

// ReplayWorkflow implements Plugin.
func (PluginBase) ReplayWorkflow(ctx context.Context, options PluginReplayWorkflowOptions, next func(context.Context, PluginReplayWorkflowOptions) error) error {
	return next(ctx, options)
}

//lint:ignore U1000 it makes the embedding type a Plugin
func (PluginBase) mustEmbedWorkerPluginBase() {}

// pluginsOf are the plugins of a worker: those of its client that are for workers as well,
// and then its own.
func pluginsOf(clientPlugins []client.Plugin, own []Plugin) []Plugin {
	var all []Plugin
	for _, p := range clientPlugins {
		if plugin, ok := p.(Plugin); ok {
			all = append(all, plugin)
		}
	}
	return append(all, own...)
}

// StartThrough calls start through the plugins, the first outermost.
func StartThrough(plugins []Plugin, options PluginStartWorkerOptions, start func() error) error {
	next := func(context.Context, PluginStartWorkerOptions) error { return start() }
	for n := len(plugins) - 1; n >= 0; n-- {
		plugin, inner := plugins[n], next
		next = func(ctx context.Context, options PluginStartWorkerOptions) error {
			return plugin.StartWorker(ctx, options, inner)
		}
	}
	return next(context.Background(), options)
}

// StopThrough calls stop through the plugins, the first outermost.
func StopThrough(plugins []Plugin, options PluginStopWorkerOptions, stop func()) {
	next := func(context.Context, PluginStopWorkerOptions) { stop() }
	for n := len(plugins) - 1; n >= 0; n-- {
		plugin, inner := plugins[n], next
		next = func(ctx context.Context, options PluginStopWorkerOptions) {
			plugin.StopWorker(ctx, options, inner)
		}
	}
	next(context.Background(), options)
}

// ReplayThrough calls replay through the plugins, the first outermost.
func ReplayThrough(ctx context.Context, plugins []Plugin, options PluginReplayWorkflowOptions, replay func(context.Context, PluginReplayWorkflowOptions) error) error {
	for n := len(plugins) - 1; n >= 0; n-- {
		plugin, inner := plugins[n], replay
		replay = func(ctx context.Context, options PluginReplayWorkflowOptions) error {
			return plugin.ReplayWorkflow(ctx, options, inner)
		}
	}
	return replay(ctx, options)
}
