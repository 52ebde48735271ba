package flow

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// desk is a worker's local activities: it notes what it is asked for.
type desk struct {
	running  []*LocalActivityTask
	canceled []*LocalActivityTask
}

func (d *desk) RunLocalActivity(task *LocalActivityTask) { d.running = append(d.running, task) }

func (d *desk) CancelLocalActivity(task *LocalActivityTask) { d.canceled = append(d.canceled, task) }

func (d *desk) done(t *testing.T, i int, value any) {
	task := d.running[i]
	task.Instance.LocalActivityDone(&LocalActivityResult{Task: task, Result: payloads(t, value), Attempt: task.Attempt})
}

func localActivities(ctx Context) Context {
	return WithLocalActivityOptions(ctx, LocalActivityOptions{StartToCloseTimeout: time.Minute})
}

func newLocalScript(t *testing.T, fn any, args ...any) (*script, *desk) {
	s := newScript(t, fn, args...)
	d := &desk{}
	s.options.LocalActivities = d
	if err := s.options.Registry.RegisterActivity(Greet, registry.ActivityOptions{}); err != nil {
		t.Fatal(err)
	}
	return s, d
}

func twoLocal(ctx Context) (string, error) {
	ctx = localActivities(ctx)
	a, b := ExecuteLocalActivity(ctx, Greet, "a"), ExecuteLocalActivity(ctx, "Greet", "b")
	var x, y string
	if err := b.Get(ctx, &y); err != nil {
		return "", err
	}
	if err := a.Get(ctx, &x); err != nil {
		return "", err
	}
	return x + y, nil
}

func TestLocalActivitiesRunWithinTheTask(t *testing.T) {
	s, d := newLocalScript(t, twoLocal)
	outcome := s.task().handle()
	if outcome.Completed != nil || outcome.LocalActivities != 2 || len(d.running) != 2 {
		t.Fatalf("outcome %+v, running %d", outcome, len(d.running))
	}
	if task := d.running[0]; task.ActivityID != "1" || task.ActivityType != "Greet" || task.Function == nil || d.running[1].Function != nil ||
		task.Options.ScheduleToCloseTimeout != time.Minute || task.Options.RetryPolicy.BackoffCoefficient != 2 {
		t.Errorf("task %+v", task)
	}
	d.done(t, 1, "B")
	<-s.instance.Ready()
	if outcome = s.instance.Continue(); outcome.LocalActivities != 1 || outcome.Completed != nil {
		t.Fatalf("outcome %+v", outcome)
	}
	d.done(t, 0, "A")
	<-s.instance.Ready()
	outcome = s.instance.Continue()
	s.expect(outcome, "RecordMarker LocalActivity", "RecordMarker LocalActivity", `CompleteWorkflowExecution "AB"`)
	if !outcome.Closed {
		t.Error("not closed")
	}
	marker := outcome.Completed.Commands[0].GetRecordMarkerCommandAttributes()
	data := string(marker.GetDetails()["data"].GetPayloads()[0].GetData())
	if !strings.Contains(data, `"ActivityID":"2"`) || string(marker.GetDetails()["result"].GetPayloads()[0].GetData()) != `"B"` {
		t.Errorf("marker %v", marker)
	}
}

func TestLocalActivitiesAreNotRunAgainInReplay(t *testing.T) {
	s, d := newLocalScript(t, func(ctx Context) (string, error) {
		s, err := twoLocal(ctx)
		if err != nil {
			return "", err
		}
		return s, Sleep(ctx, time.Hour)
	})
	s.task().handle()
	d.done(t, 1, "B")
	d.done(t, 0, "A")
	outcome := s.instance.Continue()
	s.expect(outcome, "RecordMarker LocalActivity", "RecordMarker LocalActivity", "StartTimer 7 1h0m0s")
	s.complete(outcome)
	s.evict().timerFired("7").run(`CompleteWorkflowExecution "AB"`)
	if len(d.running) != 2 {
		t.Errorf("%d runs", len(d.running))
	}
}

func TestHeartbeatKeepsLocalActivitiesRunning(t *testing.T) {
	s, d := newLocalScript(t, twoLocal)
	s.task().handle()
	d.done(t, 0, "A")
	outcome := s.instance.Heartbeat()
	s.expect(outcome, "RecordMarker LocalActivity")
	if !outcome.Completed.ForceCreateNewWorkflowTask || outcome.LocalActivities != 1 {
		t.Fatalf("outcome %+v", outcome)
	}
	s.complete(outcome)
	outcome = s.task().handle()
	if outcome.LocalActivities != 1 || len(d.running) != 2 {
		t.Fatalf("outcome %+v, running %d", outcome, len(d.running))
	}
	d.done(t, 1, "B")
	outcome = s.instance.Continue()
	s.expect(outcome, "RecordMarker LocalActivity", `CompleteWorkflowExecution "AB"`)
}

func TestACompletionCountsTheAttemptsOfItsTaskAtLocalActivitiesFromBefore(t *testing.T) {
	s, d := newLocalScript(t, twoLocal)
	expect := func(outcome *Outcome, want uint32) {
		t.Helper()
		if got := outcome.Completed.GetMeteringMetadata().GetNonfirstLocalActivityExecutionAttempts(); got != want {
			t.Errorf("%d attempts, want %d", got, want)
		}
		s.complete(outcome)
	}
	s.task().handle()
	d.running[1].AttemptBegins() // in the task that asked for it
	d.done(t, 0, "A")
	expect(s.instance.Heartbeat(), 0)
	s.task().handle()
	d.running[1].AttemptBegins()
	d.running[1].AttemptBegins()
	expect(s.instance.Heartbeat(), 2)
	s.task().handle()
	expect(s.instance.Heartbeat(), 0)
	s.task().handle()
	d.running[1].AttemptBegins()
	d.done(t, 1, "B")
	expect(s.instance.Continue(), 1)
}

