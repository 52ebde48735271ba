package activity

import (
	"errors"
	"testing"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

func (e *engine) updateOptions(options *activitypb.ActivityOptions, paths ...string) (got *activitypb.ActivityOptions, err error) {
	err = e.step(func(step *entity.Step, c *Chain) (err error) {
		got, err = c.UpdateOptions(step, &workflowservice.UpdateActivityExecutionOptionsRequest{
			RequestId: e.NewID(), ActivityOptions: options, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}, RestoreOriginal: len(paths) == 0})
		return err
	})
	return got, err
}

// wantState checks the state of the current run.
func (e *engine) wantState(status enumspb.ActivityExecutionStatus, state enumspb.PendingActivityState) {
	e.t.Helper()
	if info := e.describe("").Info; info.Status != status || info.RunState != state {
		e.t.Errorf("the run is %v, %v", info.Status, info.RunState)
	}
}

func TestAPausedActivityWaitsForTheEndOfThePauseAndOfItsRest(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x"); err != nil {
		t.Fatal(err)
	}
	if err := e.pause(); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED, enumspb.PENDING_ACTIVITY_STATE_PAUSED)
	if err := e.pause(); !refused(err, "activity is in non-pausable state Paused") {
		t.Errorf("a second pause: %v", err)
	}
	e.crash()
	if err := e.unpause(); err != nil {
		t.Fatal(err)
	}
	if e.tryPoll() != nil {
		t.Error("the rest falls away with the pause")
	}
	e.advance(time.Second)
	if task := e.poll(); task.Attempt != 2 {
		t.Errorf("the next attempt is %v", task)
	}
	if err := e.unpause(); !refused(err, "activity is in non-unpausable state Started") {
		t.Errorf("the end of no pause: %v", err)
	}
}

func TestOfAPausedActivityTheWholeTimeStillRunsOut(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) {
		r.ScheduleToCloseTimeout, r.ScheduleToStartTimeout = durationpb.New(time.Hour), durationpb.New(time.Minute)
	})
	if err := e.pause(); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Hour - 1)
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED, enumspb.PENDING_ACTIVITY_STATE_PAUSED)
	e.advance(1)
	e.wantOutcome("", timedOut, "activity ScheduleToClose timeout", enumspb.RETRY_STATE_TIMEOUT)
}

func TestAPauseOfARunningAttemptComesIntoForceWhenItFails(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	if err := e.pause(); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING, enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED)
	if answer, err := e.heartbeat(byToken(e, task), ""); err != nil || answer != (attempt.HeartbeatAnswer{Paused: true}) {
		t.Errorf("the worker is told %v, %v", answer, err)
	}
	if err := e.fail(byToken(e, task), "x"); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Hour)
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED, enumspb.PENDING_ACTIVITY_STATE_PAUSED)
	if err := e.unpause(); err != nil {
		t.Fatal(err)
	}
	e.poll()
}

func TestARepeatedRequestDoesNotUndoALaterOne(t *testing.T) {
	e := newEngine(t)
	e.start()
	again := func() error {
		return e.step(func(step *entity.Step, c *Chain) error {
			return c.Pause(step, &workflowservice.PauseActivityExecutionRequest{RequestId: "once"})
		})
	}
	if err := errors.Join(again(), e.unpause(), again()); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED)
}

func TestAResetBeginsAtTheFirstAttemptAtOnce(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x"); err != nil {
		t.Fatal(err)
	}
	if err := e.reset(); err != nil {
		t.Fatal(err)
	}
	if task := e.poll(); task.Attempt != 1 {
		t.Errorf("the next attempt is %v", task)
	}
}

func TestAResetOfARunningAttemptComesIntoForceWhenItFails(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) { r.RetryPolicy.MaximumAttempts = 1 })
	if _, err := e.updateOptions(&activitypb.ActivityOptions{HeartbeatTimeout: durationpb.New(9 * time.Second)}, "heartbeat_timeout"); err != nil {
		t.Fatal(err)
	}
	task := e.poll()
	if _, err := e.heartbeat(byToken(e, task), "progress"); err != nil {
		t.Fatal(err)
	}
	if err := e.reset(func(r *workflowservice.ResetActivityExecutionRequest) {
		r.ResetHeartbeat, r.RestoreOriginalOptions = true, true
	}); err != nil {
		t.Fatal(err)
	}
	if answer, err := e.heartbeat(byToken(e, task), "more"); err != nil || answer != (attempt.HeartbeatAnswer{Reset: true}) {
		t.Errorf("the worker is told %v, %v", answer, err)
	}
	if err := e.reset(); !refused(err, "cannot reset an activity with a pending reset") {
		t.Errorf("a second reset: %v", err)
	}
	if err := e.fail(byToken(e, task), "x", func(i *applicationInfo) { i.NonRetryable = true }); err != nil {
		t.Fatal(err)
	}
	if next := e.poll(); next.Attempt != 1 || next.HeartbeatDetails != nil || next.HeartbeatTimeout.AsDuration() != 0 {
		t.Errorf("the next attempt is %v", next)
	}
}

