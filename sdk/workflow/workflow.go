package workflow

import (
	"errors"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
)

type (
	// Type names a workflow definition.
	Type = execution.WorkflowType
	// Execution names a workflow execution.
	Execution = execution.Workflow
	// Info is what a workflow can know about its own execution.
	Info = flow.WorkflowInfo
	// Version is a version of a piece of workflow code.
	Version = flow.Version

	// ContinueAsNewError is returned by a workflow that is to go on as a new
	// run. Make it with NewContinueAsNewError.
	ContinueAsNewError = failure.ContinueAsNewError
	// ContinueAsNewErrorOptions are options of
	// NewContinueAsNewErrorWithOptions.
	ContinueAsNewErrorOptions = flow.ContinueAsNewErrorOptions
	// ContinueAsNewSuggestedReason is why the server suggests to continue as
	// new.
	ContinueAsNewSuggestedReason = flow.ContinueAsNewSuggestedReason
	// ContinueAsNewVersioningBehavior says on which deployment version the
	// next run starts.
	ContinueAsNewVersioningBehavior = policy.ContinueAsNewVersioningBehavior

	// SignalChannelOptions say what people see of the signals of a channel.
	SignalChannelOptions = flow.SignalChannelOptions
	// QueryHandlerOptions say what people see of a query.
	QueryHandlerOptions = flow.QueryHandlerOptions
	// UpdateHandlerOptions say which updates are rejected, and what happens to a handler when
	// the workflow ends.
	UpdateHandlerOptions = flow.UpdateHandlerOptions
	// UpdateInfo is about the update that is being handled.
	UpdateInfo = flow.UpdateInfo
	// HandlerUnfinishedPolicy says what happens when a workflow ends while an
	// update handler runs.
	HandlerUnfinishedPolicy = flow.HandlerUnfinishedPolicy
	// SideEffectOptions say what people see of a side effect.
	SideEffectOptions = flow.SideEffectOptions
	// MutableSideEffectOptions say what people see of a mutable side effect.
	MutableSideEffectOptions = flow.MutableSideEffectOptions
)

const (
	// HandlerUnfinishedPolicyWarnAndAbandon logs a warning when a workflow ends
	// while an update handler runs. It is the default.
	HandlerUnfinishedPolicyWarnAndAbandon = flow.HandlerUnfinishedPolicyWarnAndAbandon
	// HandlerUnfinishedPolicyAbandon interrupts the handler silently.
	HandlerUnfinishedPolicyAbandon = flow.HandlerUnfinishedPolicyAbandon
)

// DefaultVersion is the version of code from before GetVersion was put in.
const DefaultVersion = flow.DefaultVersion

const (
	// ContinueAsNewSuggestedReasonUnspecified is for a reason that is not known.
	ContinueAsNewSuggestedReasonUnspecified = flow.ContinueAsNewSuggestedReasonUnspecified
	// ContinueAsNewSuggestedReasonHistorySizeTooLarge: the history is large, usually 4 MiB.
	ContinueAsNewSuggestedReasonHistorySizeTooLarge = flow.ContinueAsNewSuggestedReasonHistorySizeTooLarge
	// ContinueAsNewSuggestedReasonTooManyHistoryEvents: the history is long, usually 4,096
	// events.
	ContinueAsNewSuggestedReasonTooManyHistoryEvents = flow.ContinueAsNewSuggestedReasonTooManyHistoryEvents
	// ContinueAsNewSuggestedReasonTooManyUpdates: the run has had many updates, usually 1,800.
	ContinueAsNewSuggestedReasonTooManyUpdates = flow.ContinueAsNewSuggestedReasonTooManyUpdates
)

const (
	// ContinueAsNewVersioningBehaviorUnspecified goes by the workflow's own
	// versioning behavior.
	ContinueAsNewVersioningBehaviorUnspecified = policy.ContinueAsNewVersioningBehaviorUnspecified
	// ContinueAsNewVersioningBehaviorAutoUpgrade starts on the version that
	// the task queue routes to.
	ContinueAsNewVersioningBehaviorAutoUpgrade = policy.ContinueAsNewVersioningBehaviorAutoUpgrade
	// ContinueAsNewVersioningBehaviorUseRampingVersion starts on the ramping
	// version, if there is one.
	ContinueAsNewVersioningBehaviorUseRampingVersion = policy.ContinueAsNewVersioningBehaviorUseRampingVersion
)

// VersioningBehavior says what happens to runs of a workflow type when another
// deployment version becomes current.
type VersioningBehavior = policy.VersioningBehavior

