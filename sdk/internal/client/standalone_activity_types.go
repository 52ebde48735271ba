package client

import (
	"context"
	"iter"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// StartActivityOptions say how to start an activity that belongs to no workflow. ID,
// TaskQueue and one of ScheduleToCloseTimeout and StartToCloseTimeout are required.
type StartActivityOptions struct {
	// ID is the activity id, by which the activity is known from then on. At most one
	// activity of a namespace with the same id is running at any time. It is required.
	ID string

	// TaskQueue is where the workers of the activity poll. It is required.
	TaskQueue string

	// ScheduleToCloseTimeout bounds the whole execution, with all attempts and the waits
	// between them. The default is no limit.
	ScheduleToCloseTimeout time.Duration

	// ScheduleToStartTimeout bounds the wait of an attempt for a worker. It is not retried.
	// The default is no limit.
	ScheduleToStartTimeout time.Duration

	// StartToCloseTimeout bounds one attempt, from when a worker takes it. The default is
	// ScheduleToCloseTimeout.
	StartToCloseTimeout time.Duration

	// HeartbeatTimeout is how long an attempt may go without a heartbeat before it is given
	// up. The default is not to expect any.
	HeartbeatTimeout time.Duration

	// ActivityIDConflictPolicy says what happens if an activity with the id is running. The
	// default is to fail.
	ActivityIDConflictPolicy enumspb.ActivityIdConflictPolicy

	// ActivityIDReusePolicy says what happens if an activity with the id has closed. The
	// default is to allow a new one.
	ActivityIDReusePolicy enumspb.ActivityIdReusePolicy

	// RetryPolicy says how the activity is tried again. The default, nil, is to try until
	// it succeeds or a timeout ends it. To try once, set MaximumAttempts to 1.
	RetryPolicy *policy.Retry

	// TypedSearchAttributes are attributes by which the activity can be found. They must be
	// registered with the server.
	TypedSearchAttributes searchattr.SearchAttributes

	// Summary is one line of Markdown that user interfaces show about the activity.
	Summary string

	// StaticDetails are lines of Markdown that user interfaces show about the activity.
	StaticDetails string

	// Priority orders the activity's tasks relative to others in the task queue.
	Priority policy.Priority

	// StartDelay is the wait before the first attempt. The timeouts begin after it.
	StartDelay time.Duration

	nexus *NexusStart // nil unless a Nexus operation is what starts it
}

// GetActivityHandleOptions are the options of GetActivityHandle.
type GetActivityHandleOptions struct {
	// ActivityID is required.
	ActivityID string
	// RunID is the run of the activity. The default is the latest one.
	RunID string
}

// ListActivitiesOptions are the options of ListActivities.
type ListActivitiesOptions struct {
	// Query selects activities, in the language of visibility. The default is all.
	Query string
}

// ListActivitiesResult is the response of ListActivities.
type ListActivitiesResult struct {
	// Results goes through the activities, which are fetched a page at a time. It ends
	// after an error. It can be gone through more than once, and asks the server anew.
	Results iter.Seq2[*ClientActivityExecutionInfo, error]
}

// CountActivitiesOptions are the options of CountActivities.
type CountActivitiesOptions struct {
	// Query selects activities, in the language of visibility. It may group them: GROUP BY.
	// The default is all.
	Query string
}

// CountActivitiesResult is the response of CountActivities.
type CountActivitiesResult struct {
	// Count is how many activities there are, about.
	Count int64
	// Groups are how many there are in each group, if the query groups them.
	Groups []CountActivitiesAggregationGroup
}

// CountActivitiesAggregationGroup is how many activities have the same values of what a query
// groups by.
type CountActivitiesAggregationGroup struct {
	// GroupValues are the values of the attributes that the query groups by.
	GroupValues []any
	// Count is how many activities there are in the group, about.
	Count int64
}

// ActivityHandle is an activity that belongs to no workflow. It is safe for concurrent use.
// Its methods fail with [*serviceerror.NotFound] if the activity does not exist.
type ActivityHandle interface {
	// GetID returns the activity id, which the starter chose.
	GetID() string

	// GetRunID returns the run id. It is empty for a handle that was made without one: its
	// methods are about the latest run.
	GetRunID() string

	// Get waits for the activity to close, as long as ctx allows, and decodes its result into
	// what valuePtr points to. A nil valuePtr only waits. If the activity did not succeed, Get
	// returns why: an error of package temporal, such as a [*temporal.ApplicationError], a
	// [*temporal.TimeoutError] or a [*temporal.CanceledError].
	Get(ctx context.Context, valuePtr any) error

	// Describe returns what the server knows about the activity.
	Describe(ctx context.Context, options DescribeActivityOptions) (*ActivityExecutionDescription, error)

	// Cancel asks the activity to stop. It learns of it when it sends a heartbeat.
	Cancel(ctx context.Context, options CancelActivityOptions) error

	// Terminate ends the activity without asking it. A worker that runs it learns of it when
	// it sends a heartbeat or the result.
	Terminate(ctx context.Context, options TerminateActivityOptions) error

	// Pause keeps the activity from being tried again until Unpause. An attempt that is under
	// way learns of it when it sends a heartbeat, and may go on.
	Pause(ctx context.Context, options PauseActivityOptions) error

	// Unpause lets the activity go on.
	Unpause(ctx context.Context, options UnpauseActivityOptions) error

	// UpdateOptions changes options of the activity, and returns what they are then. An
	// attempt that is under way keeps the ones that it was begun with. It fails if update
	// changes nothing.
	UpdateOptions(ctx context.Context, update ActivityOptionsUpdate) (*ActivityExecutionOptions, error)

	// RestoreOriginalOptions undoes all changes of UpdateOptions.
	RestoreOriginalOptions(ctx context.Context) (*ActivityExecutionOptions, error)
}

// DescribeActivityOptions are the options of ActivityHandle.Describe. What may be large is
// left out unless it is asked for.
type DescribeActivityOptions struct {
	// IncludeInput asks for the arguments.
	IncludeInput bool
	// IncludeOutcome asks for the result or the failure of an activity that has closed.
	IncludeOutcome bool
	// IncludeHeartbeatDetails asks for the details of the last heartbeat.
	IncludeHeartbeatDetails bool
	// IncludeLastFailure asks for the failure of the last attempt.
	IncludeLastFailure bool
}

// CancelActivityOptions are the options of ActivityHandle.Cancel.
type CancelActivityOptions struct {
	// Reason is for people.
	Reason string
}

// TerminateActivityOptions are the options of ActivityHandle.Terminate.
type TerminateActivityOptions struct {
	// Reason is for people.
	Reason string
}

// PauseActivityOptions are the options of ActivityHandle.Pause.
type PauseActivityOptions struct {
	// Reason is for people.
	Reason string
}

// UnpauseActivityOptions are the options of ActivityHandle.Unpause.
type UnpauseActivityOptions struct {
	// Reason is for people.
	Reason string
	// Jitter spreads the next attempt over a time, so that activities that are let go
	// together do not all begin together.
	Jitter time.Duration
}

// ActivityExecutionOptions are the options of an activity that can be changed.
type ActivityExecutionOptions struct {
	// TaskQueue is where the workers of the activity poll.
	TaskQueue string
	// ScheduleToCloseTimeout bounds the whole execution.
	ScheduleToCloseTimeout time.Duration
	// ScheduleToStartTimeout bounds the wait of an attempt for a worker.
	ScheduleToStartTimeout time.Duration
	// StartToCloseTimeout bounds one attempt.
	StartToCloseTimeout time.Duration
	// HeartbeatTimeout is how long an attempt may go without a heartbeat.
	HeartbeatTimeout time.Duration
	// StartDelay is the wait before the first attempt.
	StartDelay time.Duration
	// RetryPolicy says how the activity is tried again.
	RetryPolicy *policy.Retry
	// Priority orders the activity's tasks relative to others.
	Priority policy.Priority
}

// ActivityOptionsUpdate changes options of an activity. What is nil stays as it is.
type ActivityOptionsUpdate struct {
	// TaskQueue is where the workers of the activity poll.
	TaskQueue *ActivityOptionChange[string]
	// ScheduleToCloseTimeout bounds the whole execution.
	ScheduleToCloseTimeout *ActivityOptionChange[time.Duration]
	// ScheduleToStartTimeout bounds the wait of an attempt for a worker.
	ScheduleToStartTimeout *ActivityOptionChange[time.Duration]
	// StartToCloseTimeout bounds one attempt.
	StartToCloseTimeout *ActivityOptionChange[time.Duration]
	// HeartbeatTimeout is how long an attempt may go without a heartbeat.
	HeartbeatTimeout *ActivityOptionChange[time.Duration]
	// StartDelay is the wait before the first attempt.
	StartDelay *ActivityOptionChange[time.Duration]
	// RetryPolicy says how the activity is tried again. It is replaced as a whole.
	RetryPolicy *ActivityOptionChange[policy.Retry]
	// Priority orders the activity's tasks relative to others. It is replaced as a whole.
	Priority *ActivityOptionChange[policy.Priority]
}

// ActivityOptionChange sets an option, or takes it away.
type ActivityOptionChange[T any] struct {
	// Value is the new value. Nil takes the option away: the server's default holds.
	Value *T
}

// ClientActivityExecutionInfo is what the server knows about every activity. Times that are
// not known are the Unix epoch.
type ClientActivityExecutionInfo struct {
	// RawExecutionListInfo is what the server sent, for an activity in a list.
	RawExecutionListInfo *activitypb.ActivityExecutionListInfo
	// ActivityID is the id that the starter chose.
	ActivityID string
	// ActivityRunID is the id that the server gave to this run of the activity id.
	ActivityRunID string
	// ActivityType is the name of the activity.
	ActivityType string
	// ScheduleTime is when it was started.
	ScheduleTime time.Time
	// CloseTime is when it closed.
	CloseTime time.Time
	// Status says whether it is running, and if not, how it closed.
	Status enumspb.ActivityExecutionStatus
	// TypedSearchAttributes are those that it was started with, decoded.
	TypedSearchAttributes searchattr.SearchAttributes
	// TaskQueue is where its workers poll.
	TaskQueue string
	// ExecutionDuration is how long it took, if it has closed.
	ExecutionDuration time.Duration
	// ExecutionTime is when its first attempt was, or is, due: later than ScheduleTime for
	// one that is delayed.
	ExecutionTime time.Time
}
