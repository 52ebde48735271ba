// Package plugin has the plugin that is made of functions: temporal.NewSimplePlugin.
package plugin

import (
	"context"
	"errors"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/worker"
)

// SimplePlugin is a plugin for clients, workers and replayers.
type SimplePlugin struct {
	clientBase
	//lint:ignore U1000 it makes a SimplePlugin a worker.Plugin
	workerBase
	options SimplePluginOptions
}

// Two embedded types need two names.
type (
	clientBase = client.PluginBase
	//lint:ignore U1000 see above
	workerBase = worker.PluginBase
)

var (
	_ client.Plugin = (*SimplePlugin)(nil)
	_ worker.Plugin = (*SimplePlugin)(nil)
)

// SimplePluginOptions say what a SimplePlugin does. Only Name is required.
type SimplePluginOptions struct {
	// Name for people to read, in errors and in worker heartbeats. It is required.
	Name string
	// DataConverter takes the place of that of clients and replayers.
	DataConverter converter.DataConverter
	// FailureConverter takes the place of that of clients and replayers.
	FailureConverter converter.FailureConverter
	// ContextPropagators are added to those of clients and replayers.
	ContextPropagators []flow.ContextPropagator
	// ClientInterceptors are added to those of clients, and, if they intercept workers as
	// well, to those of replayers.
	ClientInterceptors []client.ClientInterceptor
	// WorkerInterceptors are added to those of workers and replayers.
	WorkerInterceptors []worker.WorkerInterceptor
	// ConfigureClient is called after that.
	ConfigureClient func(context.Context, client.PluginConfigureClientOptions) error
	// ConfigureWorker is called after that.
	ConfigureWorker func(context.Context, worker.PluginConfigureWorkerOptions) error
	// ConfigureWorkflowReplayer is called after that.
	ConfigureWorkflowReplayer func(context.Context, worker.PluginConfigureWorkflowReplayerOptions) error
	// RunContextBefore is called before a worker starts and before each replay, which it
	// prevents with an error.
	RunContextBefore func(context.Context, SimplePluginRunContextBeforeOptions) error
	// RunContextAfter is called when a worker stops, before its tasks have ended, and after
	// each replay.
	RunContextAfter func(context.Context, SimplePluginRunContextAfterOptions)
}

// SimplePluginRunContextBeforeOptions is what RunContextBefore is called with.
type SimplePluginRunContextBeforeOptions struct {
	// InstanceKey is that of the worker or replayer.
	InstanceKey string
	// WorkflowReplayer says that it is a replayer.
	WorkflowReplayer bool
	// Registry is what more may be registered with. That of a replayer ignores all but
	// workflows.
	Registry worker.PluginRegistry
}

// SimplePluginRunContextAfterOptions is what RunContextAfter is called with.
type SimplePluginRunContextAfterOptions struct {
	// InstanceKey is that of the worker or replayer.
	InstanceKey string
}

// NewSimplePlugin returns a SimplePlugin.
func NewSimplePlugin(options SimplePluginOptions) (*SimplePlugin, error) {
	if options.Name == "" {
		return nil, errors.New("name required")
	}
	return &SimplePlugin{options: options}, nil
}

// Name implements client.Plugin and worker.Plugin.
func (p *SimplePlugin) Name() string { return p.options.Name }

// ConfigureClient implements client.Plugin.
func (p *SimplePlugin) ConfigureClient(ctx context.Context, options client.PluginConfigureClientOptions) error {
	c := options.ClientOptions
	if p.options.DataConverter != nil {
		c.DataConverter = p.options.DataConverter
	}
	if p.options.FailureConverter != nil {
		c.FailureConverter = p.options.FailureConverter
	}
	c.ContextPropagators = with(c.ContextPropagators, p.options.ContextPropagators)
	c.Interceptors = with(c.Interceptors, p.options.ClientInterceptors)
	if p.options.ConfigureClient == nil {
		return nil
	}
	return p.options.ConfigureClient(ctx, options)
}

