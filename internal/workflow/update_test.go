package workflow

import (
	"errors"
	"fmt"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// asked is an update that a client has asked for.
type asked struct {
	plan   *UpdatePlan
	told   *UpdateStatus       // what the client was told, at once or later
	refuse error               // it was refused at once
	tell   func(*UpdateStatus) // called when the client is told later
}

// update asks for an update of the current run and waits for the stage.
func (w subject) update(id string, stage UpdateStage, change ...func(*workflowservice.UpdateWorkflowExecutionRequest)) *asked {
	w.t.Helper()
	req := &workflowservice.UpdateWorkflowExecutionRequest{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: w.id},
		WaitPolicy:        &updatepb.WaitPolicy{LifecycleStage: stage},
		Request: &updatepb.Request{
			Meta:  &updatepb.Meta{UpdateId: id, Identity: "client"},
			Input: &updatepb.Input{Name: "change", Args: payloads("input")},
		},
	}
	a := new(asked)
	a.refuse = w.step(func(s *entity.Step, c *Chain) (err error) {
		a.plan, err = c.Update(s, build(req, change), func(status *UpdateStatus) {
			a.told = status
			if a.tell != nil {
				a.tell(status)
			}
		})
		return err
	})
	if a.plan.GetStatus() != nil {
		a.told = a.plan.Status
	}
	return a
}

// GetStatus is the status of the plan, nil if there is none.
func (p *UpdatePlan) GetStatus() *UpdateStatus {
	if p == nil {
		return nil
	}
	return p.Status
}

func (w subject) wantWaiting(a *asked) {
	w.t.Helper()
	if a.refuse != nil || a.told != nil {
		w.t.Fatalf("the client was told %+v, %v; it is to wait", a.told, a.refuse)
	}
}

func (w subject) wantStage(a *asked, stage UpdateStage) {
	w.t.Helper()
	if a.refuse != nil || a.told == nil || a.told.Err != nil || a.told.Stage != stage {
		w.t.Fatalf("the client was told %+v, %v; want %v", a.told, a.refuse, stage)
	}
}

// wantFailure compares the type of the failure that is the update's outcome.
func (w subject) wantFailure(a *asked, want string) {
	w.t.Helper()
	w.wantStage(a, stageCompleted)
	if got := a.told.Outcome.GetFailure().GetApplicationFailureInfo().GetType(); got != want {
		w.t.Fatalf("the outcome is %v, want a failure %s", a.told.Outcome, want)
	}
}

func message(t tester, id, kind string, body proto.Message) *protocolpb.Message {
	t.Helper()
	packed, err := anypb.New(body)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &protocolpb.Message{Id: id + kind, ProtocolInstanceId: id, Body: packed}
}

func (w subject) accept(id string) *protocolpb.Message {
	return message(w.t, id, "/accept", &updatepb.Acceptance{AcceptedRequestMessageId: updateMessageID(id), AcceptedRequestSequencingEventId: 2})
}

func (w subject) reject(id string) *protocolpb.Message {
	return message(w.t, id, "/reject", &updatepb.Rejection{Failure: applicationFailure("Rejected")})
}

func (w subject) respond(id string) *protocolpb.Message {
	return message(w.t, id, "/complete", &updatepb.Response{
		Meta: &updatepb.Meta{UpdateId: id}, Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: payloads("outcome")}}})
}

// saying completes the task with messages, each at the place of a command.
func saying(messages ...*protocolpb.Message) *completeRequest {
	req := &completeRequest{Messages: messages}
	for _, m := range messages {
		req.Commands = append(req.Commands, &commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE,
			Attributes: &commandpb.Command_ProtocolMessageCommandAttributes{
				ProtocolMessageCommandAttributes: &commandpb.ProtocolMessageCommandAttributes{MessageId: m.Id}},
		})
	}
	return req
}

// idleWorkflow is a workflow whose first task is completed, and nothing is pending.
func idleWorkflow(t tester, limits ...Limits) subject {
	w := newWorkflow(t, limits...)
	w.start()
	w.decide()
	return w
}

const beforeUpdate = "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted "

