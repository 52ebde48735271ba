package flow

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// workflowContextType is what workflow functions take first.
var workflowContextType = reflect.TypeFor[Context]()

// NewRegistry returns an empty registry that knows workflow functions by their
// Context.
func NewRegistry(disableAliasing bool) *registry.Registry {
	return registry.New(registry.Options{WorkflowContext: workflowContextType, CallWorkflow: directly, DisableAliasing: disableAliasing})
}

// UnregisteredError says that a worker got a task of a workflow type that it
// does not know.
type UnregisteredError struct {
	// WorkflowType is the type, Registered are those that the worker knows.
	WorkflowType string
	Registered   []string
	// TaskQueue is the worker's.
	TaskQueue string
}

func (e *UnregisteredError) Error() string {
	return fmt.Sprintf("unable to find workflow type: %v. Supported types: [%v]; "+
		"register it with the worker of task queue %q, or start the workflow on the task queue of a worker that has it",
		e.WorkflowType, strings.Join(e.Registered, ", "), e.TaskQueue)
}
