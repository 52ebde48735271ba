package testsuite

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/testenv"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

const (
	// activityTimeout bounds an activity that is tested alone.
	activityTimeout = 10 * time.Minute
	// untestedWorkflowType is what such an activity takes for the type of its workflow.
	untestedWorkflowType = "0"
)

// TestActivityEnvironment runs activities, one at a time, as a worker would: with the
// context, the conversions, the interceptors and the heartbeats of one. Register
// activities first. Each call is one attempt; there are no retries.
type TestActivityEnvironment struct{ *activityEnvironment }

type activityEnvironment struct {
	registry   *registry.Registry
	logger     log.Logger
	values     converter.DataConverter
	failures   converter.FailureConverter
	propagate  []workflow.ContextPropagator
	header     *commonpb.Header
	identity   string
	worker     worker.Options
	plugins    workerPlugins
	stop       <-chan struct{}
	timeout    time.Duration
	details    *commonpb.Payloads
	heartbeat  func(*activity.Info, converter.EncodedValues)
	standalone bool
	number     atomic.Int64
	metrics    metrics.Handler
}

func newActivityEnvironment(s *WorkflowTestSuite) *TestActivityEnvironment {
	return &TestActivityEnvironment{&activityEnvironment{
		registry:  flow.NewRegistry(s.disableAliasing),
		logger:    s.loggerOrDefault(),
		values:    converter.GetDefaultDataConverter(),
		failures:  temporal.GetDefaultFailureConverter(),
		propagate: s.contextPropagators,
		header:    s.header,
		metrics:   metrics.OrNop(s.metrics),
	}}
}

// RegisterActivity registers an activity function, or all methods of a pointer to a
// struct.
func (t *TestActivityEnvironment) RegisterActivity(a any) {
	t.RegisterActivityWithOptions(a, activity.RegisterOptions{})
}

// RegisterActivityWithOptions is RegisterActivity with options.
func (t *TestActivityEnvironment) RegisterActivityWithOptions(a any, options activity.RegisterOptions) {
	t.plugins.registrar(t.registry).RegisterActivityWithOptions(a, options)
}

// RegisterDynamicActivity registers the activity that runs all types that are not
// registered by name.
func (t *TestActivityEnvironment) RegisterDynamicActivity(a any, options activity.DynamicRegisterOptions) {
	t.plugins.registrar(t.registry).RegisterDynamicActivity(a, options)
}

// SetWorkerOptions sets options of the worker that the environment stands for:
// BackgroundActivityContext, Interceptors and Plugins, which are configured at once. Others
// have no effect. After plugins it must not be called again.
func (t *TestActivityEnvironment) SetWorkerOptions(options worker.Options) *TestActivityEnvironment {
	t.plugins.configure(defaultTaskQueue, &options)
	t.worker = options
	return t
}

// started starts the worker for an execution, and returns what stops it. What plugins
// register is forgotten with it.
func (t *TestActivityEnvironment) started() (stop func()) {
	if len(t.plugins.plugins) == 0 {
		return func() {}
	}
	registered, more := t.registry, t.registry.Clone()
	stopPlugins := t.plugins.start(more)
	t.registry = more
	return func() {
		t.registry = registered
		stopPlugins()
	}
}

// SetDataConverter sets what arguments, results and heartbeats are encoded with. The default is
// converter.GetDefaultDataConverter().
func (t *TestActivityEnvironment) SetDataConverter(dataConverter converter.DataConverter) *TestActivityEnvironment {
	t.values = dataConverter
	return t
}

// SetFailureConverter sets what errors pass through. The default is
// temporal.GetDefaultFailureConverter().
func (t *TestActivityEnvironment) SetFailureConverter(failureConverter converter.FailureConverter) *TestActivityEnvironment {
	t.failures = failureConverter
	return t
}

// SetIdentity sets the identity of the worker.
func (t *TestActivityEnvironment) SetIdentity(identity string) *TestActivityEnvironment {
	t.identity = identity
	return t
}

// SetContextPropagators sets what reads the header into the contexts of activities. The default
// is those of the suite.
func (t *TestActivityEnvironment) SetContextPropagators(contextPropagators []workflow.ContextPropagator) *TestActivityEnvironment {
	t.propagate = contextPropagators
	return t
}

// SetHeader sets the header that activities are started with.
func (t *TestActivityEnvironment) SetHeader(header *commonpb.Header) { t.header = header }

// SetTestTimeout bounds a local activity, by the real clock. The default is 3 seconds.
// Other activities have 10 minutes.
func (t *TestActivityEnvironment) SetTestTimeout(idleTimeout time.Duration) *TestActivityEnvironment {
	t.timeout = idleTimeout
	return t
}

// SetHeartbeatDetails sets what activity.GetHeartbeatDetails returns.
func (t *TestActivityEnvironment) SetHeartbeatDetails(details any) {
	payloads, err := t.values.ToPayloads(details)
	must(err)
	t.details = payloads
}

// SetWorkerStopChannel sets the channel that activity.GetWorkerStopChannel returns: close
// it to tell activities that their worker stops.
func (t *TestActivityEnvironment) SetWorkerStopChannel(c chan struct{}) { t.stop = c }

// SetOnActivityHeartbeatListener has listener called for heartbeats that would be sent to
// the server, perhaps concurrently. Heartbeats that come close together are gathered.
func (t *TestActivityEnvironment) SetOnActivityHeartbeatListener(
	listener func(activityInfo *activity.Info, details converter.EncodedValues)) *TestActivityEnvironment {
	t.heartbeat = listener
	return t
}

