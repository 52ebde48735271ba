package attempt

import (
	"strings"
	"unicode"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/records"
)

// Options are the options of the activity.
func Options(act *records.Activity) *activitypb.ActivityOptions {
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

// SetOptions gives the activity these options; nil: none.
func SetOptions(act *records.Activity, options *activitypb.ActivityOptions) {
	act.TaskQueue = options.GetTaskQueue().GetName()
	act.ScheduleToCloseTimeout = options.GetScheduleToCloseTimeout()
	act.ScheduleToStartTimeout = options.GetScheduleToStartTimeout()
	act.StartToCloseTimeout = options.GetStartToCloseTimeout()
	act.HeartbeatTimeout = options.GetHeartbeatTimeout()
	act.RetryPolicy = options.GetRetryPolicy()
	act.Priority = options.GetPriority()
}

// MergeOptions takes over those of the wanted options that the mask names, and checks
// and completes the retry policy and the priority; the timeouts are left to
// CompleteOptions. It fails with InvalidArgument. What may be named beside what all
// activities have is in extra, by path.
func MergeOptions(
	options, wanted *activitypb.ActivityOptions, mask *fieldmaskpb.FieldMask, retries *check.RetryDefaults, extra map[string]Merge,
) error {
	policyNamed := false
	for _, path := range mask.GetPaths() {
		name := SnakeCase(path)
		merge := mergeOption[name]
		if merge == nil {
			merge = extra[name]
		}
		if merge == nil {
			return unsupportedPath(path)
		}
		if !merge(options, wanted) {
			return serviceerror.NewInvalidArgumentf("%s is not provided", optionGroups[strings.Split(name, ".")[0]])
		}
		policyNamed = policyNamed || strings.HasPrefix(name, "retry_policy")
	}
	if policyNamed {
		if err := check.RetryPolicy(options.RetryPolicy, retries); err != nil {
			return err
		}
	}
	return check.Priority(options.Priority)
}

// CheckOptions checks those of the wanted options that the mask names, each for itself,
// and completes a retry policy that is named as a whole. It fails with InvalidArgument.
func CheckOptions(wanted *activitypb.ActivityOptions, mask *fieldmaskpb.FieldMask, limits *check.Limits, retries *check.RetryDefaults, extra map[string]Merge) error {
	for _, path := range mask.GetPaths() {
		if name := SnakeCase(path); mergeOption[name] == nil && extra[name] == nil {
			return unsupportedPath(path)
		}
	}
	for _, path := range mask.GetPaths() {
		var err error
		switch SnakeCase(path) {
		case "task_queue.name":
			err = limits.CheckUserTaskQueue(wanted.GetTaskQueue(), "")
		case "schedule_to_close_timeout":
			err = check.Duration("ScheduleToCloseTimeout", wanted.GetScheduleToCloseTimeout(), check.Activity)
		case "schedule_to_start_timeout":
			err = check.Duration("ScheduleToStartTimeout", wanted.GetScheduleToStartTimeout(), check.Activity)
		case "start_to_close_timeout":
			err = check.Duration("StartToCloseTimeout", wanted.GetStartToCloseTimeout(), check.Activity)
		case "heartbeat_timeout":
			err = check.Duration("HeartbeatTimeout", wanted.GetHeartbeatTimeout(), check.Activity)
		case "priority", "priority.priority_key", "priority.fairness_key", "priority.fairness_weight":
			err = check.Priority(wanted.GetPriority())
		case "retry_policy":
			if wanted.RetryPolicy == nil {
				wanted.RetryPolicy = new(commonpb.RetryPolicy)
			}
			err = check.RetryPolicy(wanted.RetryPolicy, retries)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unsupportedPath(path string) error {
	return serviceerror.NewInvalidArgumentf("unsupported update_mask path: %q", path)
}

// Merge takes over one option, or part of one, and reports whether the wanted options
// have it.
type Merge func(into, from *activitypb.ActivityOptions) bool

// SnakeCase is a path of a field mask, whose parts may be written in any of the ways
// in which languages write the names of fields, as they are in the API's definition.
func SnakeCase(path string) string {
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

// mergeOption has the options of all activities, by path.
var mergeOption = map[string]Merge{
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
