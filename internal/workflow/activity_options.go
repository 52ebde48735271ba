package workflow

import (
	activitypb "go.temporal.io/api/activity/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// UpdateActivityOptions changes the options of activities that the mask names, and
// returns all options of the last one. What comes of the change is held to the rules
// of newly scheduled activities: InvalidArgument. An attempt that is running goes on,
// with the new timeouts; one that waits is planned anew.
func (c *Chain) UpdateActivityOptions(
	step *entity.Step, runID string, target ActivityTarget, wanted *activitypb.ActivityOptions, mask *fieldmaskpb.FieldMask,
) (*activitypb.ActivityOptions, error) {
	r, acts, err := c.targetActivities(step, runID, target)
	if err != nil {
		return nil, err
	}
	updated := make([]*activitypb.ActivityOptions, len(acts))
	for i, act := range acts {
		if updated[i], err = r.mergedActivityOptions(act, wanted, mask); err != nil {
			return nil, err
		}
	}
	return r.replaceActivityOptions(step, acts, updated), nil
}

// RestoreActivityOptions gives activities the options back with which they were
// scheduled, and returns those of the last one.
func (c *Chain) RestoreActivityOptions(step *entity.Step, runID string, target ActivityTarget) (*activitypb.ActivityOptions, error) {
	r, acts, err := c.targetActivities(step, runID, target)
	if err != nil {
		return nil, err
	}
	originals, err := r.originalOptions(step, acts, true)
	if err != nil {
		return nil, err
	}
	return r.replaceActivityOptions(step, acts, originals), nil
}

func (r *Run) replaceActivityOptions(step *entity.Step, acts []*records.Activity, options []*activitypb.ActivityOptions) *activitypb.ActivityOptions {
	for i, act := range acts {
		r.undispatchActivity(step, act) // from the queue it is on
		attempt.SetOptions(act, options[i])
		act.Stamp++
		if act.StartedTime == nil {
			r.scheduleAttempt(step, act, attempt.Planned(act))
		}
		r.activities.change(r, act)
	}
	return options[len(options)-1]
}

// originalOptions are the options with which the activities were scheduled; none if
// they are not wanted.
func (r *Run) originalOptions(step *entity.Step, acts []*records.Activity, wanted bool) ([]*activitypb.ActivityOptions, error) {
	if !wanted {
		return nil, nil
	}
	originals := make([]*activitypb.ActivityOptions, len(acts))
	for i, act := range acts {
		event, err := r.initiatingEvent(step, act.ScheduledEventId)
		if err != nil {
			return nil, err
		}
		attr := event.GetActivityTaskScheduledEventAttributes()
		originals[i] = &activitypb.ActivityOptions{
			TaskQueue:              &taskqueuepb.TaskQueue{Name: attr.GetTaskQueue().GetName()},
			ScheduleToCloseTimeout: attr.GetScheduleToCloseTimeout(),
			ScheduleToStartTimeout: attr.GetScheduleToStartTimeout(),
			StartToCloseTimeout:    attr.GetStartToCloseTimeout(),
			HeartbeatTimeout:       attr.GetHeartbeatTimeout(),
			RetryPolicy:            attr.GetRetryPolicy(),
			Priority:               attr.GetPriority(),
		}
	}
	return originals, nil
}

// mergedActivityOptions are the options of the activity with those of the wanted ones
// that the mask names, checked and completed; the timeout of the run does not bound
// them. Everything is left alone.
func (r *Run) mergedActivityOptions(act *records.Activity, wanted *activitypb.ActivityOptions, mask *fieldmaskpb.FieldMask) (*activitypb.ActivityOptions, error) {
	options := proto.CloneOf(attempt.Options(act))
	options.TaskQueue.NormalName = ""
	if err := attempt.MergeOptions(options, wanted, mask, &r.limits().ActivityRetry, nil); err != nil {
		return nil, err
	}
	if err := r.limits().fields().CheckNamedTaskQueue(options.TaskQueue, r.info.TaskQueue); err != nil {
		return nil, err
	}
	if err := attempt.CompleteOptions(options, act.ActivityId, act.ActivityType); err != nil {
		return nil, err
	}
	return options, nil
}
