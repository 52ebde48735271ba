package activity

import (
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// calledBack has a start bring a callback of that address.
func calledBack(url string) func(*startRequest) {
	return func(r *startRequest) {
		r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: url}}}}
	}
}

// progress has a delivery report.
func (e *engine) progress(runID string, number int64, callback *records.Callback) error {
	body, err := proto.Marshal(&records.Message{Body: &records.Message_CallbackProgress{CallbackProgress: &records.CallbackProgress{
		RunId: runID, Number: number, Callback: callback}}})
	if err != nil {
		e.t.Fatalf("%v", err)
	}
	return e.step(func(step *entity.Step, c *Chain) error {
		return c.Receive(step, entity.Key{Kind: entity.KindCallback, Namespace: testKey.Namespace}, body)
	})
}

// deliveries are those that runs have asked for.
func (e *engine) deliveries() (all []*records.Delivery) {
	for _, message := range e.sent {
		delivery := new(records.Delivery)
		if err := proto.Unmarshal(message.Body, delivery); err != nil || message.To.Kind != entity.KindCallback {
			e.t.Fatalf("a message to %v: %v", message.To, err)
		}
		all = append(all, delivery)
	}
	return all
}

func TestCallbacksAreDeliveredWhenTheRunHasClosed(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*engine) error
		state string
	}{
		"completed": {func(e *engine) error { return e.complete(byID()) }, "succeeded"},
		"cancelled": {func(e *engine) error { return e.cancel("c") }, "canceled"},
		"failed": {func(e *engine) error {
			return e.fail(byToken(e, e.poll()), "x", func(i *applicationInfo) { i.NonRetryable = true })
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			runID := e.start(calledBack("http://one"))
			if infos := e.describe("").Callbacks; len(infos) != 1 || infos[0].Info.State != enumspb.CALLBACK_STATE_STANDBY {
				t.Errorf("before, they are %v", infos)
			}
			e.crash()
			if err := test.end(e); err != nil {
				t.Fatal(err)
			}
			all := e.deliveries()
			if len(all) != 1 || all[0].Url != "http://one" || all[0].State != test.state || all[0].Link.GetActivity().GetRunId() != runID ||
				(all[0].Result == nil) != (test.state != "succeeded") || (all[0].Failure == nil) != (test.state == "succeeded") {
				t.Errorf("the deliveries are %v", all)
			}
			e.start() // another run is the current one
			if err := e.progress(runID, 1, &records.Callback{State: int32(enumspb.CALLBACK_STATE_SUCCEEDED), Attempt: 1}); err != nil {
				t.Fatal(err)
			}
			if infos := e.describe(runID).Callbacks; len(infos) != 1 || infos[0].Info.State != enumspb.CALLBACK_STATE_SUCCEEDED {
				t.Errorf("afterwards, they are %v", infos)
			}
			if err := errors.Join(e.progress(runID, 2, nil), e.progress("nobody", 1, nil)); err != nil {
				t.Errorf("reports of what is not there: %v", err)
			}
		})
	}
}

func TestCallbacksAreAttachedOncePerRequestAndBounded(t *testing.T) {
	attach := func(id string) func(*startRequest) {
		return func(r *startRequest) {
			calledBack("http://" + id)(r)
			r.RequestId = id
			r.IdConflictPolicy = enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
			r.OnConflictOptions = &commonpb.OnConflictOptions{AttachCompletionCallbacks: true, AttachRequestId: true}
		}
	}
	e := newEngine(t)
	e.limits.Callbacks = 2
	e.start(attach("one"))
	e.start(attach("two"))
	e.crash()
	e.start(attach("two"))
	if infos := e.describe("").Callbacks; len(infos) != 2 {
		t.Errorf("they are %v", infos)
	}
	if _, err := e.tryStart(attach("three")); !refused(err, "cannot attach more than 2 callbacks to an activity (2 callbacks already attached)") {
		t.Errorf("one too many: %v", err)
	}
}
