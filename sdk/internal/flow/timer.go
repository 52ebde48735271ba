package flow

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// TimerOptions say what people see of a timer.
type TimerOptions struct {
	// Summary is a line for people to read in the UI.
	Summary string
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
