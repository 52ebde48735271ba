package flow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	"github.com/perdure/perdure/sdk/log"
)

// WorkflowInterceptor is the half of a worker interceptor that deals with
// workflows.
type WorkflowInterceptor interface {
	// InterceptWorkflow is called once for each run that a worker builds up,
	// before its code runs. It returns next, or what is to be called in its
	// place.
	InterceptWorkflow(ctx Context, next WorkflowInboundInterceptor) WorkflowInboundInterceptor
}

// WorkflowInboundInterceptor is called for all that enters workflow code. Embed
// WorkflowInboundInterceptorBase, which passes everything on, and override what
// is to be intercepted.
//
// Implementations are part of the workflow: what they do must be deterministic.
type WorkflowInboundInterceptor interface {
	// Init is called first. Implementations wrap outbound in an interceptor of
	// their own, if they want one, and pass it to Init of the next interceptor.
	Init(outbound WorkflowOutboundInterceptor) error

	// ExecuteWorkflow runs the workflow function. The header is in ctx:
	// WorkflowHeader.
	ExecuteWorkflow(ctx Context, in *ExecuteWorkflowInput) (any, error)

	// HandleSignal delivers a signal to its channel. It must not block. The
	// header is in ctx: WorkflowHeader.
	HandleSignal(ctx Context, in *HandleSignalInput) error

	// HandleQuery answers a query that workflow code has a handler for. It must
	// not change anything. The header is in ctx: WorkflowHeader.
	HandleQuery(ctx Context, in *HandleQueryInput) (any, error)

	// ValidateUpdate rejects an update by returning an error, before it is
	// carried out. It must not change anything. It is not called in replay. The
	// header is in ctx: WorkflowHeader.
	ValidateUpdate(ctx Context, in *UpdateInput) error

	// ExecuteUpdate carries out an update that was not rejected, on a coroutine
	// of its own. The header is in ctx: WorkflowHeader.
	ExecuteUpdate(ctx Context, in *UpdateInput) (any, error)

	mustEmbedWorkflowInboundInterceptorBase()
}

// ExecuteWorkflowInput is the input of
// WorkflowInboundInterceptor.ExecuteWorkflow.
type ExecuteWorkflowInput struct {
	// Args are the decoded arguments, without the context.
	Args []any
}

// HandleSignalInput is the input of WorkflowInboundInterceptor.HandleSignal.
type HandleSignalInput struct {
	// SignalName that the sender gave.
	SignalName string
	// Arg is the argument, still encoded: who receives the signal says what
	// it is decoded into.
	Arg *commonpb.Payloads
}

// HandleQueryInput is the input of WorkflowInboundInterceptor.HandleQuery.
type HandleQueryInput struct {
	// QueryType is the name of the query.
	QueryType string
	// Args are the decoded arguments.
	Args []any
}

// UpdateInput is the input of WorkflowInboundInterceptor.ValidateUpdate and
// ExecuteUpdate.
type UpdateInput struct {
	// Name of the update's handler.
	Name string
	// Args are the decoded arguments, without the context.
	Args []any
}

