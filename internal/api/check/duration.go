package check

import (
	"errors"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

var (
	errNegativeDuration = errors.New("negative duration")
	errMixedSigns       = errors.New("duration has seconds and nanos with different signs")
)

// Duration checks a duration, and cuts one that is longer than MaxDuration, in
// place. Nil is fine.
func Duration(field string, d *durationpb.Duration, place *Place) error {
	if d == nil {
		return nil
	}
	if d.Seconds > 0 && d.Nanos < 0 || d.Seconds < 0 && d.Nanos > 0 {
		return invalid(place.duration, field, place.name, errMixedSigns)
	}
	switch value := d.AsDuration(); {
	case value < 0:
		return invalid(place.duration, field, place.name, errNegativeDuration)
	case value > MaxDuration:
		d.Seconds, d.Nanos = int64(MaxDuration/time.Second), 0
	}
	return nil
}

// timeouts are the timeouts of a workflow, in the forms in which it is started.
type timeouts interface {
	GetWorkflowRunTimeout() *durationpb.Duration
	GetWorkflowTaskTimeout() *durationpb.Duration
}

// Timeouts checks the timeouts of a request that starts a workflow.
func Timeouts(request interface {
	timeouts
	GetWorkflowExecutionTimeout() *durationpb.Duration
}) error {
	// The names are older than durations are.
	if err := Duration("WorkflowExecutionTimeoutSeconds", request.GetWorkflowExecutionTimeout(), Request); err != nil {
		return err
	}
	if err := Duration("WorkflowRunTimeoutSeconds", request.GetWorkflowRunTimeout(), Request); err != nil {
		return err
	}
	return Duration("WorkflowTaskTimeoutSeconds", request.GetWorkflowTaskTimeout(), Request)
}

// RunTimeouts checks the timeouts of a command that starts a run.
func RunTimeouts(command timeouts, place *Place) error {
	if err := Duration("WorkflowRunTimeout", command.GetWorkflowRunTimeout(), place); err != nil {
		return err
	}
	return Duration("WorkflowTaskTimeout", command.GetWorkflowTaskTimeout(), place)
}

// StartDelay checks how long the first workflow task is to wait, which only a
// workflow without a cron schedule may say.
func StartDelay(cron string, delay *durationpb.Duration) error {
	if cron != "" && delay != nil {
		return invalid("CronSchedule and WorkflowStartDelay may not be used together.")
	}
	return Duration("WorkflowStartDelaySeconds", delay, Request)
}

var applicationFailure = Part("ApplicationFailureInfo")

// ActivityFailure checks the failure that the worker of an activity reports of it:
// none, or one of the application.
func ActivityFailure(failure *failurepb.Failure) error {
	if failure != nil && failure.GetApplicationFailureInfo() == nil {
		return invalid("Failure must have ApplicationFailureInfo.")
	}
	return ForeignFailure(failure)
}

// ForeignFailure checks the failure that anybody else reports of an activity, which may
// be of any kind.
func ForeignFailure(failure *failurepb.Failure) error {
	return Duration("NextRetryDelay", failure.GetApplicationFailureInfo().GetNextRetryDelay(), applicationFailure)
}

// TimeoutErrorType begins those error types of a retry policy that stand for
// timeouts.
const TimeoutErrorType = "TemporalTimeout:"

var retryPolicy = Part("retry policy")

// RetryDefaults complete a retry policy that leaves something open.
type RetryDefaults struct {
	InitialInterval time.Duration
	// MaximumIntervalCoefficient times the initial interval is the longest interval.
	MaximumIntervalCoefficient float64
	BackoffCoefficient         float64
	MaximumAttempts            int // 0: any number
}

// UnboundedRetries begin after 1 s, come half as often each time down to a hundredth,
// and do not end.
var UnboundedRetries = RetryDefaults{InitialInterval: time.Second, MaximumIntervalCoefficient: 100, BackoffCoefficient: 2}

// longestInterval is the longest interval of retries that begin with initial.
func (d *RetryDefaults) longestInterval(initial time.Duration) time.Duration {
	// Of an interval of centuries that is no duration, and refused as one.
	return time.Duration(d.MaximumIntervalCoefficient) * initial
}

// RetryPolicy fills in what the policy leaves open and checks the rest. No policy
// means no retries.
func RetryPolicy(policy *commonpb.RetryPolicy, defaults *RetryDefaults) error {
	if policy == nil {
		return nil
	}
	if policy.GetMaximumAttempts() == 0 {
		policy.MaximumAttempts = int32(defaults.MaximumAttempts)
	}
	if policy.GetInitialInterval().AsDuration() == 0 {
		policy.InitialInterval = durationpb.New(defaults.InitialInterval)
	}
	if policy.GetBackoffCoefficient() == 0 {
		policy.BackoffCoefficient = defaults.BackoffCoefficient
	}
	if policy.GetMaximumInterval().AsDuration() == 0 {
		policy.MaximumInterval = durationpb.New(defaults.longestInterval(policy.InitialInterval.AsDuration()))
	}
	if policy.GetMaximumAttempts() == 1 {
		// No retry at all: the rest does not matter.
		return nil
	}
	if err := Duration("InitialInterval", policy.GetInitialInterval(), retryPolicy); err != nil {
		return err
	}
	// Not "< 1": that would let a coefficient pass that is not a number.
	if !(policy.GetBackoffCoefficient() >= 1) {
		return invalid("BackoffCoefficient cannot be less than 1 on retry policy.")
	}
	if err := Duration("MaximumInterval", policy.GetMaximumInterval(), retryPolicy); err != nil {
		return err
	}
	if policy.GetMaximumInterval().AsDuration() < policy.GetInitialInterval().AsDuration() {
		return invalid("MaximumInterval cannot be less than InitialInterval on retry policy.")
	}
	if policy.GetMaximumAttempts() < 0 {
		return invalid("MaximumAttempts cannot be negative on retry policy.")
	}
	for _, errorType := range policy.GetNonRetryableErrorTypes() {
		name, isTimeout := strings.CutPrefix(errorType, TimeoutErrorType)
		if !isTimeout {
			continue
		}
		value, err := enumspb.TimeoutTypeFromString(name)
		if err != nil || value == enumspb.TIMEOUT_TYPE_UNSPECIFIED {
			return invalid("Invalid timeout type value: %v.", name)
		}
	}
	return nil
}