func TestAResetMayKeepThePause(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	keep := func(r *workflowservice.ResetActivityExecutionRequest) { r.KeepPaused = true }
	if err := errors.Join(e.pause(), e.reset(keep)); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING, enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED)
	if err := e.fail(byToken(e, task), "x"); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED, enumspb.PENDING_ACTIVITY_STATE_PAUSED)
	if err := errors.Join(e.reset(keep), e.unpause()); err != nil {
		t.Fatal(err)
	}
	if next := e.poll(); next.Attempt != 1 {
		t.Errorf("the next attempt is %v", next)
	}
}

func TestACancellationGoesBeforeAResetAndAPause(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	if err := errors.Join(e.pause(), e.reset(), e.cancel("c")); err != nil {
		t.Fatal(err)
	}
	e.wantState(enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING, enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED)
	if answer, err := e.heartbeat(byToken(e, task), ""); err != nil || answer != (attempt.HeartbeatAnswer{CancelRequested: true}) {
		t.Errorf("the worker is told %v, %v", answer, err)
	}
	if err := e.pause(); !refused(err, "activity is in non-pausable state CancelRequested") {
		t.Errorf("a pause: %v", err)
	}
}

func TestNewOptionsPlanTheNextAttemptAnew(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x"); err != nil {
		t.Fatal(err)
	}
	policy := &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Hour)}
	got, err := e.updateOptions(&activitypb.ActivityOptions{RetryPolicy: policy, TaskQueue: &taskqueuepb.TaskQueue{Name: "other"}},
		"retryPolicy.initialInterval", "retry_policy.maximum_interval", "taskQueue.name")
	if err != nil || got.TaskQueue.Name != "other" || got.RetryPolicy.InitialInterval.AsDuration() != time.Hour {
		t.Fatalf("the options are %v, %v", got, err)
	}
	e.advance(time.Hour - 1)
	if len(e.tasks) != 0 {
		t.Error("the attempt is offered before its time")
	}
	e.advance(1)
	e.poll()
	restored, err := e.updateOptions(nil)
	if err != nil || restored.TaskQueue.Name != "queue" || restored.RetryPolicy.InitialInterval.AsDuration() != time.Second {
		t.Errorf("the options restored are %v, %v", restored, err)
	}
}

func TestNewOptionsLeaveTheRestThatAWorkerHasAskedFor(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x", func(i *applicationInfo) { i.NextRetryDelay = durationpb.New(time.Minute) }); err != nil {
		t.Fatal(err)
	}
	if _, err := e.updateOptions(&activitypb.ActivityOptions{RetryPolicy: &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Hour)}},
		"retry_policy.initial_interval", "retry_policy.maximum_interval"); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Minute)
	e.poll()
}

func TestAStartDelayCanBeChangedUntilItIsOver(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) { r.StartDelay = durationpb.New(time.Hour) })
	shorter := &activitypb.ActivityOptions{StartDelay: durationpb.New(time.Minute)}
	if _, err := e.updateOptions(shorter, "start_delay"); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Minute)
	if _, err := e.updateOptions(shorter, "start_delay"); !refused(err, "cannot update start_delay") {
		t.Errorf("a change too late: %v", err)
	}
	e.poll()
}

func TestARunningAttemptKeepsItsTokenWhenItsOptionsChange(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	if _, err := e.updateOptions(&activitypb.ActivityOptions{StartToCloseTimeout: durationpb.New(time.Hour)}, "start_to_close_timeout"); err != nil {
		t.Fatal(err)
	}
	e.advance(30 * time.Minute)
	if err := e.complete(byToken(e, task)); err != nil {
		t.Error(err)
	}
}