func TestHeartbeatThatFindsAllDoneIsNone(t *testing.T) {
	s, d := newLocalScript(t, twoLocal)
	s.task().handle()
	d.done(t, 0, "A")
	d.done(t, 1, "B")
	outcome := s.instance.Heartbeat()
	if outcome.Completed.ForceCreateNewWorkflowTask || !outcome.Closed {
		t.Fatalf("outcome %+v", outcome)
	}
}

func TestLocalActivityThatWasRunningWhenItsWorkerDiedIsRunAgain(t *testing.T) {
	s, d := newLocalScript(t, twoLocal)
	s.task().handle()
	d.done(t, 0, "A")
	s.complete(s.instance.Heartbeat())
	s.evict()
	if len(d.canceled) != 1 {
		t.Errorf("%d cancelled by the eviction, want 1", len(d.canceled))
	}
	outcome := s.task().handle()
	if outcome.LocalActivities != 1 || len(d.running) != 3 || d.running[2].ActivityID != "2" {
		t.Fatalf("outcome %+v, running %d", outcome, len(d.running))
	}
	d.done(t, 2, "B")
	s.expect(s.instance.Continue(), "RecordMarker LocalActivity", `CompleteWorkflowExecution "AB"`)
}

func TestRetryThatIsFarAwayWaitsWithATimer(t *testing.T) {
	s, d := newLocalScript(t, func(ctx Context) (string, error) {
		ctx = WithLocalActivityOptions(ctx, LocalActivityOptions{ScheduleToCloseTimeout: time.Hour, RetryPolicy: &policy.Retry{MaximumAttempts: 5}})
		var out string
		err := ExecuteLocalActivity(ctx, Greet, "x").Get(ctx, &out)
		return out, err
	})
	s.task().handle()
	task := d.running[0]
	task.Instance.LocalActivityDone(&LocalActivityResult{Task: task, Err: errors.New("later"), Attempt: 3, Backoff: time.Minute})
	outcome := s.instance.Continue()
	s.expect(outcome, "RecordMarker LocalActivity", "StartTimer 6 1m0s")
	s.complete(outcome)
	outcome = s.evict().timerFired("6").task().handle()
	if outcome.LocalActivities != 1 || d.running[1].Attempt != 4 || d.running[1].ActivityID != "2" || !d.running[1].ScheduledTime.Equal(task.ScheduledTime) {
		t.Fatalf("outcome %+v, task %+v", outcome, d.running[1])
	}
	d.done(t, 1, "X")
	s.expect(s.instance.Continue(), "RecordMarker LocalActivity", `CompleteWorkflowExecution "X"`)
}

func TestLocalActivityFailsWithItsOwnError(t *testing.T) {
	s, d := newLocalScript(t, func(ctx Context) (string, error) {
		err := ExecuteLocalActivity(localActivities(ctx), Greet, "x").Get(ctx, nil)
		a, ok := errors.AsType[*failure.ApplicationError](err)
		return fmt.Sprint(ok, a.Type()), nil
	})
	s.task().handle()
	task := d.running[0]
	task.Instance.LocalActivityDone(&LocalActivityResult{Task: task, Attempt: 1,
		Err: failure.NewApplicationError("no", "Refused", failure.ApplicationErrorOptions{})})
	s.expect(s.instance.Continue(), "RecordMarker LocalActivity", `CompleteWorkflowExecution "trueRefused"`)
}

func TestCancelledLocalActivityEndsAtOnce(t *testing.T) {
	s, d := newLocalScript(t, func(ctx Context) (string, error) {
		part, cancel := WithCancel(localActivities(ctx))
		f := ExecuteLocalActivity(part, Greet, "x")
		g := ExecuteLocalActivity(localActivities(ctx), Greet, "y")
		_ = g.Get(ctx, nil)
		cancel()
		_, canceled := errors.AsType[*failure.CanceledError](f.Get(ctx, nil))
		return fmt.Sprint(canceled), nil
	})
	s.task().handle()
	d.done(t, 1, "Y")
	if outcome := s.instance.Continue(); outcome.Completed != nil || len(d.canceled) != 1 || d.canceled[0] != d.running[0] {
		t.Fatalf("outcome %+v, cancelled %v", outcome, d.canceled)
	}
	<-s.instance.Ready()
	s.expect(s.instance.Continue(), "RecordMarker LocalActivity", "RecordMarker LocalActivity", `CompleteWorkflowExecution "true"`)
	d.done(t, 0, "too late")
}

func TestLocalActivityNeedsATimeout(t *testing.T) {
	s, _ := newLocalScript(t, func(ctx Context) (string, error) {
		none := ExecuteLocalActivity(ctx, Greet, "x").Get(ctx, nil)
		empty := ExecuteLocalActivity(WithLocalActivityOptions(ctx, LocalActivityOptions{}), Greet, "x").Get(ctx, nil)
		unknown := ExecuteLocalActivity(localActivities(ctx), "Nobody").Get(ctx, nil)
		return fmt.Sprint(none != nil, empty != nil, unknown), nil
	})
	s.expect(s.task().handle(), `CompleteWorkflowExecution "true true local activity Nobody is not registered by the worker. Supported types: [Greet]"`)
}