const (
	// VersioningBehaviorUnspecified is for workers without deployment
	// versioning.
	VersioningBehaviorUnspecified VersioningBehavior = policy.VersioningBehaviorUnspecified
	// VersioningBehaviorPinned keeps a run on the version it began on.
	VersioningBehaviorPinned VersioningBehavior = policy.VersioningBehaviorPinned
	// VersioningBehaviorAutoUpgrade moves runs along to the current version.
	VersioningBehaviorAutoUpgrade VersioningBehavior = policy.VersioningBehaviorAutoUpgrade
)

// RegisterOptions are options of registering a workflow with a worker.
type RegisterOptions = registry.WorkflowOptions

type (
	// LoadDynamicRuntimeOptionsDetails tells LoadDynamicRuntimeOptions which
	// workflow it is about.
	LoadDynamicRuntimeOptionsDetails = registry.LoadDynamicRuntimeOptionsDetails
	// DynamicRegisterOptions are options of registering a dynamic workflow.
	DynamicRegisterOptions = registry.DynamicWorkflowOptions
	// DynamicRuntimeOptions are options of one type of a dynamic workflow.
	DynamicRuntimeOptions = registry.DynamicRuntimeOptions
)

// GetInfo tells a workflow about its own execution. What it returns must not be changed,
// and is the same in replay, apart from what it says about the current workflow task.
func GetInfo(ctx Context) *Info { return flow.GetInfo(ctx) }

// GetTypedSearchAttributes returns the search attributes of the run, with what
// it has upserted.
func GetTypedSearchAttributes(ctx Context) temporal.SearchAttributes {
	return flow.GetTypedSearchAttributes(ctx)
}

// GetLogger returns the worker's logger, with the workflow's type, its ids, its attempt,
// and the update that is being handled, in every line. It is silent in replay, unless
// worker.Options.EnableLoggingInReplay is set.
func GetLogger(ctx Context) log.Logger { return flow.GetLogger(ctx) }

// GetMetricsHandler returns a handler for metrics of the workflow's own, which has the
// tags that the SDK's metrics of the workflow have, and is silent in replay.
func GetMetricsHandler(ctx Context) metrics.Handler { return flow.GetMetricsHandler(ctx) }

// IsReplaying says whether the code is repeating what it has done before. Use
// it to keep side effects such as metrics from happening twice; workflow logic
// must not depend on it.
func IsReplaying(ctx Context) bool { return flow.IsReplaying(ctx) }

// IsReadOnly says whether the code runs where it must not change anything: in a
// query handler or a side effect.
func IsReadOnly(ctx Context) bool { return flow.IsReadOnly(ctx) }

// GetSignalChannel returns the channel on which the signals of a name arrive, in the
// order in which the server recorded them, those included that came before the call.
// Nobody closes it. A signal that cannot be decoded into what Receive is given is logged
// and dropped. Signals that no one received when the run ends are lost, with a warning in
// the log: before continue-as-new, take what is there with ReceiveAsync.
func GetSignalChannel(ctx Context, signalName string) ReceiveChannel {
	return flow.GetSignalChannel(ctx, signalName)
}

// GetSignalChannelWithOptions is GetSignalChannel with options. Those of the
// first call for a name count.
func GetSignalChannelWithOptions(ctx Context, signalName string, options SignalChannelOptions) ReceiveChannel {
	return flow.GetSignalChannelWithOptions(ctx, signalName, options)
}

// GetUnhandledSignalNames returns the names of signals that have come and were
// not received, sorted.
func GetUnhandledSignalNames(ctx Context) []string { return flow.GetUnhandledSignalNames(ctx) }

// SetQueryHandler sets what answers queries of a type. handler takes the
// query's arguments and returns a value and an error:
//
//	err := workflow.SetQueryHandler(ctx, "state", func() (string, error) {
//		return state, nil
//	})
//
// It only looks at the workflow's state: it must not change it, nor call
// anything that blocks or takes a Context: that fails the query. It can be called after
// the workflow has ended, too. Set handlers before anything that blocks, or queries that
// come earlier fail. A second call for the same type replaces the handler. It is an error
// if handler does not have that form, or if queryType begins with two underscores.
func SetQueryHandler(ctx Context, queryType string, handler any) error {
	return flow.SetQueryHandler(ctx, queryType, handler)
}

// SetQueryHandlerWithOptions is SetQueryHandler with options.
func SetQueryHandlerWithOptions(ctx Context, queryType string, handler any, options QueryHandlerOptions) error {
	return flow.SetQueryHandlerWithOptions(ctx, queryType, handler, options)
}

