package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/log"
)

// update sends an update, behind what the history has so far.
func (s *script) update(id, name string, args ...any) *script {
	s.t.Helper()
	body, err := anypb.New(&updatepb.Request{
		Meta:  &updatepb.Meta{UpdateId: id},
		Input: &updatepb.Input{Name: name, Args: payloads(s.t, args...)},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.messages = append(s.messages, &protocolpb.Message{
		Id: id + "/request", ProtocolInstanceId: id, Body: body,
		SequencingId: &protocolpb.Message_EventId{EventId: int64(len(s.events))},
	})
	return s
}

// updateEvent records what a message of the outcome comes to.
func (s *script) updateEvent(outcome *Outcome, messageID string) {
	s.t.Helper()
	for _, message := range outcome.Completed.Messages {
		if message.GetId() != messageID {
			continue
		}
		body, err := message.GetBody().UnmarshalNew()
		if err != nil {
			s.t.Fatal(err)
		}
		switch body := body.(type) {
		case *updatepb.Acceptance:
			s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{
				WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
					ProtocolInstanceId: message.GetProtocolInstanceId(), AcceptedRequest: body.GetAcceptedRequest(),
					AcceptedRequestMessageId: body.GetAcceptedRequestMessageId(), AcceptedRequestSequencingEventId: body.GetAcceptedRequestSequencingEventId(),
				}})
		case *updatepb.Response:
			s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{
				WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{Meta: body.GetMeta(), Outcome: body.GetOutcome()}})
		}
		return
	}
	s.t.Fatalf("there is a command for the message %s, and no such message", messageID)
}

// answer is the body of the message with the id, which the outcome must have.
func answer[T proto.Message](s *script, outcome *Outcome, messageID string, body T) T {
	s.t.Helper()
	for _, message := range outcome.Completed.Messages {
		if message.GetId() == messageID {
			if err := message.GetBody().UnmarshalTo(body); err != nil {
				s.t.Fatal(err)
			}
			return body
		}
	}
	s.t.Fatalf("there is no message %s", messageID)
	return body
}

// account is a workflow whose balance updates change, until it is closed.
func account(ctx Context) (int, error) {
	balance, closed := 0, false
	err := SetUpdateHandlerWithOptions(ctx, "deposit", func(ctx Context, amount int) (int, error) {
		if err := ExecuteActivity(activities(ctx), Greet, "x").Get(ctx, nil); err != nil {
			return 0, err
		}
		balance += amount
		return balance, nil
	}, UpdateHandlerOptions{Validator: func(amount int) error {
		if amount <= 0 {
			return errors.New("the amount must be positive")
		}
		return nil
	}})
	if err != nil {
		return 0, err
	}
	if err := SetUpdateHandlerWithOptions(ctx, "close", func(Context) error { closed = true; return nil }, UpdateHandlerOptions{}); err != nil {
		return 0, err
	}
	err = Await(ctx, func() bool { return closed && AllHandlersFinished(ctx) })
	return balance, err
}

func TestAnUpdateIsAcceptedAndCompletedInItsOrderAmongCommands(t *testing.T) {
	for _, evict := range []bool{false, true} {
		t.Run(fmt.Sprintf("evicted between tasks %v", evict), func(t *testing.T) {
			s := newScript(t, account)
			between := func() {
				if evict {
					s.evict()
				}
			}
			s.run()
			between()
			outcome := s.update("u1", "deposit", 5).task().handle()
			s.expect(outcome, "ProtocolMessage u1/accept", "ScheduleActivityTask 9 Greet")
			accepted := answer(s, outcome, "u1/accept", &updatepb.Acceptance{})
			if accepted.GetAcceptedRequest().GetInput().GetName() != "deposit" || accepted.GetAcceptedRequestMessageId() != "u1/request" {
				t.Errorf("accepted: %v", accepted)
			}
			s.complete(outcome)
			between()
			outcome = s.activityDone("x").task().handle()
			s.expect(outcome, "ProtocolMessage u1/complete")
			result := answer(s, outcome, "u1/complete", &updatepb.Response{}).GetOutcome().GetSuccess()
			if got := string(result.GetPayloads()[0].GetData()); got != "5" {
				t.Errorf("result %s, want 5", got)
			}
			s.complete(outcome)
			between()
			s.update("u2", "close").run("ProtocolMessage u2/accept", "ProtocolMessage u2/complete", "CompleteWorkflowExecution 5")
		})
	}
}

