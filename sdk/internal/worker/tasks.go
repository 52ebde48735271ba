package worker

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// maxSpares is how many goroutines that have run a task may wait for another one.
const maxSpares = 16

// tasks runs the tasks of one kind, each in a slot.
//
// A goroutine that has run a workflow task is kept for the next: the stack of a new one would
// have to grow, which takes longer than much of what a task does. Those of other tasks, which
// call users' code, are not: what that leaves behind on its goroutine, a locked thread for
// instance, is not to meet another task.
type tasks[T any] struct {
	slots *slots
	// run handles a task.
	run    func(task *T)
	logger log.Logger

	// stopped ends the goroutines that wait for another task. If it is nil, none do.
	stopped <-chan struct{}
	// spare hands a task to a goroutine that waits.
	spare   chan heldTask[T]
	waiting atomic.Int32

	// running are the tasks, and slots that are kept for tasks; goroutines what runs them.
	running, goroutines sync.WaitGroup
}

// heldTask is a task with its slot.
type heldTask[T any] struct {
	task *T
	held *slot
}

// newTasks returns tasks whose goroutines are kept until stopped is closed; nil: they are not.
func newTasks[T any](slots *slots, logger log.Logger, stopped <-chan struct{}, run func(task *T)) *tasks[T] {
	return &tasks[T]{slots: slots, logger: logger, run: run, stopped: stopped, spare: make(chan heldTask[T])}
}

// spawn runs a task on another goroutine and gives back the slot that the caller reserved
// for it.
func (t *tasks[T]) spawn(task *T, held *slot) {
	t.slots.use(held)
	t.running.Add(1)
	next := heldTask[T]{task, held}
	select {
	case t.spare <- next:
	default:
		t.goroutines.Go(func() { t.work(next) })
	}
}

// work runs a task, and others as long as there is use for it.
func (t *tasks[T]) work(next heldTask[T]) {
	for more := true; more; next, more = t.wait() {
		t.handle(next)
	}
}

func (t *tasks[T]) handle(next heldTask[T]) {
	defer t.running.Done()
	defer t.slots.release(next.held)
	defer func() {
		if r := recover(); r != nil {
			t.logger.Error("A task handler panicked; its task is left to time out.",
				logtag.PanicError, fmt.Sprint(r), logtag.PanicStack, string(debug.Stack()))
		}
	}()
	t.run(next.task)
}

// wait waits for another task, unless enough others do.
func (t *tasks[T]) wait() (next heldTask[T], ok bool) {
	if t.stopped == nil {
		return next, false
	}
	defer t.waiting.Add(-1)
	if t.waiting.Add(1) > maxSpares {
		return next, false
	}
	select {
	case next = <-t.spare:
		return next, true
	case <-t.stopped:
		return next, false
	}
}

// end waits until all tasks are done. It is called when stopped is closed.
func (t *tasks[T]) end() {
	t.running.Wait()
	t.goroutines.Wait()
}
