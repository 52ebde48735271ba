package typed

import (
	"context"
	"reflect"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// Workflow is the definition of a workflow type that takes an In and returns an
// Out. Make one with [NewWorkflow].
type Workflow[In, Out any] struct{ name string }

// NewWorkflow defines a workflow type. The name is what goes over the wire and
// into histories: once there are runs of it, it stays.
func NewWorkflow[In, Out any](name string) Workflow[In, Out] { return Workflow[In, Out]{name} }

// Name is the workflow's name on the wire, as NewWorkflow got it.
func (w Workflow[In, Out]) Name() string { return w.name }

// Register makes fn the function that the worker runs for this type. It panics
// if the worker has one already, as worker.Registry does.
func (w Workflow[In, Out]) Register(r worker.WorkflowRegistry, fn func(workflow.Context, In) (Out, error)) {
	w.RegisterWithOptions(r, fn, workflow.RegisterOptions{})
}

// RegisterWithOptions is Register with options, of which Name is the
// definition's.
func (w Workflow[In, Out]) RegisterWithOptions(r worker.WorkflowRegistry, fn func(workflow.Context, In) (Out, error), options workflow.RegisterOptions) {
	options.Name = w.name
	function := untyped[In, Out](fn)
	if _, same := function.(func(workflow.Context, In) (Out, error)); same {
		options = registry.WithCall(options, func(ctx any, args []any) (any, error) {
			in, _ := args[0].(In)
			out, err := fn(ctx.(workflow.Context), in)
			if v := reflect.ValueOf(out); v.Kind() == reflect.Pointer && v.IsNil() {
				return nil, err // there is no result
			}
			return out, err
		})
	}
	r.RegisterWorkflowWithOptions(function, options)
}

// Start starts a run and does not wait for its end. Options and errors are those
// of client.Client's ExecuteWorkflow.
func (w Workflow[In, Out]) Start(ctx context.Context, c client.Client, options client.StartWorkflowOptions, in In) (Run[Out], error) {
	run, err := c.ExecuteWorkflow(ctx, options, w.name, argumentsOf(in)...)
	if err != nil {
		return Run[Out]{}, err
	}
	return Run[Out]{run}, nil
}

// Execute starts a run and waits for its result.
func (w Workflow[In, Out]) Execute(ctx context.Context, c client.Client, options client.StartWorkflowOptions, in In) (Out, error) {
	run, err := w.Start(ctx, c, options, in)
	if err != nil {
		var none Out
		return none, err
	}
	return run.Get(ctx)
}

// Run is a handle of a run that was started before. An empty runID means the
// workflow's current run. Nothing is asked of the server, and nothing checks that
// the workflow is of this type.
func (w Workflow[In, Out]) Run(ctx context.Context, c client.Client, workflowID, runID string) Run[Out] {
	return Run[Out]{c.GetWorkflow(ctx, workflowID, runID)}
}

// SignalWithStart signals a workflow, which it starts if it is not running, as
// client.Client's SignalWithStartWorkflow does.
func SignalWithStart[Value, In, Out any](ctx context.Context, c client.Client, workflowID string, s Signal[Value], value Value,
	options client.StartWorkflowOptions, w Workflow[In, Out], in In,
) (Run[Out], error) {
	run, err := c.SignalWithStartWorkflow(ctx, workflowID, s.name, signalArgument(value), options, w.name, argumentsOf(in)...)
	if err != nil {
		return Run[Out]{}, err
	}
	return Run[Out]{run}, nil
}

// ExecuteChild starts a child workflow and waits for its result. Its options are
// those of ctx: see workflow.WithChildOptions.
func (w Workflow[In, Out]) ExecuteChild(ctx workflow.Context, in In) (Out, error) {
	return w.StartChild(ctx, in).Get(ctx)
}

// StartChild starts a child workflow and does not wait for its end. To let it
// outlive its parent, wait for [ChildFuture.Started].
func (w Workflow[In, Out]) StartChild(ctx workflow.Context, in In) ChildFuture[Out] {
	child := workflow.ExecuteChildWorkflow(ctx, w.name, argumentsOf(in)...)
	return ChildFuture[Out]{Future[Out]{child}, child}
}

// ContinueAsNew is the error that a workflow returns to go on as a new run of this
// type with a fresh history.
func (w Workflow[In, Out]) ContinueAsNew(ctx workflow.Context, in In) error {
	return workflow.NewContinueAsNewError(ctx, w.name, argumentsOf(in)...)
}

// Run is a client's handle of a run.
type Run[Out any] struct{ client.WorkflowRun }

// Get waits for the run's result, following it if it continues as new or is
// retried. A failure is a *temporal.WorkflowExecutionError.
func (r Run[Out]) Get(ctx context.Context) (Out, error) {
	var out Out
	err := r.WorkflowRun.Get(ctx, pointerTo(&out))
	return out, err
}
