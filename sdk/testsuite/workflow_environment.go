package testsuite

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	"github.com/perdure/perdure/sdk/internal/testenv"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// What a workflow under test is started with where the test does not say otherwise.
const (
	defaultNamespace   = "default-test-namespace"
	defaultTaskQueue   = "default-test-taskqueue"
	defaultWorkflowID  = "default-test-workflow-id"
	defaultRunID       = "default-test-run-id"
	defaultTaskTimeout = time.Second
	// longestTimeout is the run timeout of a workflow that has none: one that waits for
	// what never comes ends with it.
	longestTimeout = 10 * 365 * 24 * time.Hour
)

// TestWorkflowEnvironment runs one workflow. Make one for each test with
// WorkflowTestSuite.NewTestWorkflowEnvironment, say what is expected, and call
// ExecuteWorkflow, which returns when the workflow has ended.
//
// What sends something to the workflow (SignalWorkflow, CancelWorkflow, CompleteActivity
// and the like) may be called from delayed callbacks, listeners and mocks, and from other
// goroutines.
type TestWorkflowEnvironment struct {
	activityMock, workflowMock, nexusMock mock.Mock

	engine    *testenv.Engine
	registry  *registry.Registry
	start     testenv.Start
	lastError error
	executed  bool
	workerSet worker.Options
	plugins   workerPlugins
	task      taskInfo
	// called is the mock that workflow code has called last; only it looks at it.
	called *calledMock
	// expected are the names that mocks were set up for.
	expectedActivities, expectedWorkflows map[string]bool
	nexus                                 nexusMocks
	// queues are the task queues of activities that are not served by all.
	queues map[string][]string

	childStarted         func(*workflow.Info, workflow.Context, converter.EncodedValues)
	activityStarted      func(*activity.Info, context.Context, converter.EncodedValues)
	localActivityStarted func(*activity.Info, context.Context, []any)
}

// taskInfo is what the test wants workflows told of their tasks.
type taskInfo struct {
	length, size  *int
	suggested     bool
	reasons       []workflow.ContinueAsNewSuggestedReason
	targetChanged bool
}

func newWorkflowEnvironment(s *WorkflowTestSuite) *TestWorkflowEnvironment {
	e := &TestWorkflowEnvironment{
		engine:             testenv.New(),
		registry:           flow.NewRegistry(s.disableAliasing),
		expectedActivities: make(map[string]bool),
		expectedWorkflows:  make(map[string]bool),
		queues:             make(map[string][]string),
		start: testenv.Start{
			WorkflowID: defaultWorkflowID, RunID: defaultRunID, TaskQueue: defaultTaskQueue, Header: s.header,
			ExecutionTimeout: longestTimeout, TaskTimeout: defaultTaskTimeout,
		},
	}
	o := &e.engine.Options
	o.Namespace, o.Registry, o.Logger = defaultNamespace, e.registry, s.loggerOrDefault()
	o.DataConverter, o.FailureConverter = converter.GetDefaultDataConverter(), temporal.GetDefaultFailureConverter()
	o.ContextPropagators, o.Metrics = s.contextPropagators, s.metrics
	o.Task = e.task.apply
	o.Nexus, o.NexusStarted = sync.OnceValues(e.newNexusHandler), e.nexusCompletion
	o.ServesActivity = func(taskQueue, activityType string) bool {
		queues, bound := e.queues[activityType]
		return !bound || slices.Contains(queues, taskQueue)
	}
	return e
}

