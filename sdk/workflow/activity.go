package workflow

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/temporal"
)

// ActivityOptions say how an activity is to be run. Either StartToCloseTimeout
// or ScheduleToCloseTimeout is required.
type ActivityOptions = flow.ActivityOptions

// LocalActivityOptions say how a local activity is to be run. One of the
// timeouts is required; the other defaults to the same.
type LocalActivityOptions = flow.LocalActivityOptions

// ExecuteActivity asks for an activity, by function or by registered name, with
// the ActivityOptions of ctx. It does not block; the future does.
//
//	var greeting string
//	err := workflow.ExecuteActivity(ctx, Greet, "world").Get(ctx, &greeting)
//
// An activity that fails for good makes the future fail with a
// temporal.ActivityError, whose cause is what the activity failed with: a
// temporal.ApplicationError, a temporal.TimeoutError, or another of that package. If ctx
// is cancelled the activity is asked to cancel, and the future fails with a
// temporal.CanceledError: at once, unless ActivityOptions.WaitForCancellation is
// set.
//
// A function stands for its name. The arguments are not compared with its parameters,
// as other languages may run the activity: what cannot be decoded there fails it. It panics
// if args cannot be converted. Options that make no sense, such as no timeout at all, fail
// the workflow task.
func ExecuteActivity(ctx Context, activity any, args ...any) Future {
	return flow.ExecuteActivity(ctx, activity, args...)
}

// ExecuteLocalActivity runs an activity in the worker that runs the workflow,
// with the LocalActivityOptions of ctx. It costs a marker in the history and
// no round trips, so it suits short calls of some seconds; it has no heartbeats, and when
// the worker dies it is run again, with what else the workflow did since its last task.
// The workflow task is kept open as long as local activities run: signals and updates
// wait. The function need not be registered. Retries longer apart than the workflow task's
// timeout become timers.
//
// The future fails with a temporal.ActivityError, as for ExecuteActivity. It fails at once
// if args are not what the function takes, or no timeout is set.
func ExecuteLocalActivity(ctx Context, activity any, args ...any) Future {
	return flow.ExecuteLocalActivity(ctx, activity, args...)
}

// WithActivityOptions returns a copy of ctx with options for activities. They
// replace those that ctx has, but for an empty TaskQueue.
func WithActivityOptions(ctx Context, options ActivityOptions) Context {
	return flow.WithActivityOptions(ctx, options)
}

// WithLocalActivityOptions returns a copy of ctx with options for local
// activities, in place of those that ctx has.
func WithLocalActivityOptions(ctx Context, options LocalActivityOptions) Context {
	return flow.WithLocalActivityOptions(ctx, options)
}

// GetActivityOptions returns the options for activities that ctx has.
func GetActivityOptions(ctx Context) ActivityOptions { return flow.GetActivityOptions(ctx) }

// GetLocalActivityOptions returns the options for local activities that ctx has.
func GetLocalActivityOptions(ctx Context) LocalActivityOptions {
	return flow.GetLocalActivityOptions(ctx)
}

// WithTaskQueue returns a copy of ctx with another task queue for activities.
func WithTaskQueue(ctx Context, name string) Context { return flow.WithTaskQueue(ctx, name) }

// WithScheduleToCloseTimeout returns a copy of ctx with another
// ActivityOptions.ScheduleToCloseTimeout.
func WithScheduleToCloseTimeout(ctx Context, d time.Duration) Context {
	return flow.WithScheduleToCloseTimeout(ctx, d)
}

// WithScheduleToStartTimeout returns a copy of ctx with another
// ActivityOptions.ScheduleToStartTimeout.
func WithScheduleToStartTimeout(ctx Context, d time.Duration) Context {
	return flow.WithScheduleToStartTimeout(ctx, d)
}

// WithStartToCloseTimeout returns a copy of ctx with another
// ActivityOptions.StartToCloseTimeout.
func WithStartToCloseTimeout(ctx Context, d time.Duration) Context {
	return flow.WithStartToCloseTimeout(ctx, d)
}

// WithHeartbeatTimeout returns a copy of ctx with another
// ActivityOptions.HeartbeatTimeout.
func WithHeartbeatTimeout(ctx Context, d time.Duration) Context {
	return flow.WithHeartbeatTimeout(ctx, d)
}

// WithWaitForCancellation returns a copy of ctx with another
// ActivityOptions.WaitForCancellation.
func WithWaitForCancellation(ctx Context, wait bool) Context {
	return flow.WithWaitForCancellation(ctx, wait)
}

// WithRetryPolicy returns a copy of ctx with another
// ActivityOptions.RetryPolicy.
func WithRetryPolicy(ctx Context, retryPolicy temporal.RetryPolicy) Context {
	return flow.WithRetryPolicy(ctx, retryPolicy)
}

// WithPriority returns a copy of ctx with another ActivityOptions.Priority.
func WithPriority(ctx Context, priority temporal.Priority) Context {
	return flow.WithPriority(ctx, priority)
}
