package testsuite

import (
	"errors"
	"reflect"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	"github.com/perdure/perdure/sdk/internal/testenv"
	"github.com/perdure/perdure/sdk/temporal"
)

// intercept puts the interceptors of the environment around those of the test: calls out of
// workflow code meet it last, calls into it meet it at both ends.
func (e *TestWorkflowEnvironment) intercept() {
	o := &e.engine.Options
	o.WorkflowInterceptors = []flow.WorkflowInterceptor{outer{e}}
	for _, i := range e.workerSet.Interceptors {
		o.WorkflowInterceptors = append(o.WorkflowInterceptors, i)
		o.ActivityInterceptors = append(o.ActivityInterceptors, i)
	}
	o.WorkflowInterceptors = append(o.WorkflowInterceptors, inner{e})
	o.ActivityInterceptors = append(o.ActivityInterceptors, activities.ActivityInterceptor(activityMocks{e}))
}

// outer is the outermost interceptor of workflows: it notes what a workflow function
// returned, and answers the calls that are mocked.
type outer struct{ env *TestWorkflowEnvironment }

func (o outer) InterceptWorkflow(ctx flow.Context, next flow.WorkflowInboundInterceptor) flow.WorkflowInboundInterceptor {
	return &outerInbound{WorkflowInboundInterceptorBase: flow.WorkflowInboundInterceptorBase{Next: next}, env: o.env, run: o.env.runOf(ctx)}
}

// runOf is the execution that workflow code belongs to.
func (e *TestWorkflowEnvironment) runOf(ctx flow.Context) *testenv.Execution {
	info := flow.GetInfo(ctx)
	run := e.engine.ByRunID(info.WorkflowExecution.RunID)
	run.Info = info
	return run
}

type outerInbound struct {
	flow.WorkflowInboundInterceptorBase
	env *TestWorkflowEnvironment
	run *testenv.Execution
}

func (i *outerInbound) Init(outbound flow.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&mockedCalls{
		WorkflowOutboundInterceptorBase: flow.WorkflowOutboundInterceptorBase{Next: outbound},
		env:                             i.env,
		versions:                        make(map[string]flow.Version),
	})
}

func (i *outerInbound) ExecuteWorkflow(ctx flow.Context, in *flow.ExecuteWorkflowInput) (any, error) {
	result, err := i.Next.ExecuteWorkflow(ctx, in)
	i.run.Err = err
	return result, err
}

func (i *outerInbound) ValidateUpdate(ctx flow.Context, in *flow.UpdateInput) error {
	err := i.Next.ValidateUpdate(ctx, in)
	if err != nil {
		i.run.Returned(flow.GetCurrentUpdateInfo(ctx).ID, nil, err)
	}
	return err
}

func (i *outerInbound) ExecuteUpdate(ctx flow.Context, in *flow.UpdateInput) (any, error) {
	result, err := i.Next.ExecuteUpdate(ctx, in)
	i.run.Returned(flow.GetCurrentUpdateInfo(ctx).ID, result, err)
	return result, err
}

// inner is the innermost interceptor of workflows: it calls the mock, if there is one, in
// place of the workflow function.
type inner struct{ env *TestWorkflowEnvironment }

func (i inner) InterceptWorkflow(ctx flow.Context, next flow.WorkflowInboundInterceptor) flow.WorkflowInboundInterceptor {
	return &mockedWorkflow{WorkflowInboundInterceptorBase: flow.WorkflowInboundInterceptorBase{Next: next}, env: i.env, run: i.env.runOf(ctx)}
}

type mockedWorkflow struct {
	flow.WorkflowInboundInterceptorBase
	env *TestWorkflowEnvironment
	run *testenv.Execution
}

func (m *mockedWorkflow) ExecuteWorkflow(ctx flow.Context, in *flow.ExecuteWorkflowInput) (any, error) {
	e := m.env
	if m.run.IsChild() && e.childStarted != nil {
		dc := e.converterOf(m.run.ID().ID)
		input, err := dc.ToPayloads(in.Args...)
		if err != nil {
			return nil, err
		}
		e.childStarted(m.run.Info, ctx, encoded.NewValues(input, dc))
	}
	name := m.run.Info.WorkflowType.Name
	if !e.expectedWorkflows[name] {
		return m.Next.ExecuteWorkflow(ctx, in)
	}
	function, ok := e.registry.Workflow(name)
	if !ok {
		return m.Next.ExecuteWorkflow(ctx, in)
	}
	m.run.Mocked = true
	defer func() { m.run.Mocked = false }()
	returned := e.callFromWorkflow(ctx, name, append([]any{ctx}, in.Args...)...)
	m.run.Mocked = false
	if call := mockFunction(name, function.Type(), returned); call != nil {
		replacement, err := registry.NewFunction(name, call, reflect.TypeFor[flow.Context]())
		if err != nil {
			return nil, err
		}
		return m.started(replacement.Call(ctx, in.Args))
	}
	return m.started(mockValues(name, function.Type(), returned))
}

