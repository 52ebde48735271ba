package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// poller keeps a number of polls open and runs the tasks they bring.
type poller[T any] struct {
	// count is the number of polls open at a time.
	count int
	slots *slots
	// limit spaces out the starts of tasks. Nil for no limit.
	limit *limiter
	// poll asks once. It returns nil when there was no task.
	poll func(ctx context.Context) (*T, error)
	// run handles a task. It holds a slot while it runs.
	run    func(task *T)
	logger log.Logger
	// fatal is called, once, with an error that no further poll will cure.
	fatal func(error)

	backoff backoff
	errors  errorLog

	loops sync.WaitGroup
	tasks sync.WaitGroup
}

// start begins to poll. Loops end when stopped ends; polls that are open then end
// with polling, which may live a little longer so that a task already on its way
// is not lost.
func (p *poller[T]) start(stopped, polling context.Context) {
	for range p.count {
		p.loops.Go(func() { p.loop(stopped, polling) })
	}
}

func (p *poller[T]) loop(stopped, polling context.Context) {
	for {
		// A slot comes before the poll: a task that arrives always has room.
		if p.slots.reserve(stopped) != nil {
			return
		}
		task, err := p.once(stopped, polling)
		if task == nil {
			p.slots.release()
			if err != nil || stopped.Err() != nil {
				return
			}
			continue
		}
		p.spawn(task, nil)
	}
}

// once makes one poll. An error means that the loop is to end.
func (p *poller[T]) once(stopped, polling context.Context) (*T, error) {
	if err := p.backoff.wait(stopped); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(polling, pollTimeout)
	task, err := p.poll(ctx)
	cancel()
	if err == nil {
		p.backoff.succeeded()
		p.errors.clear()
		if task != nil && p.limit.wait(polling) != nil {
			// Stopped for good while holding the task: the server will
			// offer it to another worker.
			return nil, polling.Err()
		}
		return task, nil
	}
	if stopped.Err() != nil {
		return nil, stopped.Err()
	}
	p.errors.report(p.logger, err)
	_, busy := errors.AsType[*serviceerror.ResourceExhausted](err)
	p.backoff.failed(busy)
	if isFatal(err) && p.backoff.failingFor() > pollGracePeriod {
		p.fatal(err)
		return nil, err
	}
	return nil, nil
}

// spawn runs a task on a goroutine of its own and gives back the slot that the
// caller reserved for it. done, if not nil, is called after that.
func (p *poller[T]) spawn(task *T, done func()) {
	p.tasks.Go(func() {
		if done != nil {
			defer done()
		}
		defer p.slots.release()
		defer func() {
			if r := recover(); r != nil {
				p.logger.Error("A task handler panicked; its task is left to time out.",
					logtag.PanicError, fmt.Sprint(r), logtag.PanicStack, string(debug.Stack()))
			}
		}()
		p.run(task)
	})
}

// isFatal says whether an answer to a poll means that polling is pointless.
func isFatal(err error) bool {
	switch err.(type) {
	case *serviceerror.InvalidArgument, *serviceerror.NamespaceNotFound, *serviceerror.ClientVersionNotSupported:
		return true
	}
	return false
}

// errorLog writes poll errors without repeating one that every poll returns.
type errorLog struct {
	mu    sync.Mutex
	last  string
	since time.Time
}

// errorLogInterval is how long the same error is not written again.
const errorLogInterval = time.Minute

func (e *errorLog) report(logger log.Logger, err error) {
	e.mu.Lock()
	text := err.Error()
	repeated := text == e.last && time.Since(e.since) < errorLogInterval
	if !repeated {
		e.last, e.since = text, time.Now()
	}
	e.mu.Unlock()
	if !repeated {
		logger.Warn("Failed to poll for task.", logtag.Error, err)
	}
}

func (e *errorLog) clear() {
	e.mu.Lock()
	e.last = ""
	e.mu.Unlock()
}
