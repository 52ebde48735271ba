package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// PanicPolicy says what happens to an execution whose workflow code panics or
// turns out not to be deterministic.
type PanicPolicy int

const (
	// BlockWorkflow fails the workflow task; the server offers it again, so
	// that a corrected worker can go on. The default.
	BlockWorkflow PanicPolicy = iota
	// FailWorkflow fails the workflow execution, also for code that does not yield
	// (TMPRL1101).
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

	// PreferredVersion chooses the versions that GetVersion records. Nil for the greatest.
	PreferredVersion PreferredVersionProvider

	// Metrics has the tags of the worker. Default metrics.NopHandler.
	Metrics metrics.Handler

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

	// ActivityConverter and ChildConverter are told with which data converter workflow code
	// calls an activity, by its activity id, or a child, by its workflow id. Tests, which run
	// what is called, have their uses for it. Nil for nobody.
	ActivityConverter func(activityID string, dc DataConverter)
	ChildConverter    func(workflowID string, dc DataConverter)
	// TaskStarted may change what the workflow is told of a task. Tests have their
	// own idea of how long a history is.
	TaskStarted func(*replay.TaskInfo)

	// NexusStartsFirst has the request to cancel a Nexus operation wait until the operation was
	// started. An operation that is cancelled before it was asked for runs then, which it does in
	// tests, but not with a server.
	NexusStartsFirst bool

	// Clock is the real time, which workflow time goes on with while local activities
	// run. Default time.Now.
	Clock func() time.Time

	// SDKMetadata is the server capability sdk_metadata: with it, SDK flags
	// and the SDK's name and version are reported in completions.
	SDKMetadata bool
}

// now is the time by Clock.
func (o *Options) now() time.Time {
	if o.Clock == nil {
		return time.Now()
	}
	return o.Clock()
}

// WithDefaults fills in what was left out, in a copy if there is anything. Who makes many
// instances calls it once: they share what it returns.
func (o *Options) WithDefaults() *Options {
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
