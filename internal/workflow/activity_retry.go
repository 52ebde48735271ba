package workflow

import (
	"math"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// retainedFailureSize is the most bytes of an attempt's failure that are kept while
// the activity is retried.
const retainedFailureSize = 4 << 10

// retryActivity ends the current attempt of the activity with a failure and
// arranges for the next one, if there may be one: then it returns IN_PROGRESS,
// else why not, and leaves the activity as it was.
func (r *Run) retryActivity(step *entity.Step, act *records.Activity, failure *failurepb.Failure) enumspb.RetryState {
	policy := act.RetryPolicy
	if policy == nil {
		return enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET
	}
	if act.CancelRequested {
		return enumspb.RETRY_STATE_CANCEL_REQUESTED
	}
	switch failure.GetTimeoutFailureInfo().GetTimeoutType() {
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		return enumspb.RETRY_STATE_TIMEOUT
	}
	if !retryable(failure, policy.NonRetryableErrorTypes) {
		return enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	if paused(act) || r.pausedByRule(step, act) {
		// There is another attempt in any case, and it is up to the end of the pause when.
		r.endAttempt(step, act, failure)
		return enumspb.RETRY_STATE_IN_PROGRESS
	}
	interval, retryState := nextRetryInterval(policy, act.Attempt, failure, false, step.Now, activityExpiration(act))
	if retryState != enumspb.RETRY_STATE_IN_PROGRESS {
		return retryState
	}
	r.endAttempt(step, act, failure)
	r.attemptOver(act)
	act.RetryAt = timestamppb.New(step.Now.Add(interval))
	act.ScheduledTime = act.RetryAt
	r.activities.change(r, act)
	return enumspb.RETRY_STATE_IN_PROGRESS
}

// endAttempt notes how the current attempt has ended, and that the next one is not
// planned yet.
func (r *Run) endAttempt(step *entity.Step, act *records.Activity, failure *failurepb.Failure) {
	r.undispatchActivity(step, act)
	kept, _ := limitFailure(failure, retainedFailureSize, retainedFailureSize, false)
	r.activities.detailBytes += proto.Size(kept) - proto.Size(act.LastFailure)
	act.LastFailure = kept
	act.LastAttemptCompleteTime = timestamppb.New(step.Now)
	if act.StartedIdentity != "" {
		act.LastWorkerIdentity = act.StartedIdentity
	}
	act.Attempt++
	act.Stamp++
	act.StartedTime, act.StartedIdentity, act.StartedRequestId = nil, "", ""
	if act.GetControl().GetAttemptChanged() {
		r.control(act, func(control *records.ActivityControl) { control.AttemptChanged = false })
	}
	r.activities.change(r, act)
}

// retryable reports whether a failure allows another attempt, given the types the
// retry policy excludes.
func retryable(failure *failurepb.Failure, nonRetryable []string) bool {
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

// nextRetryInterval is how long to wait after the given attempt (the first is 1)
// before the next. A delay that the failure itself asks for goes before what the
// policy says; bounded cuts it to the policy's maximum interval, which holds for
// workflows and not for activities. The next attempt must begin before expiration,
// if that is set.
func nextRetryInterval(
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
		interval = exponentialInterval(policy, attempt)
	}
	if interval <= 0 {
		return 0, enumspb.RETRY_STATE_TIMEOUT
	}
	if !expiration.IsZero() && now.Add(interval).After(expiration) {
		return 0, enumspb.RETRY_STATE_TIMEOUT
	}
	return interval, enumspb.RETRY_STATE_IN_PROGRESS
}

// exponentialInterval is the policy's interval after the given attempt.
func exponentialInterval(policy *commonpb.RetryPolicy, attempt int32) time.Duration {
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
