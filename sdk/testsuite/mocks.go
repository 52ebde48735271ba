package testsuite

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/workflow"
)

// ErrMockStartChildWorkflowFailed is returned by the mock of a child workflow that is not
// to start: the parent gets the error that it gets when a workflow of the id is running.
var ErrMockStartChildWorkflowFailed = errors.New("start child workflow failed: WorkflowAlreadyExists")

// Names under which the mocks of calls of package workflow are kept.
const (
	mockSignalExternal        = "workflow.SignalExternalWorkflow"
	mockCancelExternal        = "workflow.RequestCancelExternalWorkflow"
	mockVersion               = "workflow.GetVersion"
	mockSideEffect            = "workflow.SideEffect"
	mockMutableSideEffect     = "workflow.MutableSideEffect"
	mockSearchAttributes      = "workflow.UpsertSearchAttributes"
	mockTypedSearchAttributes = "workflow.UpsertTypedSearchAttributes"
	mockMemo                  = "workflow.UpsertMemo"
)

// OnActivity sets up a mock of an activity or local activity, given as a function or by
// its registered name, for calls with the arguments args, of which the first is the
// context, if it has one. Use mock.Anything for any.
//
//	env.OnActivity(Charge, mock.Anything, "42").Return("paid", nil).Once()
//	env.OnActivity(Charge, mock.Anything, mock.Anything).Return(
//		func(ctx context.Context, order string) (string, error) { return order + " paid", nil })
//
// Once an activity has a mock, calls of it that no mock is set up for fail. A function is
// registered; a name that is not registered makes OnActivity panic. Mocks run on other
// goroutines than workflow code.
func (e *TestWorkflowEnvironment) OnActivity(activityFn any, args ...any) *MockCallWrapper {
	var name string
	switch reflect.ValueOf(activityFn).Kind() {
	case reflect.Func:
		var err error
		name, err = e.registry.ActivityName(activityFn)
		must(err)
		must(e.registry.RegisterActivity(activityFn, activity.RegisterOptions{Name: "", DisableAlreadyRegisteredCheck: true}))
	case reflect.String:
		name = activityFn.(string)
		if _, known := e.registry.Activity(name); !known {
			panic(fmt.Sprintf("activity %q is not registered with the TestWorkflowEnvironment, registered types are: %v",
				name, strings.Join(e.registry.ActivityTypes(), ", ")))
		}
	default:
		panic("activity must be function or string")
	}
	e.expectedActivities[name] = true
	return e.wrap(e.activityMock.On(name, args...), takeTime)
}

// OnWorkflow sets up a mock of a workflow, usually a child, given as a function or by name,
// for calls with the arguments args, of which the first is the context. It is used as
// OnActivity; a function that it returns runs as workflow code. Return
// ErrMockStartChildWorkflowFailed for a child that is not to start.
func (e *TestWorkflowEnvironment) OnWorkflow(workflowFn any, args ...any) *MockCallWrapper {
	var name string
	switch reflect.ValueOf(workflowFn).Kind() {
	case reflect.Func:
		var err error
		name, err = e.registry.WorkflowName(workflowFn)
		must(err)
		must(e.registry.RegisterWorkflow(workflowFn, workflow.RegisterOptions{DisableAlreadyRegisteredCheck: true}))
	case reflect.String:
		name = workflowFn.(string)
	default:
		panic("workflow must be function or string")
	}
	return e.onWorkflowCall(name, args...)
}

// onWorkflowCall sets up a mock of something that workflow code does.
func (e *TestWorkflowEnvironment) onWorkflowCall(name string, args ...any) *MockCallWrapper {
	e.expectedWorkflows[name] = true
	return e.wrap(e.workflowMock.On(name, args...), func(c *MockCallWrapper, args mock.Arguments) {
		// Workflow code must not block: who called takes the time.
		e.called = &calledMock{wait: c.duration(), run: c.run, args: args}
	})
}

// calledMock is a mock that was called by workflow code and takes its time.
type calledMock struct {
	wait time.Duration
	run  func(mock.Arguments)
	args mock.Arguments
}

// OnSignalExternalWorkflow sets up a mock of workflow.SignalExternalWorkflow for workflows
// that the test does not run; signals to those that it does are delivered. It returns an
// error, or a function
//
//	func(namespace, workflowID, runID, signalName string, arg any) error
func (e *TestWorkflowEnvironment) OnSignalExternalWorkflow(namespace, workflowID, runID, signalName, arg any) *MockCallWrapper {
	return e.onWorkflowCall(mockSignalExternal, namespace, workflowID, runID, signalName, arg)
}

// OnRequestCancelExternalWorkflow sets up a mock of workflow.RequestCancelExternalWorkflow
// for workflows that the test does not run. It returns an error, or a function
//
//	func(namespace, workflowID, runID string) error
func (e *TestWorkflowEnvironment) OnRequestCancelExternalWorkflow(namespace, workflowID, runID string) *MockCallWrapper {
	return e.onWorkflowCall(mockCancelExternal, namespace, workflowID, runID)
}

