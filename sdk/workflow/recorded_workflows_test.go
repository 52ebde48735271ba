package workflow_test

// The workflows whose histories are in testdata. The histories were recorded
// with the Temporal Go SDK 1.50.0 on the Temporal server's dev server; this file
// compiles with either SDK but for the import path. When a workflow changes,
// its history has to be recorded again.

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/workflow"
)

func withActivities(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond, MaximumAttempts: 2},
	})
}

func Greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

func Refuse(_ context.Context, reason string) error {
	return temporal.NewNonRetryableApplicationError(reason, "Refused", nil, 42)
}

func Flaky(_ context.Context, fail bool) (int, error) {
	if fail {
		return 0, errors.New("flaky")
	}
	return 7, nil
}

func Linger(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Second):
		return nil
	}
}

type Tools struct{ Prefix string }

func (t *Tools) Shout(_ context.Context, word string) (string, error) {
	return t.Prefix + word + "!", nil
}

// ActivityTimerSignal is the simplest that has some of each.
func ActivityTimerSignal(ctx workflow.Context, name string) (string, error) {
	ctx = withActivities(ctx)
	var greeting string
	if err := workflow.ExecuteActivity(ctx, Greet, name).Get(ctx, &greeting); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return "", err
	}
	var suffix string
	workflow.GetSignalChannel(ctx, "suffix").Receive(ctx, &suffix)
	var loud string
	var tools *Tools
	if err := workflow.ExecuteActivity(ctx, tools.Shout, greeting+suffix).Get(ctx, &loud); err != nil {
		return "", err
	}
	return loud, nil
}

// Cancellation cancels activities, timers and children, and cleans up.
func Cancellation(ctx workflow.Context) (err error) {
	ctx = withActivities(ctx)
	defer func() {
		cleanup, _ := workflow.NewDisconnectedContext(ctx)
		var s string
		if e := workflow.ExecuteActivity(cleanup, Greet, "cleanup").Get(cleanup, &s); e != nil {
			err = e
		}
	}()
	part, cancelPart := workflow.WithCancel(ctx)
	abandoned := workflow.ExecuteActivity(part, Linger)
	timer := workflow.NewTimer(part, time.Hour)
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return err
	}
	cancelPart()
	if err := abandoned.Get(ctx, nil); !temporal.IsCanceledError(err) {
		return fmt.Errorf("abandoned activity: %w", err)
	}
	if err := timer.Get(ctx, nil); !temporal.IsCanceledError(err) {
		return fmt.Errorf("cancelled timer: %w", err)
	}
	// Asked for and cancelled within one task.
	both, cancelBoth := workflow.WithCancel(ctx)
	never := workflow.NewTimer(both, time.Hour)
	gone := workflow.ExecuteActivity(both, Linger)
	cancelBoth()
	_ = never.Get(ctx, nil)
	_ = gone.Get(ctx, nil)

	waiting := workflow.WithWaitForCancellation(workflow.WithHeartbeatTimeout(ctx, time.Second), true)
	slow := workflow.ExecuteActivity(waiting, Linger)
	long := workflow.NewTimer(ctx, time.Hour)
	var canceled bool
	workflow.NewSelector(ctx).
		AddFuture(long, func(workflow.Future) {}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { canceled = true }).
		Select(ctx)
	if !canceled {
		return errors.New("not cancelled")
	}
	_ = slow.Get(ctx, nil)
	return ctx.Err()
}

