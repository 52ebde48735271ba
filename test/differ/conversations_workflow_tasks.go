package differ

import (
	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

var workflowTasks = []Scenario{
	{"a workflow that completes in its first task", func(w *World) {
		w.Start("w", "workflow_task_timeout=none")
		w.Describe("w")
		w.Decide("w", complete("done"))
		w.Describe("w")
	}},
	{"events that come while a task is started are buffered until its end", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "one")
		w.RequestCancel("w")
		w.Signal("w", "two")
		task.Complete(timer("t", "1h"))
		w.Decide("w", complete("done"))
	}},
	{"a workflow does not close over events it has not seen", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "late")
		task.Complete(complete("too early"))
		w.Decide("w", complete("done"))
	}},
	{"a failed task is tried again, and only its first failure is recorded", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		w.Poll("w").Fail()
		w.Describe("w")
		w.Poll("w").Fail("cause=NON_DETERMINISTIC_ERROR")
		w.Decide("w", complete("done"))
	}},
	{"a signal makes a task that is tried again a normal one", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"a signal that comes while an attempt is under way", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		task := w.Poll("w")
		w.Signal("w", "s")
		task.Complete(marker("m"))
		w.Decide("w", complete("done"))
	}},
	{"a signal that comes before a second failure", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		task := w.Poll("w")
		w.Signal("w", "s")
		task.Fail()
		w.Decide("w", complete("done"))
	}},
	{"a worker says why a task has failed", func(w *World) {
		for _, cause := range []string{"NON_DETERMINISTIC_ERROR", "RESET_STICKY_TASK_QUEUE", "GRPC_MESSAGE_TOO_LARGE",
			"PAYLOADS_TOO_LARGE", "UNHANDLED_COMMAND", "BAD_SCHEDULE_ACTIVITY_ATTRIBUTES", "UNSPECIFIED", "99"} {
			name := "w" + cause
			w.Start(name)
			w.Poll(name).Fail("cause=" + cause)
			w.Describe(name)
			w.Terminate(name)
		}
	}},
	{"a task that takes too long times out and is tried again", func(w *World) {
		w.Start("w", "workflow_task_timeout=1s")
		late := w.Poll("w")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
		late.Complete(complete("too late"))
		w.Decide("w", complete("done"))
	}},
	{"a token of an earlier attempt is of no use", func(w *World) {
		w.Start("w")
		first := w.Poll("w")
		first.Fail()
		second := w.Poll("w")
		first.Complete(complete("too late"))
		first.Fail()
		second.Complete(complete("done"))
		second.Complete(complete("twice"))
	}},
	{"a completion may bring the next task with it", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "s")
		next := task.CompleteWith(Settings{"return_new_workflow_task=true"})
		w.taken(next.GetWorkflowTask()).Complete(complete("done"))
	}},
	{"a completion that asks for a next task when there is none", func(w *World) {
		w.Start("w")
		w.Poll("w").CompleteWith(Settings{"return_new_workflow_task=true"})
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"a heartbeat of a workflow task makes the next one", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		for range 2 {
			next := task.CompleteWith(Settings{"return_new_workflow_task=true", "force_create_new_workflow_task=true"})
			task = w.taken(next.GetWorkflowTask())
		}
		w.Describe("w")
		task.Complete(complete("done"))
	}},
	{"a forced task may be left to the queue", func(w *World) {
		w.Start("w")
		w.Poll("w").CompleteWith(Settings{"force_create_new_workflow_task=true"})
		w.Decide("w", complete("done"))
	}},
	{"a forced task of a workflow that closes is not made", func(w *World) {
		w.Start("w")
		w.Poll("w").CompleteWith(Settings{"return_new_workflow_task=true", "force_create_new_workflow_task=true"}, complete("done"))
	}},
	{"what a worker says of itself is recorded with its completions", func(w *World) {
		w.Start("w")
		w.Poll("w", "worker_version_capabilities.build_id=b1", "binary_checksum=c1").CompleteWith(Settings{
			"sdk_metadata.lang_used_flags=1", "sdk_metadata.lang_used_flags=3", "sdk_metadata.core_used_flags=2",
			"sdk_metadata.sdk_name=some", "sdk_metadata.sdk_version=1.2", "metering_metadata.nonfirst_local_activity_execution_attempts=4",
			"worker_version_stamp.build_id=b1", "binary_checksum=c1"}, timer("t", "1h"))
		w.Describe("w")
	}},
	{"the sticky queue gets what has come since", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s", timer("t", "1h"))
		w.Describe("w")
		sticky := w.Listen("w", "sticky")
		w.Signal("w", "s")
		sticky().Complete()
		w.Signal("w", "t")
		w.Decide("w", complete("done"))
	}},
	{"a sticky queue that nobody polls is passed over", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "1h")
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
	}},
	{"a sticky queue that was polled and is left times out", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "1s")
		sticky := w.Listen("w", "sticky")
		w.Signal("w", "s")
		sticky().Stick("sticky", "1s")
		w.Signal("w", "t")
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
		w.Decide("w", complete("done"))
	}},
	{"a sticky task that fails is tried again on the normal queue", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		w.Signal("w", "s")
		sticky().Fail()
		w.Decide("w", complete("done"))
	}},
	{"a sticky task that takes too long is tried again on the normal queue", func(w *World) {
		w.Start("w", "workflow_task_timeout=1s")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		w.Signal("w", "s")
		sticky()
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
		w.Decide("w", complete("done"))
	}},
	{"the sticky queue of a worker that shuts down is given up", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "1h")
		sticky := w.Listen("w", "sticky")
		w.Signal("w", "s")
		sticky().Stick("sticky", "1h")
		w.ShutDown("sticky")
		w.Signal("w", "t")
		w.Decide("w", complete("done"))
	}},
	{"stickiness is reset by a call", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "1h")
		w.ResetSticky("w")
		w.Signal("w", "s")
		w.Decide("w", complete("done"))
		w.ResetSticky("w")
		w.ResetSticky("no such workflow")
	}},
	{"commands after one that closes the workflow", func(w *World) {
		w.Start("w")
		w.Decide("w", complete("done"), timer("t", "1h"))
		w.Decide("w", complete("done"), fail("Second"))
		w.Decide("w", timer("t", "1h"), complete("done"))
	}},
	{"signals of a workflow that was about to close, and then fails otherwise", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		w.Signal("w", "first")
		task.Complete(complete("done"))
		task = w.Poll("w")
		w.Signal("w", "while it is about to close")
		task.Fail()
		task = w.Poll("w")
		w.Signal("w", "afterwards")
		task.Complete(complete("done"))
		task = w.Poll("w")
		w.Signal("w", "while it is about to close again")
		task.Complete(complete("done"))
	}},
	{"a workflow that was about to close is not any more when something asked of it was refused", func(w *World) {
		for _, one := range []struct {
			name string
			do   func(*Task)
		}{
			{"signal", func(*Task) { w.Signal("signal", "while it is about to close") }},
			{"command", func(task *Task) { task.Complete(&commandpb.Command{CommandType: 99}) }},
			{"pause", func(*Task) { w.PauseActivity("pause", "no such activity") }},
			{"other", func(*Task) { w.Signal("no such workflow", "s") }},
		} {
			w.Start(one.name)
			task := w.Poll(one.name)
			w.Signal(one.name, "first")
			task.Complete(complete("done"))
			one.do(w.Poll(one.name))
			w.Signal(one.name, "afterwards")
			w.Terminate(one.name)
		}
	}},
	{"commands without attributes", func(w *World) {
		for kind := enumspb.COMMAND_TYPE_UNSPECIFIED; kind <= enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE; kind++ {
			name := "w-" + kind.String()
			w.Start(name)
			w.Decide(name, &commandpb.Command{CommandType: kind})
			w.Terminate(name)
		}
	}},
	{"a second bad completion of a task leaves no trace", func(w *World) {
		w.Start("w", "workflow_task_timeout=1s")
		w.Decide("w", timer("", "1h"))
		w.Decide("w", timer("", "1h"))
		w.Terminate("w")
	}},
	{"commands before a bad one are not carried out", func(w *World) {
		w.Start("w")
		w.Decide("w", timer("t", "1h"), w.activity("a"), cancelTimer("no such timer"))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"metadata for people is copied from commands to events", func(w *World) {
		w.Start("w", `user_metadata.summary="a start"`, `user_metadata.details="in detail"`)
		w.Decide("w", Set(timer("t", "1h"), `user_metadata.summary="a timer"`), Set(w.activity("a"), `user_metadata.summary="an activity"`),
			Set(marker("m"), `user_metadata.details="a marker"`))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a page of a history that is long", func(w *World) {
		w.Start("w")
		var commands []*commandpb.Command
		for range 300 {
			commands = append(commands, marker("m"))
		}
		w.from = 300
		w.Decide("w", commands...)
		w.Signal("w", "s")
		task := w.Poll("w")
		_, _ = w.API.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: Namespace, Execution: w.Execution("w"), NextPageToken: task.NextPageToken})
		task.Complete(complete("done"))
	}},
}
