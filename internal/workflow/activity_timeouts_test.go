package workflow

import (
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

func timedOut(t *testing.T, event *historypb.HistoryEvent) *historypb.ActivityTaskTimedOutEventAttributes {
	t.Helper()
	attr := event.GetActivityTaskTimedOutEventAttributes()
	if attr == nil {
		t.Fatalf("not a timeout: %v", event)
	}
	return attr
}

func TestActivityThatNobodyStartsInTimeTimesOutWithoutRetry(t *testing.T) {
	w := newWorld(t)
	w.start("w")
	w.decide("w", scheduleActivity("a", timeouts(0, 10*time.Second, time.Minute, 0)))
	w.advance(10*time.Second - 1)
	w.wantHistory("w", afterSchedule)
	w.advance(1)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
	want := &historypb.ActivityTaskTimedOutEventAttributes{
		Failure:          timeoutFailure("activity ScheduleToStart timeout", enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START),
		ScheduledEventId: 5,
		RetryState:       enumspb.RETRY_STATE_TIMEOUT,
	}
	if !proto.Equal(attr, want) {
		t.Errorf("got %v, want %v", attr, want)
	}
	if w.task("w", entity.TaskActivity) != nil {
		t.Error("the activity is still offered to workers")
	}
}

func TestAttemptThatTakesTooLongIsTriedAgain(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 0, 10*time.Second, 0))
	w.advance(10 * time.Second)
	if err := w.complete("w", w.activityRef(task), "late"); err == nil {
		t.Error("completed after its time")
	}
	act := w.pendingActivity("w")
	if act.Attempt != 2 || act.LastFailure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
		t.Errorf("activity is %v", act)
	}
	w.wantHistory("w", afterSchedule)
	w.advance(time.Second)
	w.startActivity("w")
}

func TestLastAttemptThatTakesTooLongClosesTheActivity(t *testing.T) {
	w, _ := startedActivity(t, timeouts(0, 0, 10*time.Second, 0), maximumAttempts(1))
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
	want := &historypb.ActivityTaskTimedOutEventAttributes{
		Failure:          timeoutFailure("activity StartToClose timeout", enumspb.TIMEOUT_TYPE_START_TO_CLOSE),
		ScheduledEventId: 5,
		StartedEventId:   6,
		RetryState:       enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
	}
	if !proto.Equal(attr, want) {
		t.Errorf("got %v, want %v", attr, want)
	}
}

func TestTimeoutsThatTheRetryPolicyExcludesAreNotRetried(t *testing.T) {
	w, _ := startedActivity(t, timeouts(0, 0, 10*time.Second, 0), func(attr *commandpb.ScheduleActivityTaskCommandAttributes) {
		attr.RetryPolicy = &commonpb.RetryPolicy{NonRetryableErrorTypes: []string{"TemporalTimeout:StartToClose"}}
	})
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
	if attr.RetryState != enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE {
		t.Errorf("retry state is %v", attr.RetryState)
	}
}

func TestTimeForTheWholeActivityEndsWithTheLastFailureAsItsCause(t *testing.T) {
	w, task := startedActivity(t, timeouts(10*time.Second, 0, 5*time.Second, 0))
	if _, err := w.heartbeat("w", w.activityRef(task), "progress"); err != nil {
		t.Fatal(err)
	}
	if err := w.fail("w", w.activityRef(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
	info := attr.Failure.GetTimeoutFailureInfo()
	if info.GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE ||
		attr.Failure.Message != noTimeForRetry ||
		!proto.Equal(info.LastHeartbeatDetails, payloads("progress")) ||
		attr.Failure.GetCause().GetApplicationFailureInfo().GetType() != "Broken" ||
		attr.RetryState != enumspb.RETRY_STATE_TIMEOUT {
		t.Errorf("got %v", attr)
	}
}

func TestAttemptWithoutTimeForAnotherTimesOutTheWhole(t *testing.T) {
	w, _ := startedActivity(t, timeouts(10*time.Second, 0, 9500*time.Millisecond, 0))
	w.advance(9500 * time.Millisecond)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
	if attr.Failure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE || attr.RetryState != enumspb.RETRY_STATE_TIMEOUT {
		t.Errorf("got %v", attr)
	}
}

func TestHeartbeatsKeepAnAttemptAlive(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 0, time.Hour, 10*time.Second))
	ref := w.activityRef(task)
	for range 5 {
		w.advance(9 * time.Second)
		if _, err := w.heartbeat("w", ref, "progress"); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(10*time.Second - 1)
	if act := w.pendingActivity("w"); act.Attempt != 1 {
		t.Fatalf("timed out too early: %v", act)
	}
	w.advance(1)
	act := w.pendingActivity("w")
	if act.Attempt != 2 || act.LastFailure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_HEARTBEAT ||
		!proto.Equal(act.HeartbeatDetails, payloads("progress")) {
		t.Errorf("activity is %v", act)
	}
}

func TestScheduleToStartCountsAnewForEachAttempt(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 10*time.Second, time.Minute, 0))
	w.advance(30 * time.Second)
	if err := w.fail("w", w.activityRef(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.advance(11*time.Second - 1)
	w.wantHistory("w", afterSchedule)
	w.advance(1)
	attr := timedOut(t, w.wantHistory("w", afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
	if attr.Failure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START ||
		attr.Failure.GetCause().GetApplicationFailureInfo().GetType() != "Broken" {
		t.Errorf("got %v", attr)
	}
}

func TestRetryOfAnActivityWaitsOutACrash(t *testing.T) {
	w, task := startedActivity(t)
	if err := w.fail("w", w.activityRef(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.crash()
	w.advance(time.Second)
	if got := w.startActivity("w"); got.Attempt != 2 {
		t.Errorf("attempt %d", got.Attempt)
	}
}
