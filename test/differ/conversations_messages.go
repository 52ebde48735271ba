package differ

import (
	protocolpb "go.temporal.io/api/protocol/v1"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/types/known/anypb"
)

// updateMessages are what a worker says of updates, right and wrong, and what becomes of
// updates with starts.
var updateMessages = []Scenario{
	{"a worker says of updates what cannot be", func(w *World) {
		for _, c := range []struct {
			name     string
			messages func(*Task) []*protocolpb.Message
			commands []string
		}{
			{"accepted twice", func(t *Task) []*protocolpb.Message { return messages(t.Accept("u"), t.Accept("u")) }, nil},
			{"completed without being accepted", func(*Task) []*protocolpb.Message { return messages(Outcome("u", "out")) }, nil},
			{"completed before it is accepted", func(t *Task) []*protocolpb.Message { return messages(Outcome("u", "out"), t.Accept("u")) }, nil},
			{"completed twice", func(t *Task) []*protocolpb.Message {
				return messages(t.Accept("u"), Outcome("u", "out"), Outcome("u", "again"))
			}, nil},
			{"accepted and rejected", func(t *Task) []*protocolpb.Message { return messages(t.Accept("u"), t.Reject("u")) }, nil},
			{"rejected and accepted", func(t *Task) []*protocolpb.Message { return messages(t.Reject("u"), t.Accept("u")) }, nil},
			{"rejected twice", func(t *Task) []*protocolpb.Message { return messages(t.Reject("u"), t.Reject("u")) }, nil},
			{"a message without a body", func(*Task) []*protocolpb.Message {
				return messages(&protocolpb.Message{Id: "m", ProtocolInstanceId: "u"})
			}, nil},
			{"a message of a type that there is not", func(*Task) []*protocolpb.Message {
				return messages(&protocolpb.Message{Id: "m", ProtocolInstanceId: "u", Body: &anypb.Any{TypeUrl: "type.googleapis.com/no.such.Type"}})
			}, nil},
			{"a message whose body does not decode", func(*Task) []*protocolpb.Message {
				return messages(&protocolpb.Message{Id: "m", ProtocolInstanceId: "u",
					Body: &anypb.Any{TypeUrl: "type.googleapis.com/temporal.api.update.v1.Acceptance", Value: []byte{0xff}}})
			}, nil},
			{"a message for a client", func(*Task) []*protocolpb.Message {
				return messages(message("m", "u", &updatepb.Request{Meta: &updatepb.Meta{UpdateId: "u"}}))
			}, nil},
			{"a message about an update that there is not", func(*Task) []*protocolpb.Message {
				return messages(message("m", "other", &updatepb.Acceptance{AcceptedRequestMessageId: "other/request"}))
			}, nil},
			{"an outcome that is none", func(t *Task) []*protocolpb.Message {
				return messages(t.Accept("u"), message("u/complete", "u", &updatepb.Response{Meta: &updatepb.Meta{UpdateId: "u"}}))
			}, nil},
			{"an outcome without meta", func(t *Task) []*protocolpb.Message {
				return messages(t.Accept("u"), message("u/complete", "u", &updatepb.Response{Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: Text("out")}}}))
			}, nil},
			{"a rejection without a failure", func(*Task) []*protocolpb.Message {
				return messages(message("u/reject", "u", &updatepb.Rejection{RejectedRequestMessageId: "u/request"}))
			}, nil},
			{"an acceptance that says nothing", func(*Task) []*protocolpb.Message {
				return messages(message("u/accept", "u", &updatepb.Acceptance{}))
			}, nil},
			{"two messages with the same id", func(t *Task) []*protocolpb.Message {
				return messages(t.Accept("u"), message("u/accept", "u", &updatepb.Response{Meta: &updatepb.Meta{UpdateId: "u"}}))
			}, nil},
			{"a command twice for one message", func(t *Task) []*protocolpb.Message { return messages(t.Accept("u")) }, []string{"u/accept", "u/accept"}},
			{"a command without the id of a message", func(t *Task) []*protocolpb.Message { return messages(t.Accept("u")) }, []string{""}},
		} {
			w.Say("%s", c.name)
			name := "w " + c.name
			w.Start(name)
			w.Decide(name)
			wait := w.Update(name, "u", "wait_policy.lifecycle_stage=ACCEPTED")
			task := w.Poll(name)
			request := task.completion()
			request.Messages = c.messages(task)
			for _, id := range c.commands {
				request.Commands = append(request.Commands, protocolMessage(id))
			}
			_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
			w.quietly(func() {
				w.pause("the update is told of", 0.2)
				w.Terminate(name)
			})
			wait()
		}
	}},
	{"an update that is accepted is sent again, and waits for its outcome", func(w *World) {
		w.idle()
		accepted := w.Update("w", "u", "wait_policy.lifecycle_stage=ACCEPTED")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"))
		accepted()
		w.Update("w", "u", "wait_policy.lifecycle_stage=ACCEPTED")()
		completed := w.Update("w", "u")
		w.Signal("w", "s")
		w.Poll("w").Messages(messages(FailedOutcome("u", "Bad")), protocolMessage("u/complete"))
		completed()
		w.Update("w", "u")()
	}},
	{"an update that is rejected may be sent again", func(w *World) {
		w.idle()
		first := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Reject("u")), protocolMessage("u/reject"))
		first()
		second := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		second()
	}},
	{"an update of the run before is none of the next run", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"), continueAsNew())
		wait()
		w.PollUpdate("w", "u")
		again := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		again()
	}},
	{"a rejected update whose worker has seen no more events leaves no trace, wherever the task is", func(w *World) {
		w.Start("w")
		w.Poll("w").Stick("sticky", "5s")
		sticky := w.Listen("w", "sticky")
		wait := w.Update("w", "u")
		task := sticky()
		request := Set(task.completion(protocolMessage("u/reject")), "capabilities.discard_speculative_workflow_task_with_events=true",
			"sticky_attributes.worker_task_queue.name="+w.Queue("sticky"), "sticky_attributes.worker_task_queue.kind=STICKY",
			"sticky_attributes.schedule_to_start_timeout=5s")
		request.Messages = messages(task.Reject("u"))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
		w.finish("w")
	}},
	{"an update is rejected after the worker has seen an activity's start in its history", func(w *World) {
		w.Start("w")
		w.Decide("w", w.activity("a"))
		w.PollActivity("w").Complete("out")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		task := w.Poll("w")
		request := Set(task.completion(protocolMessage("u/reject")), "capabilities.discard_speculative_workflow_task_with_events=true")
		request.Messages = messages(task.Reject("u"))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
	}},
	{"update with start of an update that the workflow has completed", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		w.Poll("w").carryOut("u")
		wait()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=FAIL")()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=USE_EXISTING")()
	}},
	{"update with start of an update that a closed workflow has completed", func(w *World) {
		w.idle()
		wait := w.Update("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u"), Outcome("u", "out")), protocolMessage("u/accept"), protocolMessage("u/complete"), complete("done"))
		wait()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=USE_EXISTING")()
		w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=FAIL", "workflow_id_reuse_policy=REJECT_DUPLICATE")()
	}},
	{"update with start of a closed workflow whose id may not be used again", func(w *World) {
		w.Start("w")
		w.Decide("w", complete("done"))
		w.UpdateWithStart("w", "u", "workflow_id_reuse_policy=REJECT_DUPLICATE")()
		w.UpdateWithStart("w", "u", "workflow_id_reuse_policy=ALLOW_DUPLICATE_FAILED_ONLY", "workflow_id_conflict_policy=USE_EXISTING")()
	}},
	{"update with start terminates what is running", func(w *World) {
		w.idle()
		w.pause("the id may be used again", 1.1)
		wait := w.UpdateWithStart("w", "u", "workflow_id_conflict_policy=TERMINATE_EXISTING")
		w.Poll("w").carryOut("u")
		wait()
	}},
	{"a workflow closes over an update with start", func(w *World) {
		wait := w.UpdateWithStart("w", "u")
		task := w.Poll("w")
		task.Messages(messages(task.Accept("u")), protocolMessage("u/accept"), complete("done"))
		wait()
	}},
}
