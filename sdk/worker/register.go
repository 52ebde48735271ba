package worker

import (
	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/workflow"
)

// registrar is the registration half of workers and replayers. It panics where the
// registry returns errors.
type registrar struct {
	registry *registry.Registry
}

func (r registrar) RegisterWorkflow(w any) {
	r.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{})
}

func (r registrar) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	must(r.registry.RegisterWorkflow(w, options))
}

func (r registrar) RegisterDynamicWorkflow(w any, options workflow.DynamicRegisterOptions) {
	var behavior registry.DynamicWorkflowBehavior
	if load := options.LoadDynamicRuntimeOptions; load != nil {
		behavior = func(workflowType string) (workflow.VersioningBehavior, error) {
			chosen, err := load(workflow.LoadDynamicRuntimeOptionsDetails{WorkflowType: workflow.Type{Name: workflowType}})
			return chosen.VersioningBehavior, err
		}
	}
	must(r.registry.RegisterDynamicWorkflow(w, behavior))
}

func (r registrar) RegisterActivity(a any) {
	r.RegisterActivityWithOptions(a, activity.RegisterOptions{})
}

func (r registrar) RegisterActivityWithOptions(a any, options activity.RegisterOptions) {
	must(r.registry.RegisterActivity(a, options))
}

func (r registrar) RegisterDynamicActivity(a any, _ activity.DynamicRegisterOptions) {
	must(r.registry.RegisterDynamicActivity(a))
}

func (r registrar) RegisterNexusService(service *nexus.Service) {
	must(r.registry.RegisterNexusService(service))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
