package typed

import "github.com/perdure/perdure/sdk/workflow"

// Future is a result that workflow code waits for.
type Future[Out any] struct{ workflow.Future }

// Get waits for the result. Errors are those of workflow.Future: an activity's
// failure is a *temporal.ActivityError, a child's a
// *temporal.ChildWorkflowExecutionError.
func (f Future[Out]) Get(ctx workflow.Context) (Out, error) {
	var out Out
	err := f.Future.Get(ctx, pointerTo(&out))
	return out, err
}

// Select adds the future to a selector: when it is ready, f is called with the
// result. It returns the selector.
func (f Future[Out]) Select(ctx workflow.Context, selector workflow.Selector, ready func(Out, error)) workflow.Selector {
	return selector.AddFuture(f.Future, func(workflow.Future) { ready(f.Get(ctx)) })
}

// ChildFuture is the result of a child workflow.
type ChildFuture[Out any] struct {
	Future[Out]
	child workflow.ChildWorkflowFuture
}

// Started waits until the child has started and returns its ids. It fails if the
// child can not be started, because there is one with its id, for instance.
func (f ChildFuture[Out]) Started(ctx workflow.Context) (workflow.Execution, error) {
	var execution workflow.Execution
	err := f.child.GetChildWorkflowExecution().Get(ctx, &execution)
	return execution, err
}

// Untyped is the future of the classic call, to signal the child by name, for
// instance.
func (f ChildFuture[Out]) Untyped() workflow.ChildWorkflowFuture { return f.child }
