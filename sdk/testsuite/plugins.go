package testsuite

import (
	"context"

	"github.com/google/uuid"

	"github.com/perdure/perdure/sdk/internal/registry"
	internal "github.com/perdure/perdure/sdk/internal/worker"
	"github.com/perdure/perdure/sdk/worker"
)

// workerPlugins are the plugins of the worker that an environment stands for. It starts
// and stops with each execution.
type workerPlugins struct {
	plugins      []worker.Plugin
	instanceKey  string
	registration worker.PluginConfigureWorkerRegistryOptions
}

// configure has the plugins of options change them. It panics if one fails, or if others
// have been configured already: what they have changed cannot be taken back.
func (p *workerPlugins) configure(taskQueue string, options *worker.Options) {
	if len(p.plugins) != 0 {
		panic("SetWorkerOptions may not be called again after Plugins were configured")
	}
	configured := workerPlugins{plugins: options.Plugins, instanceKey: uuid.NewString()}
	for _, plugin := range configured.plugins {
		must(plugin.ConfigureWorker(context.Background(), worker.PluginConfigureWorkerOptions{
			WorkerInstanceKey: configured.instanceKey, TaskQueue: taskQueue,
			WorkerOptions: options, WorkerRegistryOptions: &configured.registration,
		}))
	}
	*p = configured
}

// registrar registers with r, and tells the plugins.
func (p *workerPlugins) registrar(r *registry.Registry) internal.Registrar {
	return internal.Registrar{Registry: r, Plugins: &p.registration}
}

// start starts the worker, which may register more with r, and returns what stops it. It
// panics if a plugin fails.
func (p *workerPlugins) start(r *registry.Registry) (stop func()) {
	must(internal.StartThrough(p.plugins, worker.PluginStartWorkerOptions{
		WorkerInstanceKey: p.instanceKey, WorkerRegistry: p.registrar(r),
	}, func() error { return nil }))
	return func() {
		internal.StopThrough(p.plugins, worker.PluginStopWorkerOptions{WorkerInstanceKey: p.instanceKey}, func() {})
	}
}
