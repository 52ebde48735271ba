package attempt

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
)

// RetryDue stands for the end of a backoff among the deadlines of an activity; the
// others are timeouts.
const RetryDue = enumspb.TIMEOUT_TYPE_UNSPECIFIED

// Deadline is when the activity next needs attention, and for what; the zero time if it
// can wait forever. Of simultaneous deadlines, timeouts come before a retry. The end of
// the whole activity comes before that of the attempt: a timeout of the attempt that was
// derived from it, or cut to it, is not the cause. Before the first start it is the wait
// for a worker that has taken the time.
func Deadline(act *records.Activity) (at time.Time, what enumspb.TimeoutType) {
	consider := func(when time.Time, kind enumspb.TimeoutType) {
		if at.IsZero() || when.Before(at) {
			at, what = when, kind
		}
	}
	if d := act.ScheduleToStartTimeout.AsDuration(); d > 0 && act.StartedTime == nil {
		consider(act.ScheduledTime.AsTime().Add(d), enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)
	}
	if expiration := Expiration(act); !expiration.IsZero() {
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
		consider(act.RetryAt.AsTime(), RetryDue)
	}
	return at, what
}

// Expiration is the end of the schedule-to-close timeout, over all
// attempts; the zero time if there is none.
func Expiration(act *records.Activity) time.Time {
	d := act.ScheduleToCloseTimeout.AsDuration()
	if d <= 0 {
		return time.Time{}
	}
	return act.FirstScheduledTime.AsTime().Add(d)
}

// asTime is the time, the zero time for none.
func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
