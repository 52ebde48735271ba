package differ

import (
	"fmt"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// misbehaviour is what a worker does wrong. Beside each, on the same task queue, a
// workflow goes on that has nothing to do with it.
var misbehaviour = []Scenario{
	beside("a worker completes a task twice", func(w *World, task *Task) {
		task.Complete(timer("t", "1h"))
		task.Complete(timer("u", "1h"))
		task.Complete(complete("twice"))
		task.Fail()
	}),
	beside("a worker completes a task twice at once", func(w *World, task *Task) {
		second := w.Later(func(api workflowservice.WorkflowServiceClient) {
			_, _ = api.RespondWorkflowTaskCompleted(w.Ctx, task.completion(marker("m")))
		})
		w.quietly(func() { task.Complete(marker("m")) })
		w.quietly(second)
	}),
	beside("a worker completes a task after it has failed it", func(w *World, task *Task) {
		task.Fail()
		task.Complete(complete("late"))
	}),
	beside("a worker completes a task with the token of an earlier one", func(w *World, task *Task) {
		task.Complete(timer("t", "1h"))
		w.Signal("w", "s")
		w.Poll("w")
		task.Complete(complete("wrong"))
	}),
	beside("a worker completes a task with the token of a run that has gone on", func(w *World, task *Task) {
		task.Complete(continueAsNew())
		w.Poll("w")
		task.Complete(complete("wrong"))
		task.Fail()
	}),
	beside("a worker completes a task of a workflow that was terminated", func(w *World, task *Task) {
		w.Terminate("w")
		task.Complete(complete("late"))
		task.Fail()
	}),
	beside("a worker completes a task of a workflow that was deleted", func(w *World, task *Task) {
		w.Delete("w")
		w.gone("w")
		task.Complete(complete("late"))
		task.Fail()
	}),
	beside("a worker sends commands after one that closes", func(w *World, task *Task) {
		task.Complete(complete("done"), timer("t", "1h"))
	}),
	beside("a worker closes a workflow in two ways", func(w *World, task *Task) {
		task.Complete(complete("done"), fail("Bad"))
	}),
	beside("a worker continues as new and completes", func(w *World, task *Task) {
		task.Complete(continueAsNew(), complete("done"))
	}),
	beside("a worker sends a command of a type that there is not", func(w *World, task *Task) {
		task.Complete(&commandpb.Command{CommandType: 99})
	}),
	beside("a worker sends commands that are nothing", func(w *World, task *Task) {
		task.Complete(&commandpb.Command{}, &commandpb.Command{})
	}),
	beside("a worker sends the attributes of another command", func(w *World, task *Task) {
		command := timer("t", "1h")
		command.CommandType = enumspb.COMMAND_TYPE_RECORD_MARKER
		task.Complete(command)
	}),
	beside("a worker fails a task with a huge failure", func(w *World, task *Task) {
		failure := Failure("Bad")
		failure.Message, failure.StackTrace = strings.Repeat("x", 1<<20), strings.Repeat("y", 2<<20)
		_, _ = w.API.RespondWorkflowTaskFailed(w.Ctx, &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: Namespace, TaskToken: task.TaskToken,
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Failure: failure})
	}),
	beside("a worker fails a task with a failure that has a hundred causes", func(w *World, task *Task) {
		failure := Failure("Bad")
		for inner, i := failure, 0; i < 100; i++ {
			inner.Cause = Failure(fmt.Sprint("Cause", i))
			inner = inner.Cause
		}
		_, _ = w.API.RespondWorkflowTaskFailed(w.Ctx, &workflowservice.RespondWorkflowTaskFailedRequest{Namespace: Namespace, TaskToken: task.TaskToken,
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Failure: failure})
	}),
	beside("a worker never completes a task, and others do not either", func(w *World, _ *Task) {
		for attempt := range 2 {
			w.Eventually("the task is given up", func() bool {
				d, err := w.Quiet.DescribeWorkflowExecution(w.Ctx, describeRequest(w, "w"))
				return err == nil && d.PendingWorkflowTask.GetAttempt() > int32(attempt+1)
			})
			w.quietly(func() { w.Poll("w") })
		}
	}, "workflow_task_timeout=3s"),
	beside("a worker answers queries that nobody has asked", func(w *World, task *Task) {
		(&Task{&workflowservice.PollWorkflowTaskQueueResponse{TaskToken: task.TaskToken}, w}).Answer("out")
		request := Set(task.completion(timer("t", "1h")))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
	}),
	beside("a worker reports on an activity in the name of a workflow task", func(w *World, task *Task) {
		task.Complete(w.activity("a"))
		(&Activity{&workflowservice.PollActivityTaskQueueResponse{TaskToken: task.TaskToken}, w}).Complete("out")
		(&Activity{&workflowservice.PollActivityTaskQueueResponse{TaskToken: task.TaskToken}, w}).Heartbeat("d")
	}),
	beside("a worker completes an activity twice, fails it and beats for it", func(w *World, task *Task) {
		task.Complete(w.activity("a"))
		a := w.PollActivity("w")
		a.Complete("out")
		a.Complete("again")
		a.Fail(Failure("Bad"))
		a.Cancel()
		a.Heartbeat("d")
	}),
	beside("a worker fails an activity with something huge", func(w *World, task *Task) {
		task.Complete(w.activity("a", "retry_policy.maximum_attempts=1"))
		failure := Failure("Bad")
		failure.Message = strings.Repeat("x", 3<<20)
		w.PollActivity("w").Fail(failure)
	}),
	beside("a worker completes an activity of an attempt that is over", func(w *World, task *Task) {
		task.Complete(w.activity("a", "retry_policy.initial_interval=1s"))
		first := w.PollActivity("w")
		first.Fail(Failure("Bad"))
		second := w.PollActivity("w")
		first.Complete("late")
		first.Heartbeat("late")
		second.Complete("out")
	}),
}

// beside is a scenario in which a worker has taken the task of workflow "w", and does
// something with it; afterwards the next workflow of the queue is worked on as ever.
func beside(name string, do func(*World, *Task), start ...string) Scenario {
	return Scenario{name, func(w *World) {
		w.Start("w", start...)
		do(w, w.Poll("w"))
		w.quietly(func() {
			w.Terminate("w")
			w.pause("the tasks of the other are gone", 0.2)
		})
		w.Start("innocent", "task_queue="+w.Queue("w"))
		w.Decide("w", w.activity("a"))
		w.PollActivity("w").Complete("out")
		w.Decide("w", complete("done"))
		w.AwaitStatus("innocent", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	}}
}
