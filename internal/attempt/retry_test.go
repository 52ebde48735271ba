package attempt

import (
	"math"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
)

func TestRetryInterval(t *testing.T) {
	now := time.Unix(1000, 0)
	attempts := func(n int32) func(*commonpb.RetryPolicy) {
		return func(p *commonpb.RetryPolicy) { p.MaximumAttempts = n }
	}
	for _, test := range []struct {
		name       string
		policy     *commonpb.RetryPolicy
		attempt    int32
		failure    *failurepb.Failure
		expiration time.Time
		interval   time.Duration
		state      enumspb.RetryState
	}{
		{"the first is the initial interval", defaultPolicy(), 1, applicationFailure(""), time.Time{},
			time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"doubles with each attempt", defaultPolicy(), 4, applicationFailure(""), time.Time{},
			8 * time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"is capped by the maximum interval", defaultPolicy(), 30, applicationFailure(""), time.Time{},
			100 * time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"is capped where the exponential overflows", defaultPolicy(), math.MaxInt32, applicationFailure(""), time.Time{},
			100 * time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"the last attempt has none", defaultPolicy(attempts(3)), 3, applicationFailure(""), time.Time{},
			0, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED},
		{"the last but one has", defaultPolicy(attempts(3)), 2, applicationFailure(""), time.Time{},
			2 * time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"may end just at the expiration", defaultPolicy(), 1, applicationFailure(""), now.Add(time.Second),
			time.Second, enumspb.RETRY_STATE_IN_PROGRESS},
		{"must not end after the expiration", defaultPolicy(), 1, applicationFailure(""), now.Add(time.Second - 1),
			0, enumspb.RETRY_STATE_TIMEOUT},
		{"a delay in the failure goes before the policy and its maximum", defaultPolicy(), 1,
			applicationFailure("", nextRetryDelay(time.Hour)), time.Time{}, time.Hour, enumspb.RETRY_STATE_IN_PROGRESS},
		{"a delay in the failure does not go before the expiration", defaultPolicy(), 1,
			applicationFailure("", nextRetryDelay(time.Hour)), now.Add(time.Minute), 0, enumspb.RETRY_STATE_TIMEOUT},
		{"a delay in the failure does not add attempts", defaultPolicy(attempts(1)), 1,
			applicationFailure("", nextRetryDelay(time.Second)), time.Time{}, 0, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED},
		{"a delay of nothing ends it", defaultPolicy(), 1,
			applicationFailure("", nextRetryDelay(0)), time.Time{}, 0, enumspb.RETRY_STATE_TIMEOUT},
	} {
		t.Run(test.name, func(t *testing.T) {
			interval, state := NextInterval(test.policy, test.attempt, test.failure, false, now, test.expiration)
			if interval != test.interval || state != test.state {
				t.Errorf("got %v %v, want %v %v", interval, state, test.interval, test.state)
			}
		})
	}
}

func TestADelayThatAWorkflowAsksForIsCutToTheMaximumInterval(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{time.Minute: time.Minute, time.Hour: 100 * time.Second, 0: 100 * time.Second} {
		failure := applicationFailure("", nextRetryDelay(asked))
		interval, state := NextInterval(defaultPolicy(), 1, failure, true, time.Unix(1000, 0), time.Time{})
		if interval != want || state != enumspb.RETRY_STATE_IN_PROGRESS {
			t.Errorf("asked for %v: got %v %v, want %v", asked, interval, state, want)
		}
	}
}

func TestRetryableFailures(t *testing.T) {
	timeout := func(kind enumspb.TimeoutType) *failurepb.Failure { return TimeoutFailure("", kind) }
	for _, test := range []struct {
		name     string
		failure  *failurepb.Failure
		excluded []string
		want     bool
	}{
		{"no failure at all", nil, nil, true},
		{"application failure", applicationFailure("Broken"), nil, true},
		{"application failure of an excluded type", applicationFailure("Broken"), []string{"Other", "Broken"}, false},
		{"application failure that says so", applicationFailure("Broken", nonRetryable), nil, false},
		{"server failure", ServerFailure("x", false), nil, true},
		{"server failure that says so", ServerFailure("x", true), nil, false},
		{"canceled", &failurepb.Failure{FailureInfo: &failurepb.Failure_CanceledFailureInfo{}}, nil, false},
		{"terminated", &failurepb.Failure{FailureInfo: &failurepb.Failure_TerminatedFailureInfo{}}, nil, false},
		{"start-to-close", timeout(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), nil, true},
		{"heartbeat", timeout(enumspb.TIMEOUT_TYPE_HEARTBEAT), nil, true},
		{"excluded start-to-close", timeout(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), []string{"TemporalTimeout:StartToClose"}, false},
		{"excluded heartbeat", timeout(enumspb.TIMEOUT_TYPE_HEARTBEAT), []string{"TemporalTimeout:Heartbeat"}, false},
		{"schedule-to-start", timeout(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START), nil, false},
		{"schedule-to-close", timeout(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Retryable(test.failure, test.excluded); got != test.want {
				t.Errorf("retryable is %v", got)
			}
		})
	}
}
