package activities

import (
	"math"
	"time"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/temporal"
)

// noRetry is the delay of an attempt that is not to be repeated.
const noRetry = time.Duration(-1)

// RetryDelay is how long to wait before the attempt after the given one, which
// failed with err; noRetry if there is to be none. expires is when no further
// attempt may begin, zero for never.
func RetryDelay(policy *temporal.RetryPolicy, attempt int32, err error, now, expires time.Time) time.Duration {
	if policy == nil || !failure.IsRetryable(err, policy.NonRetryableErrorTypes) {
		return noRetry
	}
	if policy.MaximumAttempts > 0 && attempt >= policy.MaximumAttempts {
		return noRetry
	}
	var delay time.Duration
	if application, ok := err.(*temporal.ApplicationError); ok {
		delay = application.NextRetryDelay()
	}
	if delay == 0 {
		delay = exponential(policy, attempt)
	}
	if delay <= 0 {
		return noRetry
	}
	if !expires.IsZero() && now.Add(delay).After(expires) {
		return noRetry
	}
	return delay
}

func exponential(policy *temporal.RetryPolicy, attempt int32) time.Duration {
	longest := float64(math.MaxInt64)
	if policy.MaximumInterval > 0 {
		longest = float64(policy.MaximumInterval)
	}
	delay := float64(policy.InitialInterval) * math.Pow(policy.BackoffCoefficient, float64(attempt-1))
	if delay >= longest {
		if policy.MaximumInterval > 0 {
			return policy.MaximumInterval
		}
		return noRetry // centuries: never
	}
	return time.Duration(delay)
}
