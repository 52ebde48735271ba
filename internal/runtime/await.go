package runtime

import (
	"context"
	"slices"

	"github.com/perdure/perdure/internal/entity"
)

// Await returns when ready reports true of the entity: it is called at once, and
// again after every durable change, with the entity's lock held, and as the fn of
// View must not change the entity. What it has seen when it reports true is durable when Await
// returns. If the context ends first, its error is returned; if the server is
// going down, the store has failed, or the shard is given up, Unavailable.
//
// Many may wait for one entity; the entity stays in memory meanwhile.
func (r *Runtime) Await(ctx context.Context, key entity.Key, ready func(entity.Entity) bool) error {
	var w *waiter
	defer func() {
		if w != nil {
			w.remove(r)
		}
	}()
	done := false
	look := func(e entity.Entity, _ entity.View) error {
		done = ready(e)
		return nil
	}
	for {
		c, err := r.begin(ctx, key)
		if err != nil {
			return err
		}
		if w != nil && w.entry != c.execution.entry { // the shard went and came back
			w.remove(r)
			w = nil
		}
		if w == nil {
			// In place before the first look, so that no change is missed.
			w = newWaiter(c.execution.entry)
		}
		c.viewFn = look
		if err := c.look(); err != nil {
			return err
		}
		if done {
			if err := r.awaitFlights(ctx, w.entry, false); err != nil {
				return err
			}
			return w.entry.shard.doubt()
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.closing:
			return errClosing
		}
	}
}

// waiter is someone who waits for an entity to change.
type waiter struct {
	entry   *entry
	changed chan struct{} // of capacity 1
}

// newWaiter makes a waiter, with a reference to the entry of its own.
func newWaiter(e *entry) *waiter {
	w := &waiter{entry: e, changed: make(chan struct{}, 1)}
	e.stripe.mu.Lock()
	e.references++
	e.stripe.references++
	e.stripe.mu.Unlock()
	e.order.Lock()
	e.waiters = append(e.waiters, w)
	e.order.Unlock()
	return w
}

// wakeWaiters has all who wait for the entity look at it again. The order lock is held.
func (e *entry) wakeWaiters() {
	for _, w := range e.waiters {
		w.wake()
	}
}

func (w *waiter) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *waiter) remove(r *Runtime) {
	e := w.entry
	e.order.Lock()
	i := slices.Index(e.waiters, w)
	e.waiters = slices.Delete(e.waiters, i, i+1)
	e.order.Unlock()
	r.cache.release(e)
}