// WorkflowOutboundInterceptor is called for all that workflow code asks for:
// the functions of package workflow of the same names. Embed
// WorkflowOutboundInterceptorBase, which passes everything on, and override what
// is to be intercepted.
//
// Calls that send a header have an empty one in ctx, to be filled in:
// WorkflowHeader.
type WorkflowOutboundInterceptor interface {
	// Go intercepts workflow.Go and GoNamed; name may be empty.
	Go(ctx Context, name string, f func(ctx Context)) Context
	// Await intercepts workflow.Await.
	Await(ctx Context, condition func() bool) error
	// AwaitWithTimeout intercepts workflow.AwaitWithTimeout.
	AwaitWithTimeout(ctx Context, timeout time.Duration, condition func() bool) (bool, error)
	// AwaitWithOptions intercepts workflow.AwaitWithOptions.
	AwaitWithOptions(ctx Context, options AwaitOptions, condition func() bool) (bool, error)
	// ExecuteActivity intercepts workflow.ExecuteActivity.
	ExecuteActivity(ctx Context, activityType string, args ...any) Future
	// ExecuteLocalActivity intercepts workflow.ExecuteLocalActivity.
	ExecuteLocalActivity(ctx Context, activityType string, args ...any) Future
	// ExecuteChildWorkflow intercepts workflow.ExecuteChildWorkflow.
	ExecuteChildWorkflow(ctx Context, childWorkflowType string, args ...any) ChildWorkflowFuture
	// ExecuteNexusOperation intercepts NexusClient.ExecuteOperation. What is put into
	// input.NexusHeader is sent along.
	ExecuteNexusOperation(ctx Context, input ExecuteNexusOperationInput) NexusOperationFuture
	// RequestCancelNexusOperation intercepts the cancellation of an operation by its
	// context. It must not block.
	RequestCancelNexusOperation(ctx Context, input RequestCancelNexusOperationInput)
	// GetInfo intercepts workflow.GetInfo.
	GetInfo(ctx Context) *WorkflowInfo
	// GetTypedSearchAttributes intercepts workflow.GetTypedSearchAttributes.
	GetTypedSearchAttributes(ctx Context) searchattr.SearchAttributes
	// GetCurrentUpdateInfo intercepts workflow.GetCurrentUpdateInfo.
	GetCurrentUpdateInfo(ctx Context) *UpdateInfo
	// GetLogger intercepts workflow.GetLogger.
	GetLogger(ctx Context) log.Logger
	// GetMetricsHandler intercepts workflow.GetMetricsHandler.
	GetMetricsHandler(ctx Context) metrics.Handler
	// Now intercepts workflow.Now.
	Now(ctx Context) time.Time
	// NewTimer intercepts workflow.NewTimer.
	NewTimer(ctx Context, d time.Duration) Future
	// NewTimerWithOptions intercepts workflow.NewTimerWithOptions, and the
	// timers that Sleep and the Await functions with a timeout start.
	NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future
	// Sleep intercepts workflow.Sleep.
	Sleep(ctx Context, d time.Duration) (err error)
	// RequestCancelExternalWorkflow intercepts
	// workflow.RequestCancelExternalWorkflow.
	RequestCancelExternalWorkflow(ctx Context, workflowID, runID string) Future
	// SignalExternalWorkflow intercepts workflow.SignalExternalWorkflow.
	SignalExternalWorkflow(ctx Context, workflowID, runID, signalName string, arg any) Future
	// SignalChildWorkflow intercepts ChildWorkflowFuture.SignalChildWorkflow,
	// once the child is started.
	SignalChildWorkflow(ctx Context, workflowID, signalName string, arg any) Future
	// UpsertSearchAttributes intercepts workflow.UpsertSearchAttributes.
	UpsertSearchAttributes(ctx Context, attributes map[string]any) error
	// UpsertTypedSearchAttributes intercepts
	// workflow.UpsertTypedSearchAttributes.
	UpsertTypedSearchAttributes(ctx Context, attributes ...searchattr.Update) error
	// UpsertMemo intercepts workflow.UpsertMemo.
	UpsertMemo(ctx Context, memo map[string]any) error
	// GetSignalChannel intercepts workflow.GetSignalChannel.
	GetSignalChannel(ctx Context, signalName string) ReceiveChannel
	// GetSignalChannelWithOptions intercepts
	// workflow.GetSignalChannelWithOptions.
	GetSignalChannelWithOptions(ctx Context, signalName string, options SignalChannelOptions) ReceiveChannel
	// SideEffect intercepts workflow.SideEffect.
	SideEffect(ctx Context, f func(ctx Context) any) converter.EncodedValue
	// SideEffectWithOptions intercepts workflow.SideEffectWithOptions.
	SideEffectWithOptions(ctx Context, options SideEffectOptions, f func(ctx Context) any) converter.EncodedValue
	// MutableSideEffect intercepts workflow.MutableSideEffect.
	MutableSideEffect(ctx Context, id string, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue
	// MutableSideEffectWithOptions intercepts
	// workflow.MutableSideEffectWithOptions.
	MutableSideEffectWithOptions(ctx Context, id string, options MutableSideEffectOptions, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue
	// GetVersion intercepts workflow.GetVersion.
	GetVersion(ctx Context, changeID string, minSupported, maxSupported Version) Version
	// SetQueryHandler intercepts workflow.SetQueryHandler.
	SetQueryHandler(ctx Context, queryType string, handler any) error
	// SetQueryHandlerWithOptions intercepts
	// workflow.SetQueryHandlerWithOptions.
	SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error
	// SetUpdateHandler intercepts workflow.SetUpdateHandler and
	// SetUpdateHandlerWithOptions.
	SetUpdateHandler(ctx Context, updateName string, handler any, options UpdateHandlerOptions) error
	// IsReplaying intercepts workflow.IsReplaying.
	IsReplaying(ctx Context) bool
	// HasLastCompletionResult intercepts workflow.HasLastCompletionResult.
	HasLastCompletionResult(ctx Context) bool
	// GetLastCompletionResult intercepts workflow.GetLastCompletionResult.
	GetLastCompletionResult(ctx Context, d ...any) error
	// GetLastError intercepts workflow.GetLastError.
	GetLastError(ctx Context) error
	// NewContinueAsNewError intercepts workflow.NewContinueAsNewError and
	// NewContinueAsNewErrorWithOptions.
	NewContinueAsNewError(ctx Context, wfn any, args ...any) error

	mustEmbedWorkflowOutboundInterceptorBase()
}
