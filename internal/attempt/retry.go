package attempt

import (
	"math"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/records"
)

// Refusal is why there is no other attempt after the failure, whatever the times are, or
// IN_PROGRESS if there may be one.
func Refusal(act *records.Activity, failure *failurepb.Failure) enumspb.RetryState {
	if act.RetryPolicy == nil {
		return enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET
	}
	if act.CancelRequested {
		return enumspb.RETRY_STATE_CANCEL_REQUESTED
	}
	switch failure.GetTimeoutFailureInfo().GetTimeoutType() {
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		return enumspb.RETRY_STATE_TIMEOUT
	}
	if !Retryable(failure, act.RetryPolicy.NonRetryableErrorTypes) {
		return enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	return enumspb.RETRY_STATE_IN_PROGRESS
}

// Next is the interval after which the activity, whose attempt has failed so, may be
// tried again; retryState is IN_PROGRESS then, else why it may not.
func Next(act *records.Activity, failure *failurepb.Failure, now time.Time) (interval time.Duration, retryState enumspb.RetryState) {
	return NextInterval(act.RetryPolicy, act.Attempt, failure, false, now, Expiration(act))
}

// Planned is when the next attempt is due by the retry policy.
func Planned(act *records.Activity) time.Time {
	if act.Attempt > 1 && act.RetryPolicy != nil {
		if interval := ExponentialInterval(act.RetryPolicy, act.Attempt); interval > 0 {
			return asTime(act.LastAttemptCompleteTime).Add(interval)
		}
	}
	return act.ScheduledTime.AsTime()
}

// Retryable reports whether a failure allows another attempt, given the types the
// retry policy excludes.
func Retryable(failure *failurepb.Failure, nonRetryable []string) bool {
	switch info := failure.GetFailureInfo().(type) {
	case *failurepb.Failure_TerminatedFailureInfo, *failurepb.Failure_CanceledFailureInfo:
		return false
	case *failurepb.Failure_TimeoutFailureInfo:
		switch kind := info.TimeoutFailureInfo.GetTimeoutType(); kind {
		case enumspb.TIMEOUT_TYPE_START_TO_CLOSE, enumspb.TIMEOUT_TYPE_HEARTBEAT:
			return !slices.Contains(nonRetryable, check.TimeoutErrorType+kind.String())
		}
		return false
	case *failurepb.Failure_ServerFailureInfo:
		return !info.ServerFailureInfo.GetNonRetryable()
	case *failurepb.Failure_ApplicationFailureInfo:
		return !info.ApplicationFailureInfo.GetNonRetryable() &&
			!slices.Contains(nonRetryable, info.ApplicationFailureInfo.GetType())
	}
	return true
}

// NextInterval is how long to wait after the given attempt (the first is 1)
// before the next. A delay that the failure itself asks for goes before what the
// policy says; bounded cuts it to the policy's maximum interval, which holds for
// workflows and not for activities. The next attempt must begin before expiration,
// if that is set.
func NextInterval(
	policy *commonpb.RetryPolicy, attempt int32, failure *failurepb.Failure, bounded bool, now, expiration time.Time,
) (time.Duration, enumspb.RetryState) {
	if policy.MaximumAttempts > 0 && attempt >= policy.MaximumAttempts {
		return 0, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
	}
	var interval time.Duration
	if delay := failure.GetApplicationFailureInfo().GetNextRetryDelay(); delay != nil {
		interval = min(delay.AsDuration(), check.MaxDuration)
		if bounded {
			interval = withinPolicy(policy, interval)
		}
	} else {
		interval = ExponentialInterval(policy, attempt)
	}
	if interval <= 0 {
		return 0, enumspb.RETRY_STATE_TIMEOUT
	}
	if !expiration.IsZero() && now.Add(interval).After(expiration) {
		return 0, enumspb.RETRY_STATE_TIMEOUT
	}
	return interval, enumspb.RETRY_STATE_IN_PROGRESS
}

// ExponentialInterval is the policy's interval after the given attempt.
func ExponentialInterval(policy *commonpb.RetryPolicy, attempt int32) time.Duration {
	initial := float64(policy.InitialInterval.AsDuration())
	exact := initial * math.Pow(policy.BackoffCoefficient, float64(max(attempt, 1)-1))
	interval := check.MaxDuration
	if exact < float64(check.MaxDuration) {
		interval = time.Duration(exact)
	}
	return withinPolicy(policy, interval)
}

// withinPolicy is the interval, cut to the policy's maximum, which also stands in for
// one that is no interval.
func withinPolicy(policy *commonpb.RetryPolicy, interval time.Duration) time.Duration {
	if longest := policy.MaximumInterval.AsDuration(); longest > 0 && (interval <= 0 || interval > longest) {
		return longest
	}
	return interval
}