// Versions has markers of all kinds between activities.
func Versions(ctx workflow.Context) (string, error) {
	ctx = withActivities(ctx)
	out := ""
	do := func(what string) {
		var s string
		if err := workflow.ExecuteActivity(ctx, Greet, what).Get(ctx, &s); err != nil {
			s = err.Error()
		}
		out += s + ";"
	}
	out += fmt.Sprint(workflow.GetVersion(ctx, "first", workflow.DefaultVersion, 2))
	do("one")
	var id string
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return "effect" }).Get(&id); err != nil {
		return "", err
	}
	v := workflow.GetVersion(ctx, "second", workflow.DefaultVersion, 1)
	w := workflow.GetVersion(ctx, "third", workflow.DefaultVersion, 3)
	out += fmt.Sprint(v, w, workflow.GetVersion(ctx, "first", workflow.DefaultVersion, 2))
	config := 0
	equals := func(a, b any) bool { return a.(int) == b.(int) }
	for i := range 4 {
		if err := workflow.MutableSideEffect(ctx, "config", func(workflow.Context) any { return i / 2 }, equals).Get(&config); err != nil {
			return "", err
		}
		out += fmt.Sprint(config)
		if i == 2 {
			do("between")
		}
	}
	f := workflow.ExecuteActivity(ctx, Greet, "parallel")
	t := workflow.NewTimer(ctx, 10*time.Millisecond)
	_ = workflow.GetVersion(ctx, "fourth", workflow.DefaultVersion, 1)
	if err := f.Get(ctx, nil); err != nil {
		return "", err
	}
	if err := t.Get(ctx, nil); err != nil {
		return "", err
	}
	for range 2 {
		_ = workflow.SideEffect(ctx, func(workflow.Context) any { return 1 }).Get(&config)
	}
	do(id)
	return out, nil
}

// LocalActivities has parallel ones, retries in process and by timer, and one
// that outlives its workflow task.
func LocalActivities(ctx workflow.Context) (string, error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	out := ""
	var futures []workflow.Future
	for _, name := range []string{"a", "b", "c"} {
		futures = append(futures, workflow.ExecuteLocalActivity(ctx, Greet, name))
	}
	for _, f := range futures {
		var s string
		if err := f.Get(ctx, &s); err != nil {
			return "", err
		}
		out += s + ";"
	}
	_ = workflow.GetVersion(ctx, "local", workflow.DefaultVersion, 1)
	err := workflow.ExecuteLocalActivity(ctx, Flaky, true).Get(ctx, nil)
	out += fmt.Sprint(err, ";")
	var app *temporal.ApplicationError
	if err := workflow.ExecuteLocalActivity(ctx, Refuse, "no").Get(ctx, nil); errors.As(err, &app) {
		out += app.Type() + ";"
	}
	if err := workflow.ExecuteLocalActivity(ctx, Linger).Get(ctx, nil); err != nil {
		return "", err
	}
	far := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 1500 * time.Millisecond, MaximumAttempts: 2},
	})
	err = workflow.ExecuteLocalActivity(far, Flaky, true).Get(ctx, nil)
	out += fmt.Sprint(err, ";")
	var n int
	if err := workflow.ExecuteActivity(withActivities(ctx), Flaky, false).Get(ctx, &n); err != nil {
		return "", err
	}
	return out + fmt.Sprint(n), nil
}

// Child echoes, fails, or waits, as told.
func Child(ctx workflow.Context, what string) (string, error) {
	switch what {
	case "fail":
		return "", temporal.NewApplicationError("child failed", "ChildFailed")
	case "wait":
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return "", err
		}
	case "signal":
		workflow.GetSignalChannel(ctx, "word").Receive(ctx, &what)
	}
	return "child " + what, nil
}

// Children has children that end in every way, and other workflows.
func Children(ctx workflow.Context) (string, error) {
	out := ""
	var s string
	if err := workflow.ExecuteChildWorkflow(ctx, Child, "plain").Get(ctx, &s); err != nil {
		return "", err
	}
	out += s + ";"
	err := workflow.ExecuteChildWorkflow(ctx, Child, "fail").Get(ctx, nil)
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		out += app.Type() + ";"
	}
	part, cancel := workflow.WithCancel(ctx)
	waiting := workflow.ExecuteChildWorkflow(part, Child, "wait")
	if err := waiting.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return "", err
	}
	cancel()
	out += fmt.Sprint(temporal.IsCanceledError(errors.Unwrap(waiting.Get(ctx, nil))), ";")
	named := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        workflow.GetInfo(ctx).WorkflowExecution.ID + "-named",
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
	})
	signaled := workflow.ExecuteChildWorkflow(named, Child, "signal")
	twice := workflow.ExecuteChildWorkflow(named, Child, "again")
	out += fmt.Sprint(twice.Get(ctx, nil), ";")
	if err := signaled.SignalChildWorkflow(ctx, "word", "said").Get(ctx, nil); err != nil {
		return "", err
	}
	if err := signaled.Get(ctx, &s); err != nil {
		return "", err
	}
	out += s + ";"
	other := workflow.SignalExternalWorkflow(ctx, "nobody", "", "word", 1)
	gone := workflow.RequestCancelExternalWorkflow(ctx, "nobody", "")
	out += fmt.Sprint(other.Get(ctx, nil), ";", gone.Get(ctx, nil))
	return out, nil
}

