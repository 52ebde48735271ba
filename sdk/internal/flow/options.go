package flow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// PanicPolicy says what happens to an execution whose workflow code panics or
// turns out not to be deterministic.
type PanicPolicy int

const (
	// BlockWorkflow fails the workflow task; the server offers it again, so
	// that a corrected worker can go on. The default.
	BlockWorkflow PanicPolicy = iota
	// FailWorkflow fails the workflow execution. Code that does not yield
	// (TMPRL1101) still only fails the task.
	FailWorkflow
)

// DefaultDeadlockTimeout is how long workflow code may run without yielding
// when Options.DeadlockTimeout is zero.
const DefaultDeadlockTimeout = time.Second

// NoDeadlockTimeout as Options.DeadlockTimeout lets workflow code run without
// yielding for as long as it likes.
const NoDeadlockTimeout = time.Duration(-1)

// Options is what a worker gives to all the workflow executions it runs. It is
// read only once an Instance is made with it and may be shared by all of them.
type Options struct {
	// Namespace and TaskQueue of the worker. The task queue is for messages:
	// which one a workflow is on its history says.
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

	// Interceptors of workflows, the first outermost.
	Interceptors []WorkflowInterceptor

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
	// CancelLocalActivity cancels the context of one that was started, and
	// that no one waits for any more: the instance takes it as ended by a
	// CanceledError, and ignores a late LocalActivityDone.
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

// withDefaults fills in what was left out.
func (o *Options) withDefaults() *Options {
	if o.DataConverter != nil && o.FailureConverter != nil && o.Logger != nil && o.DeadlockTimeout != 0 {
		return o
	}
	filled := *o
	if filled.DataConverter == nil {
		filled.DataConverter = converter.GetDefaultDataConverter()
	}
	if filled.FailureConverter == nil {
		filled.FailureConverter = failure.DefaultConverter()
	}
	if filled.Logger == nil {
		filled.Logger = logger.NewDefault()
	}
	if filled.DeadlockTimeout == 0 {
		filled.DeadlockTimeout = DefaultDeadlockTimeout
	}
	return &filled
}
