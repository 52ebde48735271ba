package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// A shard's time never goes back, and its numbers only grow, whoever owns it and
// whatever the clocks of the owners say. The record "m c" of the shard sees to
// that. It holds a bound:
//
//	Every time and every number in a batch of the shard that is durable is not above
//	the bound that is durable.
//
// The next owner reads the bound after it has fenced the last one, when no batch
// can be added any more, and begins with it. What the last owner has given above
// the bound is in no durable batch, hence was never shown to anybody (numbers and
// times of steps that write nothing, and numbers of steps that failed, included:
// nobody has a number before it is durable).
//
// The bound is written ahead: a batch with a time or number above it raises it,
// in the batch itself, to clockAhead above what is needed, and the batches after it
// for that long need not. A batch that relies on a bound must not get to the store
// before the one that writes it, and bounds must be submitted in their order; hence
// shard.submit holds a lock while it submits a bound, and only then lets others rely
// on it. Batches of a shard become durable in order, each as a whole, so the
// statement above holds wherever the log of the shard is cut.
//
// After a crash the time of the shard stands at the bound until the clock has passed
// it, for clockAhead at most. A shard that is given up in order writes a bound that
// is not ahead, and time goes on without a stop.

// clockAhead is how far the bound is written ahead, in nanoseconds.
const clockAhead = int64(250 * time.Millisecond)

// clock is the time of a shard, in nanoseconds since 1970.
type clock struct {
	// now is the time of the latest step.
	now atomic.Int64
	// bound is the bound that batches may rely on. Changed with raising held.
	bound   atomic.Int64
	raising sync.Mutex
}

// time returns the time of a step that begins now.
func (s *shard) time() int64 {
	now := s.rt.clock().UnixNano()
	for {
		latest := s.clock.now.Load()
		if now <= latest {
			return latest
		}
		if s.clock.now.CompareAndSwap(latest, now) {
			return now
		}
	}
}

// submit hands a batch of the shard to the store. latest is the latest time or
// number in it.
func (s *shard) submit(batch *storage.Batch, latest int64, durability storage.Durability, done func(error)) {
	c := &s.clock
	if latest > c.bound.Load() {
		c.raising.Lock()
		defer c.raising.Unlock()
		if latest > c.bound.Load() {
			bound := latest + clockAhead
			batch.Set(clockKey, entity.AppendInt(nil, bound))
			s.rt.store.Commit(s.lease, batch, durability, done)
			c.bound.Store(bound)
			return
		}
	}
	s.rt.store.Commit(s.lease, batch, durability, done)
}

// submitLast submits the last batch of the shard that has times or numbers in it, with
// a bound that is not ahead of what has been given.
func (s *shard) submitLast(batch *storage.Batch, done func(error)) {
	c := &s.clock
	c.raising.Lock()
	defer c.raising.Unlock()
	last := max(c.now.Load(), s.numbers.last.Load())
	batch.Set(clockKey, entity.AppendInt(nil, last))
	c.bound.Store(last)
	s.rt.store.Commit(s.lease, batch, storage.Synced, done)
}

// readClock begins the time and the numbers of a shard where its last owner has left
// them.
func (s *shard) readClock(ctx context.Context) error {
	value, err := s.rt.store.Get(ctx, s.id, clockKey)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading its clock: %w", err)
	}
	bound, _, err := entity.DecodeInt(value)
	if err != nil || bound < 0 || bound > math.MaxInt64-int64(24*time.Hour) {
		return fmt.Errorf("the record of its clock (key %q) makes no sense: %x; restore the store from a backup", clockKey, value)
	}
	s.clock.now.Store(bound)
	s.clock.bound.Store(bound)
	s.numbers.last.Store(bound)
	return nil
}