// SetUpdateHandler sets what handles updates of a name. handler takes a Context
// and the update's arguments, and returns a value and an error, or just an
// error:
//
//	err := workflow.SetUpdateHandler(ctx, "add", func(ctx workflow.Context, item Item) (int, error) {
//		items = append(items, item)
//		return len(items), nil
//	})
//
// A handler runs on a coroutine of its own, before the main routine, and may do
// whatever workflow code may do. Set handlers before anything that blocks:
// updates that came before are handled then, and updates for which there is no
// handler when the workflow waits are rejected.
//
// A workflow that ends interrupts its handlers. Wait for them: see
// AllHandlersFinished. It is an error if handler does not have that form, or if
// the name begins with two underscores.
func SetUpdateHandler(ctx Context, updateName string, handler any) error {
	return flow.SetUpdateHandlerWithOptions(ctx, updateName, handler, UpdateHandlerOptions{})
}

// SetUpdateHandlerWithOptions is SetUpdateHandler with options: a validator that
// rejects updates before they leave a trace in the history, for instance.
//
//	err := workflow.SetUpdateHandlerWithOptions(ctx, "add", add, workflow.UpdateHandlerOptions{
//		Validator: func(item Item) error {
//			if item.Count <= 0 {
//				return errors.New("count must be positive")
//			}
//			return nil
//		},
//	})
func SetUpdateHandlerWithOptions(ctx Context, updateName string, handler any, opts UpdateHandlerOptions) error {
	return flow.SetUpdateHandlerWithOptions(ctx, updateName, handler, opts)
}

// GetCurrentUpdateInfo is about the update whose handler or validator ctx belongs
// to. It is nil elsewhere.
func GetCurrentUpdateInfo(ctx Context) *UpdateInfo { return flow.GetCurrentUpdateInfo(ctx) }

// AllHandlersFinished says whether no update handler is running. Workflows that
// have handlers wait for it before they end:
//
//	err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
func AllHandlersFinished(ctx Context) bool { return flow.AllHandlersFinished(ctx) }

// GetCurrentDetails returns what SetCurrentDetails set.
func GetCurrentDetails(ctx Context) string { return flow.GetCurrentDetails(ctx) }

// SetCurrentDetails sets a text, in Markdown, that the UI shows of the workflow.
func SetCurrentDetails(ctx Context, details string) { flow.SetCurrentDetails(ctx, details) }

// WorkflowRandomStream is a source of pseudorandom numbers that is the same in every
// replay: a [math/rand/v2.Source] and an [io.Reader].
type WorkflowRandomStream = flow.WorkflowRandomStream

// GetRandomStream returns the source of pseudorandom numbers that has the given name in
// this run. It costs no event in the history, unlike a SideEffect:
//
//	dice := rand.New(workflow.GetRandomStream(ctx, "example.com/game/dice"))
//	eyes := dice.IntN(6) + 1
//
// The numbers depend on the run and the name; calls with the same name return the same
// source. Libraries use names of their own, so that what they draw does not change what
// others draw. Numbers of a run can be computed by who knows its run id: they are no
// secrets. Queries, validators and side effects, which replay does not repeat, must not
// draw: that is a panic.
func GetRandomStream(ctx Context, name string) WorkflowRandomStream {
	return flow.GetRandomStream(ctx, name)
}

// SideEffect calls f and records what it returns in the history, so that replay sees the
// same: for a random number, a new id, a look at the clock.
//
//	var id string
//	err := workflow.SideEffect(ctx, func(workflow.Context) any {
//		return uuid.NewString()
//	}).Get(&id)
//
// f must not fail and must not change the workflow's state; all it does is
// return a value. It may be called again, when a workflow task is tried again. A value
// that the data converter cannot convert is a panic. What may fail or takes long belongs
// into an activity or a local activity.
func SideEffect(ctx Context, f func(ctx Context) any) converter.EncodedValue {
	return flow.SideEffect(ctx, f)
}

// SideEffectWithOptions is SideEffect with options.
func SideEffectWithOptions(ctx Context, options SideEffectOptions, f func(ctx Context) any) converter.EncodedValue {
	return flow.SideEffectWithOptions(ctx, options, f)
}

// MutableSideEffect is SideEffect for a value that changes now and then, such as
// configuration: it is recorded only when equals says that it differs from what
// was recorded under id before. f is called each time, but not in replay, where the value
// is the one that was recorded last. equals is given two values of the type that f
// returns.
func MutableSideEffect(ctx Context, id string, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return flow.MutableSideEffect(ctx, id, f, equals)
}

