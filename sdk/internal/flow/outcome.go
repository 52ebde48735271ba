package flow

import (
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// finish answers the task, unless local activities are running and it is not
// time for a heartbeat.
func (i *Instance) finish(heartbeat bool) *Outcome {
	machine := i.machine
	if machine.Closing() == nil && machine.OpenLocalActivities() > 0 {
		i.startLocalActivities()
		if !heartbeat {
			return &Outcome{LocalActivities: machine.OpenLocalActivities()}
		}
	} else {
		heartbeat = false
	}
	outcome := i.completed(i.queryResults())
	outcome.Completed.Commands = machine.TakeCommands()
	outcome.Completed.Messages = machine.TakeMessages()
	outcome.Completed.ForceCreateNewWorkflowTask = heartbeat
	outcome.LocalActivities = machine.OpenLocalActivities()
	outcome.Closed = machine.Closing() != nil
	i.poll = nil
	return outcome
}

// completed is a completion without commands.
func (i *Instance) completed(queries map[string]*querypb.WorkflowQueryResult) *Outcome {
	machine := i.machine
	i.countLocalActivityAttempts()
	request := &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken:             i.poll.GetTaskToken(),
		Namespace:             i.options.Namespace,
		Identity:              i.options.Identity,
		ReturnNewWorkflowTask: true,
		QueryResults:          queries,
		MeteringMetadata:      &commonpb.MeteringMetadata{NonfirstLocalActivityExecutionAttempts: machine.LateLocalActivityAttempts()},
		Capabilities: &workflowservice.RespondWorkflowTaskCompletedRequest_Capabilities{
			DiscardSpeculativeWorkflowTaskWithEvents: true,
		},
	}
	if i.options.SDKMetadata {
		name, version := machine.NewSDKIdentity()
		request.SdkMetadata = &sdkpb.WorkflowTaskCompletedMetadata{
			LangUsedFlags: machine.NewFlags(),
			SdkName:       name,
			SdkVersion:    version,
		}
	}
	return &Outcome{Completed: request}
}

// queryResults answers the queries that came with the task.
func (i *Instance) queryResults() map[string]*querypb.WorkflowQueryResult {
	queries := i.poll.GetQueries()
	if len(queries) == 0 {
		return nil
	}
	results := make(map[string]*querypb.WorkflowQueryResult, len(queries))
	for id, query := range queries {
		answer, err := i.run.query(query)
		if err != nil {
			results[id] = &querypb.WorkflowQueryResult{
				ResultType:   enumspb.QUERY_RESULT_TYPE_FAILED,
				ErrorMessage: err.Error(),
				Failure:      i.run.failures.ErrorToFailure(err),
			}
			continue
		}
		results[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: answer}
	}
	return results
}

// answerQuery answers a task that is only a query.
func (i *Instance) answerQuery() *Outcome {
	query := i.poll.GetQuery()
	response := &workflowservice.RespondQueryTaskCompletedRequest{
		TaskToken: i.poll.GetTaskToken(),
		Namespace: i.options.Namespace,
	}
	answer, err := i.run.query(query)
	if err != nil {
		response.CompletedType = enumspb.QUERY_RESULT_TYPE_FAILED
		response.ErrorMessage = err.Error()
		response.Failure = i.run.failures.ErrorToFailure(err)
	} else {
		response.CompletedType = enumspb.QUERY_RESULT_TYPE_ANSWERED
		response.QueryResult = answer
	}
	i.poll = nil
	return &Outcome{QueryCompleted: response}
}

// deadlockError says that workflow code did not yield.
type deadlockError struct{ *failure.WorkflowPanicError }

// fail answers a task that workflow code, or its not matching the history,
// made fail. For deadlocks it must not touch the run: that is still at work.
func (i *Instance) fail(poll *workflowservice.PollWorkflowTaskQueueResponse, err error) *Outcome {
	cause := enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
	panicked := false
	_, nondeterministic := errors.AsType[*replay.NonDeterminismError](err)
	if nondeterministic {
		cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
	}
	if p, ok := errors.AsType[*coroutine.PanicError](err); ok {
		panicked = true
		err = failure.NewWorkflowPanicError(p.Value, p.Stack)
	}
	_, deadlocked := err.(*deadlockError)
	if deadlocked {
		err = err.(*deadlockError).WorkflowPanicError
	}
	if poll.GetQuery() != nil {
		return &Outcome{Err: err, Evict: true, QueryCompleted: &workflowservice.RespondQueryTaskCompletedRequest{
			TaskToken:     poll.GetTaskToken(),
			Namespace:     i.options.Namespace,
			CompletedType: enumspb.QUERY_RESULT_TYPE_FAILED,
			ErrorMessage:  "Workflow panic: " + err.Error(),
			Failure:       i.options.FailureConverter.ErrorToFailure(err),
			Cause:         cause,
		}}
	}
	if i.options.PanicPolicy == FailWorkflow && i.run != nil {
		switch {
		case deadlocked:
			return i.failStuckWorkflow(poll, err)
		case panicked || nondeterministic:
			return i.failWorkflow(err)
		}
	}
	return &Outcome{Err: err, Evict: true, Failed: &workflowservice.RespondWorkflowTaskFailedRequest{
		TaskToken: poll.GetTaskToken(),
		Namespace: i.options.Namespace,
		Identity:  i.options.Identity,
		Cause:     cause,
		Failure:   i.options.FailureConverter.ErrorToFailure(err),
	}}
}

// failWorkflow ends the execution.
func (i *Instance) failWorkflow(err error) *Outcome {
	machine := i.machine
	outcome := i.completed(nil)
	if !machine.Replaying() {
		outcome.Completed.Commands = machine.TakeCommands()
		outcome.Completed.Messages = machine.TakeMessages()
	}
	outcome.Completed.Commands = append(outcome.Completed.Commands, i.run.failCommand(panicPolicyError(err)))
	outcome.Closed, outcome.Evict, outcome.Err = true, true, err
	return outcome
}

// failStuckWorkflow ends the execution of a workflow whose code does not yield, without
// what it has asked for in the task.
func (i *Instance) failStuckWorkflow(poll *workflowservice.PollWorkflowTaskQueueResponse, err error) *Outcome {
	return &Outcome{Closed: true, Evict: true, Err: err, Completed: &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken: poll.GetTaskToken(),
		Namespace: i.options.Namespace,
		Identity:  i.options.Identity,
		Commands:  []*commandpb.Command{i.run.failCommand(panicPolicyError(err))},
	}}
}

func panicPolicyError(err error) error {
	return failure.NewApplicationError(
		"Workflow failed on panic due to FailWorkflow workflow panic policy", "", failure.ApplicationErrorOptions{Cause: err})
}

var errGoexit = fmt.Errorf("workflow code called runtime.Goexit, or a function that does, such as testing.T.FailNow")
