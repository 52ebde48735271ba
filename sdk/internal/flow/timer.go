package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// TimerOptions are options of a timer.
type TimerOptions struct {
	// Summary is a line for people to read in the UI.
	Summary string
}

// AwaitOptions are options of AwaitWithOptions.
type AwaitOptions struct {
	// Timeout is the longest time to wait.
	Timeout time.Duration
	// TimerOptions are options of the timer that ends the wait.
	TimerOptions TimerOptions
}

// NewTimer returns a future that is ready when d has passed. It fails with a
// CanceledError if ctx is cancelled before. A timer of zero or less is ready
// at once. The server keeps the time: a timer can last years.
func NewTimer(ctx Context, d time.Duration) Future {
	return mutableCalls(ctx).NewTimer(ctx, d)
}

// NewTimerWithOptions is NewTimer with options.
func NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future {
	return mutableCalls(ctx).NewTimerWithOptions(ctx, d, options)
}

func (o outbound) NewTimer(ctx Context, d time.Duration) Future {
	return o.NewTimerWithOptions(ctx, d, TimerOptions{})
}

func (o outbound) NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future {
	r := o.mutable()
	f := &future{}
	if d <= 0 {
		f.Set(true, nil)
		return f
	}
	metadata, err := encoded.UserMetadata(options.Summary, "", r.converter)
	if err != nil {
		panic(err)
	}
	var hook *cancelHook
	timer := r.machine.StartTimer(d, metadata, func(fired bool) {
		if fired {
			f.Set(nil, nil)
		} else {
			f.Set(nil, ErrCanceled)
		}
		hook.remove()
	})
	hook = onCancel(ctx, func() { r.cancelTimer(timer, f) })
	hook.arm()
	return f
}

func (r *run) cancelTimer(timer *replay.Timer, f *future) {
	if !f.ready {
		r.machine.CancelTimer(timer)
	}
}

// Sleep blocks until d has passed. It fails with a CanceledError if ctx is
// cancelled before.
func Sleep(ctx Context, d time.Duration) error { return mutableCalls(ctx).Sleep(ctx, d) }

func (o outbound) Sleep(ctx Context, d time.Duration) error {
	// Interceptors see the timer, too.
	return NewTimerWithOptions(ctx, d, TimerOptions{Summary: "Sleep"}).Get(ctx, nil)
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

// cancelHook is called when a context is cancelled, in the order in which the
// hooks of that context were armed.
type cancelHook struct {
	done *channel
	ctx  Context
	r    receiver
	call func()
}

// onCancel returns a hook for the cancellation of ctx, nil if it can not be.
func onCancel(ctx Context, call func()) *cancelHook {
	done, ok := ctx.Done().(*channel)
	if !ok {
		return nil
	}
	h := &cancelHook{done: done, ctx: ctx, call: call}
	h.r.deliver = func(any, bool) bool {
		if h.ctx.Err() != nil {
			h.call()
		}
		return false
	}
	return h
}

// arm makes the hook wait, or calls it if the context is cancelled already.
func (h *cancelHook) arm() {
	if h == nil {
		return
	}
	if _, _, more := h.done.receive(); !more {
		h.r.deliver(nil, false)
		return
	}
	h.done.await(&h.r)
}

// remove makes the hook forget. It may be nil.
func (h *cancelHook) remove() {
	if h != nil {
		h.done.forget(&h.r)
	}
}