// Coroutines depends on the order of coroutines in many ways.
func Coroutines(ctx workflow.Context) ([]string, error) {
	ctx = withActivities(ctx)
	var log []string
	wg := workflow.NewWaitGroup(ctx)
	mu := workflow.NewMutex(ctx)
	words := workflow.NewBufferedChannel(ctx, 1)
	done := workflow.NewChannel(ctx)
	for i := range 3 {
		wg.Add(1)
		workflow.GoNamed(ctx, fmt.Sprint("worker-", i), func(ctx workflow.Context) {
			defer wg.Done()
			var word string
			for words.Receive(ctx, &word) {
				if err := mu.Lock(ctx); err != nil {
					return
				}
				var s string
				if err := workflow.ExecuteActivity(ctx, Greet, word).Get(ctx, &s); err == nil {
					log = append(log, fmt.Sprint(i, s))
				}
				mu.Unlock()
				_ = workflow.Sleep(ctx, time.Millisecond*time.Duration(1+i))
			}
		})
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for i := range 5 {
			words.Send(ctx, fmt.Sprint("w", i))
		}
		words.Close()
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		wg.Wait(ctx)
		done.Send(ctx, "all")
	})
	sem := workflow.NewSemaphore(ctx, 2)
	finished := 0
	for i := range 4 {
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = sem.Acquire(ctx, 1)
			_ = workflow.NewTimer(ctx, time.Millisecond*time.Duration(3*i+1)).Get(ctx, nil)
			sem.Release(1)
			finished++
		})
	}
	if ok, err := workflow.AwaitWithTimeout(ctx, 5*time.Second, func() bool { return finished == 4 }); err != nil || !ok {
		return nil, fmt.Errorf("await: %v %w", ok, err)
	}
	ticks := 0
	selector := workflow.NewSelector(ctx)
	selector.AddReceive(done, func(c workflow.ReceiveChannel, _ bool) {
		var s string
		c.Receive(ctx, &s)
		log = append(log, s)
		ticks = -1
	})
	signals := workflow.GetSignalChannel(ctx, "tick")
	selector.AddReceive(signals, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		ticks++
		_ = workflow.ExecuteActivity(ctx, Greet, fmt.Sprint("tick", ticks)).Get(ctx, nil)
	})
	for ticks >= 0 {
		selector.Select(ctx)
	}
	for signals.ReceiveAsync(nil) {
		log = append(log, "late tick")
	}
	return log, nil
}

// Properties upserts and then continues as new, once.
func Properties(ctx workflow.Context, again bool) (string, error) {
	if !again {
		return fmt.Sprint(len(workflow.GetInfo(ctx).Memo.GetFields())), nil
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"note": "hi", "gone": nil}); err != nil {
		return "", err
	}
	keyword := temporal.NewSearchAttributeKeyKeyword("CustomKeywordField")
	if err := workflow.UpsertTypedSearchAttributes(ctx, keyword.ValueSet("x")); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 5*time.Millisecond); err != nil {
		return "", err
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, keyword.ValueUnset()); err != nil {
		return "", err
	}
	return "", workflow.NewContinueAsNewError(ctx, Properties, false)
}

// Failing fails by an activity's error, wrapped.
func Failing(ctx workflow.Context) error {
	ctx = withActivities(ctx)
	state := "running"
	if err := workflow.SetQueryHandler(ctx, "state", func() (string, error) { return state, nil }); err != nil {
		return err
	}
	if err := workflow.ExecuteActivity(ctx, Flaky, true).Get(ctx, nil); err == nil {
		return errors.New("no error")
	}
	state = "failing"
	if err := workflow.ExecuteActivity(ctx, Refuse, "not today").Get(ctx, nil); err != nil {
		return fmt.Errorf("as expected: %w", err)
	}
	return nil
}
