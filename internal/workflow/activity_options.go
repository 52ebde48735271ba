package workflow

import (
	"strings"
	"time"
	"unicode"

	activitypb "go.temporal.io/api/activity/v1"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/api/check"
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
		setActivityOptions(act, options[i])
		act.Stamp++
		if act.StartedTime == nil {
			r.scheduleAttempt(step, act, plannedAttempt(act))
		}
		r.activities.change(r, act)
	}
	return options[len(options)-1]
}

// plannedAttempt is when the next attempt is due by the retry policy.
func plannedAttempt(act *records.Activity) time.Time {
	if act.Attempt > 1 && act.RetryPolicy != nil {
		if interval := exponentialInterval(act.RetryPolicy, act.Attempt); interval > 0 {
			return asTime(act.LastAttemptCompleteTime).Add(interval)
		}
	}
	return act.ScheduledTime.AsTime()
}

// activityOptions are the options of the activity.
func activityOptions(act *records.Activity) *activitypb.ActivityOptions {
	return &activitypb.ActivityOptions{
		TaskQueue:              &taskqueuepb.TaskQueue{Name: act.TaskQueue, NormalName: act.TaskQueue},
		ScheduleToCloseTimeout: act.ScheduleToCloseTimeout,
		ScheduleToStartTimeout: act.ScheduleToStartTimeout,
		StartToCloseTimeout:    act.StartToCloseTimeout,
		HeartbeatTimeout:       act.HeartbeatTimeout,
		RetryPolicy:            act.RetryPolicy,
		Priority:               act.Priority,
	}
}

func setActivityOptions(act *records.Activity, options *activitypb.ActivityOptions) {
	act.TaskQueue = options.GetTaskQueue().GetName()
	act.ScheduleToCloseTimeout = options.GetScheduleToCloseTimeout()
	act.ScheduleToStartTimeout = options.GetScheduleToStartTimeout()
	act.StartToCloseTimeout = options.GetStartToCloseTimeout()
	act.HeartbeatTimeout = options.GetHeartbeatTimeout()
	act.RetryPolicy = options.GetRetryPolicy()
	act.Priority = options.GetPriority()
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
	options := proto.CloneOf(activityOptions(act))
	options.TaskQueue.NormalName = ""
	retries := false
	for _, path := range mask.GetPaths() {
		name := snakeCase(path)
		merge := mergeActivityOption[name]
		if merge == nil {
			return nil, serviceerror.NewInvalidArgumentf("unsupported update_mask path: %q", path)
		}
		if !merge(options, wanted) {
			return nil, serviceerror.NewInvalidArgumentf("%s is not provided", optionGroups[strings.Split(name, ".")[0]])
		}
		retries = retries || strings.HasPrefix(name, "retry_policy")
	}
	if retries {
		if err := check.RetryPolicy(options.RetryPolicy, &r.limits().ActivityRetry); err != nil {
			return nil, err
		}
	}
	if err := check.Priority(options.Priority); err != nil {
		return nil, err
	}
	if err := check.UserTaskQueue(options.TaskQueue, r.info.TaskQueue); err != nil {
		return nil, serviceerror.NewInvalidArgumentf("%v. ActivityId=%s ActivityType=%s", err, act.ActivityId, act.ActivityType)
	}
	attr := &commandpb.ScheduleActivityTaskCommandAttributes{
		ActivityId:             act.ActivityId,
		ActivityType:           &commonpb.ActivityType{Name: act.ActivityType},
		ScheduleToCloseTimeout: options.ScheduleToCloseTimeout,
		ScheduleToStartTimeout: options.ScheduleToStartTimeout,
		StartToCloseTimeout:    options.StartToCloseTimeout,
		HeartbeatTimeout:       options.HeartbeatTimeout,
	}
	if failure := completeActivityTimeouts(attr, 0); failure != nil {
		return nil, serviceerror.NewInvalidArgument(failure.err.Error())
	}
	options.ScheduleToCloseTimeout, options.ScheduleToStartTimeout = attr.ScheduleToCloseTimeout, attr.ScheduleToStartTimeout
	options.StartToCloseTimeout, options.HeartbeatTimeout = attr.StartToCloseTimeout, attr.HeartbeatTimeout
	return options, nil
}

