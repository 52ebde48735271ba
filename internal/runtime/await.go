package runtime

import (
	"context"
	"slices"

	"github.com/perdure/perdure/internal/entity"
)

// Await returns when ready reports true of the entity: it is called at once, and
// again after every durable change, with the entity's lock held, and must not
// change the entity. What it has seen when it reports true is durable when Await
// returns. If the context ends first, its error is returned; if the server is
// going down or the store has failed, Unavailable.
//
// Many may wait for one entity; the entity stays in memory meanwhile.
func (r *Runtime) Await(ctx context.Context, key entity.Key, ready func(entity.Entity) bool) error {
	var w *waiter
	for {
		done := false
		look, err := r.begin(ctx, key)
		if err != nil {
			return err
		}
		if w == nil {
			// In place before the first look, so that no change is missed.
			w = newWaiter(look.entry)
			defer w.remove(r)
		}
		look.viewFn = func(e entity.Entity, _ entity.Reader) error {
			done = ready(e)
			return nil
		}
		if err := look.look(); err != nil {
			return err
		}
		if done {
			return r.settled(ctx, w.entry, false)
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

// look runs a view without waiting for what it has seen to be durable.
func (u *update) look() error {
	u.entry.mu.Lock()
	err := u.apply()
	u.entry.mu.Unlock()
	u.owners.Store(1)
	u.leave()
	return err
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
