package callback

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/breaker"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/records"
)

const (
	// callTimeout is how long one call may take.
	callTimeout = 10 * time.Second
	// concurrentCalls is how many calls are made at once.
	concurrentCalls = 32
	// stepTimeout bounds the steps about a delivery.
	stepTimeout = 10 * time.Second
	// restAfterError is how long a poller rests that cannot poll.
	restAfterError = time.Second
)

// Runtime is what a Deliverer needs of package runtime.
type Runtime interface {
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
}

// Tasks is where deliveries wait.
type Tasks interface {
	Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
	Return(task *entity.Task)
}

// Observer is told of the calls that a Deliverer makes.
type Observer interface {
	// CallbackCalled tells of a call on behalf of the namespace with the id to an address, which is the scheme and the host of
	// the callback, and of what has come of it: "success", or one of a few reasons.
	CallbackCalled(namespaceID, address, outcome string, took time.Duration)
}

// Deliverer makes the calls.
type Deliverer struct {
	runtime  Runtime
	tasks    Tasks
	client   *http.Client
	observer Observer
	logger   *slog.Logger
	// breakers keep away from addresses that do not answer.
	breakers breaker.Set[address]
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

// Start returns a Deliverer at work. Close ends it.
func Start(runtime Runtime, tasks Tasks, observer Observer, logger *slog.Logger) *Deliverer {
	ctx, cancel := context.WithCancel(context.Background())
	d := &Deliverer{
		runtime:  runtime,
		tasks:    tasks,
		observer: observer,
		logger:   logger,
		cancel:   cancel,
		client: &http.Client{
			Timeout: callTimeout,
			// Where a callback goes has been checked; where that leads to has not.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	d.done.Go(func() { d.poll(ctx) })
	return d
}

// Close breaks off the calls under way, which will be made again, and waits until they
// have ended.
func (d *Deliverer) Close() {
	d.cancel()
	d.done.Wait()
	d.client.CloseIdleConnections()
}

// poll takes deliveries and makes each call on a goroutine of its own, within bounds.
func (d *Deliverer) poll(ctx context.Context) {
	free := make(chan struct{}, concurrentCalls)
	for ctx.Err() == nil {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		work, err := d.tasks.Poll(ctx, matching.PollRequest{Queue: Queue, Identity: "perdure"})
		if err != nil || work == nil || work.Task == nil {
			<-free
			if err != nil && ctx.Err() == nil {
				d.logger.Error("Deliveries of callbacks cannot be polled for.", "error", err)
				rest(ctx, restAfterError)
			}
			continue
		}
		d.done.Go(func() {
			defer func() { <-free }()
			if err := d.deliver(ctx, work.Task); err != nil {
				if ctx.Err() == nil {
					d.logger.Error("The delivery of a callback cannot be recorded; it is tried again.", "callback", work.Task.Entity.ID, "error", err)
					rest(ctx, restAfterError)
				}
				d.tasks.Return(work.Task)
			}
		})
	}
}

func rest(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// deliver makes one attempt. It fails if the delivery can be neither read nor
// recorded, or is broken off.
func (d *Deliverer) deliver(ctx context.Context, task *entity.Task) error {
	var due *records.Delivery
	stepCtx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err := d.runtime.View(stepCtx, task.Entity, func(e entity.Entity, _ entity.View) error {
		due = e.(*Delivery).Due(task)
		return nil
	})
	if err != nil || due == nil {
		return err
	}
	to := addressOf(task.Entity.Namespace, due.GetUrl())
	if wait, ok := d.breakers.Allow(to, time.Now()); !ok {
		return d.runtime.Step(stepCtx, task.Entity, func(step *entity.Step, e entity.Entity) error {
			e.(*Delivery).Blocked(step, task, wait)
			return nil
		})
	}
	began := time.Now()
	outcome := call(ctx, d.client, due)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.observer.CallbackCalled(to.namespace, to.String(), outcome.name(), time.Since(began))
	d.breakers.Done(to, outcome.Err != nil && !outcome.Final, time.Now())
	if outcome.Err != nil {
		d.logger.Info("A callback could not be delivered.", "callback", task.Entity.ID, "attempt", due.GetAttempt()+1, "error", outcome.Err, "final", outcome.Final)
	}
	stepCtx, cancel = context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return d.runtime.Step(stepCtx, task.Entity, func(step *entity.Step, e entity.Entity) error {
		e.(*Delivery).Attempted(step, task, outcome)
		return nil
	})
}
