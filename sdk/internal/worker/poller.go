package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// verbose has every poll logged.
var verbose atomic.Bool

// SetVerbose has the workers of this process log every poll, at the level of debugging.
func SetVerbose(on bool) { verbose.Store(on) }

// poller keeps a number of polls open and has the tasks run that they bring.
type poller[T any] struct {
	*tasks[T]
	// behavior is how many polls are open at a time.
	behavior PollerBehavior
	// scalable says that the server makes suggestions for autoscaling.
	scalable bool
	// kind of the task queue that is polled, if it is always the same.
	kind enumspb.TaskQueueKind
	// limit spaces out the starts of tasks. Nil for no limit.
	limit *limiter
	// poll asks once. It returns no task when there was none, and what the server
	// suggests about the number of polls.
	poll func(ctx context.Context) (*T, *taskqueuepb.PollerScalingDecision, error)
	// fatal is called, once, with an error that no further poll will cure.
	fatal func(error)
	// started counts the pollers that were started.
	started metrics.Counter

	scaler  *scaler // nil for a fixed number
	backoff backoff
	errors  errorLog

	loops sync.WaitGroup
}

// start begins to poll. Loops end when stopped ends; polls that are open then end with
// polling, which may live a little longer so that a task already on its way is not lost.
func (p *poller[T]) start(stopped, polling context.Context) {
	switch behavior := p.behavior.behavior().(type) {
	case autoscaling:
		p.scaler = newScaler(behavior)
		p.scaler.supported.Store(p.scalable)
		p.loops.Go(func() { p.scale(stopped) })
		p.loops.Go(func() { p.adjust(stopped, polling) })
	case simpleMaximum:
		for range behavior.count {
			p.loops.Go(func() { p.loop(stopped, polling) })
		}
	}
}

// loop makes one poll after another.
func (p *poller[T]) loop(stopped, polling context.Context) {
	p.started.Inc(1)
	for {
		// A slot comes before the poll: a task that arrives always has room.
		held, err := p.slots.reserve(stopped, p.kind)
		if err != nil || p.ask(stopped, polling, held) != nil {
			return
		}
	}
}

// adjust keeps as many polls open as the scaler says, each on a goroutine of its own.
func (p *poller[T]) adjust(stopped, polling context.Context) {
	p.started.Inc(1)
	given, giveUp := context.WithCancel(stopped)
	defer giveUp()
	for {
		for !p.scaler.admit() {
			select {
			case <-p.scaler.changed:
			case <-given.Done():
				return
			}
		}
		held, err := p.slots.reserve(given, p.kind)
		if err != nil {
			p.scaler.done()
			return
		}
		p.loops.Go(func() {
			defer p.scaler.done()
			if p.ask(given, polling, held) != nil {
				giveUp()
			}
		})
	}
}

// scale has the scaler look at how many tasks arrive.
func (p *poller[T]) scale(stopped context.Context) {
	for pause(stopped, scalePeriod) == nil {
		p.scaler.period()
	}
}

// ask makes one poll with a slot, and has the task run that it may bring. An error means
// that there is to be no further poll.
func (p *poller[T]) ask(stopped, polling context.Context, held *slot) error {
	task, err := p.once(stopped, polling)
	if verbose.Load() {
		p.logger.Debug("A poll was answered.", "Task", task != nil, "Slots", p.slots.issued.Load(), logtag.Error, err)
	}
	if task == nil {
		p.slots.release(held)
		if err == nil {
			err = stopped.Err()
		}
		return err
	}
	// A task that arrives when the worker stops is run at once, however many there
	// were: it would be lost until it times out.
	_ = p.limit.wait(stopped)
	p.spawn(task, held)
	return nil
}

// once makes one poll. An error means that there is to be no further poll.
func (p *poller[T]) once(stopped, polling context.Context) (*T, error) {
	if err := p.backoff.wait(stopped); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(polling, pollTimeout)
	task, decision, err := p.poll(ctx)
	cancel()
	if err == nil {
		p.backoff.succeeded()
		p.errors.clear(p.logger)
		if p.scaler != nil {
			p.scaler.answered(task != nil, decision)
		}
		return task, nil
	}
	if stopped.Err() != nil {
		return nil, stopped.Err()
	}
	p.errors.report(p.logger, err)
	_, busy := errors.AsType[*serviceerror.ResourceExhausted](err)
	p.backoff.failed(busy)
	if p.scaler != nil {
		p.scaler.failed(busy)
	}
	if isFatal(err) && p.backoff.failingFor() > pollGracePeriod {
		p.fatal(err)
		return nil, err
	}
	return nil, nil
}

// isFatal says whether an answer to a poll means that polling is pointless.
func isFatal(err error) bool {
	switch err.(type) {
	case *serviceerror.InvalidArgument, *serviceerror.NamespaceNotFound, *serviceerror.ClientVersionNotSupported:
		return true
	}
	return false
}

// errorLog writes poll errors without repeating one that every poll returns, and when
// they are over.
type errorLog struct {
	mu    sync.Mutex
	last  string
	wrote time.Time // when last was written
	since time.Time // of the first of the errors
}

// errorLogInterval is how long the same error is not written again.
const errorLogInterval = time.Minute

func (e *errorLog) report(logger log.Logger, err error) {
	e.mu.Lock()
	text, now := err.Error(), time.Now()
	if e.last == "" {
		e.since = now
	}
	repeated := text == e.last && now.Sub(e.wrote) < errorLogInterval
	if !repeated {
		e.last, e.wrote = text, now
	}
	e.mu.Unlock()
	if !repeated {
		logger.Warn("Failed to poll for task.", logtag.Error, err)
	}
}

// current is what polls fail with, and since when; "" while they do not fail.
func (e *errorLog) current() (text string, since time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last, e.since
}

// clear says that a poll succeeded.
func (e *errorLog) clear(logger log.Logger) {
	e.mu.Lock()
	failed, since := e.last != "", e.since
	e.last = ""
	e.mu.Unlock()
	if failed {
		logger.Info("Polling again: the server answers.", "FailedFor", time.Since(since).Round(time.Millisecond))
	}
}
