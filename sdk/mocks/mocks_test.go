package mocks_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/mocks"
)

func TestAMockReturnsWhatIsExpected(t *testing.T) {
	run := mocks.NewWorkflowRun(t)
	run.On("GetID").Return("w")
	c := mocks.NewClient(t)
	c.On("ExecuteWorkflow", mock.Anything, mock.Anything, "wf", 1, 2).Return(run, nil)
	got, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{}, "wf", 1, 2)
	if err != nil || got.GetID() != "w" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAMockCallsFunctions(t *testing.T) {
	failure := errors.New("no")
	c := mocks.NewClient(t)
	c.On("SignalWorkflow", mock.Anything, "w", "", "s", mock.Anything).Return(
		func(_ context.Context, _, _, _ string, arg any) error { return arg.(error) })
	if err := c.SignalWorkflow(t.Context(), "w", "", "s", failure); err != failure {
		t.Errorf("got %v", err)
	}
	c.On("ListWorkflow", mock.Anything, mock.Anything).Return(
		func(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
			return &workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte(r.GetQuery())}, failure
		})
	response, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "q"})
	if err != failure || string(response.GetNextPageToken()) != "q" {
		t.Errorf("got %v, %v", response, err)
	}
	c.On("TerminateWorkflow", mock.Anything, "w", "", "why", "detail").Return(
		func(_ context.Context, _, _, _ string, details ...any) error { return errors.New(details[0].(string)) })
	if err := c.TerminateWorkflow(t.Context(), "w", "", "why", "detail"); err == nil || err.Error() != "detail" {
		t.Errorf("got %v", err)
	}
}

func TestNilIsTheZeroValue(t *testing.T) {
	c := mocks.NewClient(t)
	c.On("DescribeWorkflow", mock.Anything, "w", "").Return(nil, errors.New("no"))
	if description, err := c.DescribeWorkflow(t.Context(), "w", ""); description != nil || err == nil {
		t.Errorf("got %v, %v", description, err)
	}
	handle := mocks.NewScheduleHandle(t)
	handle.On("Delete", mock.Anything).Return(nil)
	if err := handle.Delete(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnExpectationWithoutReturnValuesPanics(t *testing.T) {
	run := &mocks.WorkflowRun{}
	run.On("GetID").Return()
	defer func() {
		if recover() == nil {
			t.Error("there is no panic")
		}
	}()
	run.GetID()
}

// outer is a test that can be looked into.
type outer struct {
	mock.TestingT
	cleanups []func()
	failed   bool
}

func (o *outer) Cleanup(f func())      { o.cleanups = append(o.cleanups, f) }
func (o *outer) Errorf(string, ...any) { o.failed = true }
func (o *outer) Logf(string, ...any)   {}
func (o *outer) FailNow()              { o.failed = true }

func TestACallThatDoesNotComeFailsTheTest(t *testing.T) {
	o := &outer{}
	mocks.NewEncodedValue(o).On("HasValue").Return(true)
	for _, f := range o.cleanups {
		f()
	}
	if !o.failed {
		t.Error("the test has passed")
	}
}
