package flow

import "github.com/perdure/perdure/sdk/internal/registry"

// NewRegistry returns an empty registry that knows workflow functions by their
// Context.
func NewRegistry(disableAliasing bool) *registry.Registry {
	return registry.New(registry.Options{WorkflowContext: workflowContextType, DisableAliasing: disableAliasing})
}
