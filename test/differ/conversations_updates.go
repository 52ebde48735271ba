package differ

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

// idle starts the workflow "w" and answers its first task.
func (w *World) idle(start ...string) {
	w.Start("w", start...)
	w.Decide("w")
}

// carryOut accepts and completes an update in one task.
func (t *Task) carryOut(id string) {
	t.Messages(messages(t.Accept(id), Outcome(id, "out")), protocolMessage(id+"/accept"), protocolMessage(id+"/complete"))
}

var updates = []Scenario{
	{"an update is accepted and completed in one task", func(w *World) {
		w.idle()
		wait := w.Update("w", "u", "request.input.header=(h:1)")
		w.Poll("w").carryOut("u")
		wait()
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=COMPLETED")
		w.finish("w")
	}},
	{"an update is accepted, and completed in a later task", func(w *World) {
		w.idle()
		accepted := w.Update("w", "u", "wait_policy.lifecycle_stage=ACCEPTED")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), timer("t", "1h"))
		accepted()
		w.PollUpdate("w", "u")
		w.Signal("w", "s")
		w.Poll("w").Messages(messages(Outcome("u", "out")), protocolMessage("u/complete"))
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=COMPLETED")
	}},
	{"an update is rejected and leaves no trace", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"))
		wait()
		w.PollUpdate("w", "u")
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"an update is rejected in a task that does other things", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"), timer("t", "1h"))
		wait()
	}},
	{"an update fails", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), FailedOutcome("u", "Bad")), protocolMessage("u/accept"), protocolMessage("u/complete"))
		wait()
	}},
	{"messages without commands are handled after all commands", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), timer("t", "1h"))
		wait()
	}},
	{"an update that is sent twice is carried out once", func(w *World) {
		w.idle()
		first := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		second := w.Update("w", "u")
		w.pause("the update arrives", 0.3)
		w.Poll("w").carryOut("u")
		first()
		second()
		w.Update("w", "u")()
	}},
	{"two updates come in one task", func(w *World) {
		w.Start("w")
		one := w.Update("w", "u1")
		w.AwaitUpdate("w", "u1")
		two := w.Update("w", "u2")
		w.AwaitUpdate("w", "u2")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u1"), task.Accept("u2"), Outcome("u2", "two"), Outcome("u1", "one")),
			protocolMessage("u1/accept"), protocolMessage("u2/accept"), protocolMessage("u2/complete"), protocolMessage("u1/complete"))
		one()
		two()
	}},
	{"an update of a workflow whose first task is still to come", func(w *World) {
		w.Start("w")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"an update that comes while a task is started", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		task.Complete()
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"a signal comes while an update is with the worker", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		w.Signal("w", "s")
		task.carryOut("u")
		wait()
		w.Decide("w", complete("done"))
	}},
	{"a signal comes before the worker takes an update", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		w.Signal("w", "s")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"a signal comes while an update is with the worker, who rejects it", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		w.Signal("w", "s")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"))
		wait()
		w.Decide("w", complete("done"))
	}},
	{"a worker passes over an update", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").Complete()
		wait()
	}},
	{"a workflow closes over an update", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").Complete(complete("done"))
		wait()
		w.Update("w", "v")()
		w.PollUpdate("w", "u")
	}},
	{"a workflow closes with an accepted update", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), complete("done"))
		wait()
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=COMPLETED")
	}},
	{"a workflow completes an update in the task in which it closes", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"), complete("done"))
		wait()
		w.Update("w", "u")()
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=COMPLETED")
	}},
	{"a workflow is terminated with an update under way", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		w.Terminate("w")
		wait()
		task.carryOut("u")
	}},
	{"a workflow continues as new with an accepted update", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), continueAsNew())
		wait()
	}},
	{"a task with an update fails", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").Fail()
		wait()
		w.Decide("w")
	}},
	{"a task with an update times out", func(w *World) {
		w.idle("workflow_task_timeout=1s")
		wait := w.Update("w", "u")
		w.Poll("w")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"an update of a workflow whose task keeps failing", func(w *World) {
		w.Start("w")
		for range 3 {
			w.Poll("w").Fail()
		}
		w.Update("w", "u")()
	}},
	{"an update on a sticky queue", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		wait := w.Update("w", "u")
		sticky().carryOut("u")
		wait()
	}},
	{"an update for a sticky queue that nobody polls", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"an update on a heartbeat of a task", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		next := task.CompleteWith(Settings{"return_new_workflow_task=true", "force_create_new_workflow_task=true"})
		w.taken(next.GetWorkflowTask()).carryOut("u")
		wait()
	}},
	{"an update of a delayed workflow", func(w *World) {
		w.Start("w", "workflow_start_delay=1s")
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"updates that are not what they should be", func(w *World) {
		w.idle()
		for _, settings := range [][]string{
			{"request=none"}, {"request.meta=none"}, {"request.input=none"}, {"request.input.name="}, {"request.meta.update_id="},
			{"wait_policy.lifecycle_stage=ADMITTED"}, {"wait_policy.lifecycle_stage=99"}, {"workflow_execution=none"},
			{"workflow_execution.run_id=x"}, {"workflow_execution.workflow_id=" + w.Other("none")}, {"first_execution_run_id=00000000-0000-4000-8000-000000000000"},
			{"namespace=no-such-namespace"}, {"namespace="},
		} {
			w.Say("%s", w.renderer.n.Text(settings[0]))
			wait := w.Update("w", "u-"+settings[0], settings...)
			if settings[0] == "request.meta.update_id=" || settings[0] == "request.meta=none" {
				w.pause("the update arrives", 0.3)
				if !w.hasTask("w") {
					wait()
					continue
				}
				task := w.Poll("w")
				task.Complete()
			}
			wait()
		}
	}},
	{"updates that there are not are polled for", func(w *World) {
		w.idle()
		w.PollUpdate("w", "none")
		w.PollUpdate("w", "")
		w.PollUpdate("w", "u", "update_ref=none")
		w.PollUpdate("w", "u", "update_ref.workflow_execution=none")
		w.PollUpdate("w", "u", "update_ref.workflow_execution.run_id=x")
		w.PollUpdate("w", "u", "wait_policy.lifecycle_stage=99")
		w.PollUpdate("w", "u", "update_ref.workflow_execution.workflow_id="+w.Other("none"))
	}},
	{"commands for messages that are not there", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), protocolMessage("none"))
		w.Terminate("w")
		wait()
	}},
	{"more updates than may be in flight", func(w *World) {
		w.Start("w")
		var waits []func()
		for i := range 10 {
			waits = append(waits, w.Update("w", fmt.Sprint("u", i)))
			w.AwaitUpdate("w", fmt.Sprint("u", i))
		}
		w.Update("w", "u10")()
		task := w.Poll("w")
		task.PollWorkflowTaskQueueResponse.Messages = nil
		w.Terminate("w")
		w.quietly(func() {
			for _, wait := range waits {
				wait()
			}
		})
	}},
}

// finish completes the workflow after a signal.
func (w *World) finish(name string) {
	w.Signal(name, "finish")
	w.Decide(name, complete("done"))
}

// pause waits for something that nothing tells of from outside.
func (w *World) pause(_ string, seconds float64) { time.Sleep(secondsOf(seconds)) }

// hasTask reports whether a workflow has a workflow task.
func (w *World) hasTask(name string) bool {
	var pending bool
	w.quietly(func() {
		d, err := w.Quiet.DescribeWorkflowExecution(w.Ctx, describeRequest(w, name))
		pending = err == nil && d.PendingWorkflowTask != nil
	})
	return pending
}
