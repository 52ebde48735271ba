package testenv

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/log"
)

// Options of an Engine.
type Options struct {
	Namespace string
	Identity  string
	// Registry knows workflows and activities. Required.
	Registry *registry.Registry

	// DataConverter, FailureConverter and Logger are required.
	DataConverter      converter.DataConverter
	FailureConverter   converter.FailureConverter
	ContextPropagators []flow.ContextPropagator
	Logger             log.Logger
	// Metrics may be nil.
	Metrics metrics.Handler

	WorkflowInterceptors []flow.WorkflowInterceptor
	ActivityInterceptors []activities.ActivityInterceptor

	// Timeout is how long, by the real clock, nothing may happen. Default
	// DefaultTimeout.
	Timeout time.Duration
	// DeadlockTimeout as of flow.Options.
	DeadlockTimeout time.Duration
	// PreferredVersion as of flow.Options.
	PreferredVersion flow.PreferredVersionProvider
	// GracePeriod is added to the start to close timeout of activities.
	GracePeriod time.Duration
	// NoDetachedChildWait has Run return while children that outlive their parent
	// are running.
	NoDetachedChildWait bool
	// Background is the parent of activity contexts. Nil for
	// context.Background().
	Background context.Context
	// WorkerStop is closed by the test to tell activities that their worker stops.
	WorkerStop <-chan struct{}
	// ServesActivity says whether the workers of a task queue know an activity type.
	// Nil for all.
	ServesActivity func(taskQueue, activityType string) bool
	// Task changes what workflows are told of their task. Nil for nothing.
	Task func(*replay.TaskInfo)

	// Nexus makes the handler of Nexus operations, at the first call.
	Nexus func() (*nexusop.Handler, error)
	// NexusStarted says how an operation that was started ends, if it is the test that says
	// so; nil for none.
	NexusStarted func(service, operation, token string) (NexusCompletion, bool)

	Listeners Listeners
}

// Listeners are functions of the test, called on the loop; any may be nil.
type Listeners struct {
	ActivityCompleted      func(info *activities.Info, result converter.EncodedValue, err error)
	ActivityCanceled       func(info *activities.Info)
	ActivityHeartbeat      func(info *activities.Info, details converter.EncodedValues)
	LocalActivityCompleted func(info *activities.Info, result converter.EncodedValue, err error)
	LocalActivityCanceled  func(info *activities.Info)
	ChildCompleted         func(info *flow.WorkflowInfo, result converter.EncodedValue, err error)
	ChildCanceled          func(info *flow.WorkflowInfo)
	TimerScheduled         func(timerID string, d time.Duration)
	TimerFired             func(timerID string)
	TimerCanceled          func(timerID string)
	NexusCompleted         func(service, operation string, result converter.EncodedValue, err error)
	NexusCanceled          func(service, operation string)
}

// Start is how an execution begins.
type Start struct {
	WorkflowID, RunID       string
	WorkflowType            string
	TaskQueue               string
	Input                   *commonpb.Payloads
	Header                  *commonpb.Header
	ExecutionTimeout        time.Duration
	RunTimeout, TaskTimeout time.Duration
	Memo                    *commonpb.Memo
	SearchAttributes        *commonpb.SearchAttributes
	LastResult              *commonpb.Payloads
	LastError               error
	ContinuedRunID          string
	Priority                *commonpb.Priority
	converter               converter.DataConverter // nil for that of the options
	child                   *child
	attempt                 int32
	firstRunID              string
	delay                   time.Duration
}
