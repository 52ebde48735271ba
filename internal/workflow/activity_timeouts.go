package workflow

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// nextActivityDeadline is when the activity next needs attention, and for what; the zero
// time if it can wait forever. Of a paused activity nothing runs out.
func nextActivityDeadline(act *records.Activity) (at time.Time, what enumspb.TimeoutType) {
	if attempt.Paused(act) {
		return time.Time{}, 0
	}
	return attempt.Deadline(act)
}

// timeOutActivity ends an attempt that has taken too long, or the whole activity
// if it may not be tried again.
func (r *Run) timeOutActivity(step *entity.Step, act *records.Activity, kind enumspb.TimeoutType) (closed bool) {
	failure := attempt.TimeoutFailure(fmt.Sprintf("activity %v timeout", kind), kind)
	retryState := r.retryActivity(step, act, failure)
	if retryState == enumspb.RETRY_STATE_IN_PROGRESS {
		return false
	}
	if retryState == enumspb.RETRY_STATE_TIMEOUT && kind != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		// Whatever ran out, what keeps the activity from another attempt is the time
		// left for the whole of it.
		failure = attempt.TimeoutFailure(attempt.NoTimeForRetry, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
	}
	failure.GetTimeoutFailureInfo().LastHeartbeatDetails = act.HeartbeatDetails
	failure.Cause = act.LastFailure
	startedEventID := r.writeActivityStarted(step, act)
	r.endActivity(step, act, activityTaskTimedOut(act, startedEventID, failure, retryState))
	return true
}

func activityTaskTimedOut(act *records.Activity, startedEventID int64, failure *failurepb.Failure, retryState enumspb.RetryState) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
		Attributes: &historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes{ActivityTaskTimedOutEventAttributes: &historypb.ActivityTaskTimedOutEventAttributes{
			Failure:          failure,
			ScheduledEventId: act.ScheduledEventId,
			StartedEventId:   startedEventID,
			RetryState:       retryState,
		}},
	}
}

func applyActivityTaskTimedOut(r *Run, _ *historypb.HistoryEvent, attr *historypb.ActivityTaskTimedOutEventAttributes) error {
	return applyActivityEnd(r, attr.GetScheduledEventId())
}
