package activities

import (
	"math"
	"time"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// noRetry is the delay of an attempt that is not to be repeated.
const noRetry = time.Duration(-1)

// RetryDelay is how long to wait before the attempt after the given one, which
// failed with err; noRetry if there is to be none. expires is when no further
// attempt may begin, zero for never.
func RetryDelay(retry *policy.Retry, attempt int32, err error, now, expires time.Time) time.Duration {
	if retry == nil || !failure.IsRetryable(err, retry.NonRetryableErrorTypes) {
		return noRetry
	}
	if retry.MaximumAttempts > 0 && attempt >= retry.MaximumAttempts {
		return noRetry
	}
	var delay time.Duration
	if application, ok := err.(*failure.ApplicationError); ok {
		delay = application.NextRetryDelay()
	}
	if delay == 0 {
		delay = exponential(retry, attempt)
	}
	if delay <= 0 {
		return noRetry
	}
	if !expires.IsZero() && now.Add(delay).After(expires) {
		return noRetry
	}
	return delay
}

func exponential(retry *policy.Retry, attempt int32) time.Duration {
	longest := float64(math.MaxInt64)
	if retry.MaximumInterval > 0 {
		longest = float64(retry.MaximumInterval)
	}
	delay := float64(retry.InitialInterval) * math.Pow(retry.BackoffCoefficient, float64(attempt-1))
	if delay >= longest {
		if retry.MaximumInterval > 0 {
			return retry.MaximumInterval
		}
		return noRetry // centuries: never
	}
	return time.Duration(delay)
}