// snakeCase is a path of a field mask, whose parts may be written in any of the ways
// in which languages write the names of fields, as they are in the API's definition.
func snakeCase(path string) string {
	var out strings.Builder
	begins := true
	for _, c := range path {
		if unicode.IsUpper(c) && !begins {
			out.WriteByte('_')
		}
		begins = c == '.'
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

// optionGroups are the options that have parts, as refusals call them.
var optionGroups = map[string]string{"task_queue": "TaskQueue", "retry_policy": "RetryPolicy", "priority": "Priority"}

// mergeActivityOption takes over one option, or part of one, and reports whether the
// wanted options have it.
var mergeActivityOption = map[string]func(into, from *activitypb.ActivityOptions) bool{
	"task_queue.name": func(into, from *activitypb.ActivityOptions) bool {
		into.TaskQueue.Name = from.GetTaskQueue().GetName()
		return from.GetTaskQueue() != nil
	},
	"schedule_to_close_timeout": func(into, from *activitypb.ActivityOptions) bool {
		into.ScheduleToCloseTimeout = from.GetScheduleToCloseTimeout()
		return true
	},
	"schedule_to_start_timeout": func(into, from *activitypb.ActivityOptions) bool {
		into.ScheduleToStartTimeout = from.GetScheduleToStartTimeout()
		return true
	},
	"start_to_close_timeout": func(into, from *activitypb.ActivityOptions) bool {
		into.StartToCloseTimeout = from.GetStartToCloseTimeout()
		return true
	},
	"heartbeat_timeout": func(into, from *activitypb.ActivityOptions) bool {
		into.HeartbeatTimeout = from.GetHeartbeatTimeout()
		return true
	},
	"priority": func(into, from *activitypb.ActivityOptions) bool {
		into.Priority = proto.CloneOf(from.GetPriority())
		return true
	},
	"priority.priority_key":    mergePriorityPart(func(into, from *commonpb.Priority) { into.PriorityKey = from.GetPriorityKey() }),
	"priority.fairness_key":    mergePriorityPart(func(into, from *commonpb.Priority) { into.FairnessKey = from.GetFairnessKey() }),
	"priority.fairness_weight": mergePriorityPart(func(into, from *commonpb.Priority) { into.FairnessWeight = from.GetFairnessWeight() }),
	"retry_policy": func(into, from *activitypb.ActivityOptions) bool {
		into.RetryPolicy = proto.CloneOf(from.GetRetryPolicy())
		return from.GetRetryPolicy() != nil
	},
	"retry_policy.initial_interval":    mergePolicyPart(func(into, from *commonpb.RetryPolicy) { into.InitialInterval = from.GetInitialInterval() }),
	"retry_policy.backoff_coefficient": mergePolicyPart(func(into, from *commonpb.RetryPolicy) { into.BackoffCoefficient = from.GetBackoffCoefficient() }),
	"retry_policy.maximum_interval":    mergePolicyPart(func(into, from *commonpb.RetryPolicy) { into.MaximumInterval = from.GetMaximumInterval() }),
	"retry_policy.maximum_attempts":    mergePolicyPart(func(into, from *commonpb.RetryPolicy) { into.MaximumAttempts = from.GetMaximumAttempts() }),
}

func mergePriorityPart(merge func(into, from *commonpb.Priority)) func(into, from *activitypb.ActivityOptions) bool {
	return func(into, from *activitypb.ActivityOptions) bool {
		if into.Priority == nil {
			into.Priority = new(commonpb.Priority)
		}
		merge(into.Priority, from.GetPriority())
		return from.GetPriority() != nil
	}
}

func mergePolicyPart(merge func(into, from *commonpb.RetryPolicy)) func(into, from *activitypb.ActivityOptions) bool {
	return func(into, from *activitypb.ActivityOptions) bool {
		if into.RetryPolicy == nil {
			into.RetryPolicy = new(commonpb.RetryPolicy)
		}
		merge(into.RetryPolicy, from.GetRetryPolicy())
		return from.GetRetryPolicy() != nil
	}
}
