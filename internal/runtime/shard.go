package runtime

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/storage"
)

// shard is one shard of the store, held by this runtime.
type shard struct {
	rt    *Runtime
	id    storage.ShardID
	lease storage.Lease

	clock   clock
	numbers numbers

	// failure is set by the first commit that fails, for good.
	failure atomic.Pointer[failure]

	outbox outbox
}

// failure is why a shard takes no more writes.
type failure struct {
	cause error
	// reply is what calls are answered with.
	reply error
}

// clockWarning is how far a shard may be ahead of the clock without a warning.
const clockWarning = time.Minute

// acquireShards takes the leases of the shards that are to be held.
func (r *Runtime) acquireShards(ctx context.Context, ids []storage.ShardID) error {
	if n := r.store.Shards(); n > MaxShards {
		return fmt.Errorf("runtime: the store has %d shards, and at most %d are possible", n, MaxShards)
	}
	r.shards = make([]atomic.Pointer[shard], r.store.Shards())
	if ids == nil {
		for i := range r.shards {
			ids = append(ids, storage.ShardID(i))
		}
	}
	errs := make([]error, len(ids))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(16, len(ids)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ids)); i = next.Add(1) - 1 {
				errs[i] = r.acquireShard(ctx, ids[i])
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("runtime: taking over the shards of the store: %w", err)
	}
	ahead := int64(0)
	for s := range r.held() {
		ahead = max(ahead, s.clock.now.Load()-r.clock().UnixNano())
	}
	if ahead := time.Duration(ahead); ahead > clockWarning {
		r.log.Warn("The clock of this machine is behind the time of the store, which stands still until the clock has caught up; "+
			"check the clock", "behind", ahead)
	}
	return nil
}

// acquireShard takes the lease of a shard and begins where its last owner has
// stopped.
func (r *Runtime) acquireShard(ctx context.Context, id storage.ShardID) error {
	if int(id) >= len(r.shards) {
		return fmt.Errorf("shard %d: the store has %d", id, len(r.shards))
	}
	lease, err := r.store.Acquire(ctx, id)
	if err != nil {
		return fmt.Errorf("shard %d: %w", id, err)
	}
	s := &shard{rt: r, id: id, lease: lease}
	s.numbers.shard = int64(id)
	s.outbox.init(s)
	if err := s.readClock(ctx); err != nil {
		return fmt.Errorf("shard %d: %w", id, err)
	}
	r.shards[id].Store(s)
	return nil
}

// shard returns a shard that this runtime holds and that has not failed.
func (r *Runtime) shard(id storage.ShardID) (*shard, error) {
	if int(id) >= len(r.shards) {
		return nil, fmt.Errorf("runtime: there is no shard %d: the store has %d", id, len(r.shards))
	}
	s := r.shards[id].Load()
	if s == nil {
		return nil, errNotHeld(int(id))
	}
	if f := s.failure.Load(); f != nil {
		return nil, f.reply
	}
	return s, nil
}

// Shards are the numbers of the shards that this runtime holds and that have not
// failed, in order.
func (r *Runtime) Shards() (ids []storage.ShardID) {
	for s := range r.held() {
		if s.failure.Load() == nil {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// held are the shards that this runtime holds.
func (r *Runtime) held() iter.Seq[*shard] {
	return func(yield func(*shard) bool) {
		for i := range r.shards {
			if s := r.shards[i].Load(); s != nil && !yield(s) {
				return
			}
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

func errNotHeld(shard int) error {
	return serviceerror.NewUnavailablef("shard %d is not held by this process; try again, on the one that holds it", shard)
}
