package typed

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/workflow"
)

// Signal is the definition of a signal that carries a Value. Make one with
// [NewSignal].
type Signal[Value any] struct{ name string }

// NewSignal defines a signal.
func NewSignal[Value any](name string) Signal[Value] { return Signal[Value]{name} }

// Name is the signal's name on the wire, as NewSignal got it.
func (s Signal[Value]) Name() string { return s.name }

// Send signals a workflow from a client. An empty runID means its current run.
func (s Signal[Value]) Send(ctx context.Context, c client.Client, workflowID, runID string, value Value) error {
	return c.SignalWorkflow(ctx, workflowID, runID, s.name, signalArgument(value))
}

// SendExternal signals another workflow from workflow code. The future is ready
// when the other one has the signal.
func (s Signal[Value]) SendExternal(ctx workflow.Context, workflowID, runID string, value Value) Future[None] {
	return Future[None]{workflow.SignalExternalWorkflow(ctx, workflowID, runID, s.name, signalArgument(value))}
}

// Receive waits for the next of these signals in workflow code. ok is false only
// if the channel was closed, which nothing but workflow code does.
func (s Signal[Value]) Receive(ctx workflow.Context) (value Value, ok bool) {
	ok = s.Channel(ctx).Receive(ctx, pointerTo(&value))
	return value, ok
}

// ReceiveAsync returns a signal that has arrived. ok is false if there is none, or
// if its value can not be decoded.
func (s Signal[Value]) ReceiveAsync(ctx workflow.Context) (value Value, ok bool) {
	ok = s.Channel(ctx).ReceiveAsync(pointerTo(&value))
	return value, ok
}

// Select adds the signal to a selector: receive is called with the next one. It
// returns the selector.
func (s Signal[Value]) Select(ctx workflow.Context, selector workflow.Selector, receive func(Value)) workflow.Selector {
	return selector.AddReceive(s.Channel(ctx), func(channel workflow.ReceiveChannel, _ bool) {
		var value Value
		channel.Receive(ctx, pointerTo(&value))
		receive(value)
	})
}

// Channel is the signal's untyped channel.
func (s Signal[Value]) Channel(ctx workflow.Context) workflow.ReceiveChannel {
	return workflow.GetSignalChannel(ctx, s.name)
}

// signalArgument is what the classic calls are given for a value: nil, which sends
// nothing, for None.
func signalArgument(value any) any {
	if _, none := value.(None); none {
		return nil
	}
	return value
}

// Query is the definition of a query that takes an In and is answered with an
// Out. Make one with [NewQuery].
type Query[In, Out any] struct{ name string }

// NewQuery defines a query.
func NewQuery[In, Out any](name string) Query[In, Out] { return Query[In, Out]{name} }

// Name is the query's name on the wire, as NewQuery got it.
func (q Query[In, Out]) Name() string { return q.name }

// Handle sets the function that answers the query. It must not block nor change
// anything.
func (q Query[In, Out]) Handle(ctx workflow.Context, answer func(In) (Out, error)) error {
	// A query always has a result, were it an empty one.
	return workflow.SetQueryHandler(ctx, q.name, reshaped[In](answer, false))
}

// Ask queries a workflow from a client. An empty runID means its current run. A
// failed handler is a *serviceerror.QueryFailed.
func (q Query[In, Out]) Ask(ctx context.Context, c client.Client, workflowID, runID string, in In) (Out, error) {
	var out Out
	answer, err := c.QueryWorkflow(ctx, workflowID, runID, q.name, argumentsOf(in)...)
	if err != nil || !answer.HasValue() {
		return out, err
	}
	err = answer.Get(&out)
	return out, err
}

// Update is the definition of an update that takes an In and is answered with an
// Out. Make one with [NewUpdate].
type Update[In, Out any] struct{ name string }

// NewUpdate defines an update.
func NewUpdate[In, Out any](name string) Update[In, Out] { return Update[In, Out]{name} }

// Name is the update's name on the wire, as NewUpdate got it.
func (u Update[In, Out]) Name() string { return u.name }

// Handle sets the function that carries out the update, on a coroutine of its own.
// See workflow.SetUpdateHandler.
func (u Update[In, Out]) Handle(ctx workflow.Context, handler func(workflow.Context, In) (Out, error)) error {
	return workflow.SetUpdateHandler(ctx, u.name, untyped[In, Out](handler))
}

// HandleValidated is Handle with a validator, which must not block nor change
// anything, and whose error rejects the update before it leaves a trace.
func (u Update[In, Out]) HandleValidated(ctx workflow.Context, validate func(workflow.Context, In) error, handler func(workflow.Context, In) (Out, error)) error {
	validator := untyped[In, None](func(ctx workflow.Context, in In) (None, error) { return None{}, validate(ctx, in) })
	return workflow.SetUpdateHandlerWithOptions(ctx, u.name, untyped[In, Out](handler), workflow.UpdateHandlerOptions{Validator: validator})
}

// Execute sends the update to a workflow's current run and waits for its result.
func (u Update[In, Out]) Execute(ctx context.Context, c client.Client, workflowID string, in In) (Out, error) {
	handle, err := u.Start(ctx, c, client.UpdateWorkflowOptions{WorkflowID: workflowID, WaitForStage: client.WorkflowUpdateStageCompleted}, in)
	if err != nil {
		var none Out
		return none, err
	}
	return handle.Get(ctx)
}

// Start sends the update and waits until it has reached options.WaitForStage.
// Options and errors are those of client.Client's UpdateWorkflow; UpdateName and
// Args are the definition's and the input.
func (u Update[In, Out]) Start(ctx context.Context, c client.Client, options client.UpdateWorkflowOptions, in In) (UpdateHandle[Out], error) {
	options.UpdateName, options.Args = u.name, argumentsOf(in)
	handle, err := c.UpdateWorkflow(ctx, options)
	if err != nil {
		return UpdateHandle[Out]{}, err
	}
	return UpdateHandle[Out]{handle}, nil
}

// UpdateWithStart sends the update to a workflow, which it starts if it is not
// running: see client.Client's UpdateWithStartWorkflow. startOptions needs a
// WorkflowIDConflictPolicy.
func UpdateWithStart[UpdateIn, UpdateOut, In, Out any](ctx context.Context, c client.Client,
	u Update[UpdateIn, UpdateOut], options client.UpdateWorkflowOptions, updateIn UpdateIn,
	w Workflow[In, Out], startOptions client.StartWorkflowOptions, in In,
) (UpdateHandle[UpdateOut], error) {
	options.UpdateName, options.Args = u.name, argumentsOf(updateIn)
	handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.NewWithStartWorkflowOperation(startOptions, w.name, argumentsOf(in)...),
		UpdateOptions:          options,
	})
	if err != nil {
		return UpdateHandle[UpdateOut]{}, err
	}
	return UpdateHandle[UpdateOut]{handle}, nil
}

// UpdateHandle is a client's handle of an update.
type UpdateHandle[Out any] struct{ client.WorkflowUpdateHandle }

// Get waits for the update's result.
func (h UpdateHandle[Out]) Get(ctx context.Context) (Out, error) {
	var out Out
	err := h.WorkflowUpdateHandle.Get(ctx, pointerTo(&out))
	return out, err
}