func (t *taskInfo) apply(info *replay.TaskInfo) {
	if t.length != nil {
		info.HistoryLength = *t.length
	}
	if t.size != nil {
		info.HistorySize = *t.size
	}
	info.ContinueAsNewSuggested, info.TargetDeploymentVersionChanged = t.suggested, t.targetChanged
	info.ContinueAsNewSuggestedReasons = nil
	for _, reason := range t.reasons {
		info.ContinueAsNewSuggestedReasons = append(info.ContinueAsNewSuggestedReasons, enumspb.SuggestContinueAsNewReason(reason))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// RegisterWorkflow registers a workflow function under its name. Functions that are
// executed or mocked need no registration; children do.
func (e *TestWorkflowEnvironment) RegisterWorkflow(w any) {
	e.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{})
}

// RegisterWorkflowWithOptions is RegisterWorkflow with options. It panics after OnWorkflow
// and others that set up mocks of workflows.
func (e *TestWorkflowEnvironment) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	if len(e.workflowMock.ExpectedCalls) > 0 {
		panic("RegisterWorkflow calls cannot follow mock related ones like OnWorkflow or similar")
	}
	e.plugins.registrar(e.registry).RegisterWorkflowWithOptions(w, options)
}

// RegisterDynamicWorkflow registers the workflow that runs all types that are not
// registered by name. It panics after mocks of workflows were set up.
func (e *TestWorkflowEnvironment) RegisterDynamicWorkflow(w any, options workflow.DynamicRegisterOptions) {
	if len(e.workflowMock.ExpectedCalls) > 0 {
		panic("RegisterDynamicWorkflow calls cannot follow mock related ones like OnWorkflow or similar")
	}
	e.plugins.registrar(e.registry).RegisterDynamicWorkflow(w, options)
}

// RegisterActivity registers an activity function, or all methods of a pointer to a
// struct. Functions that are mocked need no registration. A name that is registered twice stands
// for what was registered last.
func (e *TestWorkflowEnvironment) RegisterActivity(a any) {
	e.RegisterActivityWithOptions(a, activity.RegisterOptions{})
}

// RegisterActivityWithOptions is RegisterActivity with options.
func (e *TestWorkflowEnvironment) RegisterActivityWithOptions(a any, options activity.RegisterOptions) {
	options.DisableAlreadyRegisteredCheck = true
	e.plugins.registrar(e.registry).RegisterActivityWithOptions(a, options)
}

// RegisterDynamicActivity registers the activity that runs all types that are not
// registered by name.
func (e *TestWorkflowEnvironment) RegisterDynamicActivity(a any, options activity.DynamicRegisterOptions) {
	if len(e.workflowMock.ExpectedCalls) > 0 {
		panic("RegisterDynamicActivity calls cannot follow mock related ones like OnWorkflow or similar")
	}
	e.plugins.registrar(e.registry).RegisterDynamicActivity(a, options)
}

// ExecuteWorkflow runs a workflow, given as a function or by name, and returns when it
// has ended, and the children that outlive it too, unless SetDetachedChildWait(false).
// It panics if nothing has happened for the test timeout (SetTestTimeout), if the workflow
// is not registered, and when it is called again.
func (e *TestWorkflowEnvironment) ExecuteWorkflow(workflowFn any, args ...any) {
	if reflect.ValueOf(workflowFn).Kind() == reflect.Func {
		must(e.registry.RegisterWorkflow(workflowFn, workflow.RegisterOptions{DisableAlreadyRegisteredCheck: true}))
	}
	if !e.executed {
		defer e.plugins.start(e.registry)()
	}
	name, err := e.registry.WorkflowName(workflowFn)
	must(err)
	if e.executed {
		panic(fmt.Sprintf("Current TestWorkflowEnvironment is used to execute %v. Please create a new TestWorkflowEnvironment for %v.", e.start.WorkflowType, name))
	}
	must(registry.CheckArgs(workflowFn, args, reflect.TypeFor[workflow.Context]()))
	if _, known := e.registry.Workflow(name); !known {
		panic(fmt.Errorf("unable to find workflow type: %v. Supported types: [%v]; register it with RegisterWorkflow", name, strings.Join(e.registry.WorkflowTypes(), ", ")))
	}
	e.executed = true
	input, err := e.converterOf(e.start.WorkflowID).ToPayloads(args...)
	must(err)
	e.start.WorkflowType, e.start.Input, e.start.LastError = name, input, e.lastError
	if e.start.RunTimeout == 0 {
		e.start.RunTimeout = longestTimeout
	}
	e.intercept()
	e.engine.Run(&e.start)
}

