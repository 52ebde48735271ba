package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	"github.com/perdure/perdure/sdk/log"
)

// WorkflowInboundInterceptorBase passes everything on to Next. Embed it in
// implementations of WorkflowInboundInterceptor.
type WorkflowInboundInterceptorBase struct {
	// Next is the next interceptor of the chain.
	Next WorkflowInboundInterceptor
}

var _ WorkflowInboundInterceptor = (*WorkflowInboundInterceptorBase)(nil)

// Init implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) Init(outbound WorkflowOutboundInterceptor) error {
	return b.Next.Init(outbound)
}

// ExecuteWorkflow implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) ExecuteWorkflow(ctx Context, in *ExecuteWorkflowInput) (any, error) {
	return b.Next.ExecuteWorkflow(ctx, in)
}

// HandleSignal implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) HandleSignal(ctx Context, in *HandleSignalInput) error {
	return b.Next.HandleSignal(ctx, in)
}

// HandleQuery implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) HandleQuery(ctx Context, in *HandleQueryInput) (any, error) {
	return b.Next.HandleQuery(ctx, in)
}

// ValidateUpdate implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) ValidateUpdate(ctx Context, in *UpdateInput) error {
	return b.Next.ValidateUpdate(ctx, in)
}

// ExecuteUpdate implements WorkflowInboundInterceptor.
func (b *WorkflowInboundInterceptorBase) ExecuteUpdate(ctx Context, in *UpdateInput) (any, error) {
	return b.Next.ExecuteUpdate(ctx, in)
}

func (*WorkflowInboundInterceptorBase) mustEmbedWorkflowInboundInterceptorBase() {}

// WorkflowOutboundInterceptorBase passes everything on to Next. Embed it in
// implementations of WorkflowOutboundInterceptor.
type WorkflowOutboundInterceptorBase struct {
	// Next is the next interceptor of the chain.
	Next WorkflowOutboundInterceptor
}

var _ WorkflowOutboundInterceptor = (*WorkflowOutboundInterceptorBase)(nil)

// Go implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) Go(ctx Context, name string, f func(ctx Context)) Context {
	return b.Next.Go(ctx, name, f)
}

// Await implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) Await(ctx Context, condition func() bool) error {
	return b.Next.Await(ctx, condition)
}

// AwaitWithTimeout implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) AwaitWithTimeout(ctx Context, timeout time.Duration, condition func() bool) (bool, error) {
	return b.Next.AwaitWithTimeout(ctx, timeout, condition)
}

// AwaitWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) AwaitWithOptions(ctx Context, options AwaitOptions, condition func() bool) (bool, error) {
	return b.Next.AwaitWithOptions(ctx, options, condition)
}

// ExecuteActivity implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) ExecuteActivity(ctx Context, activityType string, args ...any) Future {
	return b.Next.ExecuteActivity(ctx, activityType, args...)
}

// ExecuteLocalActivity implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) ExecuteLocalActivity(ctx Context, activityType string, args ...any) Future {
	return b.Next.ExecuteLocalActivity(ctx, activityType, args...)
}

// ExecuteChildWorkflow implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) ExecuteChildWorkflow(ctx Context, childWorkflowType string, args ...any) ChildWorkflowFuture {
	return b.Next.ExecuteChildWorkflow(ctx, childWorkflowType, args...)
}

// ExecuteNexusOperation implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) ExecuteNexusOperation(ctx Context, input ExecuteNexusOperationInput) NexusOperationFuture {
	return b.Next.ExecuteNexusOperation(ctx, input)
}

// RequestCancelNexusOperation implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) RequestCancelNexusOperation(ctx Context, input RequestCancelNexusOperationInput) {
	b.Next.RequestCancelNexusOperation(ctx, input)
}

// GetInfo implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetInfo(ctx Context) *WorkflowInfo {
	return b.Next.GetInfo(ctx)
}

// GetTypedSearchAttributes implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetTypedSearchAttributes(ctx Context) searchattr.SearchAttributes {
	return b.Next.GetTypedSearchAttributes(ctx)
}

// GetCurrentUpdateInfo implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetCurrentUpdateInfo(ctx Context) *UpdateInfo {
	return b.Next.GetCurrentUpdateInfo(ctx)
}

// GetLogger implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetLogger(ctx Context) log.Logger {
	return b.Next.GetLogger(ctx)
}

// GetMetricsHandler implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetMetricsHandler(ctx Context) metrics.Handler {
	return b.Next.GetMetricsHandler(ctx)
}

