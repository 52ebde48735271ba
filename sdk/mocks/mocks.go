// Package mocks has mocks of the interfaces of package client, made with testify's mock, for
// tests of programs that use a client:
//
//	c := mocks.NewClient(t)
//	run := mocks.NewWorkflowRun(t)
//	run.On("GetID").Return("order-1")
//	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, "Order", mock.Anything).Return(run, nil)
//
// What an expectation returns are the results, or functions of the arguments that return
// them: one function for each result, or a single one for all. Of a variadic method, each
// argument is an argument of the expectation.
package mocks

import (
	"fmt"

	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
)

//go:generate go run ../internal/mockgen -root .. -out .

var (
	_ client.Client                       = (*Client)(nil)
	_ client.NamespaceClient              = (*NamespaceClient)(nil)
	_ client.WorkflowRun                  = (*WorkflowRun)(nil)
	_ client.WorkflowUpdateHandle         = (*WorkflowUpdateHandle)(nil)
	_ client.HistoryEventIterator         = (*HistoryEventIterator)(nil)
	_ client.ScheduleClient               = (*ScheduleClient)(nil)
	_ client.ScheduleHandle               = (*ScheduleHandle)(nil)
	_ client.ScheduleListIterator         = (*ScheduleListIterator)(nil)
	_ client.WorkerDeploymentClient       = (*WorkerDeploymentClient)(nil)
	_ client.WorkerDeploymentHandle       = (*WorkerDeploymentHandle)(nil)
	_ client.WorkerDeploymentListIterator = (*WorkerDeploymentListIterator)(nil)
	_ converter.EncodedValue              = (*Value)(nil)
)

// mustReturn panics for an expectation that says nothing to return.
func mustReturn(returned mock.Arguments, method string) {
	if len(returned) == 0 {
		panic(fmt.Sprintf("no return value specified for %s", method))
	}
}

// resultOf is the i-th thing that an expectation returns: what call makes of it if it is a
// function, or else the value, and nil is the zero value.
func resultOf[T any](returned mock.Arguments, i int, call func(f any) (T, bool)) T {
	value := returned.Get(i)
	if r, ok := call(value); ok {
		return r
	}
	if value == nil {
		var zero T
		return zero
	}
	return value.(T)
}