func (e *TestWorkflowEnvironment) converterOf(workflowID string) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(e.engine.Options.DataConverter,
		converter.WorkflowSerializationContext{Namespace: e.engine.Options.Namespace, WorkflowID: workflowID})
}

// Now is the time that the workflow sees.
func (e *TestWorkflowEnvironment) Now() time.Time { return e.engine.Now() }

// IsWorkflowCompleted says whether the workflow has ended, in whatever way.
func (e *TestWorkflowEnvironment) IsWorkflowCompleted() bool {
	root := e.engine.Root()
	return root != nil && root.Closed()
}

// GetWorkflowResult decodes the workflow's result, and returns the error it ended with.
// It panics if the workflow has not ended.
func (e *TestWorkflowEnvironment) GetWorkflowResult(valuePtr any) error {
	if !e.IsWorkflowCompleted() {
		panic("workflow is not completed")
	}
	return decodeResult(e.engine.Root(), e.GetWorkflowError(), valuePtr)
}

func decodeResult(x *testenv.Execution, err error, valuePtr any) error {
	result, _ := x.Result()
	if err != nil || valuePtr == nil || !result.HasValue() {
		return err
	}
	return result.Get(valuePtr)
}

// GetWorkflowError returns the error that the workflow ended with: a
// temporal.WorkflowExecutionError, or nil.
func (e *TestWorkflowEnvironment) GetWorkflowError() error {
	root := e.engine.Root()
	if root == nil {
		return nil
	}
	_, err := root.Result()
	if err == nil {
		return nil
	}
	return failure.NewWorkflowExecutionError(root.ID().ID, root.ID().RunID, e.start.WorkflowType, err)
}

// GetWorkflowResultByID is GetWorkflowResult for any workflow of the test, such as a
// child. It fails with a NotFound error if there is none of the id.
func (e *TestWorkflowEnvironment) GetWorkflowResultByID(workflowID string, valuePtr any) error {
	x, err := e.find(workflowID)
	if err != nil {
		return err
	}
	if !x.Closed() {
		panic("workflow is not completed")
	}
	return decodeResult(x, e.errorOf(x), valuePtr)
}

// GetWorkflowErrorByID is GetWorkflowError for any workflow of the test. The error of a
// child is as its parent would find it as a cause.
func (e *TestWorkflowEnvironment) GetWorkflowErrorByID(workflowID string) error {
	x, err := e.find(workflowID)
	if err != nil {
		return err
	}
	return e.errorOf(x)
}

func (e *TestWorkflowEnvironment) errorOf(x *testenv.Execution) error {
	if !x.IsChild() {
		return e.GetWorkflowError()
	}
	_, err := x.Result()
	return err
}

// SetStartTime sets the time at which the workflow starts. The default is the real time.
func (e *TestWorkflowEnvironment) SetStartTime(startTime time.Time) {
	if startTime.IsZero() {
		startTime = time.Now()
	}
	e.engine.SetNow(startTime)
}

// SetCurrentHistoryLength sets what workflow.Info.GetCurrentHistoryLength returns. By
// default it is the true number of events.
func (e *TestWorkflowEnvironment) SetCurrentHistoryLength(length int) {
	e.setTask(func() { e.task.length = &length })
}

// SetCurrentHistorySize sets what workflow.Info.GetCurrentHistorySize returns.
func (e *TestWorkflowEnvironment) SetCurrentHistorySize(length int) {
	e.setTask(func() { e.task.size = &length })
}

// SetContinueAsNewSuggested sets what workflow.Info.GetContinueAsNewSuggested returns.
func (e *TestWorkflowEnvironment) SetContinueAsNewSuggested(suggest bool) {
	e.setTask(func() { e.task.suggested = suggest })
}

