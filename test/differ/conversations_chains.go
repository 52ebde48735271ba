package differ

import (
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// chains are what becomes of a workflow id with all its runs, and of the children of
// these.
var chains = []Scenario{
	{"a start of an id whose workflow has continued as new tells of its first run", func(w *World) {
		w.Start("w")
		w.Decide("w", continueAsNew())
		w.Start("w")
		w.Start("w", "workflow_id_conflict_policy=USE_EXISTING")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
	}},
	{"an execution timeout holds for all runs of a chain", func(w *World) {
		w.Start("w", "workflow_execution_timeout=8s", "retry_policy.maximum_attempts=5", "retry_policy.initial_interval=1s")
		w.Decide("w", continueAsNew())
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	}},
	{"a run that times out within an execution timeout is retried until that is over", func(w *World) {
		w.Start("w", "workflow_execution_timeout=5s", "workflow_run_timeout=2s", "retry_policy.initial_interval=1s", "retry_policy.backoff_coefficient=1")
		w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	}},
	{"a cron workflow whose run times out goes on", func(w *World) {
		w.Start("w", "cron_schedule=@every 1s", "workflow_run_timeout=4s")
		w.Decide("w", complete("one"))
		w.AwaitEarlier("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
		w.Decide("w", complete("three"))
		w.Terminate("w")
	}},
	{"a cron workflow that fails for good after its retries goes on", func(w *World) {
		w.Start("w", "cron_schedule=@every 1s", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s",
			"retry_policy.non_retryable_error_types=Bad")
		w.Decide("w", complete("one"))
		w.Decide("w", fail("Bad"))
		w.Decide("w", fail("Passing"))
		w.Decide("w", fail("Passing"))
		w.Poll("w")
		w.Terminate("w")
	}},
	{"a cron workflow that waits for its time is signalled, and signalled with start", func(w *World) {
		w.Start("w", "cron_schedule=0 0 1 1 *")
		w.Signal("w", "s")
		w.Query("w", "q")()
		w.SignalWithStart("w", "t")
		w.Decide("w", complete("one"))
		w.Terminate("w")
		w.forget("w") // it tells how long the delay is
	}},
	{"a workflow with a retry policy continues as new, and its attempts begin anew", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Decide("w", fail("Bad"))
		w.Decide("w", continueAsNew())
		w.Decide("w", fail("Bad"))
		w.Describe("w")
	}},
	{"a memo and search attributes that have changed go on to the next run", func(w *World) {
		w.Start("w", "memo=(a:1)", `search_attributes=(BatcherUser:"me")`, "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Decide("w", Command("ModifyWorkflowProperties", "upserted_memo=(b:2)"),
			Command("UpsertWorkflowSearchAttributes", `search_attributes=(BatcherUser:"you")`), fail("Bad"))
		w.Decide("w", Command("ModifyWorkflowProperties", "upserted_memo=(a:null)"), continueAsNew())
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("w")
	}},
	{"a workflow that is retried gets no answers to what its last run has begun", func(w *World) {
		w.Start("w", "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Decide("w", w.activity("a"), timer("t", "1s"), fail("Bad"))
		w.Poll("w").Complete()
		w.pause("the timer of the last run is over", 1.5)
		w.Describe("w")
	}},
	{"children of a workflow that is retried", func(w *World) {
		w.parentAndChildren("retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.Poll("w").Complete(fail("Bad"))
		w.afterTheParent()
	}},
	{"children of a run of a cron workflow", func(w *World) {
		w.parentAndChildren("cron_schedule=@every 1s")
		w.Poll("w").Complete(complete("one"))
		w.afterTheParent()
	}},
	{"children of a workflow that continues as new", func(w *World) {
		w.parentAndChildren()
		w.Poll("w").Complete(continueAsNew())
		w.afterTheParent()
	}},
	{"many children of a parent that closes", func(w *World) {
		w.Start("w")
		var commands []*commandpb.Command
		for i := range 12 {
			commands = append(commands, w.child(fmt.Sprint("c", i), "parent_close_policy="+[]string{"TERMINATE", "REQUEST_CANCEL", "ABANDON"}[i%3]))
		}
		w.Decide("w", commands...)
		w.answered("w")
		w.Poll("w").Complete(complete("done"))
		for i := range 12 {
			name := fmt.Sprint("c", i)
			switch i % 3 {
			case 0:
				w.AwaitStatus(name, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
			case 1:
				w.Await(name, 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
			}
		}
		w.forget("w") // the order in which the children start is a matter of luck
	}},
	{"a child ends after its parent has continued as new", func(w *World) {
		w.family("parent_close_policy=ABANDON")
		w.told().Complete(continueAsNew())
		w.Decide("c", fail("Bad"))
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.pause("the parent could be told", 0.5)
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"a child that is there already is started again by the next run of its parent", func(w *World) {
		w.family("parent_close_policy=ABANDON")
		w.told().Complete(continueAsNew())
		w.Decide("w", w.child("c"))
		w.Await("w", 1, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
		w.Decide("w", complete("done"))
	}},
	{"a child with a delay of its first run by a cron schedule is known to have started", func(w *World) {
		w.family("cron_schedule=0 0 1 1 *")
		w.Describe("w")
		w.Describe("c")
		w.told().Complete(w.cancelExternal("c", "child_workflow_only=true"))
		w.Decide("c", cancelled())
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED)
		w.forget("w")
		w.forget("c") // it tells how long the delay is
	}},
	{"a child signals and cancels its parent", func(w *World) {
		w.family()
		w.told().Complete()
		w.Decide("c", w.signalExternal("w", "s", "input=in", "header=(h:1)"), w.cancelExternal("w", "reason=because"))
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
		w.answered("c")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
		w.forget("w") // which of the two comes first is a matter of luck
		w.forget("c")
	}},
	{"a child is deleted", func(w *World) {
		w.family()
		w.told().Complete()
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Delete("c")
		w.Decide("w", complete("done"))
	}},
	{"deletions of what is not there", func(w *World) {
		w.Delete("nobody")
		w.Delete("nobody", "workflow_execution.workflow_id=")
		w.Delete("nobody", "workflow_execution=none")
		w.Delete("nobody", "workflow_execution.run_id=x")
		w.forget("nobody")
		run := w.Start("w")
		w.Decide("w", complete("done"))
		w.Delete("w", "workflow_execution.run_id="+run)
		w.gone("w")
		w.Delete("w")
		w.forget("w")
	}},
}

// AwaitEarlier waits until an earlier run of a workflow has ended in a way.
func (w *World) AwaitEarlier(name string, want enumspb.WorkflowExecutionStatus) {
	w.T.Helper()
	w.Eventually(fmt.Sprintf("a run of %s is %s", name, want), func() bool {
		current := w.History(name, "")
		if len(current) == 0 {
			return false
		}
		before := current[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		events := w.History(name, before)
		return before != "" && len(events) > 0 &&
			events[len(events)-1].GetWorkflowExecutionTimedOutEventAttributes() != nil == (want == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	})
}

// parentAndChildren starts the workflow "w" with a child for each close policy.
func (w *World) parentAndChildren(settings ...string) {
	w.Start("w", settings...)
	w.Decide("w", w.child("terminated", "parent_close_policy=TERMINATE"))
	w.answered("w")
	w.Decide("w", w.child("cancelled", "parent_close_policy=REQUEST_CANCEL"))
	w.answered("w")
	w.Decide("w", w.child("abandoned", "parent_close_policy=ABANDON"))
	w.answered("w")
	for _, name := range []string{"terminated", "cancelled", "abandoned"} {
		w.Await(name, 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
	}
}

// afterTheParent waits until the children know that the parent's run is over.
func (w *World) afterTheParent() {
	w.AwaitStatus("terminated", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	w.Await("cancelled", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
	w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
}
