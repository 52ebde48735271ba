package differ

import (
	enumspb "go.temporal.io/api/enums/v1"
)

// family starts the workflow "w", which starts the child "c".
func (w *World) family(settings ...string) {
	w.Start("w")
	w.Decide("w", w.child("c", settings...))
	w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
}

// told takes the workflow task that the parent gets for the start of its child.
func (w *World) told() *Task { return w.Poll("w") }

var children = []Scenario{
	{"a child with everything that can be said of it", func(w *World) {
		w.family("input=in", "workflow_execution_timeout=3h", "workflow_run_timeout=2h", "workflow_task_timeout=5s", "retry_policy.maximum_attempts=2",
			"memo=(a:1)", `search_attributes=(BatcherUser:"me")`, "header=(h:1)", "parent_close_policy=ABANDON")
		w.Describe("w")
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("c")
		w.told().Complete()
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a child takes queue and timeouts from its parent if none are given", func(w *World) {
		w.Start("w", "workflow_execution_timeout=3h", "workflow_run_timeout=2h", "workflow_task_timeout=5s", "memo=(a:1)")
		w.Decide("w", Command("StartChildWorkflowExecution", "workflow_id="+w.ID("c"), "workflow_type=child"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("c")
	}},
	{"a child fails", func(w *World) {
		w.family()
		w.told().Complete()
		w.Decide("c", fail("Bad"))
		w.Decide("w", complete("done"))
	}},
	{"a child is cancelled by its parent", func(w *World) {
		w.family()
		w.told().Complete(w.cancelExternal("c", "child_workflow_only=true", "reason=because"))
		w.Await("w", 1, enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
		w.Decide("w")
		w.Decide("c", cancelled())
		w.Decide("w", complete("done"))
	}},
	{"a child is signalled by its parent", func(w *World) {
		w.family()
		w.told().Complete(w.signalExternal("c", "s", "child_workflow_only=true"))
		w.Await("w", 1, enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED)
		w.Decide("w")
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a child is terminated by somebody", func(w *World) {
		w.family()
		w.told().Complete()
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Terminate("c", "reason=because")
		w.Decide("w", complete("done"))
	}},
	{"a child times out", func(w *World) {
		w.family("workflow_run_timeout=1s")
		w.told().Complete()
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT)
		w.Decide("w", complete("done"))
	}},
	{"a child continues as new", func(w *World) {
		w.family()
		w.told().Complete()
		w.Decide("c", continueAsNew("workflow_type=child"))
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a child is retried", func(w *World) {
		w.family("retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.told().Complete()
		w.Decide("c", fail("Bad"))
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a child fails for good after its retries", func(w *World) {
		w.family("retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		w.told().Complete()
		w.Decide("c", fail("Bad"))
		w.Decide("c", fail("Worse"))
		w.Decide("w", complete("done"))
	}},
	{"a child with a cron schedule tells its parent only of its end", func(w *World) {
		w.family("cron_schedule=@every 1s")
		w.told().Complete()
		w.Decide("c", complete("one"))
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Decide("c", cancelled())
		w.Decide("w", complete("done"))
	}},
	{"a child whose id is taken by a running workflow", func(w *World) {
		w.Start("c")
		w.Start("w")
		w.Decide("w", w.child("c"))
		w.Await("w", 1, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
		w.Decide("w", complete("done"))
	}},
	{"a child whose id was used before", func(w *World) {
		w.Start("c")
		w.Decide("c", complete("out"))
		w.Start("w")
		w.Decide("w", w.child("c", "workflow_id_reuse_policy=ALLOW_DUPLICATE_FAILED_ONLY"))
		w.Await("w", 1, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
		w.Decide("w", w.child("c", "workflow_id_reuse_policy=REJECT_DUPLICATE"))
		w.Await("w", 2, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)
		w.Decide("w", w.child("c"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		w.told().Complete()
		w.Decide("c", complete("out"))
		w.Decide("w", complete("done"))
	}},
	{"a child with the id of its parent", func(w *World) {
		w.Start("w")
		w.Decide("w", w.child("w"))
	}},
	{"a child in another namespace", func(w *World) {
		w.Start("w")
		w.Decide("w", Command("StartChildWorkflowExecution", "workflow_id="+w.Other("c"), "workflow_type=child", "namespace=no-such-namespace"))
	}},
	{"a child ends while the parent's task is started", func(w *World) {
		w.family()
		task := w.told()
		w.Signal("w", "s")
		w.Decide("c", complete("out"))
		w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		w.pause("the parent is told of it", 0.5)
		w.Signal("w", "t")
		task.Complete()
		w.Decide("w", complete("done"))
	}},
	{"a child of a child knows the root", func(w *World) {
		w.family()
		w.told().Complete()
		w.Decide("c", w.child("g"))
		w.Await("c", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		w.Await("g", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("g")
	}},
	{"a child is cancelled in the task that starts it", func(w *World) {
		w.Start("w")
		w.Decide("w", w.child("c"), w.cancelExternal("c", "child_workflow_only=true"))
	}},
	{"a child is signalled in the task that starts it", func(w *World) {
		w.Start("w")
		w.Decide("w", w.child("c"), w.signalExternal("c", "s", "child_workflow_only=true"))
		w.Await("w", 1, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.forget("w") // either may come first
		w.forget("c")
	}},
	{"a parent closes in the task that starts a child", func(w *World) {
		w.Start("w")
		w.Decide("w", w.child("c", "parent_close_policy=ABANDON"), complete("done"))
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("c")
	}},
	{"a parent closes in the task that starts a child to be terminated", func(w *World) {
		w.Start("w")
		w.Decide("w", w.child("c"), complete("done"))
		w.pause("a child could start", 1)
	}},
	{"a child is terminated when its parent continues as new", func(w *World) {
		w.family()
		w.told().Complete(continueAsNew())
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
		w.pause("the parent could be told", 0.5)
		w.Describe("w")
	}},
}

// closePolicies are scenarios of what becomes of children, by policy and by how
// their parent ends.
func closePolicies() []Scenario {
	var all []Scenario
	for _, policy := range []string{"UNSPECIFIED", "TERMINATE", "REQUEST_CANCEL", "ABANDON"} {
		for _, closing := range closings {
			all = append(all, Scenario{"a child with close policy " + policy + " of a parent that is " + closing.status, func(w *World) {
				w.family("parent_close_policy=" + policy)
				w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
				closing.close(w, "w")
				switch policy {
				case "REQUEST_CANCEL":
					w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
				case "UNSPECIFIED", "TERMINATE":
					w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
				}
			}})
		}
		all = append(all, Scenario{"a child with close policy " + policy + " of a parent that times out", func(w *World) {
			w.Start("w", "workflow_run_timeout=8s")
			w.Decide("w", w.child("c", "parent_close_policy="+policy, "workflow_run_timeout=1h"))
			w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
			w.AwaitStatus("w", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
			switch policy {
			case "REQUEST_CANCEL":
				w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
			case "UNSPECIFIED", "TERMINATE":
				w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
			}
		}})
	}
	return all
}
