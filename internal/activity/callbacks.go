package activity

import (
	"fmt"
	"slices"
	"strconv"

	activitypb "go.temporal.io/api/activity/v1"
	callbackpb "go.temporal.io/api/callback/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// A completion callback is called with the outcome of a run. When the run closes it sends
// each of its callbacks to an entity of its own (package callback), which delivers it,
// however long that takes, and reports how far it has come: to a run that may not be the
// current one any more. Callbacks are few and rare, and a record of their own.

// attachableCallbacks are those of the callbacks that are to be attached to the run: none
// if the request is a repeated one. It fails with FailedPrecondition if the run is closed
// or would have too many.
func (r *Run) attachableCallbacks(requestID string, callbacks []*commonpb.Callback) ([]*commonpb.Callback, error) {
	attached := r.callbacks.GetCallbacks()
	switch {
	case len(callbacks) == 0:
		return nil, nil
	case r.closed():
		return nil, serviceerror.NewFailedPrecondition("cannot attach callbacks to a closed activity")
	case slices.ContainsFunc(attached, func(c *records.Callback) bool { return c.RequestId == requestID }):
		return nil, nil
	}
	return callbacks, r.chain.checkCallbacks(len(attached), len(callbacks))
}

// attachCallbacks attaches callbacks to the run.
func (r *Run) attachCallbacks(step *entity.Step, requestID string, callbacks []*commonpb.Callback) {
	if len(callbacks) == 0 {
		return
	}
	if r.callbacks == nil {
		r.callbacks = new(records.ActivityCallbacks)
	}
	for _, callback := range callbacks {
		r.callbacks.Callbacks = append(r.callbacks.Callbacks, &records.Callback{
			Callback: callback, RequestId: requestID, RegistrationTime: timestamppb.New(step.Now),
		})
	}
	r.rec.HasCallbacks, r.callbacksChanged = true, true
	r.touch()
}

func (c *Chain) checkCallbacks(attached, more int) error {
	if most := c.limits().Callbacks; attached+more > most {
		return serviceerror.NewFailedPreconditionf("cannot attach more than %d callbacks to an activity (%d callbacks already attached)", most, attached)
	}
	return nil
}

// deliverCallbacks has the callbacks of the run delivered, which has just closed.
func (r *Run) deliverCallbacks(step *entity.Step) {
	for i, item := range r.callbacks.GetCallbacks() {
		item.State = int32(enumspb.CALLBACK_STATE_SCHEDULED)
		number := int64(i + 1)
		delivery := &records.Delivery{
			RunId: r.rec.RunId, Number: number,
			Url: item.Callback.GetNexus().GetUrl(), Header: item.Callback.GetNexus().GetHeader(),
			State: "failed", Failure: r.outcome.GetFailure(),
			StartTime: r.rec.ScheduleTime, CloseTime: r.rec.CloseTime,
			Link: &commonpb.Link{Variant: &commonpb.Link_Activity_{Activity: &commonpb.Link_Activity{
				Namespace: r.chain.namespace().Name, ActivityId: r.chain.Key().ID, RunId: r.rec.RunId,
			}}},
		}
		switch r.rec.Status {
		case enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED:
			delivery.State = "succeeded"
			if payloads := r.outcome.GetResult().GetPayloads(); len(payloads) > 0 {
				delivery.Result = payloads[0] // an operation has one result
			}
		case enumspb.ACTIVITY_EXECUTION_STATUS_CANCELED:
			delivery.State = "canceled"
		}
		key := entity.Key{Kind: entity.KindCallback, Namespace: r.chain.Key().Namespace, ID: r.rec.RunId + "/" + strconv.FormatInt(number, 10)}
		step.Send(key, runchain.MustMarshal(delivery))
		r.callbacksChanged = true
	}
}

// Receive implements entity.Entity: a delivery reports how far it has come. Reports come in
// order, but may come twice.
func (c *Chain) Receive(step *entity.Step, from entity.Key, body []byte) error {
	message := new(records.Message)
	if err := proto.Unmarshal(body, message); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	if answer := message.GetFlowAnswer(); answer != nil {
		return c.flowAnswered(step, from, answer)
	}
	m := message.GetCallbackProgress()
	if m == nil || from.Kind != entity.KindCallback {
		return entity.ErrUnknownMessage
	}
	r, err := c.Known(m.GetRunId())
	if err != nil {
		if r, err = c.Load(step.Reader(), m.GetRunId()); err != nil || r == nil {
			return err // nil: the run has been deleted
		}
	}
	i := m.GetNumber() - 1
	if i < 0 || i >= int64(len(r.callbacks.GetCallbacks())) {
		return nil
	}
	item, progress := r.callbacks.Callbacks[i], m.GetCallback()
	if item.Attempt > progress.GetAttempt() {
		return nil
	}
	item.State, item.Attempt = progress.GetState(), progress.GetAttempt()
	if last := progress.GetLastAttemptCompleteTime(); last != nil { // it tells of an attempt
		item.LastAttemptCompleteTime, item.LastAttemptFailure = last, progress.GetLastAttemptFailure()
	}
	item.NextAttemptScheduleTime = progress.GetNextAttemptScheduleTime()
	r.noteCallbacks(step)
	return nil
}

// noteCallbacks notes the record of the callbacks.
func (r *Run) noteCallbacks(step *entity.Step) {
	r.callbacksChanged = false
	step.Put(runchain.RunKey(r.rec.RunId, letterCallbacks), runchain.MustMarshal(r.callbacks))
}

// callbackInfos describe the callbacks.
func (r *Run) callbackInfos() []*activitypb.CallbackInfo {
	var infos []*activitypb.CallbackInfo
	for _, item := range r.callbacks.GetCallbacks() {
		state := enumspb.CallbackState(item.State)
		if state == enumspb.CALLBACK_STATE_UNSPECIFIED {
			state = enumspb.CALLBACK_STATE_STANDBY
		}
		infos = append(infos, &activitypb.CallbackInfo{
			Trigger: &activitypb.CallbackInfo_Trigger{Variant: &activitypb.CallbackInfo_Trigger_ActivityClosed{
				ActivityClosed: &activitypb.CallbackInfo_ActivityClosed{}}},
			Info: &callbackpb.CallbackInfo{
				Callback:                item.Callback,
				RegistrationTime:        item.RegistrationTime,
				State:                   state,
				Attempt:                 item.Attempt,
				LastAttemptCompleteTime: item.LastAttemptCompleteTime,
				LastAttemptFailure:      item.LastAttemptFailure,
				NextAttemptScheduleTime: item.NextAttemptScheduleTime,
			},
		})
	}
	return infos
}
