package registry

import (
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
)

type (
	// LoadDynamicRuntimeOptionsDetails tells LoadDynamicRuntimeOptions which workflow it is
	// about.
	LoadDynamicRuntimeOptionsDetails struct {
		// WorkflowType is the type of the workflow that is about to run.
		WorkflowType execution.WorkflowType
	}
	// DynamicWorkflowOptions is workflow.DynamicRegisterOptions.
	DynamicWorkflowOptions struct {
		// LoadDynamicRuntimeOptions chooses options by workflow type. It may be nil, unless
		// the worker uses deployment versioning without a default.
		LoadDynamicRuntimeOptions func(details LoadDynamicRuntimeOptionsDetails) (DynamicRuntimeOptions, error)
	}
	// DynamicRuntimeOptions are options of one type of a dynamic workflow.
	DynamicRuntimeOptions struct {
		// VersioningBehavior of the type. Unspecified stands for the worker's default.
		VersioningBehavior policy.VersioningBehavior
	}

	// DynamicActivityOptions is activity.DynamicRegisterOptions. There are none yet.
	DynamicActivityOptions struct{}
)

// Behavior is what chooses the versioning behavior by these options, nil for nothing.
func (o DynamicWorkflowOptions) Behavior() DynamicWorkflowBehavior {
	load := o.LoadDynamicRuntimeOptions
	if load == nil {
		return nil
	}
	return func(workflowType string) (policy.VersioningBehavior, error) {
		chosen, err := load(LoadDynamicRuntimeOptionsDetails{WorkflowType: execution.WorkflowType{Name: workflowType}})
		return chosen.VersioningBehavior, err
	}
}