// SetContinueAsNewSuggestedReasons sets what
// workflow.Info.GetContinueAsNewSuggestedReasons returns.
func (e *TestWorkflowEnvironment) SetContinueAsNewSuggestedReasons(reasons []workflow.ContinueAsNewSuggestedReason) {
	e.setTask(func() { e.task.reasons = reasons })
}

// SetTargetWorkerDeploymentVersionChanged sets what
// workflow.Info.GetTargetWorkerDeploymentVersionChanged returns.
func (e *TestWorkflowEnvironment) SetTargetWorkerDeploymentVersionChanged(changed bool) {
	e.setTask(func() { e.task.targetChanged = changed })
}

// setTask changes what is told of tasks, from the next one on.
func (e *TestWorkflowEnvironment) setTask(change func()) {
	if !e.executed {
		change()
		return
	}
	e.engine.Post(change)
}

// SetContinuedExecutionRunID sets workflow.Info.ContinuedExecutionRunID.
func (e *TestWorkflowEnvironment) SetContinuedExecutionRunID(rid string) {
	e.start.ContinuedRunID = rid
}

// SetWorkerOptions sets options of the worker that the environment stands for:
// BackgroundActivityContext, DeadlockDetectionTimeout, Interceptors, EnableSessionWorker,
// MaxConcurrentSessionExecutionSize, PreferredVersionProvider and Plugins, which are
// configured at once. Others have no effect. After plugins it must not be called again.
func (e *TestWorkflowEnvironment) SetWorkerOptions(options worker.Options) *TestWorkflowEnvironment {
	e.plugins.configure(e.start.TaskQueue, &options)
	e.workerSet = options
	e.engine.Options.Background = options.BackgroundActivityContext
	e.engine.Options.DeadlockTimeout = options.DeadlockDetectionTimeout
	e.engine.Options.PreferredVersion = options.PreferredVersionProvider
	if options.EnableSessionWorker {
		e.serveSessions(options.MaxConcurrentSessionExecutionSize)
	}
	return e
}

// SetStartWorkflowOptions sets how the workflow is started: ID, TaskQueue and the
// timeouts. Others have no effect.
func (e *TestWorkflowEnvironment) SetStartWorkflowOptions(options client.StartWorkflowOptions) *TestWorkflowEnvironment {
	if options.WorkflowExecutionTimeout > 0 {
		e.start.ExecutionTimeout = options.WorkflowExecutionTimeout
	}
	if options.WorkflowRunTimeout > 0 {
		e.start.RunTimeout = options.WorkflowRunTimeout
	}
	if options.WorkflowTaskTimeout > 0 {
		e.start.TaskTimeout = options.WorkflowTaskTimeout
	}
	if options.ID != "" {
		e.start.WorkflowID = options.ID
	}
	if options.TaskQueue != "" {
		e.start.TaskQueue = options.TaskQueue
	}
	return e
}

// SetDataConverter sets the data converter. Mocks' results pass through it as well.
func (e *TestWorkflowEnvironment) SetDataConverter(dataConverter converter.DataConverter) *TestWorkflowEnvironment {
	e.engine.Options.DataConverter = dataConverter
	return e
}

// SetFailureConverter sets what errors pass through. The default is
// temporal.GetDefaultFailureConverter().
func (e *TestWorkflowEnvironment) SetFailureConverter(failureConverter converter.FailureConverter) *TestWorkflowEnvironment {
	e.engine.Options.FailureConverter = failureConverter
	return e
}

// SetContextPropagators sets what carries values of contexts along. The default is those of the
// suite.
func (e *TestWorkflowEnvironment) SetContextPropagators(contextPropagators []workflow.ContextPropagator) *TestWorkflowEnvironment {
	e.engine.Options.ContextPropagators = contextPropagators
	return e
}

// SetHeader sets the header that the workflow is started with.
func (e *TestWorkflowEnvironment) SetHeader(header *commonpb.Header) { e.start.Header = header }

