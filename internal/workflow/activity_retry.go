package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// retryActivity ends the current attempt of the activity with a failure and
// arranges for the next one, if there may be one: then it returns IN_PROGRESS,
// else why not, and leaves the activity as it was.
func (r *Run) retryActivity(step *entity.Step, act *records.Activity, failure *failurepb.Failure) enumspb.RetryState {
	if refusal := attempt.Refusal(act, failure); refusal != enumspb.RETRY_STATE_IN_PROGRESS {
		return refusal
	}
	if attempt.Paused(act) || r.pausedByRule(step, act) {
		// There is another attempt in any case, and it is up to the end of the pause when.
		r.endAttempt(step, act, failure)
		return enumspb.RETRY_STATE_IN_PROGRESS
	}
	interval, retryState := attempt.Next(act, failure, step.Now)
	if retryState != enumspb.RETRY_STATE_IN_PROGRESS {
		return retryState
	}
	r.endAttempt(step, act, failure)
	r.attemptOver(act)
	attempt.Backoff(act, step.Now, interval)
	r.activities.change(r, act)
	return enumspb.RETRY_STATE_IN_PROGRESS
}

// endAttempt notes how the current attempt has ended, and that the next one is not
// planned yet.
func (r *Run) endAttempt(step *entity.Step, act *records.Activity, failure *failurepb.Failure) {
	r.undispatchActivity(step, act)
	r.releaseActivity(step, act)
	kept := attempt.Retained(failure)
	r.activities.detailBytes += proto.Size(kept) - proto.Size(act.LastFailure)
	attempt.NoteFailure(step, act, failure)
	attempt.End(act, step.Now, kept)
	if act.GetControl().GetAttemptChanged() {
		r.control(act, func(control *records.ActivityControl) { control.AttemptChanged = false })
	}
	r.activities.change(r, act)
}
