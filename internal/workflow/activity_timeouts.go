package workflow

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// retryDue stands for the end of a backoff among the deadlines of an activity; the
// others are timeouts.
const retryDue = enumspb.TIMEOUT_TYPE_UNSPECIFIED

// nextActivityDeadline is when the activity next needs attention, and for what;
// the zero time if it can wait forever. Of simultaneous deadlines, timeouts come
// before a retry. The end of the whole activity comes before that of the attempt: a
// timeout of the attempt that was derived from it, or cut to it, is not the cause.
// Before the first start it is the wait for a worker that has taken the time. Of a
// paused activity nothing runs out.
func nextActivityDeadline(act *records.Activity) (at time.Time, what enumspb.TimeoutType) {
	if paused(act) {
		return time.Time{}, 0
	}
	consider := func(when time.Time, kind enumspb.TimeoutType) {
		if at.IsZero() || when.Before(at) {
			at, what = when, kind
		}
	}
	if d := act.ScheduleToStartTimeout.AsDuration(); d > 0 && act.StartedTime == nil {
		consider(act.ScheduledTime.AsTime().Add(d), enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)
	}
	if expiration := activityExpiration(act); !expiration.IsZero() {
		consider(expiration, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
	}
	if d := act.StartToCloseTimeout.AsDuration(); d > 0 && act.StartedTime != nil {
		consider(act.StartedTime.AsTime().Add(d), enumspb.TIMEOUT_TYPE_START_TO_CLOSE)
	}
	if d := act.HeartbeatTimeout.AsDuration(); d > 0 && act.StartedTime != nil {
		beat := act.StartedTime.AsTime()
		if last := asTime(act.HeartbeatTime); last.After(beat) {
			beat = last
		}
		consider(beat.Add(d), enumspb.TIMEOUT_TYPE_HEARTBEAT)
	}
	if act.RetryAt != nil {
		consider(act.RetryAt.AsTime(), retryDue)
	}
	return at, what
}

// activityExpiration is the end of the schedule-to-close timeout, over all
// attempts; the zero time if there is none.
func activityExpiration(act *records.Activity) time.Time {
	d := act.ScheduleToCloseTimeout.AsDuration()
	if d <= 0 {
		return time.Time{}
	}
	return act.FirstScheduledTime.AsTime().Add(d)
}

// timeOutActivity ends an attempt that has taken too long, or the whole activity
// if it may not be tried again.
func (r *Run) timeOutActivity(step *entity.Step, act *records.Activity, kind enumspb.TimeoutType) (closed bool) {
	failure := timeoutFailure(fmt.Sprintf("activity %v timeout", kind), kind)
	retryState := r.retryActivity(step, act, failure)
	if retryState == enumspb.RETRY_STATE_IN_PROGRESS {
		return false
	}
	if retryState == enumspb.RETRY_STATE_TIMEOUT && kind != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		// Whatever ran out, what keeps the activity from another attempt is the time
		// left for the whole of it.
		failure = timeoutFailure(noTimeForRetry, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
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
