package testenv

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	failurepb "go.temporal.io/api/failure/v1"

	"github.com/perdure/perdure/sdk/internal/activities"
)

// DefaultTimeout is Options.Timeout if that is zero.
const DefaultTimeout = 3 * time.Second

// Engine runs one workflow and all that it starts.
type Engine struct {
	// Options may be changed until Run.
	Options Options

	inbox inbox
	done  chan struct{} // closed when Run has returned

	mu         sync.Mutex
	clock      clock
	busy       int          // activities, mocks and local activities whose code runs
	ids        sync.Map     // of the newest *Execution by workflow id; written on the loop
	order      []*Execution // all, in the order in which they were started
	root       atomic.Pointer[Execution]
	number     int
	callbacks  []func()
	activities map[string]*activityTask // by token
	local      *activities.LocalRunner
	standalone map[string]context.CancelCauseFunc // of activities without a workflow, by id
	kept       map[*failurepb.Failure]error       // see keptErrors

	// background is the parent of all activity contexts; it ends with Run.
	background context.Context
	cancel     context.CancelFunc
}

// New returns an engine whose clock begins now.
func New() *Engine {
	return &Engine{
		inbox:      inbox{wake: make(chan struct{}, 1)},
		done:       make(chan struct{}),
		clock:      clock{now: time.Now()},
		activities: make(map[string]*activityTask),
		standalone: make(map[string]context.CancelCauseFunc),
		kept:       make(map[*failurepb.Failure]error),
	}
}

// Now is virtual time.
func (e *Engine) Now() time.Time {
	e.clock.mu.Lock()
	defer e.clock.mu.Unlock()
	return e.clock.now
}

// SetNow sets virtual time, before Run.
func (e *Engine) SetNow(now time.Time) {
	e.clock.mu.Lock()
	defer e.clock.mu.Unlock()
	e.clock.now = now
}

// inbox holds what is to be done on the loop.
type inbox struct {
	mu    sync.Mutex
	items []func()
	wake  chan struct{}
}

// Post has f done on the loop, with mu held, after what was posted before. It may
// be called from anywhere, and before Run. After Run has returned nothing happens.
func (e *Engine) Post(f func()) {
	e.inbox.mu.Lock()
	e.inbox.items = append(e.inbox.items, f)
	e.inbox.mu.Unlock()
	select {
	case e.inbox.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) take() func() {
	e.inbox.mu.Lock()
	defer e.inbox.mu.Unlock()
	if len(e.inbox.items) == 0 {
		return nil
	}
	item := e.inbox.items[0]
	e.inbox.items = e.inbox.items[1:]
	return item
}

// Call has f called on the loop, without mu, and waits until it has returned. It
// returns at once when Run is over.
func (e *Engine) Call(f func()) {
	called := make(chan struct{})
	e.Post(func() {
		e.later(func() {
			defer close(called)
			f()
		})
	})
	select {
	case <-called:
	case <-e.done:
	}
}

// After has f called on the loop, without mu, when d of virtual time has passed.
// A zero d is at once; before Run that is before the workflow's first task.
func (e *Engine) After(d time.Duration, f func()) {
	e.Post(func() {
		if d <= 0 {
			e.later(f)
			return
		}
		e.schedule(d, func() { e.later(f) })
	})
}

// Wait blocks the code of an activity until d of virtual time has passed; it does not
// count as busy meanwhile. It returns early, with the cause, when ctx ends.
func (e *Engine) Wait(ctx context.Context, d time.Duration) error {
	passed := make(chan struct{})
	var t *timer
	e.Post(func() {
		e.busy--
		t = e.schedule(d, func() {
			t = nil
			e.busy++
			close(passed)
		})
	})
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		e.Post(func() {
			if t != nil {
				e.unschedule(t)
				e.busy++
			}
		})
		return context.Cause(ctx)
	case <-e.done:
		return context.Canceled
	}
}

// Lock keeps the loop from working. Code that the loop runs must not call it, but
// for functions of the test that are called by Call, After or a listener.
func (e *Engine) Lock() { e.mu.Lock() }

// Unlock lets the loop go on.
func (e *Engine) Unlock() { e.mu.Unlock() }

// later calls f, a function of the test, when the loop is done with what it does.
func (e *Engine) later(f func()) { e.callbacks = append(e.callbacks, f) }

