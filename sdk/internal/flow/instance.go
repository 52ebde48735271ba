package flow

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// PanicPolicy says what happens to an execution whose workflow code panics or
// turns out not to be deterministic.
type PanicPolicy int

const (
	// BlockWorkflow fails the workflow task; the server offers it again, so
	// that a corrected worker can go on. The default.
	BlockWorkflow PanicPolicy = iota
	// FailWorkflow fails the workflow execution.
	FailWorkflow
)

// DefaultDeadlockTimeout is how long workflow code may run without yielding
// when Options.DeadlockTimeout is zero.
const DefaultDeadlockTimeout = time.Second

// Options is what a worker gives to all the workflow executions it runs. It is
// read only once an Instance is made with it and may be shared by all of them.
type Options struct {
	// Namespace and TaskQueue of the worker. TaskQueue is where activities
	// and children go that name no queue of their own, if the history does
	// not say otherwise.
	Namespace string
	TaskQueue string
	// Identity goes into the responses.
	Identity string
	// BuildID of the worker, for workflow.Info.GetCurrentBuildID.
	BuildID string

	// Registry resolves workflow types. Required.
	Registry *registry.Registry

	// DataConverter, FailureConverter and Logger default to those of packages
	// converter, temporal and log.
	DataConverter      DataConverter
	FailureConverter   FailureConverter
	ContextPropagators []ContextPropagator
	Logger             Logger
	// EnableLoggingInReplay lets workflow.GetLogger write while replaying.
	EnableLoggingInReplay bool

	PanicPolicy PanicPolicy
	// DeadlockTimeout is how long workflow code may run without yielding
	// before the workflow task is failed with TMPRL1101. Zero means
	// DefaultDeadlockTimeout, negative means no limit.
	DeadlockTimeout time.Duration

	// LocalActivities runs local activities. Nil makes workflow code that
	// executes one fail.
	LocalActivities LocalActivities

	// SDKMetadata is the server capability sdk_metadata: with it, SDK flags
	// and the SDK's name and version are reported in completions.
	SDKMetadata bool
}

// LocalActivities runs local activities for instances. The methods are called
// on the goroutine that is inside HandleTask, Continue, Heartbeat or Close and
// must not block, nor call back into the Instance except for
// LocalActivityDone.
type LocalActivities interface {
	// RunLocalActivity starts a local activity. Its outcome is to be handed
	// to task.Instance.LocalActivityDone exactly once, unless it was
	// cancelled.
	RunLocalActivity(task *LocalActivityTask)
	// CancelLocalActivity cancels the context of one that was started. The
	// instance has resolved it already; a late LocalActivityDone is ignored.
	CancelLocalActivity(task *LocalActivityTask)
}

// LocalActivityTask is one local activity to run, with its retries, until it
// ends or the next retry's delay is too long to keep the workflow task open.
type LocalActivityTask struct {
	Instance *Instance
	// ActivityID is unique in the run.
	ActivityID   string
	ActivityType string
	// Function is what workflow code passed to ExecuteLocalActivity when that
	// was a function; nil when it passed a name, to look up in the registry.
	Function any
	// Args are the arguments as passed, not encoded.
	Args []any
	// DataConverter and ContextPropagators are those of the workflow context.
	DataConverter      DataConverter
	ContextPropagators []ContextPropagator
	Header             *commonpb.Header
	Info               *WorkflowInfo
	// Options has at least one timeout set and a RetryPolicy.
	Options LocalActivityOptions
	// Attempt to begin with, from 1.
	Attempt int32
	// ScheduledTime is when the workflow first asked for it, by workflow
	// time; later attempts after a timer keep it.
	ScheduledTime time.Time
	// WorkflowTaskTimeout bounds a retry delay spent in process: a longer one
	// is to be reported as LocalActivityResult.Backoff.
	WorkflowTaskTimeout time.Duration
}

// LocalActivityResult is how a local activity ended.
type LocalActivityResult struct {
	Task *LocalActivityTask
	// Result is the encoded result, nil if it has none or failed.
	Result *commonpb.Payloads
	// Err is the error of the last attempt, nil on success.
	Err error
	// Attempt is the number of the last attempt made.
	Attempt int32
	// Backoff, when positive, means that Err is to be retried after this
	// delay, too long to wait for in process: the instance writes a marker
	// and a timer, then asks for attempt Attempt+1.
	Backoff time.Duration
}

// HistoryPager fetches the page of history after the one that carried token.
// It returns no token with the last page.
type HistoryPager func(ctx context.Context, token []byte) (page *historypb.History, next []byte, err error)

// Task is one workflow task to handle.
type Task struct {
	Poll *workflowservice.PollWorkflowTaskQueueResponse
	// NextPage fetches further pages of history when Poll has a next page
	// token; required then.
	NextPage HistoryPager
}

// Outcome is the answer to a workflow task. Exactly one of Completed, Failed
// and QueryCompleted is set, or LocalActivities is positive and none is.
//
// The instance fills in all that depends on the execution, and the
// task token, namespace and identity. The worker adds to Completed what depends
// on itself: sticky attributes, version stamp, deployment options, instance
// key, and which of the activity commands that request eager execution keep
// that request.
type Outcome struct {
	Completed      *workflowservice.RespondWorkflowTaskCompletedRequest
	Failed         *workflowservice.RespondWorkflowTaskFailedRequest
	QueryCompleted *workflowservice.RespondQueryTaskCompletedRequest

	// LocalActivities is how many local activities are running. While it is
	// positive and there is no response, the worker waits for Ready and calls
	// Continue, or, when 80% of the workflow task timeout has passed, calls
	// Heartbeat.
	LocalActivities int

	// Err is why the task failed, for the log; set with Failed, and with
	// Completed if a panic failed the execution under FailWorkflow.
	Err error
	// Closed says that Completed closes the run: drop the instance from the
	// cache and Close it.
	Closed bool
	// Evict says that the instance must not be used again (its task failed):
	// Close it.
	Evict bool
}

// ErrStale is returned by HandleTask when a cached instance is handed a
// history that does not go on from what it has seen. The worker closes the
// instance, fetches the full history and handles the task with a new one.
var ErrStale = errors.New("the cached workflow does not match the task's history: it must be rebuilt from the full history")
