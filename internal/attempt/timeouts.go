package attempt

import (
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
)

// Timeouts are the four timeouts of an activity.
type Timeouts struct {
	ScheduleToClose, ScheduleToStart, StartToClose, Heartbeat *durationpb.Duration
}

// Complete checks the timeouts and derives the ones that are missing: from
// schedule-to-close those within it, and from the timeout of the workflow's run, which
// caps them all, the rest; 0: there is none. Afterwards none is nil. It fails with
// InvalidArgument.
func (t *Timeouts) Complete(activityID, activityType string, runTimeout time.Duration) error {
	for _, timeout := range []struct {
		name  string
		value *durationpb.Duration
	}{
		{"ScheduleToCloseTimeout", t.ScheduleToClose},
		{"ScheduleToStartTimeout", t.ScheduleToStart},
		{"StartToCloseTimeout", t.StartToClose},
		{"HeartbeatTimeout", t.Heartbeat},
	} {
		if err := check.Duration(timeout.name, timeout.value, check.Activity); err != nil {
			return err
		}
	}
	whole := t.ScheduleToClose.AsDuration()
	queued := t.ScheduleToStart.AsDuration()
	attempt := t.StartToClose.AsDuration()
	switch {
	case whole > 0:
		queued = shorter(queued, whole)
		attempt = shorter(attempt, whole)
	case attempt > 0:
		whole = runTimeout
		if queued == 0 {
			queued = runTimeout
		}
	default:
		return serviceerror.NewInvalidArgumentf("a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. ActivityId=%s ActivityType=%s",
			activityID, activityType)
	}
	heartbeat := t.Heartbeat.AsDuration()
	if runTimeout > 0 {
		whole, queued = min(whole, runTimeout), min(queued, runTimeout)
		attempt, heartbeat = min(attempt, runTimeout), min(heartbeat, runTimeout)
	}
	t.ScheduleToClose = durationpb.New(whole)
	t.ScheduleToStart = durationpb.New(queued)
	t.StartToClose = durationpb.New(attempt)
	t.Heartbeat = durationpb.New(min(heartbeat, attempt))
	return nil
}

// shorter is the shorter of two timeouts, where 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// CompleteOptions completes the timeouts of options (Timeouts.Complete).
func CompleteOptions(options *activitypb.ActivityOptions, activityID, activityType string) error {
	timeouts := Timeouts{
		ScheduleToClose: options.ScheduleToCloseTimeout, ScheduleToStart: options.ScheduleToStartTimeout,
		StartToClose: options.StartToCloseTimeout, Heartbeat: options.HeartbeatTimeout,
	}
	if err := timeouts.Complete(activityID, activityType, 0); err != nil {
		return err
	}
	options.ScheduleToCloseTimeout, options.ScheduleToStartTimeout = timeouts.ScheduleToClose, timeouts.ScheduleToStart
	options.StartToCloseTimeout, options.HeartbeatTimeout = timeouts.StartToClose, timeouts.Heartbeat
	return nil
}