// started finds out whether a mock says that the child is not to start.
func (m *mockedWorkflow) started(result any, err error) (any, error) {
	if errors.Is(err, ErrMockStartChildWorkflowFailed) {
		m.run.NotStarted = err
	}
	return result, err
}

// callFromWorkflow calls a mock from workflow code, and takes the time that it takes.
func (e *TestWorkflowEnvironment) callFromWorkflow(ctx flow.Context, name string, args ...any) mock.Arguments {
	e.called = nil
	returned := e.workflowMock.MethodCalled(name, args...)
	called := e.called
	if called == nil {
		return returned
	}
	if called.wait > 0 {
		detached, cancel := flow.NewDisconnectedContext(ctx)
		_ = flow.NewTimerWithOptions(detached, called.wait, flow.TimerOptions{Summary: testenv.MockWait}).Get(detached, nil)
		cancel()
	}
	if called.run != nil {
		called.run(called.args)
	}
	return returned
}

// mockedCalls answers the calls of workflow code that are mocked.
type mockedCalls struct {
	flow.WorkflowOutboundInterceptorBase
	env      *TestWorkflowEnvironment
	versions map[string]flow.Version
}

// ExecuteActivity refuses what a server would refuse.
func (m *mockedCalls) ExecuteActivity(ctx flow.Context, activityType string, args ...any) flow.Future {
	if err := checkActivityOptions(flow.GetActivityOptions(ctx)); err != nil {
		future, settable := flow.NewFuture(ctx)
		settable.SetError(err)
		return future
	}
	if ctx.Err() != nil && flow.GetActivityOptions(ctx).WaitForCancellation {
		// Nothing runs that could be waited for.
		future, settable := flow.NewFuture(ctx)
		settable.SetError(temporal.NewCanceledError())
		return future
	}
	return m.Next.ExecuteActivity(ctx, activityType, args...)
}

// ExecuteChildWorkflow refuses a child whose id is taken.
func (m *mockedCalls) ExecuteChildWorkflow(ctx flow.Context, childType string, args ...any) flow.ChildWorkflowFuture {
	options := flow.GetChildWorkflowOptions(ctx)
	if options.WorkflowID != "" && ctx.Err() == nil {
		if err := m.env.engine.Refuses(options.WorkflowID, options.WorkflowIDReusePolicy); err != nil {
			return flow.NewFailedChildWorkflow(err)
		}
	}
	return m.Next.ExecuteChildWorkflow(ctx, childType, args...)
}

func checkActivityOptions(o flow.ActivityOptions) error {
	for _, d := range []time.Duration{o.ScheduleToCloseTimeout, o.ScheduleToStartTimeout, o.StartToCloseTimeout, o.HeartbeatTimeout} {
		if d < 0 {
			return serviceerror.NewInvalidArgument("A valid timeout may not be negative.")
		}
	}
	if o.ScheduleToCloseTimeout == 0 && o.StartToCloseTimeout == 0 {
		return serviceerror.NewInvalidArgument("A valid StartToClose or ScheduleToCloseTimeout is not set on command.")
	}
	return nil
}

// ExecuteNexusOperation tells the mock of the operation what options it was called with.
func (m *mockedCalls) ExecuteNexusOperation(ctx flow.Context, input flow.ExecuteNexusOperationInput) flow.NexusOperationFuture {
	options := input.Options
	if options.CancellationType == flow.NexusOperationCancellationTypeUnspecified {
		options.CancellationType = flow.NexusOperationCancellationTypeWaitCompleted // as it is carried out
	}
	input.NexusHeader.Set(mockOptionsHeader, m.env.nexus.keepOptions(options))
	return m.Next.ExecuteNexusOperation(ctx, input)
}

func (m *mockedCalls) SignalExternalWorkflow(ctx flow.Context, workflowID, runID, signalName string, arg any) flow.Future {
	if _, own := m.env.engine.Execution(workflowID); own || workflowID == "" {
		return m.Next.SignalExternalWorkflow(ctx, workflowID, runID, signalName, arg)
	}
	// The mock gets the argument as it is; whether it can be encoded shows nevertheless.
	if _, err := m.env.converterOf(workflowID).ToPayloads(arg); err != nil {
		future, settable := flow.NewFuture(ctx)
		settable.SetError(err)
		return future
	}
	return m.external(ctx, mockSignalExternal, namespaceOf(ctx), workflowID, runID, signalName, arg)
}

