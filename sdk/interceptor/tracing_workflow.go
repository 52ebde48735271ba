package interceptor

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

// tracedWorkflow traces what enters a workflow run. Spans of what leaves no trace in the
// history, and of what was done before, are not started in replay; that of the run
// itself is, because those of today need their parent.
type tracedWorkflow struct {
	WorkflowInboundInterceptorBase
	root  *tracingInterceptor
	info  *workflow.Info
	spans uint16 // started with an idempotency key
}

func (w *tracedWorkflow) Init(outbound WorkflowOutboundInterceptor) error {
	return w.Next.Init(&tracedWorkflowCalls{WorkflowOutboundInterceptorBase{Next: outbound}, w.root})
}

// idempotencyKey counts the spans that every replay starts in the same order.
func (w *tracedWorkflow) idempotencyKey() string {
	w.spans++
	return fmt.Sprintf("WorkflowInboundInterceptor:%s:%s:%s:%d",
		w.info.Namespace, w.info.WorkflowExecution.ID, w.info.WorkflowExecution.RunID, w.spans)
}

// incoming are the options of a span whose parent came with a header.
func incoming(info *workflow.Info, operation, name string) *TracerStartSpanOptions {
	return &TracerStartSpanOptions{Operation: operation, Name: name, Tags: runTags(info), FromHeader: true}
}

func runTags(info *workflow.Info) map[string]string {
	return map[string]string{workflowIDTag: info.WorkflowExecution.ID, runIDTag: info.WorkflowExecution.RunID}
}

func (w *tracedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *ExecuteWorkflowInput) (any, error) {
	options := incoming(w.info, "RunWorkflow", w.info.WorkflowType.Name)
	options.Time = w.info.WorkflowStartTime
	options.IdempotencyKey = w.idempotencyKey()
	return traceInbound(ctx, w.root, options, func(ctx workflow.Context) (any, error) { return w.Next.ExecuteWorkflow(ctx, in) })
}

func (w *tracedWorkflow) HandleSignal(ctx workflow.Context, in *HandleSignalInput) error {
	if w.root.options.DisableSignalTracing || workflow.IsReplaying(ctx) {
		return w.Next.HandleSignal(ctx, in)
	}
	options := incoming(w.info, "HandleSignal", in.SignalName)
	options.IdempotencyKey = w.idempotencyKey()
	_, err := traceInbound(ctx, w.root, options, func(ctx workflow.Context) (struct{}, error) {
		return struct{}{}, w.Next.HandleSignal(ctx, in)
	})
	return err
}

// HandleQuery has no idempotency key: replay does not repeat queries, so they must not be
// counted.
func (w *tracedWorkflow) HandleQuery(ctx workflow.Context, in *HandleQueryInput) (any, error) {
	if w.root.options.DisableQueryTracing || workflow.IsReplaying(ctx) {
		return w.Next.HandleQuery(ctx, in)
	}
	return traceInbound(ctx, w.root, incoming(w.info, "HandleQuery", in.QueryType), func(ctx workflow.Context) (any, error) {
		return w.Next.HandleQuery(ctx, in)
	})
}

// ValidateUpdate has no idempotency key: it is not called in replay.
func (w *tracedWorkflow) ValidateUpdate(ctx workflow.Context, in *UpdateInput) error {
	if w.root.options.DisableUpdateTracing {
		return w.Next.ValidateUpdate(ctx, in)
	}
	options := incoming(w.info, "ValidateUpdate", in.Name)
	options.Tags[updateIDTag] = workflow.GetCurrentUpdateInfo(ctx).ID
	_, err := traceInbound(ctx, w.root, options, func(ctx workflow.Context) (struct{}, error) {
		return struct{}{}, w.Next.ValidateUpdate(ctx, in)
	})
	return err
}

func (w *tracedWorkflow) ExecuteUpdate(ctx workflow.Context, in *UpdateInput) (any, error) {
	if w.root.options.DisableUpdateTracing {
		return w.Next.ExecuteUpdate(ctx, in)
	}
	options := incoming(w.info, "HandleUpdate", in.Name)
	options.Tags[updateIDTag] = workflow.GetCurrentUpdateInfo(ctx).ID
	options.IdempotencyKey = w.idempotencyKey()
	return traceInbound(ctx, w.root, options, func(ctx workflow.Context) (any, error) { return w.Next.ExecuteUpdate(ctx, in) })
}

// tracedWorkflowCalls traces what workflow code asks for. In replay that was traced
// before.
type tracedWorkflowCalls struct {
	WorkflowOutboundInterceptorBase
	root *tracingInterceptor
}

