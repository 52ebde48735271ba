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
const deadlockLooks = 4

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
	interval := max(timeout/deadlockLooks, time.Millisecond)
	timer := time.NewTimer(interval)
	defer timer.Stop()
	var turn uint64
	for looks := 0; ; {
		select {
		case <-done:
			return nil
		case <-timer.C:
		}
		now, name, running := i.scheduler.Watch()
		if running && now == turn {
			looks++
		} else {
			looks = 0
		}
		turn = now
		if looks >= deadlockLooks && i.state.CompareAndSwap(busy, abandoned) {
			message := fmt.Sprintf("[TMPRL1101] Potential deadlock detected: workflow goroutine %q didn't yield for over %s", name, timeout)
			return &deadlockError{failure.NewWorkflowPanicError(message, i.scheduler.RunningStack()).(*failure.WorkflowPanicError)}
		}
		timer.Reset(interval)
	}
}

// recovered is a panic outside of coroutines, as if it were in one.
func recovered(p any) error {
	return &coroutine.PanicError{Coroutine: "worker", Value: p, Stack: string(debug.Stack())}
}
