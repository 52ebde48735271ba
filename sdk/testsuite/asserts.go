package testsuite

import (
	"testing"

	"github.com/stretchr/testify/mock"
)

// AssertExpectations fails the test unless everything that mocks were set up for has been
// called as often as it should have been.
func (e *TestWorkflowEnvironment) AssertExpectations(t mock.TestingT) bool {
	return e.workflowMock.AssertExpectations(t) && e.activityMock.AssertExpectations(t) && e.nexusMock.AssertExpectations(t)
}

// AssertCalled fails the test unless a mock of the activity or workflow was called with
// the arguments. The first is the context, if it has one: mock.Anything.
func (e *TestWorkflowEnvironment) AssertCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	silent := &testing.T{}
	if e.AssertWorkflowCalled(silent, methodName, arguments...) || e.AssertActivityCalled(silent, methodName, arguments...) {
		return true
	}
	return e.AssertWorkflowCalled(t, methodName, arguments...) || e.AssertActivityCalled(t, methodName, arguments...)
}

// AssertWorkflowCalled is AssertCalled for workflows alone.
func (e *TestWorkflowEnvironment) AssertWorkflowCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	return e.workflowMock.AssertCalled(t, methodName, arguments...)
}

// AssertActivityCalled is AssertCalled for activities alone.
func (e *TestWorkflowEnvironment) AssertActivityCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	return e.activityMock.AssertCalled(t, methodName, arguments...)
}

// AssertNotCalled fails the test if a mock of the activity or workflow was called with the
// arguments.
func (e *TestWorkflowEnvironment) AssertNotCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	return e.AssertWorkflowNotCalled(t, methodName, arguments...) && e.AssertActivityNotCalled(t, methodName, arguments...)
}

// AssertWorkflowNotCalled is AssertNotCalled for workflows alone.
func (e *TestWorkflowEnvironment) AssertWorkflowNotCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	return e.workflowMock.AssertNotCalled(t, methodName, arguments...)
}

// AssertActivityNotCalled is AssertNotCalled for activities alone.
func (e *TestWorkflowEnvironment) AssertActivityNotCalled(t mock.TestingT, methodName string, arguments ...any) bool {
	return e.activityMock.AssertNotCalled(t, methodName, arguments...)
}

// AssertNumberOfCalls fails the test unless mocks of the activity or workflow were called
// that many times.
func (e *TestWorkflowEnvironment) AssertNumberOfCalls(t mock.TestingT, methodName string, expectedCalls int) bool {
	silent := &testing.T{}
	if e.workflowMock.AssertNumberOfCalls(silent, methodName, expectedCalls) || e.activityMock.AssertNumberOfCalls(silent, methodName, expectedCalls) {
		return true
	}
	return e.workflowMock.AssertNumberOfCalls(t, methodName, expectedCalls) || e.activityMock.AssertNumberOfCalls(t, methodName, expectedCalls)
}

// AssertWorkflowNumberOfCalls is AssertNumberOfCalls for workflows alone.
func (e *TestWorkflowEnvironment) AssertWorkflowNumberOfCalls(t mock.TestingT, methodName string, expectedCalls int) bool {
	return e.workflowMock.AssertNumberOfCalls(t, methodName, expectedCalls)
}

// AssertActivityNumberOfCalls is AssertNumberOfCalls for activities alone.
func (e *TestWorkflowEnvironment) AssertActivityNumberOfCalls(t mock.TestingT, methodName string, expectedCalls int) bool {
	return e.activityMock.AssertNumberOfCalls(t, methodName, expectedCalls)
}

// AssertNexusOperationCalled fails the test unless a mock of the Nexus operation was called
// with the input and options.
func (e *TestWorkflowEnvironment) AssertNexusOperationCalled(t mock.TestingT, service string, operation string, input any, options any) bool {
	return e.nexusMock.AssertCalled(t, service, operation, input, options)
}

// AssertNexusOperationNotCalled fails the test if a mock of the Nexus operation was called
// with the input and options.
func (e *TestWorkflowEnvironment) AssertNexusOperationNotCalled(t mock.TestingT, service string, operation string, input any, options any) bool {
	return e.nexusMock.AssertNotCalled(t, service, operation, input, options)
}

// AssertNexusOperationNumberOfCalls fails the test unless mocks of operations of the Nexus
// service were called that many times.
func (e *TestWorkflowEnvironment) AssertNexusOperationNumberOfCalls(t mock.TestingT, service string, expectedCalls int) bool {
	return e.nexusMock.AssertNumberOfCalls(t, service, expectedCalls)
}