// start starts a span of a call that sends a header, and puts it there. finish ends it:
// the span is of the asking, not of what was asked for.
func (c *tracedWorkflowCalls) start(ctx workflow.Context, operation, name string, dependedOn bool) (spanned workflow.Context, finish func(), err error) {
	return c.startIn(ctx, operation, name, dependedOn, payloadHeader(WorkflowHeader(ctx)))
}

// startIn is start with another header.
func (c *tracedWorkflowCalls) startIn(ctx workflow.Context, operation, name string, dependedOn bool, header spanCarrier) (spanned workflow.Context, finish func(), err error) {
	if workflow.IsReplaying(ctx) {
		return ctx, func() {}, nil
	}
	span, err := c.root.start(ctx, &TracerStartSpanOptions{
		Operation:  operation,
		Name:       name,
		DependedOn: dependedOn,
		Tags:       runTags(workflow.GetInfo(ctx)),
		ToHeader:   true,
		Time:       time.Now(),
	}, header)
	if err != nil {
		return nil, nil, err
	}
	return workflow.WithValue(ctx, c.root.options.SpanContextKey, span), func() { span.Finish(&TracerFinishSpanOptions{}) }, nil
}

func (c *tracedWorkflowCalls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	spanned, finish, err := c.start(ctx, "StartActivity", activityType, true)
	if err != nil {
		return failed(ctx, err)
	}
	defer finish()
	return c.Next.ExecuteActivity(spanned, activityType, args...)
}

func (c *tracedWorkflowCalls) ExecuteLocalActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	spanned, finish, err := c.start(ctx, "StartActivity", activityType, true)
	if err != nil {
		return failed(ctx, err)
	}
	defer finish()
	return c.Next.ExecuteLocalActivity(spanned, activityType, args...)
}

func (c *tracedWorkflowCalls) ExecuteChildWorkflow(ctx workflow.Context, childWorkflowType string, args ...any) workflow.ChildWorkflowFuture {
	spanned, finish, err := c.start(ctx, "StartChildWorkflow", childWorkflowType, false)
	if err != nil {
		return failedChild{failed(ctx, err)}
	}
	defer finish()
	return c.Next.ExecuteChildWorkflow(spanned, childWorkflowType, args...)
}

func (c *tracedWorkflowCalls) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, signalName string, arg any) workflow.Future {
	if c.root.options.DisableSignalTracing {
		return c.Next.SignalExternalWorkflow(ctx, workflowID, runID, signalName, arg)
	}
	spanned, finish, err := c.start(ctx, "SignalExternalWorkflow", signalName, false)
	if err != nil {
		return failed(ctx, err)
	}
	defer finish()
	return c.Next.SignalExternalWorkflow(spanned, workflowID, runID, signalName, arg)
}

func (c *tracedWorkflowCalls) SignalChildWorkflow(ctx workflow.Context, workflowID, signalName string, arg any) workflow.Future {
	if c.root.options.DisableSignalTracing {
		return c.Next.SignalChildWorkflow(ctx, workflowID, signalName, arg)
	}
	spanned, finish, err := c.start(ctx, "SignalChildWorkflow", signalName, false)
	if err != nil {
		return failed(ctx, err)
	}
	defer finish()
	return c.Next.SignalChildWorkflow(spanned, workflowID, signalName, arg)
}

// NewContinueAsNewError has the next run go on in the span of this one.
func (c *tracedWorkflowCalls) NewContinueAsNewError(ctx workflow.Context, wfn any, args ...any) error {
	err := c.Next.NewContinueAsNewError(ctx, wfn, args...)
	_, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	span, _ := ctx.Value(c.root.options.SpanContextKey).(TracerSpan)
	if !ok || span == nil || workflow.IsReplaying(ctx) {
		return err
	}
	// The error has the map of the context as its header already.
	if err := c.root.write(span, payloadHeader(WorkflowHeader(ctx))); err != nil {
		return fmt.Errorf("failed writing span when creating continue as new error: %w", err)
	}
	return err
}

func (c *tracedWorkflowCalls) GetLogger(ctx workflow.Context) log.Logger {
	logger := c.Next.GetLogger(ctx)
	if span, _ := ctx.Value(c.root.options.SpanContextKey).(TracerSpan); span != nil {
		return c.root.tracer.GetLogger(logger, span)
	}
	return logger
}

// failed is a future with an error.
func failed(ctx workflow.Context, err error) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	settable.SetError(err)
	return future
}

// failedChild is the future of a child that was not asked for.
type failedChild struct{ workflow.Future }

func (f failedChild) GetChildWorkflowExecution() workflow.Future { return f }

func (f failedChild) SignalChildWorkflow(workflow.Context, string, any) workflow.Future { return f }