func (m *mockedCalls) RequestCancelExternalWorkflow(ctx flow.Context, workflowID, runID string) flow.Future {
	if _, own := m.env.engine.Execution(workflowID); own || workflowID == "" {
		return m.Next.RequestCancelExternalWorkflow(ctx, workflowID, runID)
	}
	return m.external(ctx, mockCancelExternal, namespaceOf(ctx), workflowID, runID)
}

func namespaceOf(ctx flow.Context) string { return flow.GetChildWorkflowOptions(ctx).Namespace }

// external calls a mock for a workflow that the test does not run.
func (m *mockedCalls) external(ctx flow.Context, name string, args ...any) flow.Future {
	future, settable := flow.NewFuture(ctx)
	flow.Go(ctx, func(ctx flow.Context) {
		returned := m.env.callFromWorkflow(ctx, name, args...)
		settable.SetError(oneValue[error](name, returned, args...))
	})
	return future
}

func (m *mockedCalls) GetVersion(ctx flow.Context, changeID string, minSupported, maxSupported flow.Version) flow.Version {
	for _, id := range []string{changeID, mock.Anything} {
		name := versionMock(id)
		if !m.env.expectedWorkflows[name] {
			continue
		}
		version := oneValue[flow.Version](name, m.env.callFromWorkflow(ctx, name, changeID, minSupported, maxSupported), changeID, minSupported, maxSupported)
		if recorded, ok := m.versions[changeID]; !ok || recorded == version {
			m.versions[changeID] = version
			m.Next.GetVersion(ctx, changeID, version, version)
		}
		return version
	}
	return m.Next.GetVersion(ctx, changeID, minSupported, maxSupported)
}

func (m *mockedCalls) SideEffect(ctx flow.Context, f func(ctx flow.Context) any) converter.EncodedValue {
	return m.SideEffectWithOptions(ctx, flow.SideEffectOptions{}, f)
}

func (m *mockedCalls) SideEffectWithOptions(ctx flow.Context, options flow.SideEffectOptions, f func(ctx flow.Context) any) converter.EncodedValue {
	if m.env.expectedWorkflows[mockSideEffect] {
		value := oneValue[any](mockSideEffect, m.env.callFromWorkflow(ctx, mockSideEffect))
		f = func(flow.Context) any { return value }
	}
	return m.Next.SideEffectWithOptions(ctx, options, f)
}

func (m *mockedCalls) MutableSideEffect(ctx flow.Context, id string, f func(ctx flow.Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return m.MutableSideEffectWithOptions(ctx, id, flow.MutableSideEffectOptions{}, f, equals)
}

func (m *mockedCalls) MutableSideEffectWithOptions(ctx flow.Context, id string, options flow.MutableSideEffectOptions, f func(ctx flow.Context) any, equals func(a, b any) bool) converter.EncodedValue {
	if m.env.expectedWorkflows[mockMutableSideEffect] {
		value := oneValue[any](mockMutableSideEffect, m.env.callFromWorkflow(ctx, mockMutableSideEffect, id), id)
		f = func(flow.Context) any { return value }
		equals = func(any, any) bool { return false }
	}
	return m.Next.MutableSideEffectWithOptions(ctx, id, options, f, equals)
}

func (m *mockedCalls) UpsertSearchAttributes(ctx flow.Context, attributes map[string]any) error {
	err := m.Next.UpsertSearchAttributes(ctx, attributes)
	m.upserted(ctx, mockSearchAttributes, attributes)
	return err
}

func (m *mockedCalls) UpsertTypedSearchAttributes(ctx flow.Context, attributes ...searchattr.Update) error {
	err := m.Next.UpsertTypedSearchAttributes(ctx, attributes...)
	m.upserted(ctx, mockTypedSearchAttributes, searchattr.New(attributes...))
	return err
}

func (m *mockedCalls) UpsertMemo(ctx flow.Context, memo map[string]any) error {
	err := m.Next.UpsertMemo(ctx, memo)
	m.upserted(ctx, mockMemo, memo)
	return err
}

// upserted calls the mock of an upsert, if there is one.
func (m *mockedCalls) upserted(ctx flow.Context, name string, values any) {
	if m.env.expectedWorkflows[name] {
		m.env.callFromWorkflow(ctx, name, values)
	}
}
