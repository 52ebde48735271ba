package runtime

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/storage"
)

// reader reads the records of the entity that a step or view is about
// (entity.Reader), and tells a view the time (entity.View).
type reader struct {
	execution *execution
	ctx       context.Context
	key       []byte // room for one
}

// Now implements entity.View.
func (rd *reader) Now() time.Time { return rd.execution.now }

// Get implements entity.Reader.
func (rd *reader) Get(record []byte) ([]byte, error) {
	e, r := rd.execution.entry, rd.execution.rt
	if err := r.awaitFlights(rd.ctx, e, true); err != nil {
		return nil, err
	}
	rd.key = append(append(rd.key[:0], e.prefix...), record...)
	value, err := r.store.Get(rd.ctx, e.shard.id, rd.key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return value, rd.wrap(err)
}

// Scan implements entity.Reader.
func (rd *reader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	e, r := rd.execution.entry, rd.execution.rt
	if err := r.awaitFlights(rd.ctx, e, true); err != nil {
		return err
	}
	key := func(record []byte) []byte {
		return append(append(make([]byte, 0, len(e.prefix)+len(record)), e.prefix...), record...)
	}
	bounds := storage.Prefix(key(prefix))
	bounds.Reverse = reverse
	if from != nil {
		switch limit := key(from); {
		case reverse && string(limit) < string(bounds.End):
			bounds.End = limit
		case !reverse && string(limit) > string(bounds.Start):
			bounds.Start = limit
		}
		if string(bounds.Start) >= string(bounds.End) {
			return nil
		}
	}
	return rd.wrap(r.store.Scan(rd.ctx, e.shard.id, bounds, func(key, value []byte) bool {
		return visit(key[len(e.prefix):], value)
	}))
}

// wrap says what was being done. A read that fails may succeed later.
func (rd *reader) wrap(err error) error {
	if err == nil || rd.ctx.Err() != nil {
		return err
	}
	return serviceerror.NewUnavailablef("reading records of entity %v: %v; try again, and check the disk if it goes on", rd.execution.entry.key, err)
}

// awaitFlights waits until what an entity has in flight is durable: all of it, or
// what is not lazy.
func (r *Runtime) awaitFlights(ctx context.Context, e *entry, all bool) error {
	e.order.Lock()
	last := e.lastSynced
	if all {
		last = e.last
	}
	if last == nil {
		e.order.Unlock()
		return e.shard.refusal()
	}
	t := r.ticket(ctx)
	last.follow(t)
	e.order.Unlock()
	return t.wait()
}
