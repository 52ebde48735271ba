package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// AwaitOptions are options of AwaitWithOptions.
type AwaitOptions struct {
	// Timeout is the longest time to wait.
	Timeout time.Duration
	// TimerOptions are options of the timer that ends the wait.
	TimerOptions TimerOptions
}

// Await blocks until condition says true. It is asked again whenever anything
// happened in the workflow, and must only look. Await fails, with a
// CanceledError, if ctx is cancelled first.
func Await(ctx Context, condition func() bool) error { return mutableCalls(ctx).Await(ctx, condition) }

func (o outbound) Await(ctx Context, condition func() bool) error {
	t := enterMutable(ctx)
	defer t.coroutine.Progress()
	for !condition() {
		if isCanceled(ctx) {
			return failure.NewCanceledError(failure.CanceledErrorOptions{Message: "Await context canceled"})
		}
		t.coroutine.Yield("Await")
	}
	return nil
}

func isCanceled(ctx Context) bool {
	done := ctx.Done()
	if done == nil {
		return false
	}
	_, more := done.ReceiveAsyncWithMoreFlag(nil)
	return !more
}

// AwaitWithTimeout is Await for at most timeout. ok says whether condition
// came to hold; it is false when time ran out.
func AwaitWithTimeout(ctx Context, timeout time.Duration, condition func() bool) (ok bool, err error) {
	return mutableCalls(ctx).AwaitWithTimeout(ctx, timeout, condition)
}

// AwaitWithOptions is AwaitWithTimeout with options.
func AwaitWithOptions(ctx Context, options AwaitOptions, condition func() bool) (ok bool, err error) {
	return mutableCalls(ctx).AwaitWithOptions(ctx, options, condition)
}

func (o outbound) AwaitWithTimeout(ctx Context, timeout time.Duration, condition func() bool) (ok bool, err error) {
	options := AwaitOptions{Timeout: timeout, TimerOptions: TimerOptions{Summary: "AwaitWithTimeout"}}
	return awaitWithOptions(ctx, options, condition, "AwaitWithTimeout")
}

func (o outbound) AwaitWithOptions(ctx Context, options AwaitOptions, condition func() bool) (ok bool, err error) {
	return awaitWithOptions(ctx, options, condition, "AwaitWithOptions")
}

func awaitWithOptions(ctx Context, options AwaitOptions, condition func() bool, name string) (ok bool, err error) {
	t := enterMutable(ctx)
	defer t.coroutine.Progress()
	timerCtx := ctx
	cancelTimer := CancelFunc(func() {})
	if t.run.machine.UseFlag(replay.FlagCancelAwaitTimer) {
		if condition() {
			return true, nil
		}
		timerCtx, cancelTimer = WithCancel(ctx)
	}
	// Without the flag the timer is started before the condition is first
	// asked, and stays when it holds: histories have it so.
	timer := NewTimerWithOptions(timerCtx, options.Timeout, options.TimerOptions)
	for {
		if isCanceled(ctx) {
			return false, failure.NewCanceledError(failure.CanceledErrorOptions{Message: name + " context canceled"})
		}
		if timer.IsReady() {
			return false, nil
		}
		t.coroutine.Yield(name)
		if condition() {
			cancelTimer()
			return true, nil
		}
	}
}
