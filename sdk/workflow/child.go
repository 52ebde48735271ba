package workflow

import (
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/temporal"
)

// ChildWorkflowOptions say how a child workflow is to be run. All are optional.
type ChildWorkflowOptions = flow.ChildWorkflowOptions

// ChildWorkflowFuture is the result of a child workflow.
type ChildWorkflowFuture = flow.ChildWorkflowFuture

// ExecuteChildWorkflow asks for a child workflow, by function or by registered
// name, with the ChildWorkflowOptions of ctx. It does not block; the future
// does:
//
//	var receipt Receipt
//	err := workflow.ExecuteChildWorkflow(ctx, Ship, order).Get(ctx, &receipt)
//
// A child that fails makes it fail with a temporal.ChildWorkflowExecutionError, whose
// cause is what the child failed with: a temporal.ChildWorkflowExecutionAlreadyStartedError
// if its id is taken. If ctx is cancelled the child is asked to cancel, and the future
// waits for what becomes of it. A child that is to outlive its parent needs
// ParentClosePolicy ABANDON, and its parent has to wait until it was started:
// ChildWorkflowFuture.GetChildWorkflowExecution.
//
// A function stands for its name. The arguments are not compared with its parameters: what
// cannot be decoded there fails the child's workflow task. It panics if childWorkflow is
// neither a function nor a name.
func ExecuteChildWorkflow(ctx Context, childWorkflow any, args ...any) ChildWorkflowFuture {
	return flow.ExecuteChildWorkflow(ctx, childWorkflow, args...)
}

// SignalExternalWorkflow signals another workflow, in the namespace of ctx. An
// empty runID means the current run. The future has no value; it is ready when the
// signal is in the other workflow's history. It fails with a
// temporal.UnknownExternalWorkflowExecutionError if there is no such workflow or it has
// closed, and with a temporal.NamespaceNotFoundError if there is no such namespace.
func SignalExternalWorkflow(ctx Context, workflowID, runID, signalName string, arg any) Future {
	return flow.SignalExternalWorkflow(ctx, workflowID, runID, signalName, arg)
}

// RequestCancelExternalWorkflow asks another workflow, in the namespace of ctx,
// to cancel. An empty runID means the current run. The future is ready when the
// request was delivered, whatever the other workflow makes of it; it fails with a
// temporal.UnknownExternalWorkflowExecutionError if there is no such workflow or it has
// closed. Cancelling ctx does not take the request back.
func RequestCancelExternalWorkflow(ctx Context, workflowID, runID string) Future {
	return flow.RequestCancelExternalWorkflow(ctx, workflowID, runID)
}

// WithChildOptions returns a copy of ctx with options for child workflows. They
// replace those that ctx has, but for an empty Namespace or TaskQueue.
func WithChildOptions(ctx Context, cwo ChildWorkflowOptions) Context {
	return flow.WithChildOptions(ctx, cwo)
}

// GetChildWorkflowOptions returns the options for child workflows that ctx has.
func GetChildWorkflowOptions(ctx Context) ChildWorkflowOptions {
	return flow.GetChildWorkflowOptions(ctx)
}

// WithWorkflowNamespace returns a copy of ctx with another namespace for child
// workflows and external workflows.
func WithWorkflowNamespace(ctx Context, name string) Context {
	return flow.WithWorkflowNamespace(ctx, name)
}

// WithWorkflowTaskQueue returns a copy of ctx with another task queue for child
// workflows and continue-as-new.
func WithWorkflowTaskQueue(ctx Context, name string) Context {
	return flow.WithWorkflowTaskQueue(ctx, name)
}

// WithWorkflowID returns a copy of ctx with another id for child workflows.
func WithWorkflowID(ctx Context, workflowID string) Context {
	return flow.WithWorkflowID(ctx, workflowID)
}

// WithWorkflowRunTimeout returns a copy of ctx with another run timeout for child
// workflows and continue-as-new.
func WithWorkflowRunTimeout(ctx Context, d time.Duration) Context {
	return flow.WithWorkflowRunTimeout(ctx, d)
}

// WithWorkflowTaskTimeout returns a copy of ctx with another workflow task
// timeout for child workflows and continue-as-new.
func WithWorkflowTaskTimeout(ctx Context, d time.Duration) Context {
	return flow.WithWorkflowTaskTimeout(ctx, d)
}

// WithWorkflowPriority returns a copy of ctx with another priority for child
// workflows.
func WithWorkflowPriority(ctx Context, priority temporal.Priority) Context {
	return flow.WithWorkflowPriority(ctx, priority)
}

// WithWorkflowVersioningIntent returns a copy of ctx with another versioning
// intent for child workflows and continue-as-new.
//
// Deprecated: use worker deployments.
func WithWorkflowVersioningIntent(ctx Context, intent temporal.VersioningIntent) Context {
	return flow.WithWorkflowVersioningIntent(ctx, intent)
}

// WithDataConverter returns a copy of ctx with another data converter, for
// activities, child workflows, signals and side effects.
func WithDataConverter(ctx Context, dc converter.DataConverter) Context {
	return flow.WithDataConverter(ctx, dc)
}

// DataConverterWithoutDeadlockDetection returns a converter whose time does not
// count as the workflow's. Converters that call out, to a key service for
// instance, may take longer than workflow code is allowed to.
func DataConverterWithoutDeadlockDetection(c converter.DataConverter) converter.DataConverter {
	return flow.DataConverterWithoutDeadlockDetection(c)
}
