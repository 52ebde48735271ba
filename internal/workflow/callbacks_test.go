package workflow

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

func nexusCallback(url string) *commonpb.Callback {
	return &commonpb.Callback{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: url, Header: map[string]string{"token": "t"}}}}
}

// deliveries are the callbacks that the workflow has asked to be delivered.
func (w subject) deliveries() []*records.Delivery {
	w.t.Helper()
	var out []*records.Delivery
	for _, m := range w.outbox {
		if m.To.Kind != entity.KindCallback {
			continue
		}
		d := new(records.Delivery)
		if err := proto.Unmarshal(m.Body, d); err != nil {
			w.t.Fatalf("%v", err)
		}
		out = append(out, d)
	}
	return out
}

func (w subject) callbackStates() []enumspb.CallbackState {
	w.t.Helper()
	var states []enumspb.CallbackState
	for _, c := range w.describe("").Callbacks {
		states = append(states, c.State)
	}
	return states
}

func TestCallbacksAreDeliveredAtTheEndOfTheLastRun(t *testing.T) {
	w := newWorkflow(t, Limits{})
	w.start(func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://first")} })
	_, err := w.tryStart(func(r *startRequest) {
		r.RequestId = "attaching"
		r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
		r.OnConflictOptions = &workflowpb.OnConflictOptions{AttachRequestId: true, AttachCompletionCallbacks: true}
		r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://second")}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.crash()
	w.decide(continueAsNew())
	if got := w.deliveries(); len(got) > 0 {
		t.Fatalf("callbacks of a run that is continued are delivered: %v", got)
	}
	w.advance(time.Second)
	w.decide(completeWorkflow("done"))
	got := w.deliveries()
	if len(got) != 2 || got[0].Url != "http://first" || got[1].Url != "http://second" {
		t.Fatalf("deliveries are %v", got)
	}
	for i, d := range got {
		if d.State != "succeeded" || d.RunId != w.runID() || d.Number != int64(i+1) || d.Header["token"] != "t" ||
			string(d.Result.GetData()) != "done" || d.Link.GetWorkflowEvent().GetEventRef().GetEventId() != 1 {
			t.Errorf("delivery %d is %v", i, d)
		}
	}
}

func TestTheStateOfADeliveryIsShownAndSurvives(t *testing.T) {
	w := newWorkflow(t, Limits{})
	w.start(func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://first")} })
	if got := w.callbackStates(); len(got) != 1 || got[0] != enumspb.CALLBACK_STATE_STANDBY {
		t.Errorf("before the end the states are %v", got)
	}
	w.terminate()
	if got := w.callbackStates(); len(got) != 1 || got[0] != enumspb.CALLBACK_STATE_SCHEDULED {
		t.Errorf("after the end the states are %v", got)
	}
	if d := w.deliveries(); len(d) != 1 || d[0].State != "failed" || d[0].Failure.GetTerminatedFailureInfo() == nil {
		t.Errorf("deliveries are %v", d)
	}
	progress := func(attempt int32, state enumspb.CallbackState) {
		t.Helper()
		err := w.step(func(s *entity.Step, c *Chain) error {
			return c.Receive(s, entity.Key{Kind: entity.KindCallback}, mustMarshal(&records.Message{Body: &records.Message_CallbackProgress{
				CallbackProgress: &records.CallbackProgress{RunId: w.runID(), Number: 1, Callback: &records.Callback{Attempt: attempt, State: int32(state)}},
			}}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	progress(2, enumspb.CALLBACK_STATE_BACKING_OFF)
	progress(1, enumspb.CALLBACK_STATE_SCHEDULED) // comes late
	w.crash()
	if c := w.describe("").Callbacks; len(c) != 1 || c[0].State != enumspb.CALLBACK_STATE_BACKING_OFF || c[0].Attempt != 2 {
		t.Errorf("callbacks are %v", c)
	}
}

func TestAttachingTooManyCallbacksIsRefused(t *testing.T) {
	w := newWorkflow(t, Limits{Callbacks: 1})
	w.start(func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://first")} })
	_, err := w.tryStart(func(r *startRequest) {
		r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
		r.OnConflictOptions = &workflowpb.OnConflictOptions{AttachRequestId: true, AttachCompletionCallbacks: true}
		r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://second")}
	})
	if err == nil || len(w.describe("").Callbacks) != 1 {
		t.Errorf("error is %v, callbacks are %v", err, w.describe("").Callbacks)
	}
}

func TestACallbackOfAWorkflowThatIsResetIsCalledForTheNewRun(t *testing.T) {
	w := newWorkflow(t, Limits{})
	w.start(func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://here")} })
	w.decide()
	err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.Reset(s, newResetRequest(w.id, 4, "reset"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range w.deliveries() {
		if d.RunId == w.runID() {
			t.Errorf("the callback of the new run is delivered: %v", d)
		}
	}
	w.crash()
	w.decide(completeWorkflow("done"))
	all := w.deliveries()
	if last := all[len(all)-1]; last.RunId != w.runID() || last.State != "succeeded" || last.Url != "http://here" {
		t.Errorf("deliveries are %v", all)
	}
}

func TestADescriptionSaysWhyACallbackIsBlocked(t *testing.T) {
	w := newWorkflow(t, Limits{})
	w.start(func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{nexusCallback("http://here")} })
	w.decide(completeWorkflow("done"))
	tell := func(state enumspb.CallbackState, last *timestamppb.Timestamp) {
		err := w.step(func(s *entity.Step, c *Chain) error {
			return c.Receive(s, entity.Key{Kind: entity.KindCallback}, mustMarshal(&records.Message{Body: &records.Message_CallbackProgress{
				CallbackProgress: &records.CallbackProgress{RunId: w.runID(), Number: 1, Callback: &records.Callback{
					State: int32(state), Attempt: 1, LastAttemptCompleteTime: last}}}}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	tell(enumspb.CALLBACK_STATE_BACKING_OFF, timestamppb.New(testEpoch))
	tell(enumspb.CALLBACK_STATE_BLOCKED, nil)
	c := w.describe("").Callbacks[0]
	if c.State != enumspb.CALLBACK_STATE_BLOCKED || c.BlockedReason != "The circuit breaker is open." || c.LastAttemptCompleteTime == nil {
		t.Errorf("the callback is %v", c)
	}
}