func TestAnUpdateIsAcceptedAndCompletedInOneTask(t *testing.T) {
	w := idleWorkflow(t)
	done, accepted := w.update("u", stageCompleted), w.update("u", stageAccepted)
	w.wantWaiting(done)
	task := w.poll()
	if len(task.GetMessages()) != 1 || task.Messages[0].GetProtocolInstanceId() != "u" {
		t.Fatalf("the worker was sent %v", task.Messages)
	}
	w.completeWith(task, saying(w.accept("u"), w.respond("u")))
	w.wantStage(done, stageCompleted)
	w.wantStage(accepted, stageCompleted)
	if done.told.Outcome.GetSuccess() == nil {
		t.Errorf("the outcome is %v", done.told.Outcome)
	}
	w.wantHistory(beforeUpdate + "WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted UpdateAccepted UpdateCompleted")
}

func TestARejectedUpdateLeavesNoTrace(t *testing.T) {
	w := idleWorkflow(t)
	done := w.update("u", stageCompleted)
	reply := w.completeWith(w.poll(), &completeRequest{Messages: []*protocolpb.Message{w.reject("u")}})
	w.wantFailure(done, "Rejected")
	if reply.GetResetHistoryEventId() != 3 {
		t.Errorf("the worker is to go back to event %d, want 3", reply.GetResetHistoryEventId())
	}
	w.wantHistory(beforeUpdate)
	// Its id is free again.
	w.wantWaiting(w.update("u", stageCompleted))
}

func TestAnAcceptedUpdateSurvivesACrash(t *testing.T) {
	w := idleWorkflow(t)
	accepted := w.update("u", stageAccepted)
	w.completeWith(w.poll(), saying(w.accept("u")))
	w.wantStage(accepted, stageAccepted)
	w.crash()
	done := w.update("u", stageCompleted)
	w.wantWaiting(done)
	w.signal("go on")
	w.completeWith(w.poll(), saying(w.respond("u")))
	w.wantStage(done, stageCompleted)
}

func TestAnUpdateThatIsAskedForAgainHasTheOutcomeOfTheFirst(t *testing.T) {
	w := idleWorkflow(t)
	w.update("u", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("u"), w.respond("u")))
	w.crash()
	w.wantStage(w.update("u", stageCompleted), stageCompleted)
	w.decideAfterSignal(completeWorkflow("result"))
	w.wantStage(w.update("u", stageCompleted), stageCompleted)
}

// decideAfterSignal has a signal bring a task, which is completed with the commands.
func (w subject) decideAfterSignal(commands ...*commandpb.Command) {
	w.t.Helper()
	w.signal("wake")
	w.decide(commands...)
}

func TestASpeculativeTaskIsAnOrdinaryOneOnceAnEventComes(t *testing.T) {
	w := idleWorkflow(t)
	w.update("u", stageCompleted)
	w.signal("s")
	w.wantHistory(beforeUpdate + "WorkflowTaskScheduled Signaled")
	w.crash() // the update is lost, the task is not
	w.decide()
	w.wantHistory(beforeUpdate + "WorkflowTaskScheduled Signaled WorkflowTaskStarted WorkflowTaskCompleted")
}

func TestASpeculativeTaskThatIsLostLeavesTheWorkflowIdle(t *testing.T) {
	w := idleWorkflow(t)
	w.update("u", stageCompleted)
	w.crash()
	w.advance(time.Hour)
	w.wantHistory(beforeUpdate)
	done := w.update("u", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("u"), w.respond("u")))
	w.wantStage(done, stageCompleted)
}

func TestAnAdmittedUpdateThatALostWorkerHadIsSentAgain(t *testing.T) {
	w := idleWorkflow(t)
	done := w.update("u", stageCompleted)
	w.poll()
	w.advance(11 * time.Second) // the task times out
	task := w.poll()
	if len(task.GetMessages()) != 1 {
		t.Fatalf("the next worker was sent %v", task.Messages)
	}
	w.completeWith(task, saying(w.accept("u"), w.respond("u")))
	w.wantStage(done, stageCompleted)
}

func TestAnUpdateThatTheWorkerDoesNotMentionIsRejected(t *testing.T) {
	w := idleWorkflow(t)
	done := w.update("u", stageCompleted)
	w.decide()
	w.wantFailure(done, "UnprocessedUpdate")
}

func TestWhatBecomesOfUpdatesWhenTheRunCloses(t *testing.T) {
	w := idleWorkflow(t)
	accepted := w.update("accepted", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("accepted")))
	admitted := w.update("admitted", stageCompleted)
	w.terminate()
	w.wantFailure(accepted, "AcceptedUpdateCompletedWorkflow")
	if admitted.told == nil || !isNotFound(admitted.told.Err) {
		t.Errorf("the client of the admitted update was told %+v", admitted.told)
	}
	if late := w.update("late", stageCompleted); !isNotFound(late.refuse) {
		t.Errorf("an update of a closed run: %v", late.refuse)
	}
	w.wantFailure(w.update("accepted", stageCompleted), "AcceptedUpdateCompletedWorkflow")
}

