package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/tuner"
)

// polling is a poller under test, whose polls wait for tasks to be sent.
type polling struct {
	*poller[int]
	tasks chan int
	errs  chan error
	// decisions are answered without a task.
	decisions chan *taskqueuepb.PollerScalingDecision
	polls     atomic.Int64 // made
	open      atomic.Int64 // not yet answered
	fatal     atomic.Pointer[error]
	stop      context.CancelFunc
	endPoll   context.CancelFunc
	release   chan struct{} // for tasks to wait on
	logs      *lines
}

// pollingTest runs test, in virtual time, with a poller of the given numbers of
// polls and slots. The poller is stopped after it.
func pollingTest(t *testing.T, polls, size int, run func(p *polling, task int), test func(t *testing.T, p *polling)) {
	t.Helper()
	behavingTest(t, simpleMaximum{polls}, size, run, test)
}

// behavingTest is pollingTest for any poller behavior.
func behavingTest(t *testing.T, behavior PollerBehavior, size int, run func(p *polling, task int), test func(t *testing.T, p *polling)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &polling{tasks: make(chan int, 100), decisions: make(chan *taskqueuepb.PollerScalingDecision, 100), errs: make(chan error, 100), release: make(chan struct{}), logs: &lines{}}
		p.poller = &poller[int]{
			tasks: &tasks[int]{
				slots:  fixedSlots(size),
				logger: p.logs,
				run:    func(task *int) { run(p, *task) },
			},
			behavior: behavior,
			started:  metrics.NopHandler.Counter(""),
			fatal:    func(err error) { p.fatal.Store(&err) },
			poll: func(ctx context.Context) (*int, *taskqueuepb.PollerScalingDecision, error) {
				p.polls.Add(1)
				p.open.Add(1)
				defer p.open.Add(-1)
				select {
				case task := <-p.tasks:
					return &task, nil, nil
				case decision := <-p.decisions:
					return nil, decision, nil
				case err := <-p.errs:
					return nil, nil, err
				case <-ctx.Done():
					return nil, nil, ctx.Err()
				}
			},
		}
		stopped, stop := context.WithCancel(context.Background())
		open, endPoll := context.WithCancel(context.Background())
		p.stop, p.endPoll = stop, endPoll
		p.start(stopped, open)
		defer func() {
			stop()
			endPoll()
			p.loops.Wait()
			p.poller.running.Wait()
		}()
		test(t, p)
	})
}

// answer answers n open polls with tasks, so that those which are too many end.
func (p *polling) answer(n int) {
	for range n {
		p.tasks <- 0
		synctest.Wait()
	}
}

func TestAPollerKeepsItsNumberOfPollsOpen(t *testing.T) {
	pollingTest(t, 3, 10, func(*polling, int) {}, func(t *testing.T, p *polling) {
		synctest.Wait()
		if got := p.open.Load(); got != 3 {
			t.Fatalf("%d polls are open, want 3", got)
		}
		p.tasks <- 1
		synctest.Wait()
		if got := p.open.Load(); got != 3 {
			t.Fatalf("after a task %d polls are open, want 3", got)
		}
	})
}

func TestNoPollIsMadeWithoutASlotForItsTask(t *testing.T) {
	pollingTest(t, 2, 2, func(p *polling, _ int) { <-p.release }, func(t *testing.T, p *polling) {
		p.tasks <- 1
		synctest.Wait()
		if got := p.open.Load(); got != 1 {
			t.Fatalf("with one of two slots taken %d polls are open, want 1", got)
		}
		p.tasks <- 2
		synctest.Wait()
		if got := p.open.Load(); got != 0 {
			t.Fatalf("with all slots taken %d polls are open", got)
		}
		close(p.release)
		synctest.Wait()
		if got := p.open.Load(); got != 2 {
			t.Fatalf("with all slots free again %d polls are open, want 2", got)
		}
	})
}

