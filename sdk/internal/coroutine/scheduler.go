// Package coroutine runs the threads of a workflow one at a time and in an
// order that depends on nothing but what the threads do.
//
// A workflow is ordinary blocking Go code that has to take the same steps when
// it is run again from its history. So its threads are not goroutines that
// the runtime schedules: they are coroutines on iter.Pull. Resuming one is a
// direct switch on the same thread, without channels, and yielding is the
// switch back. A Scheduler gives each coroutine a turn, in order of creation,
// and goes round until a whole round has brought no progress.
//
//	s := coroutine.New()
//	s.Go("root", func(c *coroutine.Coroutine) {
//		for !ready {
//			c.Yield("waiting")
//		}
//	})
//	err := s.Run() // returns when every coroutine is blocked or done
//	s.Close()      // unwinds what is blocked: its defers run
//
// Most coroutines wait for something that can be asked without resuming them.
// They use Block, and the scheduler asks in their stead: a turn that would
// find nothing to do costs no switch.
//
// Nothing here is safe for concurrent use, with the exception of Watch, which
// lets an outsider see that a coroutine has stopped yielding.
package coroutine

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// A Scheduler owns the coroutines of one workflow.
type Scheduler struct {
	coroutines []*Coroutine // in scheduling order; finished ones are removed
	front      []*Coroutine // started with GoFront since the last turn
	created    int
	current    *Coroutine
	running    bool
	closed     bool
	unwinding  bool

	// beat is odd while a coroutine has the turn, and changes with every
	// turn, so that a watcher can tell one long turn from many short ones.
	beat atomic.Uint64
	// watched is the coroutine whose turn it is, for the watcher.
	watched atomic.Pointer[Coroutine]
}

// New returns a scheduler without coroutines.
func New() *Scheduler { return &Scheduler{} }

// A Coroutine is one thread of a workflow.
type Coroutine struct {
	name      string
	scheduler *Scheduler
	resume    func() (struct{}, bool)
	stop      func()
	suspend   func(struct{}) bool

	// wait, if set, tells whether there is any point in resuming.
	wait func() bool
	// object and operation say what it is blocked on, for stack traces.
	object, operation string
	stalled           bool // resumed or asked since it last blocked, and made no progress
	finished          bool
	wantStack         bool
	stack             string
	failure           *PanicError
}

// PanicError is a panic of workflow code.
type PanicError struct {
	// Coroutine is the name of the coroutine that panicked.
	Coroutine string
	// Value is what it panicked with.
	Value any
	// Stack is where.
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("%v", e.Value) }

// Unwrap returns the value of the panic when that was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Go adds a coroutine that will get its first turn after all that exist.
// Without a name it is called by its number.
func (s *Scheduler) Go(name string, f func(*Coroutine)) *Coroutine {
	c := s.newCoroutine(name, f)
	s.coroutines = append(s.coroutines, c)
	return c
}

// GoFront adds a coroutine that will get its first turn right after the one
// that is running, or before all others when none is.
func (s *Scheduler) GoFront(name string, f func(*Coroutine)) *Coroutine {
	c := s.newCoroutine(name, f)
	s.front = append(s.front, c)
	return c
}

func (s *Scheduler) newCoroutine(name string, f func(*Coroutine)) *Coroutine {
	if s.closed {
		panic("coroutine: Go on a closed scheduler")
	}
	s.created++
	if name == "" {
		name = strconv.Itoa(s.created)
	}
	c := &Coroutine{name: name, scheduler: s}
	c.resume, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.suspend = yield
		c.main(f)
	})
	return c
}

// main is at the bottom of every coroutine's stack, where RunningStack looks
// for it by its receiver.
//
//go:noinline
func (c *Coroutine) main(f func(*Coroutine)) {
	// The address keeps the receiver in the frame, where the runtime prints it.
	defer runtime.KeepAlive(&c)
	defer c.recover()
	f(c)
}

// recover turns a panic of the coroutine's function into its failure. A
// coroutine that is being unwound leaves by runtime.Goexit, for which the
// recovered value is nil.
func (c *Coroutine) recover() {
	if v := recover(); v != nil {
		c.failure = &PanicError{Coroutine: c.name, Value: v, Stack: ownStack(c.name, "panic")}
	}
}

// Run gives turns until no coroutine can go on. It returns the panic of the
// first coroutine that panicked, at once; the scheduler is then only good for
// Close.
func (s *Scheduler) Run() error {
	if s.closed {
		panic("coroutine: Run on a closed scheduler")
	}
	if s.running {
		panic("coroutine: Run from within Run")
	}
	s.running = true
	defer func() { s.running = false }()
	for {
		if len(s.front) > 0 {
			s.coroutines = append(s.front, s.coroutines...)
			s.front = nil
		}
		blocked := true
		created := s.created
		for i := 0; i < len(s.coroutines); i++ {
			c := s.coroutines[i]
			s.turn(c)
			if c.finished {
				s.coroutines = slices.Delete(s.coroutines, i, i+1)
				i--
				if c.failure != nil {
					return c.failure
				}
				blocked = false
			} else if !c.stalled {
				blocked = false
			}
			if len(s.front) > 0 {
				s.coroutines = slices.Insert(s.coroutines, i+1, s.front...)
				s.front = nil
				blocked = false
			}
		}
		if blocked && created == s.created {
			return nil
		}
	}
}