// MutableSideEffectWithOptions is MutableSideEffect with options.
func MutableSideEffectWithOptions(ctx Context, id string, options MutableSideEffectOptions, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return flow.MutableSideEffectWithOptions(ctx, id, options, f, equals)
}

// GetVersion lets workflow code change without breaking runs that began before
// the change:
//
//	v := workflow.GetVersion(ctx, "charge-first", workflow.DefaultVersion, 1)
//	if v == workflow.DefaultVersion {
//		// as it was
//	} else {
//		// as it is now
//	}
//
// It returns maxSupported where a run first comes by, and records that. A run
// that came by before the change gets DefaultVersion, one that came by at an
// earlier change gets what was recorded then; later calls with the same changeID return
// the same in one run. A run whose version is less than minSupported, or more than
// maxSupported, fails its workflow task until a worker supports it. The version is also
// put into the search attribute TemporalChangeVersion, as "changeID-version", as long as
// its list stays below 2,048 bytes: with it one finds out which runs still need the old
// branch. worker.Options.PreferredVersionProvider can choose another version to record.
func GetVersion(ctx Context, changeID string, minSupported, maxSupported Version) Version {
	return flow.GetVersion(ctx, changeID, minSupported, maxSupported)
}

// HasLastCompletionResult says whether an earlier run of a cron or scheduled
// workflow left a result.
func HasLastCompletionResult(ctx Context) bool { return flow.HasLastCompletionResult(ctx) }

// GetLastCompletionResult decodes the result of the last run of a cron or
// scheduled workflow that completed. It fails with temporal.ErrNoData if there
// is none.
func GetLastCompletionResult(ctx Context, d ...any) error {
	return flow.GetLastCompletionResult(ctx, d...)
}

// GetLastError is the error that the previous run of a cron, scheduled or retried
// workflow ended with, or nil if it completed or there is none.
func GetLastError(ctx Context) error { return flow.GetLastError(ctx) }

// UpsertSearchAttributes sets search attributes, by name. A nil value unsets
// one.
//
// Deprecated: use UpsertTypedSearchAttributes.
func UpsertSearchAttributes(ctx Context, attributes map[string]any) error {
	return flow.UpsertSearchAttributes(ctx, attributes)
}

// UpsertTypedSearchAttributes sets and unsets search attributes:
//
//	err := workflow.UpsertTypedSearchAttributes(ctx, stateKey.ValueSet("paid"))
//
// GetTypedSearchAttributes returns them from then on. It fails if there is nothing to
// set, and for TemporalChangeVersion. That an attribute is not registered with the server,
// or its value is larger than 2 KiB, is found out by the server, which fails the workflow
// task.
func UpsertTypedSearchAttributes(ctx Context, searchAttributeUpdate ...temporal.SearchAttributeUpdate) error {
	return flow.UpsertTypedSearchAttributes(ctx, searchAttributeUpdate...)
}

// UpsertMemo sets fields of the memo. A nil value removes one. Others stay as they are. It
// fails if memo is empty, or has a value that cannot be converted. A memo that would be
// larger than the server allows, by default 2 MiB, fails the workflow task.
func UpsertMemo(ctx Context, memo map[string]any) error { return flow.UpsertMemo(ctx, memo) }

// NewContinueAsNewError returns the error with which a workflow function ends
// its run and starts another, of the same workflow id, with a fresh history:
//
//	if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
//		return workflow.NewContinueAsNewError(ctx, Poll, state)
//	}
//
// wfn is the workflow's function or registered name, usually its own. Memo, search
// attributes and retry policy go on. The task queue and the timeouts are those
// that ctx has for child workflows, by default the run's own. Signals that the run has not
// received are lost, so receive them first, and wait for AllHandlersFinished. It panics if
// args are not what the function takes, or cannot be converted. Return the error from the
// workflow function itself: elsewhere it is an error like any other.
func NewContinueAsNewError(ctx Context, wfn any, args ...any) error {
	return flow.NewContinueAsNewError(ctx, wfn, args...)
}

// NewContinueAsNewErrorWithOptions is NewContinueAsNewError with options.
func NewContinueAsNewErrorWithOptions(ctx Context, options ContinueAsNewErrorOptions, wfn any, args ...any) error {
	return flow.NewContinueAsNewErrorWithOptions(ctx, options, wfn, args...)
}

// IsContinueAsNewError says whether err is, or wraps, a ContinueAsNewError.
func IsContinueAsNewError(err error) bool {
	_, ok := errors.AsType[*ContinueAsNewError](err)
	return ok
}