// SetExecuteActivitiesInWorkflow says whether activities believe that a workflow has
// started them, the default, or a client.
func (t *TestActivityEnvironment) SetExecuteActivitiesInWorkflow(executeActivitiesInWorkflow bool) *TestActivityEnvironment {
	t.standalone = !executeActivitiesInWorkflow
	return t
}

// ExecuteActivity runs an activity, given as a function or by name, and returns its result
// or its error: a temporal.ActivityError, activity.ErrResultPending, or one that says that
// the activity is not registered. It panics if the activity does not take the arguments.
func (t *TestActivityEnvironment) ExecuteActivity(activityFn any, args ...any) (converter.EncodedValue, error) {
	defer t.started()()
	name, err := t.registry.ActivityName(activityFn)
	must(err)
	must(registry.CheckActivityArgs(activityFn, args))
	if _, known := t.registry.Activity(name); !known {
		return nil, failure.NewActivityNotRegisteredError(name, t.registry.ActivityTypes())
	}
	input, err := t.values.ToPayloads(args...)
	must(err)
	call := testenv.ActivityCall{
		ID: strconv.FormatInt(t.number.Add(1)-1, 10), Type: name, Input: input, Header: t.header, Details: t.details, Timeout: activityTimeout,
		Namespace: defaultNamespace, TaskQueue: defaultTaskQueue, Heartbeat: t.heartbeat,
	}
	if t.standalone {
		call.ActivityRunID = strconv.FormatInt(t.number.Add(1)-1, 10)
	} else {
		call.Workflow, call.WorkflowType = execution.Workflow{ID: defaultWorkflowID, RunID: defaultRunID}, untestedWorkflowType
	}
	ctx, cancel := context.WithCancel(t.background())
	defer cancel()
	result, err := testenv.RunActivity(ctx, call, activities.Options{
		Namespace: defaultNamespace, TaskQueue: defaultTaskQueue, Identity: t.identity, Registry: t.registry,
		DataConverter: t.values, FailureConverter: t.failures, ContextPropagators: t.propagate, Logger: t.logger, Metrics: t.metrics,
		Interceptors: t.interceptors(), Stopping: testenv.Stopping(ctx, t.stop),
	})
	if err != nil {
		if errors.Is(err, activities.ErrResultPending) {
			return nil, activities.ErrResultPending
		}
		return nil, failure.NewActivityError(0, 0, t.identity, &commonpb.ActivityType{Name: name}, call.ID, retryState(err), err)
	}
	return encoded.NewValue(result, t.values), nil
}

func retryState(err error) enumspb.RetryState {
	var timeout *failure.TimeoutError
	var canceled *failure.CanceledError
	switch {
	case errors.As(err, &timeout):
		return enumspb.RETRY_STATE_TIMEOUT
	case errors.As(err, &canceled):
		return enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	return enumspb.RETRY_STATE_UNSPECIFIED
}

func (t *TestActivityEnvironment) background() context.Context {
	if t.worker.BackgroundActivityContext != nil {
		return t.worker.BackgroundActivityContext
	}
	return context.Background()
}

func (t *TestActivityEnvironment) interceptors() []activities.ActivityInterceptor {
	var halves []activities.ActivityInterceptor
	for _, i := range t.worker.Interceptors {
		halves = append(halves, i)
	}
	return slices.Clip(halves)
}

// ExecuteLocalActivity runs a function, or a registered activity given by name, as a local
// activity, and returns its result or its error: a temporal.ActivityError.
func (t *TestActivityEnvironment) ExecuteLocalActivity(activityFn any, args ...any) (val converter.EncodedValue, err error) {
	defer t.started()()
	name, err := t.registry.ActivityName(activityFn)
	if err != nil {
		return nil, err
	}
	if err := registry.CheckActivityArgs(activityFn, args); err != nil {
		return nil, err
	}
	if _, byName := activityFn.(string); byName {
		activityFn = nil
	}
	timeout := t.timeout
	if timeout == 0 {
		timeout = testenv.DefaultTimeout
	}
	ctx, cancel := context.WithCancel(t.background())
	defer cancel()
	values := converter.WithDataConverterSerializationContext(t.values, converter.ActivitySerializationContext{
		Namespace: defaultNamespace, WorkflowID: defaultWorkflowID, WorkflowType: untestedWorkflowType,
		ActivityType: name, TaskQueue: defaultTaskQueue, IsLocal: true,
	})
	done := make(chan *flow.LocalActivityResult, 1)
	runner := activities.NewLocalRunner(activities.LocalOptions{
		Registry: t.registry, DataConverter: t.values, Logger: t.logger, Interceptors: t.interceptors(),
		Context: ctx, Stopping: testenv.Stopping(ctx, t.stop),
		Deliver: func(result *flow.LocalActivityResult) { done <- result },
	})
	task := &flow.LocalActivityTask{
		ActivityID: "test-local-activity", ActivityType: name, Function: activityFn, Args: args, DataConverter: values,
		ContextPropagators: t.propagate, Header: t.header, Attempt: 1, ScheduledTime: time.Now(),
		Options: flow.LocalActivityOptions{ScheduleToCloseTimeout: timeout},
		Info: &flow.WorkflowInfo{
			WorkflowExecution: execution.Workflow{ID: defaultWorkflowID, RunID: defaultRunID}, Namespace: defaultNamespace, TaskQueueName: defaultTaskQueue,
			WorkflowType: execution.WorkflowType{Name: untestedWorkflowType},
		},
	}
	runner.RunLocalActivity(task)
	result := <-done
	if result.Err != nil {
		return nil, failure.NewActivityError(0, 0, t.identity, &commonpb.ActivityType{Name: name}, task.ActivityID, enumspb.RETRY_STATE_UNSPECIFIED, result.Err)
	}
	return encoded.NewValue(result.Result, values), nil
}