// OnGetVersion sets up a mock of workflow.GetVersion, which without one returns
// maxSupported: to test code for older versions. It returns a workflow.Version, or a
// function that does. A mock for a change id goes before one for mock.Anything.
func (e *TestWorkflowEnvironment) OnGetVersion(changeID string, minSupported, maxSupported workflow.Version) *MockCallWrapper {
	return e.onWorkflowCall(versionMock(changeID), changeID, minSupported, maxSupported)
}

func versionMock(changeID string) string { return mockVersion + "_" + changeID }

// OnSideEffect sets up a mock of workflow.SideEffect and SideEffectWithOptions. It returns
// the value, or a func() any. Mocks are used in the order of the calls.
func (e *TestWorkflowEnvironment) OnSideEffect() *MockCallWrapper {
	return e.onWorkflowCall(mockSideEffect)
}

// OnMutableSideEffect sets up a mock of workflow.MutableSideEffect and
// MutableSideEffectWithOptions for an id. It returns the value, or a func(string) any.
func (e *TestWorkflowEnvironment) OnMutableSideEffect(id string) *MockCallWrapper {
	return e.onWorkflowCall(mockMutableSideEffect, id)
}

// OnUpsertSearchAttributes sets up a mock of workflow.UpsertSearchAttributes, to be asserted
// on: the attributes are upserted all the same. Once there is one, every call needs one.
//
// Deprecated: use OnUpsertTypedSearchAttributes.
func (e *TestWorkflowEnvironment) OnUpsertSearchAttributes(attributes any) *MockCallWrapper {
	return e.onWorkflowCall(mockSearchAttributes, attributes)
}

// OnUpsertTypedSearchAttributes sets up a mock of workflow.UpsertTypedSearchAttributes, to
// be asserted on. It is called with a temporal.SearchAttributes of the updates.
func (e *TestWorkflowEnvironment) OnUpsertTypedSearchAttributes(attributes any) *MockCallWrapper {
	return e.onWorkflowCall(mockTypedSearchAttributes, attributes)
}

// OnUpsertMemo sets up a mock of workflow.UpsertMemo, to be asserted on.
func (e *TestWorkflowEnvironment) OnUpsertMemo(attributes any) *MockCallWrapper {
	return e.onWorkflowCall(mockMemo, attributes)
}

// mockFunction is the function that a mock returned to be called, nil if it returned
// values. want is the type that it must have.
func mockFunction(name string, want reflect.Type, returned mock.Arguments) any {
	if len(returned) == 0 {
		panic(fmt.Sprintf("mock of %v has no returns", name))
	}
	typ := reflect.TypeOf(returned[0])
	if typ == nil || typ.Kind() != reflect.Func {
		return nil
	}
	if typ != want {
		panic(fmt.Sprintf("mock of %v has incorrect return function, expected %v, but actual is %v", name, want, typ))
	}
	return returned[0]
}

// mockValues are the result and the error that a mock returned. fn is the type of the
// function that it stands for.
func mockValues(name string, fn reflect.Type, returned mock.Arguments) (any, error) {
	if len(returned) != fn.NumOut() {
		panic(fmt.Sprintf("mock of %v has incorrect number of returns, expected %d, but actual is %d", name, fn.NumOut(), len(returned)))
	}
	last := returned[len(returned)-1]
	err, ok := last.(error)
	if !ok && last != nil {
		panic(fmt.Sprintf("mock of %v has incorrect return type, expected error, but actual is %T (%v)", name, last, last))
	}
	if len(returned) == 1 {
		return nil, err
	}
	result, want := returned[0], fn.Out(0)
	if result == nil {
		switch want.Kind() {
		case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice, reflect.Array:
			return nil, err
		}
	}
	if result == nil || !reflect.TypeOf(result).AssignableTo(want) {
		panic(fmt.Sprintf("mock of %v has incorrect return type, expected %v, but actual is %T (%v)", name, want, result, result))
	}
	return result, err
}

// oneValue is what a mock of a call of package workflow returned: a value, or what the
// function that it returned says. args are the function's.
func oneValue[T any](name string, returned mock.Arguments, args ...any) T {
	if len(returned) == 1 && returned[0] != nil && reflect.TypeOf(returned[0]).Kind() == reflect.Func {
		in := make([]reflect.Value, 0, len(args))
		for _, arg := range args {
			in = append(in, reflect.ValueOf(arg))
		}
		out := reflect.ValueOf(returned[0]).Call(in)
		returned = nil
		for _, value := range out {
			returned = append(returned, value.Interface())
		}
	}
	if len(returned) != 1 {
		panic(fmt.Sprintf("mock of %v has incorrect number of returns, expected 1, but got %d", name, len(returned)))
	}
	value, ok := returned[0].(T)
	if !ok && (returned[0] != nil || reflect.TypeFor[T]().Kind() != reflect.Interface) {
		panic(fmt.Sprintf("mock of %v has incorrect return type, expected %v, but actual is %T (%v)", name, reflect.TypeFor[T](), returned[0], returned[0]))
	}
	return value
}
