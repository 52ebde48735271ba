package flow

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/failure"
)

// deadlockLooks is how often, in the time that workflow code may run without
// yielding, the watchdog looks at it.
const deadlockLooks = 32

// guard calls f, which runs workflow code, and watches it. Coroutines run on
// the goroutine that resumes them, so one that does not yield holds that
// goroutine. It is one of its own, therefore, and when the code has run too
// long guard returns without it. The code's goroutine finds out when it gets
// that far, and unwinds the run.
func (i *Instance) guard(f func()) error {
	if !i.state.CompareAndSwap(idle, busy) {
		return failure.NewWorkflowPanicError("the workflow instance is closed or busy", "")
	}
	done := make(chan struct{})
	go func() {
		defer func() {
			if !i.state.CompareAndSwap(busy, idle) {
				i.unwind()
			}
			close(done)
		}()
		f()
	}()
	timeout := i.options.DeadlockTimeout
	if timeout < 0 {
		<-done
		return nil
	}
	watch := newWatch(timeout, time.Now())
	timer := time.NewTimer(watch.interval)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-timer.C:
		}
		turn, name, running := i.scheduler.Watch()
		if watch.look(time.Now(), turn, running) && i.state.CompareAndSwap(busy, abandoned) {
			message := fmt.Sprintf("[TMPRL1101] Potential deadlock detected: workflow goroutine %q didn't yield for over %s", name, timeout)
			return &deadlockError{failure.NewWorkflowPanicError(message, i.scheduler.RunningStack()).(*failure.WorkflowPanicError)}
		}
		timer.Reset(watch.interval)
	}
}

// watch decides from looks at regular intervals whether a coroutine does not yield.
//
// It adds up the time between looks, if they come on time, more or less. When the machine is so
// busy, or the process was stopped for so long, that the watchdog itself did not run, neither did
// the coroutine, which is not to blame.
type watch struct {
	timeout  time.Duration
	interval time.Duration
	last     time.Time     // of the last look
	turn     uint64        // of the coroutine that ran then
	ran      time.Duration // for how long it was seen running the same turn
}

func newWatch(timeout time.Duration, now time.Time) *watch {
	return &watch{timeout: timeout, interval: max(timeout/deadlockLooks, time.Millisecond), last: now}
}

// look takes in which turn is running. It says whether that has gone on for too long.
func (w *watch) look(now time.Time, turn uint64, running bool) bool {
	since := now.Sub(w.last)
	same := running && turn == w.turn
	w.last, w.turn = now, turn
	switch {
	case !same:
		w.ran = 0
	case since <= 4*w.interval:
		w.ran += since
	}
	return w.ran >= w.timeout
}

// recovered is a panic outside of coroutines, as if it were in one.
func recovered(p any) error {
	return &coroutine.PanicError{Coroutine: "worker", Value: p, Stack: string(debug.Stack())}
}