func TestPollsWaitAfterErrors(t *testing.T) {
	pollingTest(t, 1, 1, func(*polling, int) {}, func(t *testing.T, p *polling) {
		p.errs <- serviceerror.NewUnavailable("restarting")
		synctest.Wait()
		if got := p.polls.Load(); got != 1 {
			t.Fatalf("%d polls were made without a pause", got)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		if got := p.polls.Load(); got != 2 {
			t.Fatalf("%d polls were made after 200 ms, want 2", got)
		}
		p.errs <- serviceerror.NewResourceExhausted(0, "busy")
		synctest.Wait()
		time.Sleep(700 * time.Millisecond)
		if got := p.polls.Load(); got != 2 {
			t.Fatal("an overloaded server was asked again before a second had passed")
		}
	})
}

func TestAnErrorThatLooksFinalEndsTheWorkerOnlyIfItPersists(t *testing.T) {
	final := serviceerror.NewNamespaceNotFound("gone")
	pollingTest(t, 1, 1, func(*polling, int) {}, func(t *testing.T, p *polling) {
		begun := time.Now()
		for p.fatal.Load() == nil {
			if time.Since(begun) > pollGracePeriod+pollBackoffMaximum {
				t.Fatal("the error did not end the worker")
			}
			p.errs <- final
			synctest.Wait()
			time.Sleep(pollBackoffMaximum)
		}
		if time.Since(begun) < pollGracePeriod {
			t.Fatalf("the worker gave up after %v", time.Since(begun))
		}
		if !errors.Is(*p.fatal.Load(), final) {
			t.Fatalf("the error is %v", *p.fatal.Load())
		}
	})
}

func TestATaskThatArrivesDuringTheStopIsStillRun(t *testing.T) {
	var ran atomic.Int64
	pollingTest(t, 1, 1, func(*polling, int) { ran.Add(1) }, func(t *testing.T, p *polling) {
		synctest.Wait()
		p.stop()
		synctest.Wait()
		p.tasks <- 1
		p.loops.Wait()
		p.poller.running.Wait()
		if ran.Load() != 1 || p.polls.Load() != 1 {
			t.Fatalf("%d tasks ran, %d polls were made", ran.Load(), p.polls.Load())
		}
	})
}

func TestStoppingEndsPollersThatWaitForASlotOrABackoff(t *testing.T) {
	pollingTest(t, 1, 1, func(p *polling, _ int) { <-p.release }, func(t *testing.T, p *polling) {
		p.tasks <- 1
		synctest.Wait()
		p.stop()
		p.loops.Wait()
		close(p.release)
	})
	pollingTest(t, 1, 1, func(*polling, int) {}, func(t *testing.T, p *polling) {
		p.errs <- errors.New("down")
		synctest.Wait()
		begun := time.Now()
		p.stop()
		p.loops.Wait()
		if took := time.Since(begun); took != 0 {
			t.Fatalf("the poller ended after %v", took)
		}
	})
}

func TestTaskStartsAreSpacedOut(t *testing.T) {
	var mu sync.Mutex
	var starts []time.Time
	pollingTest(t, 2, 10, func(p *polling, _ int) {
		mu.Lock()
		starts = append(starts, time.Now())
		mu.Unlock()
	}, func(t *testing.T, p *polling) {
		p.limit = newLimiter(1)
		for i := range 3 {
			p.tasks <- i
		}
		time.Sleep(5 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(starts) != 3 || starts[2].Sub(starts[0]) != 2*time.Second {
			t.Fatalf("tasks started at %v", starts)
		}
	})
}

func TestAPanicInATaskCostsOnlyThatTask(t *testing.T) {
	var ran atomic.Int64
	pollingTest(t, 1, 1, func(_ *polling, n int) {
		if n == 1 {
			panic("bug")
		}
		ran.Add(1)
	}, func(t *testing.T, p *polling) {
		p.tasks <- 1
		p.tasks <- 2
		synctest.Wait()
		if ran.Load() != 1 {
			t.Fatal("the task after the panic did not run")
		}
	})
}

// fixedSlots are slots of a fixed number, apart from a worker.
func fixedSlots(size int) *slots {
	supplier, err := tuner.NewFixedSizeSlotSupplier(size)
	if err != nil {
		panic(err)
	}
	return suppliedSlots(supplier, metrics.NopHandler)
}

// suppliedSlots are slots of a supplier, apart from a worker.
func suppliedSlots(supplier tuner.SlotSupplier, m metrics.Handler) *slots {
	return newSlots(supplier, &Worker{config: config{taskQueue: "queue", Options: Options{Identity: "tester", BuildID: "build"}}}, "queue", &lines{}, m)
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Debug(msg string, keyvals ...any) { l.add("DEBUG", msg, keyvals) }
func (l *lines) Info(msg string, keyvals ...any)  { l.add("INFO", msg, keyvals) }
func (l *lines) Warn(msg string, keyvals ...any)  { l.add("WARN", msg, keyvals) }
func (l *lines) Error(msg string, keyvals ...any) { l.add("ERROR", msg, keyvals) }

func (l *lines) add(level, msg string, keyvals []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, level+" "+fmt.Sprintln(append([]any{msg}, keyvals...)...))
}

// matching are the lines that contain all of the parts.
func (l *lines) matching(parts ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for _, line := range l.all {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

func TestAWorkerSaysWhenTheServerIsBack(t *testing.T) {
	pollingTest(t, 1, 1, func(*polling, int) {}, func(t *testing.T, p *polling) {
		p.errs <- serviceerror.NewUnavailable("restarting")
		p.errs <- serviceerror.NewUnavailable("restarting")
		time.Sleep(time.Second)
		if got := p.logs.matching("WARN", "restarting"); len(got) != 1 {
			t.Fatalf("the failure was logged %d times", len(got))
		}
		if got := p.logs.matching("Polling again"); len(got) != 0 {
			t.Fatalf("before the server was back the worker logged %q", got)
		}
		p.tasks <- 1
		p.tasks <- 2
		synctest.Wait()
		if got := p.logs.matching("INFO", "Polling again", "FailedFor 1s"); len(got) != 1 {
			t.Fatalf("the worker logged %q", p.logs.all)
		}
	})
}

func TestATaskThatWaitsForTheRateLimitIsRunWhenTheWorkerStops(t *testing.T) {
	var ran atomic.Int64
	pollingTest(t, 2, 10, func(*polling, int) { ran.Add(1) }, func(t *testing.T, p *polling) {
		p.limit = newLimiter(0.001)
		p.poller.limit.wait(t.Context())
		p.tasks <- 1
		synctest.Wait()
		if ran.Load() != 0 {
			t.Fatal("the task did not wait")
		}
		p.stop()
		synctest.Wait()
		if ran.Load() != 1 {
			t.Fatal("the task was lost")
		}
	})
}
