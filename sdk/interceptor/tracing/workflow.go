package tracing

import (
	"fmt"

	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

// tracedWorkflow traces what enters a workflow run, in replay, too: the tracer's spans are the same
// then.
type tracedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	tracer WorkflowTracer
}

func (w *tracedWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&tracedWorkflowCalls{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, w.tracer})
}

func runTags(ctx workflow.Context) map[string]string {
	execution := workflow.GetInfo(ctx).WorkflowExecution
	return executionTags(execution.ID, execution.RunID)
}

func enters[T any](w *tracedWorkflow, ctx workflow.Context, operation, name string, f func(ctx workflow.Context) (T, error)) (T, error) {
	tags := runTags(ctx)
	if update := workflow.GetCurrentUpdateInfo(ctx); update != nil {
		tags[updateIDTag] = update.ID
	}
	return inbound(w.tracer, ctx, inHeader(interceptor.WorkflowHeader(ctx)), &TracerStartSpanOptions{Operation: operation, Name: name, Tags: tags}, f)
}

func (w *tracedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return enters(w, ctx, "RunWorkflow", workflow.GetInfo(ctx).WorkflowType.Name, func(ctx workflow.Context) (any, error) {
		return w.Next.ExecuteWorkflow(ctx, in)
	})
}

func (w *tracedWorkflow) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	_, err := enters(w, ctx, "HandleSignal", in.SignalName, only(func(ctx workflow.Context) error { return w.Next.HandleSignal(ctx, in) }))
	return err
}

func (w *tracedWorkflow) HandleQuery(ctx workflow.Context, in *interceptor.HandleQueryInput) (any, error) {
	return enters(w, ctx, "HandleQuery", in.QueryType, func(ctx workflow.Context) (any, error) { return w.Next.HandleQuery(ctx, in) })
}

func (w *tracedWorkflow) ValidateUpdate(ctx workflow.Context, in *interceptor.UpdateInput) error {
	_, err := enters(w, ctx, "ValidateUpdate", in.Name, only(func(ctx workflow.Context) error { return w.Next.ValidateUpdate(ctx, in) }))
	return err
}

func (w *tracedWorkflow) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	return enters(w, ctx, "HandleUpdate", in.Name, func(ctx workflow.Context) (any, error) { return w.Next.ExecuteUpdate(ctx, in) })
}

// tracedWorkflowCalls traces what workflow code asks for.
type tracedWorkflowCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	tracer WorkflowTracer
}

// leaves calls f in a span that is of the asking, not of what is asked for. Its error is only that the
// span could not be sent along.
func leaves[T any](c *tracedWorkflowCalls, ctx workflow.Context, operation, name string, dependedOn bool, f func(ctx workflow.Context) T) (T, error) {
	return outbound(c.tracer, ctx, inHeader(interceptor.WorkflowHeader(ctx)), &TracerStartSpanOptions{
		Operation: operation, Name: name, Tags: runTags(ctx), DependedOn: dependedOn,
	}, func(ctx workflow.Context) (T, error) { return f(ctx), nil })
}

func (c *tracedWorkflowCalls) future(ctx workflow.Context, operation, name string, dependedOn bool, f func(ctx workflow.Context) workflow.Future) workflow.Future {
	future, err := leaves(c, ctx, operation, name, dependedOn, f)
	if err != nil {
		return failed(ctx, err)
	}
	return future
}

func (c *tracedWorkflowCalls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return c.future(ctx, "StartActivity", activityType, true, func(ctx workflow.Context) workflow.Future {
		return c.Next.ExecuteActivity(ctx, activityType, args...)
	})
}

func (c *tracedWorkflowCalls) ExecuteLocalActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	return c.future(ctx, "StartActivity", activityType, true, func(ctx workflow.Context) workflow.Future {
		return c.Next.ExecuteLocalActivity(ctx, activityType, args...)
	})
}

func (c *tracedWorkflowCalls) ExecuteChildWorkflow(ctx workflow.Context, childWorkflowType string, args ...any) workflow.ChildWorkflowFuture {
	future, err := leaves(c, ctx, "StartChildWorkflow", childWorkflowType, false, func(ctx workflow.Context) workflow.ChildWorkflowFuture {
		return c.Next.ExecuteChildWorkflow(ctx, childWorkflowType, args...)
	})
	if err != nil {
		return failedCall{failed(ctx, err)}
	}
	return future
}

func (c *tracedWorkflowCalls) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, signalName string, arg any) workflow.Future {
	return c.future(ctx, "SignalExternalWorkflow", signalName, false, func(ctx workflow.Context) workflow.Future {
		return c.Next.SignalExternalWorkflow(ctx, workflowID, runID, signalName, arg)
	})
}

func (c *tracedWorkflowCalls) SignalChildWorkflow(ctx workflow.Context, workflowID, signalName string, arg any) workflow.Future {
	return c.future(ctx, "SignalChildWorkflow", signalName, false, func(ctx workflow.Context) workflow.Future {
		return c.Next.SignalChildWorkflow(ctx, workflowID, signalName, arg)
	})
}

func (c *tracedWorkflowCalls) ExecuteNexusOperation(ctx workflow.Context, in interceptor.ExecuteNexusOperationInput) workflow.NexusOperationFuture {
	name := fmt.Sprint(in.Operation)
	if operation, ok := in.Operation.(interface{ Name() string }); ok {
		name = operation.Name()
	}
	future, err := outbound(c.tracer, ctx, inNexusHeader(in.NexusHeader), &TracerStartSpanOptions{
		Operation: "StartNexusOperation",
		Name:      in.Client.Service() + "/" + name,
		Tags:      nexusTags(runTags(ctx), in.Client.Endpoint(), in.Client.Service(), name),
	}, func(ctx workflow.Context) (workflow.NexusOperationFuture, error) {
		return c.Next.ExecuteNexusOperation(ctx, in), nil
	})
	if err != nil {
		return failedCall{failed(ctx, err)}
	}
	return future
}

func (c *tracedWorkflowCalls) NewContinueAsNewError(ctx workflow.Context, wfn any, args ...any) error {
	next, err := leaves(c, ctx, "ContinueAsNew", workflow.GetInfo(ctx).WorkflowType.Name, false, func(ctx workflow.Context) error {
		return c.Next.NewContinueAsNewError(ctx, wfn, args...)
	})
	if err != nil {
		return err
	}
	return next
}

func (c *tracedWorkflowCalls) GetLogger(ctx workflow.Context) log.Logger {
	return loggerOf(c.tracer, ctx, c.Next.GetLogger(ctx))
}

// failed is a future with an error.
func failed(ctx workflow.Context, err error) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	settable.SetError(err)
	return future
}

// failedCall is the future of a child, or a Nexus operation, that was not asked for.
type failedCall struct{ workflow.Future }

func (f failedCall) GetChildWorkflowExecution() workflow.Future { return f }

func (f failedCall) GetNexusOperationExecution() workflow.Future { return f }

func (f failedCall) SignalChildWorkflow(workflow.Context, string, any) workflow.Future { return f }
