package testsuite

import (
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/testenv"
)

func (e *TestWorkflowEnvironment) find(workflowID string) (*testenv.Execution, error) {
	x, ok := e.engine.Execution(workflowID)
	if !ok {
		return nil, serviceerror.NewNotFound(fmt.Sprintf("Workflow %v not exists", workflowID))
	}
	return x, nil
}

// findOpen is find for what only open workflows take.
func (e *TestWorkflowEnvironment) findOpen(workflowID string) (*testenv.Execution, error) {
	x, err := e.find(workflowID)
	if err == nil && x.Closed() {
		err = serviceerror.NewNotFound(fmt.Sprintf("Workflow %v already completed", workflowID))
	}
	return x, err
}

// postRoot has f done with the workflow under test.
func (e *TestWorkflowEnvironment) postRoot(f func(*testenv.Execution)) {
	e.engine.Post(func() {
		if root := e.engine.Root(); root != nil && !root.Closed() {
			f(root)
		}
	})
}

func (e *TestWorkflowEnvironment) encode(workflowID string, values ...any) *commonpb.Payloads {
	payloads, err := e.converterOf(workflowID).ToPayloads(values...)
	must(err)
	return payloads
}

// CompleteActivity completes an activity that has returned activity.ErrResultPending;
// taskToken is that of its activity.Info. A non-nil err fails it, or cancels it if it is
// a temporal.CanceledError.
func (e *TestWorkflowEnvironment) CompleteActivity(taskToken []byte, result any, err error) error {
	var payloads *commonpb.Payloads
	if result != nil {
		var encodeErr error
		if payloads, encodeErr = e.engine.Options.DataConverter.ToPayloads(result); encodeErr != nil {
			return encodeErr
		}
	}
	return e.engine.CompleteActivity(taskToken, payloads, err)
}

// CancelWorkflow asks the workflow to cancel.
func (e *TestWorkflowEnvironment) CancelWorkflow() {
	e.postRoot(func(root *testenv.Execution) { root.Cancel() })
}

// CancelWorkflowByID asks any workflow of the test to cancel. An empty run id means the
// current run.
func (e *TestWorkflowEnvironment) CancelWorkflowByID(workflowID string, runID string) {
	e.engine.Post(func() {
		if x, err := e.findOpen(workflowID); err == nil && (runID == "" || runID == x.ID().RunID) {
			x.Cancel()
		}
	})
}

// SignalWorkflow sends a signal to the workflow.
func (e *TestWorkflowEnvironment) SignalWorkflow(name string, input any) {
	e.signal(name, input, false)
}

// SignalWorkflowSkippingWorkflowTask sends a signal that the workflow does not see until
// something else wakes it: SignalWorkflow, CancelWorkflow, the end of an activity.
func (e *TestWorkflowEnvironment) SignalWorkflowSkippingWorkflowTask(name string, input any) {
	e.signal(name, input, true)
}

func (e *TestWorkflowEnvironment) signal(name string, input any, silent bool) {
	payloads := e.encode(e.start.WorkflowID, input)
	e.postRoot(func(root *testenv.Execution) { root.Signal(name, payloads, nil, silent) })
}

// SignalWorkflowByID sends a signal to any workflow of the test. It fails with a NotFound
// error if there is no open one of the id.
func (e *TestWorkflowEnvironment) SignalWorkflowByID(workflowID, signalName string, input any) error {
	payloads := e.encode(workflowID, input)
	x, err := e.findOpen(workflowID)
	if err != nil {
		return err
	}
	e.engine.Post(func() {
		if !x.Closed() {
			x.Signal(signalName, payloads, nil, false)
		}
	})
	return nil
}

// QueryWorkflow queries the workflow as it is at the moment, also after it has ended. Do
// not call it from workflow code.
func (e *TestWorkflowEnvironment) QueryWorkflow(queryType string, args ...any) (converter.EncodedValue, error) {
	return e.QueryWorkflowByID(e.start.WorkflowID, queryType, args...)
}

// QueryWorkflowByID queries any workflow of the test.
func (e *TestWorkflowEnvironment) QueryWorkflowByID(workflowID, queryType string, args ...any) (converter.EncodedValue, error) {
	dc := e.converterOf(workflowID)
	payloads, err := dc.ToPayloads(args...)
	if err != nil {
		return nil, err
	}
	e.engine.Lock()
	defer e.engine.Unlock()
	x, err := e.find(workflowID)
	if err != nil {
		return nil, err
	}
	answer, err := x.Query(queryType, payloads)
	if err != nil {
		return nil, err
	}
	return encoded.NewValue(answer, dc), nil
}

// RegisterDelayedCallback has callback called when delayDuration has passed, in the
// workflow's time: to signal it, complete an activity, cancel. With a delay of 0 it is
// called before the workflow's first task, as for signal-with-start; it can not query
// then.
func (e *TestWorkflowEnvironment) RegisterDelayedCallback(callback func(), delayDuration time.Duration) {
	e.engine.After(delayDuration, callback)
}