func TestAnAdmittedUpdateGoesToTheRunThatContinues(t *testing.T) {
	w := idleWorkflow(t)
	w.signal("s")
	task := w.poll()
	done := w.update("u", stageCompleted)
	w.complete(task, continueAsNew())
	w.wantWaiting(done)
	next := w.poll()
	if len(next.GetMessages()) != 1 {
		t.Fatalf("the worker of the next run was sent %v", next.Messages)
	}
	w.completeWith(next, saying(w.accept("u"), w.respond("u")))
	w.wantStage(done, stageCompleted)
}

func TestUpdatesBeyondTheLimits(t *testing.T) {
	w := idleWorkflow(t, Limits{PendingUpdates: 2, Updates: 3})
	for i := range 2 {
		w.wantWaiting(w.update(fmt.Sprint(i), stageCompleted))
	}
	var busy *serviceerror.ResourceExhausted
	if a := w.update("too many at once", stageCompleted); !errors.As(a.refuse, &busy) {
		t.Errorf("a third update: %v", a.refuse)
	}
	w.completeWith(w.poll(), saying(w.accept("0"), w.respond("0"), w.accept("1"), w.respond("1")))
	w.update("2", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("2"), w.respond("2")))
	var full *serviceerror.FailedPrecondition
	if a := w.update("too many in all", stageCompleted); !errors.As(a.refuse, &full) {
		t.Errorf("a fourth update: %v", a.refuse)
	}
}

