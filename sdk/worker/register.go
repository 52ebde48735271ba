package worker

import (
	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/workflow"
)

// registrar is the registration half of workers and replayers. It panics where the
// registry returns errors. Plugins are told of what is registered.
type registrar struct {
	registry *registry.Registry
	plugins  *PluginConfigureWorkerRegistryOptions
	// allowed fails for a workflow that the worker cannot run: told whether it says how it
	// is versioned. Nil for no such thing.
	allowed func(versioned bool) error
}

func (r registrar) allow(versioned bool) {
	if r.allowed != nil {
		must(r.allowed(versioned))
	}
}

func (r registrar) RegisterWorkflow(w any) {
	r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{})
}

func (r registrar) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	r.allow(options.VersioningBehavior != workflow.VersioningBehaviorUnspecified)
	if told := r.plugins.OnRegisterWorkflow; told != nil {
		told(w, options)
	}
	must(r.registry.RegisterWorkflow(w, options))
}

func (r registrar) RegisterDynamicWorkflow(w any, options workflow.DynamicRegisterOptions) {
	r.allow(options.LoadDynamicRuntimeOptions != nil)
	if told := r.plugins.OnRegisterDynamicWorkflow; told != nil {
		told(w, options)
	}
	must(r.registry.RegisterDynamicWorkflow(w, options.Behavior()))
}

func (r registrar) RegisterActivity(a any) {
	r.RegisterActivityWithOptions(a, activity.RegisterOptions{})
}

func (r registrar) RegisterActivityWithOptions(a any, options activity.RegisterOptions) {
	if told := r.plugins.OnRegisterActivity; told != nil {
		told(a, options)
	}
	must(r.registry.RegisterActivity(a, options))
}

func (r registrar) RegisterDynamicActivity(a any, options activity.DynamicRegisterOptions) {
	if told := r.plugins.OnRegisterDynamicActivity; told != nil {
		told(a, options)
	}
	must(r.registry.RegisterDynamicActivity(a))
}

func (r registrar) RegisterNexusService(service *nexus.Service) {
	if told := r.plugins.OnRegisterNexusService; told != nil {
		told(service)
	}
	must(r.registry.RegisterNexusService(service))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