// SetIdentity sets the identity of the worker.
func (e *TestWorkflowEnvironment) SetIdentity(identity string) *TestWorkflowEnvironment {
	e.engine.Options.Identity = identity
	return e
}

// SetDetachedChildWait says whether ExecuteWorkflow waits for children that outlive the
// workflow: those with the parent close policies ABANDON and REQUEST_CANCEL. It does by
// default; turn it off for children that do not end.
func (e *TestWorkflowEnvironment) SetDetachedChildWait(detachedChildWait bool) *TestWorkflowEnvironment {
	e.engine.Options.NoDetachedChildWait = !detachedChildWait
	return e
}

// SetWorkerStopChannel sets the channel that activity.GetWorkerStopChannel returns: close
// it to tell activities that their worker stops.
func (e *TestWorkflowEnvironment) SetWorkerStopChannel(c chan struct{}) {
	e.engine.Options.WorkerStop = c
}

// SetTestTimeout sets for how long nothing may happen, by the real clock, before
// ExecuteWorkflow panics. The default is 3 seconds.
func (e *TestWorkflowEnvironment) SetTestTimeout(idleTimeout time.Duration) *TestWorkflowEnvironment {
	e.engine.Options.Timeout = idleTimeout
	return e
}

// SetWorkflowRunTimeout sets the run timeout, in the workflow's time. The default is 10
// years.
func (e *TestWorkflowEnvironment) SetWorkflowRunTimeout(runTimeout time.Duration) *TestWorkflowEnvironment {
	e.start.RunTimeout = runTimeout
	return e
}

// SetActivityTimeoutGracePeriod is added to the start to close timeout of activities
// before one that does not look at its context is timed out. The default is 0.
func (e *TestWorkflowEnvironment) SetActivityTimeoutGracePeriod(gracePeriod time.Duration) *TestWorkflowEnvironment {
	e.engine.Options.GracePeriod = gracePeriod
	return e
}

// SetActivityTaskQueue binds activities to a task queue: scheduled on another, to which
// they are not bound, they are not known.
func (e *TestWorkflowEnvironment) SetActivityTaskQueue(taskqueue string, activityFn ...any) {
	for _, fn := range activityFn {
		name, err := e.registry.ActivityName(fn)
		must(err)
		e.queues[name] = append(e.queues[name], taskqueue)
	}
}

// SetLastCompletionResult sets what workflow.GetLastCompletionResult returns.
func (e *TestWorkflowEnvironment) SetLastCompletionResult(result any) {
	payloads, err := e.converterOf(e.start.WorkflowID).ToPayloads(result)
	must(err)
	e.start.LastResult = payloads
}

// SetLastError sets what workflow.GetLastError returns.
func (e *TestWorkflowEnvironment) SetLastError(err error) { e.lastError = err }

// SetMemoOnStart sets the memo that the workflow is started with.
func (e *TestWorkflowEnvironment) SetMemoOnStart(memo map[string]any) error {
	values, err := encoded.Memo(memo, e.engine.Options.DataConverter)
	if err != nil {
		return err
	}
	e.start.Memo = values
	return nil
}

// SetSearchAttributesOnStart sets the search attributes that the workflow is started
// with.
//
// Deprecated: use SetTypedSearchAttributesOnStart.
func (e *TestWorkflowEnvironment) SetSearchAttributesOnStart(searchAttributes map[string]any) error {
	values, err := searchattr.EncodeUntyped(searchAttributes)
	if err != nil {
		return err
	}
	e.start.SearchAttributes = values
	return nil
}

// SetTypedSearchAttributesOnStart sets the search attributes that the workflow is started
// with.
func (e *TestWorkflowEnvironment) SetTypedSearchAttributesOnStart(searchAttributes temporal.SearchAttributes) error {
	values, err := searchattr.EncodeForStart(nil, searchAttributes)
	if err != nil {
		return err
	}
	e.start.SearchAttributes = values
	return nil
}
