package workflow

import (
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"

	"github.com/perdure/perdure/internal/entity"
)

// Completion callbacks of updates. Those of the request that an update is made by are
// attached by the event that accepts it, or admits it again. Requests with the id of an update
// that is under way attach theirs by an event of their own, which names the update; before
// the update is accepted they wait in memory, with it.

// checkUpdateCallbacks refuses callbacks that could not be attached to an update that has
// some already.
func (r *Run) checkUpdateCallbacks(request *updatepb.Request, has int) error {
	limits := r.limits()
	n := len(request.GetCompletionCallbacks())
	switch {
	case n == 0:
		return nil
	case request.GetRequestId() == "":
		return serviceerror.NewInvalidArgumentf("invalid %T: request_id is required when completion_callbacks are set", request)
	case limits.UpdateCallbacks == 0:
		return nil
	case r.callbacks.len()+n > limits.Callbacks:
		return errManyCallbacks(limits.Callbacks, r.callbacks.len())
	case has+n > limits.UpdateCallbacks:
		return serviceerror.NewFailedPreconditionf("cannot attach more than %d callbacks to update %q (%d callbacks already attached)",
			limits.UpdateCallbacks, request.GetMeta().GetUpdateId(), has)
	}
	return nil
}

// attachCallbacks attaches the callbacks of a request to the update with its id, which is
// under way. A request that is known already changes nothing.
func (r *Run) attachCallbacks(step *entity.Step, request *updatepb.Request) error {
	id, requestID := request.GetMeta().GetUpdateId(), request.GetRequestId()
	u := r.admission(id)
	if requestID != "" && (u.brings(requestID) || r.requestIDs.get(requestID) != nil || r.callbacks.brings(id, requestID)) {
		return nil
	}
	if err := r.checkUpdateCallbacks(request, r.callbacks.ofUpdate(id)+u.callbacks()); err != nil {
		return err
	}
	if u != nil {
		u.others = append(u.others, request)
		return nil
	}
	r.repairAfterCrash(step)
	r.addAttached(step, request)
	return nil
}

// addAttached adds the event that attaches the callbacks of a request to an update.
func (r *Run) addAttached(step *entity.Step, request *updatepb.Request) {
	r.addOptionsUpdated(step, &historypb.WorkflowExecutionOptionsUpdatedEventAttributes{
		WorkflowUpdateOptions: []*historypb.WorkflowExecutionOptionsUpdatedEventAttributes_WorkflowUpdateOptionsUpdate{{
			UpdateId:                    request.GetMeta().GetUpdateId(),
			AttachedRequestId:           request.GetRequestId(),
			AttachedCompletionCallbacks: request.GetCompletionCallbacks(),
		}},
	}, nil)
}

// applyToUpdate is what an event does that attaches a request and its callbacks to an update.
// Those of an update that is over are told nothing, and those of one that the run does not have
// are none.
func (r *Run) applyToUpdate(e *historypb.HistoryEvent, id, requestID string, attached []*commonpb.Callback) {
	if requestID != "" {
		r.requestIDs.attach(requestID, e)
	}
	item := r.updates.get(id)
	if item == nil || r.limits().UpdateCallbacks == 0 || r.callbacks.brings(id, requestID) {
		return
	}
	r.callbacks.attach(attached, requestID, id, e)
	if item.CompletedEventId != 0 {
		r.callbacks.updateEnded(id)
	}
}

// brings reports whether the request is among those that the update has been asked for by.
func (u *admittedUpdate) brings(requestID string) bool {
	return u != nil && (u.request.GetRequestId() == requestID ||
		slices.ContainsFunc(u.others, func(r *updatepb.Request) bool { return r.GetRequestId() == requestID }))
}

// callbacks is how many callbacks the update is to have.
func (u *admittedUpdate) callbacks() int {
	if u == nil {
		return 0
	}
	n := len(u.request.GetCompletionCallbacks())
	for _, request := range u.others {
		n += len(request.GetCompletionCallbacks())
	}
	return n
}

// ofUpdate is how many of the callbacks are of the update.
func (f *callbacks) ofUpdate(id string) int {
	n := 0
	for _, number := range f.keys() {
		if f.get(number).UpdateId == id {
			n++
		}
	}
	return n
}

// brings reports whether the request has brought callbacks of the update.
func (f *callbacks) brings(id, requestID string) bool {
	return f.len() > 0 && slices.ContainsFunc(f.keys(), func(number int64) bool {
		item := f.get(number)
		return item.UpdateId == id && item.RequestId == requestID
	})
}