// ConfigureWorker implements worker.Plugin.
func (p *SimplePlugin) ConfigureWorker(ctx context.Context, options worker.PluginConfigureWorkerOptions) error {
	w := options.WorkerOptions
	w.Interceptors = with(w.Interceptors, p.options.WorkerInterceptors)
	if p.options.ConfigureWorker == nil {
		return nil
	}
	return p.options.ConfigureWorker(ctx, options)
}

// StartWorker implements worker.Plugin.
func (p *SimplePlugin) StartWorker(ctx context.Context, options worker.PluginStartWorkerOptions, next func(context.Context, worker.PluginStartWorkerOptions) error) error {
	err := p.before(ctx, SimplePluginRunContextBeforeOptions{InstanceKey: options.WorkerInstanceKey, Registry: options.WorkerRegistry})
	if err != nil {
		return err
	}
	return next(ctx, options)
}

// StopWorker implements worker.Plugin.
func (p *SimplePlugin) StopWorker(ctx context.Context, options worker.PluginStopWorkerOptions, next func(context.Context, worker.PluginStopWorkerOptions)) {
	p.after(ctx, options.WorkerInstanceKey)
	next(ctx, options)
}

// ConfigureWorkflowReplayer implements worker.Plugin.
func (p *SimplePlugin) ConfigureWorkflowReplayer(ctx context.Context, options worker.PluginConfigureWorkflowReplayerOptions) error {
	r := options.WorkflowReplayerOptions
	if p.options.DataConverter != nil {
		r.DataConverter = p.options.DataConverter
	}
	if p.options.FailureConverter != nil {
		r.FailureConverter = p.options.FailureConverter
	}
	r.ContextPropagators = with(r.ContextPropagators, p.options.ContextPropagators)
	for _, i := range p.options.ClientInterceptors {
		if both, ok := i.(worker.WorkerInterceptor); ok {
			r.Interceptors = with(r.Interceptors, []worker.WorkerInterceptor{both})
		}
	}
	r.Interceptors = with(r.Interceptors, p.options.WorkerInterceptors)
	if p.options.ConfigureWorkflowReplayer == nil {
		return nil
	}
	return p.options.ConfigureWorkflowReplayer(ctx, options)
}

// ReplayWorkflow implements worker.Plugin.
func (p *SimplePlugin) ReplayWorkflow(ctx context.Context, options worker.PluginReplayWorkflowOptions, next func(context.Context, worker.PluginReplayWorkflowOptions) error) error {
	err := p.before(ctx, SimplePluginRunContextBeforeOptions{
		InstanceKey:      options.WorkflowReplayerInstanceKey,
		WorkflowReplayer: true,
		Registry:         workflowsOnly{options.WorkflowReplayRegistry},
	})
	if err != nil {
		return err
	}
	defer p.after(ctx, options.WorkflowReplayerInstanceKey)
	return next(ctx, options)
}

func (p *SimplePlugin) before(ctx context.Context, options SimplePluginRunContextBeforeOptions) error {
	if p.options.RunContextBefore == nil {
		return nil
	}
	return p.options.RunContextBefore(ctx, options)
}

func (p *SimplePlugin) after(ctx context.Context, instanceKey string) {
	if p.options.RunContextAfter != nil {
		p.options.RunContextAfter(ctx, SimplePluginRunContextAfterOptions{InstanceKey: instanceKey})
	}
}

// with is a list with more at its end. It does not share memory with either, which belong
// to the user.
func with[T any](list, more []T) []T {
	if len(more) == 0 {
		return list
	}
	return append(append([]T(nil), list...), more...)
}

// workflowsOnly is the registry of a replayer.
type workflowsOnly struct{ worker.PluginReplayRegistry }

func (workflowsOnly) RegisterActivityWithOptions(any, registry.ActivityOptions)    {}
func (workflowsOnly) RegisterDynamicActivity(any, registry.DynamicActivityOptions) {}
func (workflowsOnly) RegisterNexusService(*nexus.Service)                          {}
