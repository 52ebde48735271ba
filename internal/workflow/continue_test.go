package workflow

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestNextCronTick(t *testing.T) {
	at := func(clock string) time.Time {
		tm, err := time.Parse(time.RFC3339, "2024-01-01T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, tc := range []struct {
		schedule, last, now string
		want                time.Duration
		ok                  bool
	}{
		{"* * * * *", "00:00:10", "00:00:10", 50 * time.Second, true},
		{"* * * * *", "00:00:00", "00:00:00", time.Minute, true},
		{"* * * * *", "00:00:00", "00:00:30", 30 * time.Second, true},
		{"* * * * *", "00:00:00", "05:00:30", 30 * time.Second, true}, // ticks that were missed are skipped
		{"* * * * *", "00:01:00", "00:00:30", 30 * time.Second, true}, // the run before has not begun
		{"@hourly", "00:00:00", "00:59:59.5", time.Second, true},      // rounded up to seconds
		{"@every 10s", "00:00:05", "00:00:07", 8 * time.Second, true}, // counted from the run before
		{"@every 10s", "00:00:05", "03:00:07", 8 * time.Second, true}, // also after a long time
		{"CRON_TZ=Asia/Tokyo 0 9 * * *", "00:00:00", "00:00:00", 24 * time.Hour, true},
		{"0 0 31 2 *", "00:00:00", "00:00:00", 0, false}, // never
		{"nonsense", "00:00:00", "00:00:00", 0, false},
	} {
		t.Run(tc.schedule+" from "+tc.last+" at "+tc.now, func(t *testing.T) {
			got, ok := nextCron(tc.schedule, at(tc.last), at(tc.now))
			if got != tc.want || ok != tc.ok {
				t.Fatalf("next tick is in %v, %v; want %v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestWhichFailuresMayBeRetried(t *testing.T) {
	timeout := func(kind enumspb.TimeoutType) *failurepb.Failure {
		return &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: kind}}}
	}
	never := []string{"fatal", "TemporalTimeout:Heartbeat"}
	for name, tc := range map[string]struct {
		failure *failurepb.Failure
		want    bool
	}{
		"none":             {nil, true},
		"plain":            {&failurepb.Failure{}, true},
		"start to close":   {timeout(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), true},
		"listed timeout":   {timeout(enumspb.TIMEOUT_TYPE_HEARTBEAT), false},
		"schedule timeout": {timeout(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE), false},
		"terminated":       {&failurepb.Failure{FailureInfo: &failurepb.Failure_TerminatedFailureInfo{}}, false},
		"canceled":         {&failurepb.Failure{FailureInfo: &failurepb.Failure_CanceledFailureInfo{}}, false},
		"server": {&failurepb.Failure{FailureInfo: &failurepb.Failure_ServerFailureInfo{
			ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: true}}}, false},
		"listed type": {&failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "fatal"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mayRetryWorkflow(tc.failure, never); got != tc.want {
				t.Fatalf("may be retried: %v", got)
			}
		})
	}
}

func TestRetryPolicyOfAContinuedRunIsChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		policy *commonpb.RetryPolicy
		bad    bool
	}{
		"none":               {nil, false},
		"defaults":           {&commonpb.RetryPolicy{}, false},
		"one attempt":        {&commonpb.RetryPolicy{MaximumAttempts: 1, BackoffCoefficient: -1}, false},
		"negative attempts":  {&commonpb.RetryPolicy{MaximumAttempts: -1}, true},
		"negative interval":  {&commonpb.RetryPolicy{InitialInterval: durationpb.New(-1)}, true},
		"small coefficient":  {&commonpb.RetryPolicy{BackoffCoefficient: 0.5}, true},
		"maximum is too low": {&commonpb.RetryPolicy{InitialInterval: durationpb.New(2), MaximumInterval: durationpb.New(1)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if msg := invalidRetryPolicy(tc.policy); (msg != "") != tc.bad {
				t.Fatalf("refused with %q", msg)
			}
		})
	}
}
