package worker

import (
	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// Registrar is the registration half of workers and replayers. It panics where the
// registry returns errors. Plugins are told of what is registered.
type Registrar struct {
	Registry *registry.Registry
	Plugins  *PluginConfigureWorkerRegistryOptions
	// Allowed fails for a workflow that the worker cannot run: told whether it says how it
	// is versioned. Nil for no such thing.
	Allowed func(versioned bool) error
}

func (r Registrar) allow(versioned bool) {
	if r.Allowed != nil {
		mustRegister(r.Allowed(versioned))
	}
}

// RegisterWorkflow registers a workflow function under its name.
func (r Registrar) RegisterWorkflow(w any) {
	r.RegisterWorkflowWithOptions(w, registry.WorkflowOptions{})
}

// RegisterWorkflowWithOptions registers a workflow function.
func (r Registrar) RegisterWorkflowWithOptions(w any, options registry.WorkflowOptions) {
	r.allow(options.VersioningBehavior != policy.VersioningBehaviorUnspecified)
	if told := r.Plugins.OnRegisterWorkflow; told != nil {
		told(w, options)
	}
	mustRegister(r.Registry.RegisterWorkflow(w, options))
}

// RegisterDynamicWorkflow registers the workflow of all other names.
func (r Registrar) RegisterDynamicWorkflow(w any, options registry.DynamicWorkflowOptions) {
	r.allow(options.LoadDynamicRuntimeOptions != nil)
	if told := r.Plugins.OnRegisterDynamicWorkflow; told != nil {
		told(w, options)
	}
	mustRegister(r.Registry.RegisterDynamicWorkflow(w, options.Behavior()))
}

// RegisterActivity registers an activity function, or the methods of a struct.
func (r Registrar) RegisterActivity(a any) {
	r.RegisterActivityWithOptions(a, registry.ActivityOptions{})
}

// RegisterActivityWithOptions registers an activity function, or the methods of a struct.
func (r Registrar) RegisterActivityWithOptions(a any, options registry.ActivityOptions) {
	if told := r.Plugins.OnRegisterActivity; told != nil {
		told(a, options)
	}
	mustRegister(r.Registry.RegisterActivity(a, options))
}

// RegisterDynamicActivity registers the activity of all other names.
func (r Registrar) RegisterDynamicActivity(a any, options registry.DynamicActivityOptions) {
	if told := r.Plugins.OnRegisterDynamicActivity; told != nil {
		told(a, options)
	}
	mustRegister(r.Registry.RegisterDynamicActivity(a))
}

// RegisterNexusService registers a Nexus service.
func (r Registrar) RegisterNexusService(service *nexus.Service) {
	if told := r.Plugins.OnRegisterNexusService; told != nil {
		told(service)
	}
	mustRegister(r.Registry.RegisterNexusService(service))
}

func mustRegister(err error) {
	if err != nil {
		panic(err)
	}
}
