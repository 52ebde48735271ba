package workflow

import (
	"testing"
	"time"

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
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a", timeouts(0, 10*time.Second, time.Minute, 0)))
	w.advance(10*time.Second - 1)
	w.wantEvents(afterSchedule)
	w.advance(1)
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
	want := &historypb.ActivityTaskTimedOutEventAttributes{
		Failure:          timeoutFailure("activity ScheduleToStart timeout", enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START),
		ScheduledEventId: 5,
		RetryState:       enumspb.RETRY_STATE_TIMEOUT,
	}
	if !proto.Equal(attr, want) {
		t.Errorf("got %v, want %v", attr, want)
	}
	if w.task(entity.TaskActivity) != nil {
		t.Error("the activity is still offered to workers")
	}
}

func TestAttemptThatTakesTooLongIsTriedAgain(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 0, 10*time.Second, 0))
	w.advance(10 * time.Second)
	if err := w.completeActivity(w.refOf(task), "late"); err == nil {
		t.Error("completed after its time")
	}
	act := w.pendingActivity()
	if act.Attempt != 2 || act.LastFailure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
		t.Errorf("activity is %v", act)
	}
	w.wantEvents(afterSchedule)
	w.advance(time.Second)
	w.startActivity()
}

func TestLastAttemptThatTakesTooLongClosesTheActivity(t *testing.T) {
	w, _ := startedActivity(t, timeouts(0, 0, 10*time.Second, 0), maximumAttempts(1))
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
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
	w, _ := startedActivity(t, timeouts(0, 0, 10*time.Second, 0), func(attr *activityAttributes) {
		attr.RetryPolicy = &commonpb.RetryPolicy{NonRetryableErrorTypes: []string{"TemporalTimeout:StartToClose"}}
	})
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
	if attr.RetryState != enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE {
		t.Errorf("retry state is %v", attr.RetryState)
	}
}

func TestTimeForTheWholeActivityEndsWithTheLastFailureAsItsCause(t *testing.T) {
	w, task := startedActivity(t, timeouts(10*time.Second, 0, 5*time.Second, 0))
	if _, err := w.heartbeat(w.refOf(task), "progress"); err != nil {
		t.Fatal(err)
	}
	if err := w.failActivity(w.refOf(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.advance(10 * time.Second)
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
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
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskTimedOut", "WorkflowTaskScheduled")[1])
	if attr.Failure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE || attr.RetryState != enumspb.RETRY_STATE_TIMEOUT {
		t.Errorf("got %v", attr)
	}
}

func TestHeartbeatsKeepAnAttemptAlive(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 0, time.Hour, 10*time.Second))
	ref := w.refOf(task)
	for range 5 {
		w.advance(9 * time.Second)
		if _, err := w.heartbeat(ref, "progress"); err != nil {
			t.Fatal(err)
		}
	}
	w.advance(10*time.Second - 1)
	if act := w.pendingActivity(); act.Attempt != 1 {
		t.Fatalf("timed out too early: %v", act)
	}
	w.advance(1)
	act := w.pendingActivity()
	if act.Attempt != 2 || act.LastFailure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_HEARTBEAT ||
		!proto.Equal(act.HeartbeatDetails, payloads("progress")) {
		t.Errorf("activity is %v", act)
	}
}

func TestScheduleToStartCountsAnewForEachAttempt(t *testing.T) {
	w, task := startedActivity(t, timeouts(0, 10*time.Second, time.Minute, 0))
	w.advance(30 * time.Second)
	if err := w.failActivity(w.refOf(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.advance(11*time.Second - 1)
	w.wantEvents(afterSchedule)
	w.advance(1)
	attr := timedOut(t, w.wantEvents(afterSchedule, "ActivityTaskTimedOut", "WorkflowTaskScheduled")[0])
	if attr.Failure.GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START ||
		attr.Failure.GetCause().GetApplicationFailureInfo().GetType() != "Broken" {
		t.Errorf("got %v", attr)
	}
}

func TestRetryOfAnActivityWaitsOutACrash(t *testing.T) {
	w, task := startedActivity(t)
	if err := w.failActivity(w.refOf(task), applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.crash()
	w.advance(time.Second)
	if got := w.startActivity(); got.Attempt != 2 {
		t.Errorf("attempt %d", got.Attempt)
	}
}