// turn resumes c until it yields or ends.
func (s *Scheduler) turn(c *Coroutine) {
	if c.wait != nil && !c.wait() {
		c.stalled = true
		return
	}
	s.switchTo(c)
}

func (s *Scheduler) switchTo(c *Coroutine) {
	s.current = c
	s.watched.Store(c)
	s.beat.Add(1)
	returned := false
	defer func() {
		s.beat.Add(1)
		s.current = nil
		if !returned {
			// The coroutine ended by runtime.Goexit, which iter.Pull passes on.
			c.finished = true
		}
	}()
	_, more := c.resume()
	returned = true
	if !more {
		c.finished = true
	}
}

// Yield ends the turn. It returns at the next one. status says why, for stack
// traces.
func (c *Coroutine) Yield(status string) {
	c.object, c.operation = "", status
	c.yield(true)
	c.stalled = true
}

// Block ends turns until ready says true. ready must be a pure look at state:
// the scheduler calls it any number of times, outside the coroutine. object
// and operation say what it waits for, for stack traces.
func (c *Coroutine) Block(object, operation string, ready func() bool) {
	if ready() {
		c.stalled = false
		return
	}
	c.object, c.operation = object, operation
	c.wait = ready
	for first := true; !ready(); first = false {
		c.yield(first)
		c.stalled = true
	}
	c.wait = nil
	c.stalled = false
}

// Progress says that the turn was not in vain, though it may end in a Yield:
// what it did may let another coroutine go on.
func (c *Coroutine) Progress() { c.stalled = false }

// Name of the coroutine.
func (c *Coroutine) Name() string { return c.name }

func (c *Coroutine) yield(checkPanic bool) {
	s := c.scheduler
	if s.unwinding {
		runtime.Goexit()
	}
	if s.current != c {
		panic("trying to block on coroutine which is already blocked, most likely a wrong Context is used to do blocking" +
			" call (like Future.Get() or Channel.Receive()")
	}
	if checkPanic && panicking() {
		panic("yield during panic unwinding: a deferred function attempted to block " +
			"the coroutine while a panic was in progress")
	}
	for {
		if !c.suspend(struct{}{}) {
			runtime.Goexit()
		}
		if !c.wantStack {
			return
		}
		c.stack = ownStack(c.name, c.status())
		c.wantStack = false
	}
}

func (c *Coroutine) status() string {
	if c.object == "" {
		return c.operation
	}
	return "blocked on " + c.object + "." + c.operation
}

// Running says whether a coroutine has the turn.
func (s *Scheduler) Running() bool { return s.running }

// Unwinding says that the scheduler is being closed: code that runs now is a
// deferred function of a coroutine that will never go on.
func (s *Scheduler) Unwinding() bool { return s.unwinding }

// Len is how many coroutines have not ended.
func (s *Scheduler) Len() int { return len(s.coroutines) + len(s.front) }

// Close unwinds all coroutines, in scheduling order. Their deferred functions
// run; if one of them tries to block, it ends there. Close must not be called
// from a coroutine, and returns when all of them are gone.
func (s *Scheduler) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.unwinding = true
	for _, c := range append(s.coroutines, s.front...) {
		// A coroutine leaves by runtime.Goexit, which user code can not
		// recover from by accident, and stop passes the Goexit on to its
		// caller: a goroutine made for that.
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			s.watched.Store(c)
			s.current = c
			c.stop()
		}()
		<-gone
		c.finished = true
	}
	s.current = nil
	s.coroutines, s.front = nil, nil
}

// Stacks returns the stack traces of all coroutines, an empty line between
// them. It may be called from a coroutine.
func (s *Scheduler) Stacks() string {
	var b strings.Builder
	running := s.current
	for _, c := range s.coroutines {
		var text string
		switch {
		case c.finished:
			continue
		case c == running:
			text = ownStack(c.name, "running")
		case c.suspend == nil:
			text = "coroutine " + c.name + " [new]:"
		default:
			c.wantStack = true
			c.resume()
			text, c.stack = c.stack, ""
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(text)
	}
	return b.String()
}

// Watch reports the turn that is on: a number that no other turn has, and the
// name of the coroutine that has it. ok is false when none has. It may be
// called from any goroutine at any time.
func (s *Scheduler) Watch() (turn uint64, name string, ok bool) {
	turn = s.beat.Load()
	if turn%2 == 0 {
		return turn, "", false
	}
	c := s.watched.Load()
	if s.beat.Load() != turn {
		return turn, "", false
	}
	return turn, c.name, true
}

// RunningStack is the stack trace of the coroutine that Watch reports. It may be
// called from any goroutine, and stops the whole program for a moment.
func (s *Scheduler) RunningStack() string {
	c := s.watched.Load()
	if c == nil {
		return ""
	}
	return otherStack(c)
}

// Unwatched runs f, called by a coroutine, as if it were no part of the turn:
// time spent in it does not count for Watch.
func (s *Scheduler) Unwatched(f func()) {
	if s.beat.Load()%2 == 0 {
		f()
		return
	}
	s.beat.Add(1)
	defer s.beat.Add(1)
	f()
}