func TestBadMessagesFailTheTaskAndLeaveTheWorkflowNotReady(t *testing.T) {
	garbage := &protocolpb.Message{Id: "garbage", ProtocolInstanceId: "u", Body: &anypb.Any{TypeUrl: "type.googleapis.com/nothing.Known", Value: []byte{0xff}}}
	for name, req := range map[string]func(w subject) *completeRequest{
		"response before acceptance": func(w subject) *completeRequest { return saying(w.respond("u")) },
		"accepted twice":             func(w subject) *completeRequest { return saying(w.accept("u"), w.accept("u")) },
		"of an unknown update":       func(w subject) *completeRequest { return saying(w.accept("other")) },
		"of an unknown type":         func(subject) *completeRequest { return saying(garbage) },
		"without an id": func(w subject) *completeRequest {
			return saying(&protocolpb.Message{Id: "x", Body: w.accept("u").Body})
		},
		"that is not there": func(subject) *completeRequest {
			req := saying(&protocolpb.Message{Id: "absent"})
			req.Messages = nil
			return req
		},
		"acceptance of nothing": func(w subject) *completeRequest {
			return saying(message(w.t, "u", "/accept", &updatepb.Acceptance{}))
		},
		"response without outcome": func(w subject) *completeRequest {
			return saying(w.accept("u"), message(w.t, "u", "/complete", &updatepb.Response{Meta: &updatepb.Meta{UpdateId: "u"}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := idleWorkflow(t)
			done := w.update("u", stageCompleted)
			completion, err := w.tryComplete(w.poll().TaskToken, req(w))
			if err != nil || !isInvalidArgument(completion.Err) {
				t.Fatalf("complete: %v, %v", completion, err)
			}
			if cause := w.failedTask().GetCause(); cause != badMessage {
				t.Errorf("the task failed because of %v", cause)
			}
			var notReady *serviceerror.WorkflowNotReady
			if done.told == nil || !errors.As(done.told.Err, &notReady) {
				t.Errorf("the client was told %+v", done.told)
			}
			// The workflow goes on.
			w.decide(completeWorkflow("result"))
		})
	}
}

func TestAMessageThatDoesNotSayWhatItIsIsRefusedAndTheTaskGoesOn(t *testing.T) {
	w := idleWorkflow(t)
	done := w.update("u", stageCompleted)
	task := w.poll()
	for _, bad := range []*protocolpb.Message{nil, {Id: "empty", ProtocolInstanceId: "u"}, {Id: "nameless", ProtocolInstanceId: "u", Body: &anypb.Any{}}} {
		if _, err := w.tryComplete(task.TaskToken, &completeRequest{Messages: []*protocolpb.Message{bad}}); !isInvalidArgument(err) {
			t.Errorf("complete with %v: %v", bad, err)
		}
	}
	w.completeWith(task, saying(w.accept("u"), w.respond("u")))
	w.wantStage(done, stageCompleted)
}

// failedTask is the last event of a failed workflow task of the current run.
func (w subject) failedTask() (failed interface {
	GetCause() enumspb.WorkflowTaskFailedCause
}) {
	w.t.Helper()
	for _, event := range w.history() {
		if attr := event.GetWorkflowTaskFailedEventAttributes(); attr != nil {
			failed = attr
		}
	}
	if failed == nil {
		w.t.Fatalf("no workflow task has failed: %s", names(w.history()))
	}
	return failed
}

func TestAClientWhoseTimeIsOverIsToldHowFarTheUpdateHasCome(t *testing.T) {
	w := idleWorkflow(t)
	a := w.update("u", stageCompleted)
	w.completeWith(w.poll(), saying(w.accept("u")))
	w.must(func(s *entity.Step, c *Chain) (err error) {
		a.told, err = c.StopUpdateWait(s, a.plan.Wait)
		return err
	})
	w.wantStage(a, stageAccepted)
}

func TestUpdateWithStartStartsARunOrUsesTheOneThereIs(t *testing.T) {
	w := newWorkflow(t)
	with := func(id, requestID string) (both *UpdateWithStart) {
		w.must(func(s *entity.Step, c *Chain) (err error) {
			start := newStartRequest(w.id, requestID, func(r *startRequest) {
				r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
			})
			both, err = c.UpdateWithStart(s, start, &workflowservice.UpdateWorkflowExecutionRequest{
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: w.id},
				WaitPolicy:        &updatepb.WaitPolicy{LifecycleStage: stageCompleted},
				Request:           &updatepb.Request{Meta: &updatepb.Meta{UpdateId: id}, Input: &updatepb.Input{Name: "change"}},
			}, func(*UpdateStatus) {})
			return err
		})
		return both
	}
	first := with("a", "one")
	if !first.Started || first.Update.Wait == nil {
		t.Fatalf("the first: %+v", first)
	}
	second := with("b", "two")
	if second.Started || second.Start.GetRunId() != first.Start.GetRunId() {
		t.Fatalf("the second: %+v", second)
	}
	task := w.poll()
	if len(task.GetMessages()) != 2 {
		t.Fatalf("the worker was sent %v", task.Messages)
	}
	w.completeWith(task, saying(w.accept("a"), w.respond("a"), w.accept("b"), w.respond("b")))
	if again := with("a", "three"); again.Started || again.Update.Status == nil || again.Update.Status.Stage != stageCompleted {
		t.Fatalf("the first again: %+v", again)
	}
}

func TestUpdateWithStartUsesTheRunThatItsRequestIsAttachedTo(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	if _, err := w.tryStart(func(r *startRequest) {
		r.RequestId = "attached"
		r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
		r.OnConflictOptions = &workflowpb.OnConflictOptions{AttachRequestId: true}
	}); err != nil {
		t.Fatal(err)
	}
	for requestID, used := range map[string]bool{"attached": true, "another": false} {
		w.must(func(s *entity.Step, c *Chain) error {
			both, err := c.UpdateWithStart(s, newStartRequest(w.id, requestID), &workflowservice.UpdateWorkflowExecutionRequest{
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: w.id},
				WaitPolicy:        &updatepb.WaitPolicy{LifecycleStage: stageCompleted},
				Request:           &updatepb.Request{Meta: &updatepb.Meta{UpdateId: requestID}, Input: &updatepb.Input{Name: "change"}},
			}, func(*UpdateStatus) {})
			if (both.StartErr == nil) != used {
				t.Errorf("request %q: %+v", requestID, both)
			}
			return err
		})
	}
}

func TestAnUpdateComesBeforeTheFirstTaskOfADelayedRun(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowStartDelay = durationpb.New(time.Minute) })
	rejected := w.update("a", stageCompleted)
	w.completeWith(w.poll(), &completeRequest{Messages: []*protocolpb.Message{w.reject("a")}})
	w.wantFailure(rejected, "Rejected")
	w.wantHistory("Started")
	w.advance(58 * time.Second)
	w.update("b", stageCompleted)
	w.advance(2 * time.Second) // nobody has taken the speculative task: it is the first one now
	w.wantHistory("Started WorkflowTaskScheduled")
	w.completeWith(w.poll(), saying(w.accept("b"), w.respond("b")))
}
