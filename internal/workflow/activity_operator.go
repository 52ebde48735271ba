package workflow

import (
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// What operators do to pending activities: pause and unpause them, reset them, and
// change their options (activity_options.go). None of it is an event: the workflow
// does not learn of it, and a run that is reset begins with its activities as they
// were scheduled.
//
// A paused activity is not given to workers, and none of its timeouts runs out. An
// attempt that is running goes on: its worker learns of the pause with its next
// heartbeat, and may complete the activity; if it fails, the next attempt waits for
// the end of the pause. The same holds for a reset, which makes the next attempt one
// after the first: Activity.control remembers what the running one is to be told.
//
// Whatever is changed of an activity that waits makes the task that is queued stale
// (Activity.stamp), and one with the changes takes its place.

// ActivityTarget says which pending activities of a run are meant. One of the fields
// is set.
type ActivityTarget struct {
	ID   string
	Type string
	All  bool
}

// ActivityPause is how activities are paused.
type ActivityPause struct {
	Identity, Reason string
	// RequestID lets a repeated pause pass that would be refused otherwise.
	RequestID string
	// RuleID is the workflow rule that pauses; empty: somebody does.
	RuleID string
}

// ActivityResume is how activities go on after a pause.
type ActivityResume struct {
	// ResetAttempts makes the next attempt the first, ResetHeartbeat forgets how far
	// the activity has come.
	ResetAttempts, ResetHeartbeat bool
	// Jitter spreads the attempts that become due over so much time; 0: they are due at
	// once.
	Jitter *durationpb.Duration
}

// ActivityReset is how activities begin anew.
type ActivityReset struct {
	// ResetHeartbeat forgets how far the activity has come, when the next attempt
	// begins.
	ResetHeartbeat bool
	// KeepPaused has paused activities stay paused.
	KeepPaused bool
	// RestoreOptions gives the options back with which the activity was scheduled.
	RestoreOptions bool
	// Jitter is as in ActivityResume.
	Jitter *durationpb.Duration
}

// PauseActivities pauses activities of a running run. It fails with NotFound if there
// is none, and with FailedPrecondition if one is paused already, by another request.
func (c *Chain) PauseActivities(step *entity.Step, runID string, target ActivityTarget, pause ActivityPause) error {
	r, acts, err := c.targetActivities(step, runID, target)
	if err != nil {
		return err
	}
	for _, act := range acts {
		if attempt.Paused(act) && act.Control.PauseRequestId != pause.RequestID {
			return serviceerror.NewFailedPrecondition("activity is already paused")
		}
	}
	for _, act := range acts {
		if !attempt.Paused(act) {
			r.pauseActivity(step, act, pause)
		}
	}
	r.updatePauseInfo()
	return nil
}

func (r *Run) pauseActivity(step *entity.Step, act *records.Activity, pause ActivityPause) {
	if act.StartedTime == nil {
		r.undispatchActivity(step, act)
		act.RetryAt = nil
		act.Stamp++
	}
	r.control(act, func(control *records.ActivityControl) {
		control.Paused = true
		control.PauseTime = timestamppb.New(step.Now)
		control.PauseIdentity, control.PauseReason, control.PauseRequestId = pause.Identity, pause.Reason, pause.RequestID
		control.PauseRuleId = pause.RuleID
	})
	r.activities.change(r, act)
}

// UnpauseActivities ends the pauses of those of the activities that are paused. It
// fails with NotFound if there is no such activity.
func (c *Chain) UnpauseActivities(step *entity.Step, runID string, target ActivityTarget, resume ActivityResume) error {
	r, acts, err := c.targetActivities(step, runID, target)
	if err != nil {
		return err
	}
	for _, act := range acts {
		if !attempt.Paused(act) {
			continue
		}
		r.endPause(act)
		if resume.ResetAttempts {
			r.beginAnew(act)
		}
		if resume.ResetHeartbeat {
			r.forgetHeartbeat(act)
		}
		if act.StartedTime == nil {
			r.scheduleAttempt(step, act, attempt.Jittered(step, resume.Jitter))
		}
		r.activities.change(r, act)
	}
	r.updatePauseInfo()
	return nil
}

// ResetActivities has activities begin anew: the next attempt is made at once, and
// counts as one after the first. It fails with NotFound if there is no such activity.
func (c *Chain) ResetActivities(step *entity.Step, runID string, target ActivityTarget, reset ActivityReset) error {
	r, acts, err := c.targetActivities(step, runID, target)
	if err != nil {
		return err
	}
	originals, err := r.originalOptions(step, acts, reset.RestoreOptions)
	if err != nil {
		return err
	}
	for i, act := range acts {
		r.beginAnew(act)
		r.control(act, func(control *records.ActivityControl) {
			control.WasReset = true
			control.ResetHeartbeat = control.ResetHeartbeat || reset.ResetHeartbeat
		})
		if reset.RestoreOptions {
			r.undispatchActivity(step, act) // from the queue it is on
			attempt.SetOptions(act, originals[i])
		}
		if attempt.Paused(act) && !reset.KeepPaused {
			r.endPause(act)
		}
		if act.StartedTime == nil && !attempt.Paused(act) {
			r.scheduleAttempt(step, act, attempt.Jittered(step, reset.Jitter))
		}
		r.activities.change(r, act)
	}
	r.updatePauseInfo()
	return nil
}

// targetActivities finds the activities that are meant, in the order in which they
// were scheduled, in a run that is about to be changed. After an error nothing has
// been.
func (c *Chain) targetActivities(step *entity.Step, runID string, target ActivityTarget) (*Run, []*records.Activity, error) {
	r, err := c.findRun(step, runID)
	if err != nil {
		return nil, nil, err
	}
	if r.closed() {
		return nil, nil, errCompleted()
	}
	var acts []*records.Activity
	if target.ID != "" {
		if act := r.activities.get(r.activities.byID[target.ID]); act != nil {
			acts = append(acts, act)
		}
	} else {
		for _, id := range r.activities.keys() {
			if act := r.activities.get(id); target.All || act.ActivityType == target.Type {
				acts = append(acts, act)
			}
		}
	}
	if len(acts) == 0 {
		return nil, nil, serviceerror.NewNotFound("Can't find pending activity with such ID. Invalid activityID or activity already completed")
	}
	return r, acts, nil
}

// control changes what is remembered of what operators have done to the activity, and
// forgets it if that comes to nothing.
func (r *Run) control(act *records.Activity, change func(*records.ActivityControl)) {
	before := proto.Size(act.Control)
	if act.Control == nil {
		act.Control = new(records.ActivityControl)
	}
	change(act.Control)
	after := proto.Size(act.Control)
	if after == 0 {
		act.Control = nil
	}
	r.activities.detailBytes += after - before
	r.activities.touch(act.ScheduledEventId)
}

// endPause takes the mark of the pause away; the caller sees to the next attempt.
func (r *Run) endPause(act *records.Activity) {
	act.Stamp++
	r.control(act, func(control *records.ActivityControl) {
		control.Paused, control.PauseTime = false, nil
		control.PauseIdentity, control.PauseReason, control.PauseRequestId, control.PauseRuleId = "", "", "", ""
	})
}

// beginAnew sets the count of attempts back. A running attempt is not that of its
// token any more.
func (r *Run) beginAnew(act *records.Activity) {
	if act.StartedTime != nil && act.Attempt != 1 {
		r.control(act, func(control *records.ActivityControl) { control.AttemptChanged = true })
	}
	act.Attempt = 1
}

func (r *Run) forgetHeartbeat(act *records.Activity) {
	r.activities.detailBytes -= proto.Size(act.HeartbeatDetails)
	act.HeartbeatDetails, act.HeartbeatTime = nil, nil
}

// attemptOver forgets what only the attempt was to be told that is over now, or that
// is not to be made as it was planned.
func (r *Run) attemptOver(act *records.Activity) {
	if act.Control == nil {
		return
	}
	if act.Control.ResetHeartbeat {
		r.forgetHeartbeat(act)
	}
	r.control(act, func(control *records.ActivityControl) {
		control.WasReset, control.ResetHeartbeat, control.AttemptChanged = false, false, false
	})
}

// scheduleAttempt plans the next attempt of an activity that is not started for the
// given time, in place of what was planned. A paused one waits for the end of the
// pause in any case.
func (r *Run) scheduleAttempt(step *entity.Step, act *records.Activity, at time.Time) {
	r.undispatchActivity(step, act)
	act.Stamp++
	r.activities.detailBytes -= proto.Size(act.LastFailure)
	act.LastFailure = nil
	r.attemptOver(act)
	act.ScheduledTime, act.RetryAt = timestamppb.New(at), nil
	switch {
	case attempt.Paused(act):
	case at.After(step.Now):
		act.RetryAt = act.ScheduledTime
	default:
		r.offerAttempt(step, act)
	}
}

// updatePauseInfo brings the search attribute up to date that says what is paused: the
// run, and types of activities. A closed run keeps what was paused when it closed.
func (r *Run) updatePauseInfo() {
	var types []string
	for _, act := range r.activities.byKey {
		if !r.closed() && attempt.Paused(act) && !slices.Contains(types, act.ActivityType) {
			types = append(types, act.ActivityType)
		}
	}
	slices.Sort(types)
	var entries []string
	if r.paused() {
		entries = append(entries, "Workflow:"+r.chain.key.ID)
		if reason := r.state.Pause.GetReason(); reason != "" {
			entries = append(entries, "Reason:"+reason)
		}
	}
	for _, name := range types {
		entries = append(entries, "property:activityType="+name)
	}
	r.setServerAttribute(pauseInfoAttribute, entries)
}
