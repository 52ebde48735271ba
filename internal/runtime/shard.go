package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// shard is one shard of the store, held by this runtime.
type shard struct {
	rt    *Runtime
	id    storage.ShardID
	lease storage.Lease

	// now is the time of the latest step, in Unix nanoseconds; it never goes back.
	now atomic.Int64
	// savedNow is the latest such time that is in the store. A process that starts
	// with its clock set back goes on from there.
	savedNow atomic.Int64

	// failure is set by the first commit that fails, for good.
	failure atomic.Pointer[failure]

	ids    idLedger
	outbox outbox
}

// failure is why a shard takes no more writes.
type failure struct {
	cause error
	// reply is what calls are answered with.
	reply error
}

// clockGrain is how far the saved time of a shard may be behind the time of its
// latest step, in nanoseconds: it is saved along with a step that comes so much
// later than the last one that saved it.
const clockGrain = 1e9

// epochBits are the bits of a task id below the epoch.
const epochBits = 40

// acquireShards takes the leases of all shards. Epochs only grow, so numbers
// that begin with the greatest of them are greater than any given before.
func (r *Runtime) acquireShards(ctx context.Context) error {
	r.shards = make([]*shard, r.store.Shards())
	errs := make([]error, len(r.shards))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(16, len(r.shards)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(r.shards)); i = next.Add(1) - 1 {
				r.shards[i], errs[i] = r.acquireShard(ctx, storage.ShardID(i))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("runtime: taking over the shards of the store: %w", err)
	}
	var epoch uint64
	for _, s := range r.shards {
		epoch = max(epoch, s.lease.Epoch)
	}
	if epoch >= 1<<(63-epochBits) {
		return fmt.Errorf("runtime: epoch %d of the store is too great; export its data to a new store", epoch)
	}
	r.ids.Store(int64(epoch) << epochBits)
	return nil
}

func (r *Runtime) acquireShard(ctx context.Context, id storage.ShardID) (*shard, error) {
	lease, err := r.store.Acquire(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("shard %d: %w", id, err)
	}
	s := &shard{rt: r, id: id, lease: lease}
	s.outbox.init(s)
	saved, err := r.store.Get(ctx, id, clockKey)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("shard %d: reading its clock: %w", id, err)
	}
	if err == nil {
		now, _, err := entity.DecodeInt(saved)
		if err != nil {
			return nil, fmt.Errorf("shard %d: decoding its clock: %w", id, err)
		}
		s.now.Store(now)
		s.savedNow.Store(now)
	}
	return s, nil
}

// time returns the time of a step that begins now, in Unix nanoseconds.
func (s *shard) time() int64 {
	now := s.rt.clock().UnixNano()
	for {
		latest := s.now.Load()
		if now <= latest {
			return latest
		}
		if s.now.CompareAndSwap(latest, now) {
			return now
		}
	}
}

// fail notes that a commit has failed and returns what to answer. Everything of
// the shard in memory may be ahead of the disk from now on, and is dropped.
func (s *shard) fail(err error) error {
	if f := s.failure.Load(); f != nil {
		return f.reply
	}
	f := &failure{cause: fmt.Errorf("runtime: shard %d no longer takes writes: %w", s.id, err)}
	if errors.Is(err, storage.ErrFenced) {
		f.reply = serviceerror.NewUnavailablef("shard %d has been taken over by another process, and whether this request took effect is unknown: "+
			"look, and try again there; stop this process", s.id)
	} else {
		f.reply = serviceerror.NewUnavailablef("the store no longer takes writes (%v), and whether this request took effect is unknown: "+
			"check the disk, restart the server, then look and try again", err)
	}
	if !s.failure.CompareAndSwap(nil, f) {
		return s.failure.Load().reply
	}
	if s.rt.failure.CompareAndSwap(nil, f) {
		s.rt.log.Error("A commit has failed; the server must be restarted", "shard", s.id, "error", err)
	}
	s.rt.workers.push(work{dropShard: s})
	return f.reply
}

// idLedger knows which numbers of a shard are given to steps that are neither
// durable nor gone. Numbers are given while a step runs and its batch becomes
// visible later, so records do not appear in the order of their numbers; whoever
// reads them in that order has to know how far it is complete.
type idLedger struct {
	mu sync.Mutex
	// oldest and newest are the ends of the list of spans, in order of first.
	oldest, newest *idSpan
	waiters        []idWaiter
}

// idSpan is the numbers of one step: first is the first it has got.
type idSpan struct {
	first      int64
	prev, next *idSpan
}

// idWaiter is told when no span with numbers up to bound is left.
type idWaiter struct {
	bound int64
	ready chan struct{}
}

// next gives the step another number.
func (l *idLedger) next(ids *atomic.Int64, span *idSpan) int64 {
	if span.first != 0 {
		return ids.Add(1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	span.first = ids.Add(1) // in the lock: the list is in order
	if span.prev = l.newest; span.prev != nil {
		span.prev.next = span
	} else {
		l.oldest = span
	}
	l.newest = span
	return span.first
}

// settle takes the span off the list: the records with its numbers are visible
// and published, or will never be.
func (l *idLedger) settle(span *idSpan) {
	if span.first == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if span.prev != nil {
		span.prev.next = span.next
	} else {
		l.oldest = span.next
	}
	if span.next != nil {
		span.next.prev = span.prev
	} else {
		l.newest = span.prev
	}
	*span = idSpan{}
	keep := l.waiters[:0]
	for _, w := range l.waiters {
		if l.oldest == nil || l.oldest.first > w.bound {
			close(w.ready)
		} else {
			keep = append(keep, w)
		}
	}
	clear(l.waiters[len(keep):])
	l.waiters = keep
}

// settled returns the greatest number up to which everything is settled. ids is
// the last number given to anyone.
func (l *idLedger) settled(ids *atomic.Int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.oldest != nil {
		return l.oldest.first - 1
	}
	return ids.Load()
}

// wait returns when everything up to bound is settled.
func (l *idLedger) wait(ctx context.Context, bound int64) error {
	l.mu.Lock()
	if l.oldest == nil || l.oldest.first > bound {
		l.mu.Unlock()
		return nil
	}
	w := idWaiter{bound, make(chan struct{})}
	l.waiters = append(l.waiters, w)
	l.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := range l.waiters {
			if l.waiters[i].ready == w.ready {
				l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
				break
			}
		}
		return ctx.Err()
	}
}