func (e *Engine) callBack() {
	for len(e.callbacks) > 0 {
		f := e.callbacks[0]
		e.callbacks = e.callbacks[1:]
		e.unlocked(f)
	}
}

func (e *Engine) unlocked(f func()) {
	e.mu.Unlock()
	defer e.mu.Lock()
	f()
}

// Run starts the workflow and returns when it has closed, and with it all children
// that it left to themselves, unless DetachedChildWait is off. It panics when nothing
// has happened for the timeout, by the real clock.
func (e *Engine) Run(start *Start) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.stop()
	e.begin()
	root := e.newExecution(start)
	root.begin()
	e.root.Store(root)
	// What the test has asked for beforehand is there when the workflow begins: but of updates one, as each
	// has a workflow task of its own, and the test is told of its outcome before the next.
	for item := e.take(); item != nil; item = e.take() {
		item()
		e.callBack()
		if len(root.updates.waiting) > 0 {
			break
		}
	}
	root.wanted = true
	e.work()
	for !e.finished() {
		if item := e.take(); item != nil {
			item()
		} else if e.busy > 0 || !e.fireNext() {
			e.wait()
			continue
		}
		e.work()
	}
}

// work does what has become necessary: workflow tasks, and calls of the test's
// functions.
func (e *Engine) work() {
	e.callBack()
	for more := true; more; {
		more = false
		for n := 0; n < len(e.order); n++ {
			if x := e.order[n]; x.wanted && !x.closed {
				x.task()
				e.callBack()
				more = true
			}
		}
	}
}

func (e *Engine) finished() bool {
	if !e.root.Load().closed {
		return false
	}
	if e.Options.NoDetachedChildWait {
		return true
	}
	for _, x := range e.order {
		if !x.closed && x.detached() {
			return false
		}
	}
	return true
}

// wait waits for the inbox, or for the next timer by the real clock.
func (e *Engine) wait() {
	timeout := e.Options.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	idle := time.NewTimer(timeout)
	defer idle.Stop()
	next, stop := e.clock.realTimer()
	defer stop()
	timedOut, fired := false, false
	e.unlocked(func() {
		select {
		case <-e.inbox.wake:
		case <-next:
			fired = true
		case <-idle.C:
			timedOut = true
		}
	})
	switch {
	case fired:
		e.fireNext()
		e.work()
	case timedOut:
		panic(e.timeoutMessage(timeout))
	}
}

func (e *Engine) timeoutMessage(timeout time.Duration) string {
	what := "nothing is left that could wake the workflow: signal it, complete its activities or give it a timer"
	if e.busy > 0 {
		what = fmt.Sprintf("%d activities or mocks are still running: make them return, or allow more time with SetTestTimeout", e.busy)
	}
	return fmt.Sprintf("test timeout: %v, %s. workflow stack: %v", timeout, what, e.root.Load().stacks())
}

// begin makes what needs the final options.
func (e *Engine) begin() {
	parent := e.Options.Background
	if parent == nil {
		parent = context.Background()
	}
	e.background, e.cancel = context.WithCancel(parent)
	e.local = e.newLocalRunner()
}

// localGrace is how long, by the real clock, Run waits for local activities that were told to stop.
const localGrace = time.Second

// stop ends what is left. What local activities did about it is there when Run returns, unless they
// take too long.
func (e *Engine) stop() {
	e.cancel()
	close(e.done)
	e.unlocked(func() {
		ctx, cancel := context.WithTimeout(context.Background(), localGrace)
		defer cancel()
		_ = e.local.Close(ctx)
	})
	for _, x := range e.order {
		x.instance.Close()
	}
}

// next is a number that was not used before.
func (e *Engine) next() string {
	e.number++
	return strconv.Itoa(e.number)
}

// Execution finds the newest run of a workflow id.
func (e *Engine) Execution(workflowID string) (*Execution, bool) {
	x, ok := e.ids.Load(workflowID)
	if !ok {
		return nil, false
	}
	return x.(*Execution), true
}

// Root is the execution that Run started, nil before.
func (e *Engine) Root() *Execution { return e.root.Load() }

// ByRunID finds a run. It is for workflow code, which runs while the loop waits for
// it.
func (e *Engine) ByRunID(runID string) *Execution {
	for _, x := range e.order {
		if x.id.RunID == runID {
			return x
		}
	}
	return nil
}