func TestWhatIsRejectedLeavesNoCommand(t *testing.T) {
	for _, test := range []struct {
		name, update string
		arg          any
		want         string
	}{
		{"by the validator", "deposit", -1, "the amount must be positive"},
		{"for want of a handler", "other", 1, "unknown update other. KnownUpdates=[close deposit]"},
		{"because of its arguments", "deposit", "five", `unable to decode the input for update "deposit"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(t, account)
			s.run()
			outcome := s.update("u1", test.update, test.arg).task().handle()
			s.expect(outcome)
			got := answer(s, outcome, "u1/reject", &updatepb.Rejection{})
			if message := got.GetFailure().GetMessage(); !strings.Contains(message, test.want) {
				t.Errorf("rejected with %q, want %q", message, test.want)
			}
			if got.GetRejectedRequest().GetInput().GetName() != test.update {
				t.Errorf("the request is not in %v", got)
			}
		})
	}
}

func TestAnUpdateThatComesWithTheFirstTaskWaitsForItsHandler(t *testing.T) {
	s := newScript(t, account)
	outcome := s.update("u0", "other").update("u1", "deposit", 1).task().handle()
	s.expect(outcome, "ProtocolMessage u1/accept", "ScheduleActivityTask 6 Greet")
	answer(s, outcome, "u0/reject", &updatepb.Rejection{})
	s.complete(outcome)
	s.evict().activityDone("x").run("ProtocolMessage u1/complete")
}

func TestAColdWorkerAppliesUpdatesAndEventsInTheirOrder(t *testing.T) {
	workflow := func(ctx Context) (string, error) {
		var seen []string
		note := func(ctx Context, what string) error { seen = append(seen, what); return nil }
		if err := SetUpdateHandlerWithOptions(ctx, "note", note, UpdateHandlerOptions{}); err != nil {
			return "", err
		}
		Go(ctx, func(ctx Context) {
			if err := ExecuteActivity(activities(ctx), Greet, "x").Get(ctx, nil); err == nil {
				seen = append(seen, "activity")
			}
		})
		err := Await(ctx, func() bool { return len(seen) == 3 })
		return strings.Join(seen, " "), err
	}
	s := newScript(t, workflow)
	s.run("ScheduleActivityTask 5 Greet")
	s.evict()
	s.update("u1", "note", "first").activityDone("x").update("u2", "note", "second")
	// Updates are before the coroutine that waits for the activity, as they are
	// in a worker that was warm: nothing ran in between.
	s.run("ProtocolMessage u1/accept", "ProtocolMessage u1/complete", "ProtocolMessage u2/accept", "ProtocolMessage u2/complete",
		`CompleteWorkflowExecution "first second activity"`)
	s.evict()
	s.events = s.events[:len(s.events)-1]
	if err := ReplayHistory(context.Background(), &historypb.History{Events: s.events}, ReplayOptions{Options: s.options}); err == nil ||
		!strings.Contains(err.Error(), "extra replay command for CompleteWorkflowExecution") {
		t.Errorf("a history without the end: %v", err)
	}
}

func TestHistoriesWithoutTheFlagsOfUpdatesReplay(t *testing.T) {
	t.Setenv("TEMPORAL_SDK_FLAG_3", "0")
	t.Setenv("TEMPORAL_SDK_FLAG_4", "0")
	s := newScript(t, account)
	outcome := s.update("u1", "deposit", 1).task().handle()
	s.expect(outcome, "ScheduleActivityTask 5 Greet")
	var ids []string
	for _, message := range outcome.Completed.Messages {
		ids = append(ids, message.GetId())
	}
	if want := []string{"u1/accept"}; !slices.Equal(ids, want) {
		t.Errorf("messages %v, want %v", ids, want)
	}
	s.complete(outcome)
	s.updateEvent(outcome, "u1/accept")
	s.evict().activityDone("x")
	s.expect(s.task().handle())
}

func TestAdmittedUpdatesAreTakenFromTheHistory(t *testing.T) {
	s := newScript(t, account)
	s.run()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED, &historypb.HistoryEvent_WorkflowExecutionUpdateAdmittedEventAttributes{
		WorkflowExecutionUpdateAdmittedEventAttributes: &historypb.WorkflowExecutionUpdateAdmittedEventAttributes{Request: &updatepb.Request{
			Meta: &updatepb.Meta{UpdateId: "u1"}, Input: &updatepb.Input{Name: "close"},
		}}})
	outcome := s.task().handle()
	s.expect(outcome, "ProtocolMessage u1/accept", "ProtocolMessage u1/complete", "CompleteWorkflowExecution 0")
	s.complete(outcome)
	// The acceptance does not repeat a request that the history has.
	for _, event := range s.events {
		if a := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
			a.AcceptedRequest = nil
		}
	}
	if err := ReplayHistory(context.Background(), &historypb.History{Events: s.events}, ReplayOptions{Options: s.options}); err != nil {
		t.Error(err)
	}
}

func TestAnotherUpdateThanTheHistorysIsNonDeterminism(t *testing.T) {
	s := newScript(t, account)
	s.run()
	s.update("u1", "deposit", 1).run("ProtocolMessage u1/accept", "ScheduleActivityTask 9 Greet")
	s.evict().activityDone("x")
	s.events[len(s.events)-3].EventType = enumspb.EVENT_TYPE_TIMER_STARTED // the acceptance's place
	for i, event := range s.events {
		if event.GetEventType() == enumspb.EVENT_TYPE_TIMER_STARTED {
			s.events[i].Attributes = &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: "7"}}
		}
	}
	outcome := s.task().handle()
	if _, ok := errors.AsType[*replay.NonDeterminismError](outcome.Err); !ok {
		t.Errorf("got %v", outcome.Err)
	}
}

func TestValidatorsMayOnlyLook(t *testing.T) {
	workflow := func(ctx Context) error {
		err := SetUpdateHandlerWithOptions(ctx, "u", func(Context) error { return nil }, UpdateHandlerOptions{Validator: func(ctx Context) error {
			return Sleep(ctx, time.Second)
		}})
		if err != nil {
			return err
		}
		return Await(ctx, func() bool { return false })
	}
	s := newScript(t, workflow)
	s.run()
	outcome := s.update("u1", "u").task().handle()
	if outcome.Failed == nil || !strings.Contains(outcome.Err.Error(), illegalAccess) {
		t.Errorf("got %v", outcome.Err)
	}
}

func TestAPanicOfAValidatorRejects(t *testing.T) {
	workflow := func(ctx Context) error {
		err := SetUpdateHandlerWithOptions(ctx, "u", func(Context) error { return nil }, UpdateHandlerOptions{Validator: func() error { panic("oh") }})
		if err != nil {
			return err
		}
		return Await(ctx, func() bool { return false })
	}
	s := newScript(t, workflow)
	s.run()
	got := answer(s, s.update("u1", "u").task().handle(), "u1/reject", &updatepb.Rejection{})
	if !strings.Contains(got.GetFailure().GetMessage(), "update validator panic: oh") {
		t.Errorf("got %v", got.GetFailure())
	}
}

func TestHandlersKnowTheirUpdate(t *testing.T) {
	var inside, outside *UpdateInfo
	workflow := func(ctx Context) error {
		err := SetUpdateHandlerWithOptions(ctx, "u", func(ctx Context) error { inside = GetCurrentUpdateInfo(ctx); return nil }, UpdateHandlerOptions{})
		outside = GetCurrentUpdateInfo(ctx)
		if err != nil {
			return err
		}
		return Await(ctx, func() bool { return inside != nil })
	}
	newScript(t, workflow).update("u1", "u").run("ProtocolMessage u1/accept", "ProtocolMessage u1/complete", "CompleteWorkflowExecution")
	if outside != nil || inside == nil || *inside != (UpdateInfo{ID: "u1", Name: "u"}) {
		t.Errorf("inside %v, outside %v", inside, outside)
	}
}

func TestHandlersThatFitNoUpdateAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		update             string
		handler, validator any
		want               string
	}{
		"no function":           {"u", 1, nil, "handler must be function"},
		"no context":            {"u", func() error { return nil }, nil, "must be a workflow.Context"},
		"no error":              {"u", func(Context) {}, nil, "0 return values"},
		"another validator":     {"u", func(Context, int) error { return nil }, func(string) error { return nil }, "must take the same"},
		"a validator's result":  {"u", func(Context) error { return nil }, func() (int, error) { return 0, nil }, "exactly 1 value"},
		"a reserved name":       {"__u", func(Context) error { return nil }, nil, "reserved"},
		"a validator of no use": {"u", func(Context) error { return nil }, "x", "validator must be function"},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			newScript(t, func(ctx Context) error {
				err = SetUpdateHandlerWithOptions(ctx, test.update, test.handler, UpdateHandlerOptions{Validator: test.validator})
				return nil
			}).run("CompleteWorkflowExecution")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestLoggersOfUpdateHandlersNameTheUpdate(t *testing.T) {
	var b bytes.Buffer
	s := newScript(t, func(ctx Context) error {
		err := SetUpdateHandlerWithOptions(ctx, "add", func(ctx Context) error {
			GetLogger(ctx).Info("adding")
			return nil
		}, UpdateHandlerOptions{})
		if err != nil {
			return err
		}
		GetLogger(ctx).Info("waiting")
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		return nil
	})
	s.options.Logger = log.NewStructuredLogger(slog.New(slog.NewTextHandler(&b, nil)))
	s.update("u-1", "add").run("ProtocolMessage u-1/accept", "ProtocolMessage u-1/complete")
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "UpdateID=u-1 UpdateName=add") != strings.Contains(line, "msg=adding") {
			t.Error(line)
		}
	}
	if !strings.Contains(b.String(), "msg=adding") || !strings.Contains(b.String(), "msg=waiting") {
		t.Errorf("logged %q", b.String())
	}
}
