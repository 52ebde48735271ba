package worker

import "github.com/perdure/perdure/sdk/internal/worker"

type (
	// Plugin configures workers and replayers, and is called when they start, stop and
	// replay. Embed [PluginBase] in implementations; temporal.NewSimplePlugin makes one of
	// functions. Give it to Options, or to the options of the client.
	Plugin = worker.Plugin

	// PluginBase does nothing but go on.
	PluginBase = worker.PluginBase

	// PluginConfigureWorkerOptions is what Plugin.ConfigureWorker is called with.
	PluginConfigureWorkerOptions = worker.PluginConfigureWorkerOptions

	// PluginConfigureWorkerRegistryOptions are called for each registration.
	PluginConfigureWorkerRegistryOptions = worker.PluginConfigureWorkerRegistryOptions

	// PluginStartWorkerOptions is what Plugin.StartWorker is called with.
	PluginStartWorkerOptions = worker.PluginStartWorkerOptions

	// PluginStopWorkerOptions is what Plugin.StopWorker is called with.
	PluginStopWorkerOptions = worker.PluginStopWorkerOptions

	// PluginConfigureWorkflowReplayerOptions is what Plugin.ConfigureWorkflowReplayer is
	// called with.
	PluginConfigureWorkflowReplayerOptions = worker.PluginConfigureWorkflowReplayerOptions

	// PluginConfigureWorkflowReplayerRegistryOptions are called for each registration.
	PluginConfigureWorkflowReplayerRegistryOptions = worker.PluginConfigureWorkflowReplayerRegistryOptions

	// PluginReplayWorkflowOptions is what Plugin.ReplayWorkflow is called with.
	PluginReplayWorkflowOptions = worker.PluginReplayWorkflowOptions
)