// Now implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) Now(ctx Context) time.Time {
	return b.Next.Now(ctx)
}

// NewTimer implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) NewTimer(ctx Context, d time.Duration) Future {
	return b.Next.NewTimer(ctx, d)
}

// NewTimerWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future {
	return b.Next.NewTimerWithOptions(ctx, d, options)
}

// Sleep implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) Sleep(ctx Context, d time.Duration) (err error) {
	return b.Next.Sleep(ctx, d)
}

// RequestCancelExternalWorkflow implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) RequestCancelExternalWorkflow(ctx Context, workflowID, runID string) Future {
	return b.Next.RequestCancelExternalWorkflow(ctx, workflowID, runID)
}

// SignalExternalWorkflow implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SignalExternalWorkflow(ctx Context, workflowID, runID, signalName string, arg any) Future {
	return b.Next.SignalExternalWorkflow(ctx, workflowID, runID, signalName, arg)
}

// SignalChildWorkflow implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SignalChildWorkflow(ctx Context, workflowID, signalName string, arg any) Future {
	return b.Next.SignalChildWorkflow(ctx, workflowID, signalName, arg)
}

// UpsertSearchAttributes implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) UpsertSearchAttributes(ctx Context, attributes map[string]any) error {
	return b.Next.UpsertSearchAttributes(ctx, attributes)
}

// UpsertTypedSearchAttributes implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) UpsertTypedSearchAttributes(ctx Context, attributes ...searchattr.Update) error {
	return b.Next.UpsertTypedSearchAttributes(ctx, attributes...)
}

// UpsertMemo implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) UpsertMemo(ctx Context, memo map[string]any) error {
	return b.Next.UpsertMemo(ctx, memo)
}

// GetSignalChannel implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetSignalChannel(ctx Context, signalName string) ReceiveChannel {
	return b.Next.GetSignalChannel(ctx, signalName)
}

// GetSignalChannelWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetSignalChannelWithOptions(ctx Context, signalName string, options SignalChannelOptions) ReceiveChannel {
	return b.Next.GetSignalChannelWithOptions(ctx, signalName, options)
}

// SideEffect implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SideEffect(ctx Context, f func(ctx Context) any) converter.EncodedValue {
	return b.Next.SideEffect(ctx, f)
}

// SideEffectWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SideEffectWithOptions(ctx Context, options SideEffectOptions, f func(ctx Context) any) converter.EncodedValue {
	return b.Next.SideEffectWithOptions(ctx, options, f)
}

// MutableSideEffect implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) MutableSideEffect(ctx Context, id string, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return b.Next.MutableSideEffect(ctx, id, f, equals)
}

// MutableSideEffectWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) MutableSideEffectWithOptions(ctx Context, id string, options MutableSideEffectOptions, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return b.Next.MutableSideEffectWithOptions(ctx, id, options, f, equals)
}

// GetVersion implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetVersion(ctx Context, changeID string, minSupported, maxSupported Version) Version {
	return b.Next.GetVersion(ctx, changeID, minSupported, maxSupported)
}

// SetQueryHandler implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SetQueryHandler(ctx Context, queryType string, handler any) error {
	return b.Next.SetQueryHandler(ctx, queryType, handler)
}

// SetQueryHandlerWithOptions implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error {
	return b.Next.SetQueryHandlerWithOptions(ctx, queryType, handler, options)
}

// SetUpdateHandler implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) SetUpdateHandler(ctx Context, updateName string, handler any, options UpdateHandlerOptions) error {
	return b.Next.SetUpdateHandler(ctx, updateName, handler, options)
}

// IsReplaying implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) IsReplaying(ctx Context) bool {
	return b.Next.IsReplaying(ctx)
}

// HasLastCompletionResult implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) HasLastCompletionResult(ctx Context) bool {
	return b.Next.HasLastCompletionResult(ctx)
}

// GetLastCompletionResult implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetLastCompletionResult(ctx Context, d ...any) error {
	return b.Next.GetLastCompletionResult(ctx, d...)
}

// GetLastError implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) GetLastError(ctx Context) error {
	return b.Next.GetLastError(ctx)
}

// NewContinueAsNewError implements WorkflowOutboundInterceptor.
func (b *WorkflowOutboundInterceptorBase) NewContinueAsNewError(ctx Context, wfn any, args ...any) error {
	return b.Next.NewContinueAsNewError(ctx, wfn, args...)
}

func (*WorkflowOutboundInterceptorBase) mustEmbedWorkflowOutboundInterceptorBase() {}
