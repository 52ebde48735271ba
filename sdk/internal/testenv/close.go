package testenv

import (
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
)

func unsupported(command string) error {
	return fmt.Errorf("the test environment does not know the command %s", command)
}

// failTask ends the run because of what its code did: a server would try the task
// again, with other code perhaps.
func (x *Execution) failTask(err error) {
	if panicked, ok := errors.AsType[*failure.WorkflowPanicError](err); ok {
		err = failure.NewPanicError(panicked.Value(), panicked.StackTrace())
	}
	x.Err = nil
	x.close(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, nil, err)
}

// timeOut ends the run at its run timeout.
func (x *Execution) timeOut() {
	if x.closed {
		return
	}
	x.Err = nil
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{
		WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{RetryState: enumspb.RETRY_STATE_TIMEOUT}}})
	x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, nil, errDeadlineExceeded())
}

func errDeadlineExceeded() error {
	return failure.NewTimeoutError("deadline exceeded", enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
}

// terminate ends the run from outside.
func (x *Execution) terminate() {
	if x.closed {
		return
	}
	x.Err = nil
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes{
		WorkflowExecutionTerminatedEventAttributes: &historypb.WorkflowExecutionTerminatedEventAttributes{Reason: "by parent close policy"}}})
	x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, nil, failure.NewTerminatedError())
}

// close ends the run with an event that no command asked for.
func (x *Execution) close(eventType enumspb.EventType, result *commonpb.Payloads, err error) {
	x.add(eventType, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
		WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: x.failures.ErrorToFailure(err)}}})
	x.end(eventType, result, err)
}

// continueAsNew ends the run. Another one follows if it is a child; what the root
// continues with is the test's result.
func (x *Execution) continueAsNew(completed int64, a *commandpb.ContinueAsNewWorkflowExecutionCommandAttributes) {
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
		WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
			WorkflowType: a.GetWorkflowType(), TaskQueue: a.GetTaskQueue(), Input: a.GetInput(), WorkflowTaskCompletedEventId: completed,
		}}})
	if x.child == nil {
		x.end(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, nil, &failure.ContinueAsNewError{
			WorkflowType: &execution.WorkflowType{Name: a.GetWorkflowType().GetName()}, Input: a.GetInput(), Header: a.GetHeader(),
			TaskQueueName: a.GetTaskQueue().GetName(), WorkflowRunTimeout: a.GetWorkflowRunTimeout().AsDuration(),
			WorkflowTaskTimeout: a.GetWorkflowTaskTimeout().AsDuration(), BackoffStartInterval: a.GetBackoffStartInterval().AsDuration(),
			RetryPolicy: policy.RetryFromProto(a.GetRetryPolicy()),
		})
		return
	}
	x.finish()
	next := *x.start
	next.WorkflowType, next.TaskQueue = a.GetWorkflowType().GetName(), a.GetTaskQueue().GetName()
	next.Input, next.Header = a.GetInput(), a.GetHeader()
	next.RunTimeout, next.TaskTimeout = a.GetWorkflowRunTimeout().AsDuration(), a.GetWorkflowTaskTimeout().AsDuration()
	next.Memo, next.SearchAttributes = a.GetMemo(), a.GetSearchAttributes()
	next.attempt, next.LastError, next.delay = 1, nil, a.GetBackoffStartInterval().AsDuration()
	if a.GetRetryPolicy() != nil {
		x.child.retry = a.GetRetryPolicy()
	}
	x.child.follow(x, &next)
}

// finish stops what belongs to the run.
func (x *Execution) finish() {
	x.closed, x.open, x.wanted = true, false, false
	x.over.Store(true)
	e := x.engine
	for _, a := range x.activities {
		a.abandon()
	}
	for _, o := range x.nexus {
		o.abandon()
	}
	for _, t := range x.timers {
		e.unschedule(t.timer)
	}
	e.unschedule(x.runTimer)
	x.closeUpdates()
}

// end ends the run for good, unless its policies have it run again.
func (x *Execution) end(eventType enumspb.EventType, result *commonpb.Payloads, err error) {
	x.finish()
	x.result, x.err = result, err
	if x.Err != nil && err != nil {
		x.err = x.returned()
	}
	if err != nil {
		x.result = nil
	}
	if x.child != nil {
		x.child.ended(x, eventType, result, err)
	}
	if x.child == nil || x.child.reported {
		x.closeChildren()
	}
}

// returned is what the workflow function returned, as a caller would see it: errors
// that say how the run ended stay as they are, others have been encoded.
func (x *Execution) returned() error {
	var canceled *failure.CanceledError
	var next *failure.ContinueAsNewError
	var timeout *failure.TimeoutError
	var started *failure.ChildWorkflowExecutionAlreadyStartedError
	if errors.As(x.Err, &canceled) || errors.As(x.Err, &next) || errors.As(x.Err, &timeout) || errors.As(x.Err, &started) {
		return x.Err
	}
	return x.err
}

// closeChildren does what the parent close policies say.
func (x *Execution) closeChildren() {
	for _, c := range x.engine.order {
		if c.closed || c.child == nil || c.child.parent != x {
			continue
		}
		switch c.child.policy {
		case enumspb.PARENT_CLOSE_POLICY_ABANDON:
		case enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
			c.Cancel()
		default:
			c.terminate()
		}
	}
}
