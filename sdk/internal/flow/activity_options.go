package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// ActivityOptions say how an activity is to be run. Either StartToCloseTimeout
// or ScheduleToCloseTimeout is required.
type ActivityOptions struct {
	// TaskQueue is where the activity's workers poll. Defaults to that of the
	// workflow.
	TaskQueue string

	// ScheduleToCloseTimeout bounds the activity as a whole, retries and the waits
	// between them included. Without it retries go on until the workflow ends.
	ScheduleToCloseTimeout time.Duration

	// ScheduleToStartTimeout bounds the wait of an attempt for a worker. It is not
	// retried. Most activities do not need one. Default ScheduleToCloseTimeout.
	ScheduleToStartTimeout time.Duration

	// StartToCloseTimeout bounds one attempt. It is how the server finds out
	// that a worker is gone, so it should be no longer than an attempt can
	// take. Default ScheduleToCloseTimeout.
	StartToCloseTimeout time.Duration

	// HeartbeatTimeout is the longest time between heartbeats, after which the attempt
	// is given up and tried again. Without it heartbeats are not expected, and the
	// activity learns of cancellation late or never.
	HeartbeatTimeout time.Duration

	// WaitForCancellation makes the future of a cancelled activity wait for
	// what becomes of it. Otherwise it fails at once with a CanceledError.
	WaitForCancellation bool

	// ActivityID names the activity within its run; no two may have the same at a time.
	// It is rarely useful: by default it is the id of the event that schedules it.
	ActivityID string

	// RetryPolicy says how a failed attempt is retried. Defaults to the
	// server's policy, which retries for ever; MaximumAttempts 1 turns
	// retries off.
	RetryPolicy *policy.Retry

	// DisableEagerExecution keeps the server from giving the activity to this
	// worker with the reply to the workflow task.
	DisableEagerExecution bool

	// VersioningIntent is for versioning by build id.
	//
	// Deprecated: use worker deployments.
	//
	//lint:ignore SA1019 programs that set it keep working
	VersioningIntent policy.VersioningIntent

	// Summary is a line of Markdown for people to read in the UI, at most 400 bytes.
	Summary string

	// Priority among the tasks of the task queue. Fields that are not set
	// come from the workflow.
	Priority policy.Priority
}

// LocalActivityOptions say how a local activity is to be run. One of the
// timeouts is required; the other defaults to the same.
type LocalActivityOptions struct {
	// ScheduleToCloseTimeout bounds the activity as a whole, retries
	// included.
	ScheduleToCloseTimeout time.Duration

	// StartToCloseTimeout bounds one attempt.
	StartToCloseTimeout time.Duration

	// RetryPolicy says how a failed attempt is retried. Defaults to retries
	// after 1s, 2s, 4s and so on to 100s.
	RetryPolicy *policy.Retry

	// Summary is a line for people to read in the UI.
	Summary string
}

type (
	activityOptionsKey      struct{}
	localActivityOptionsKey struct{}
)

// activityOptionsOf are the options that ctx has, by default those of its run. They are nil
// outside of workflows.
func activityOptionsOf(ctx Context) *ActivityOptions {
	if options, ok := ctx.Value(activityOptionsKey{}).(*ActivityOptions); ok {
		return options
	}
	if t, ok := ctx.Value(threadKey{}).(*thread); ok {
		return &ActivityOptions{TaskQueue: t.run.info.TaskQueueName}
	}
	return nil
}

// changeActivityOptions is ctx with a changed copy of its options.
func changeActivityOptions(ctx Context, change func(*ActivityOptions)) Context {
	var options ActivityOptions
	if current := activityOptionsOf(ctx); current != nil {
		options = *current
	}
	change(&options)
	return WithValue(ctx, activityOptionsKey{}, &options)
}

// WithActivityOptions returns a copy of ctx with options for activities. They
// replace those that ctx has, but for an empty TaskQueue.
func WithActivityOptions(ctx Context, options ActivityOptions) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) {
		if options.TaskQueue == "" {
			options.TaskQueue = o.TaskQueue
		}
		*o = options
	})
}

// GetActivityOptions returns the options for activities that ctx has.
func GetActivityOptions(ctx Context) ActivityOptions {
	if options := activityOptionsOf(ctx); options != nil {
		return *options
	}
	return ActivityOptions{}
}

// WithTaskQueue returns a copy of ctx with another task queue for activities.
func WithTaskQueue(ctx Context, name string) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.TaskQueue = name })
}

// WithScheduleToCloseTimeout returns a copy of ctx with another
// ActivityOptions.ScheduleToCloseTimeout.
func WithScheduleToCloseTimeout(ctx Context, d time.Duration) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.ScheduleToCloseTimeout = d })
}

// WithScheduleToStartTimeout returns a copy of ctx with another
// ActivityOptions.ScheduleToStartTimeout.
func WithScheduleToStartTimeout(ctx Context, d time.Duration) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.ScheduleToStartTimeout = d })
}

// WithStartToCloseTimeout returns a copy of ctx with another
// ActivityOptions.StartToCloseTimeout.
func WithStartToCloseTimeout(ctx Context, d time.Duration) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.StartToCloseTimeout = d })
}

// WithHeartbeatTimeout returns a copy of ctx with another
// ActivityOptions.HeartbeatTimeout.
func WithHeartbeatTimeout(ctx Context, d time.Duration) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.HeartbeatTimeout = d })
}

// WithWaitForCancellation returns a copy of ctx with another
// ActivityOptions.WaitForCancellation.
func WithWaitForCancellation(ctx Context, wait bool) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.WaitForCancellation = wait })
}

// WithRetryPolicy returns a copy of ctx with another
// ActivityOptions.RetryPolicy.
func WithRetryPolicy(ctx Context, retryPolicy policy.Retry) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.RetryPolicy = &retryPolicy })
}

// WithPriority returns a copy of ctx with another ActivityOptions.Priority.
func WithPriority(ctx Context, priority policy.Priority) Context {
	return changeActivityOptions(ctx, func(o *ActivityOptions) { o.Priority = priority })
}

func localActivityOptionsOf(ctx Context) *LocalActivityOptions {
	options, _ := ctx.Value(localActivityOptionsKey{}).(*LocalActivityOptions)
	return options
}

// WithLocalActivityOptions returns a copy of ctx with options for local
// activities, in place of those that ctx has.
func WithLocalActivityOptions(ctx Context, options LocalActivityOptions) Context {
	options.RetryPolicy = localRetryPolicy(options.RetryPolicy)
	return WithValue(ctx, localActivityOptionsKey{}, &options)
}

// localRetryPolicy fills in the defaults: there is no server to do it.
func localRetryPolicy(given *policy.Retry) *policy.Retry {
	var p policy.Retry
	if given != nil {
		p = *given
	}
	if p.BackoffCoefficient == 0 {
		p.BackoffCoefficient = 2
	}
	if p.InitialInterval == 0 {
		p.InitialInterval = time.Second
	}
	if p.MaximumInterval == 0 {
		p.MaximumInterval = 100 * p.InitialInterval
	}
	return &p
}

// GetLocalActivityOptions returns the options for local activities that ctx
// has.
func GetLocalActivityOptions(ctx Context) LocalActivityOptions {
	if options := localActivityOptionsOf(ctx); options != nil {
		return *options
	}
	return LocalActivityOptions{}
}
