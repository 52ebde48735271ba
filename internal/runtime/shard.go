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

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// shard is the tenure of a shard of the store: it begins with acquireShard, and is
// over when a commit fails (fail) or the shard is given up (ReleaseShard). A shard
// that is acquired again is another one.
type shard struct {
	rt    *Runtime
	id    storage.ShardID
	lease storage.Lease
	// layout is that of the store when the tenure began: of all that belongs to the shard by it. A tenure ends before
	// a part of the shard becomes another one.
	layout storage.Layout

	clock   clock
	numbers numbers
	outbox  outbox

	// over is set, once, when the tenure ends. Calls are refused from then on.
	over atomic.Pointer[ending]
}

// ending is why a tenure is over.
type ending struct {
	cause error
	// reply is what calls are answered with.
	reply error
}

// errReleased is the cause of the end of a tenure that was given up.
var errReleased = errors.New("the shard was given up")

// clockWarning is how far a shard may be ahead of the clock without a warning.
const clockWarning = time.Minute

// acquireShards takes the leases of the shards that are to be held.
func (r *Runtime) acquireShards(ctx context.Context, ids []storage.ShardID) error {
	if n := r.store.Shards(); n > MaxShards {
		return fmt.Errorf("runtime: the store has %d shards, and at most %d are possible", n, MaxShards)
	}
	possible := r.store.Shards()
	if r.splitter != nil {
		possible = MaxShards
	}
	r.shards, r.moving = make([]atomic.Pointer[shard], possible), make([]sync.Mutex, possible)
	if ids == nil && !r.shared {
		for i := range storage.ShardID(r.store.Shards()) {
			ids = append(ids, i)
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
// stopped. Its timers are read by the next refill of the timers, its messages when
// the outboxes are notified, its tasks when their queues are read from the store: all
// three are what Open begins with.
func (r *Runtime) acquireShard(ctx context.Context, id storage.ShardID) error {
	if n := r.store.Shards(); int(id) >= n {
		return fmt.Errorf("shard %d: the store has %d", id, n)
	}
	lease, err := r.store.Acquire(ctx, id)
	if err != nil {
		return fmt.Errorf("shard %d: %w", id, err)
	}
	s := &shard{rt: r, id: id, lease: lease, layout: r.store.Layout()} // in this order: see storage.Store.Layout
	s.numbers.shard = int64(id)
	s.outbox.init(s)
	if err := s.readClock(ctx); err != nil {
		return fmt.Errorf("shard %d: %w", id, err)
	}
	r.shards[id].Store(s)
	return nil
}

// AcquireShard takes a shard over while the runtime runs, and resumes what its records
// say, as Open does. It does nothing if the shard is held already.
func (r *Runtime) AcquireShard(ctx context.Context, id storage.ShardID) error {
	if err := r.checkShard(id); err != nil {
		return err
	}
	r.moving[id].Lock()
	defer r.moving[id].Unlock()
	return r.acquireAnew(ctx, id)
}

// acquireAnew is AcquireShard with the lock of the shard's moves held.
func (r *Runtime) acquireAnew(ctx context.Context, id storage.ShardID) error {
	if r.isClosing() {
		return errClosing
	}
	if last := r.shards[id].Load(); last != nil {
		if last.over.Load() == nil {
			return nil
		}
		last.drop() // before anything of the new tenure comes into memory
	}
	if err := r.acquireShard(ctx, id); err != nil {
		return fmt.Errorf("runtime: taking over a shard: %w", err)
	}
	s := r.shards[id].Load()
	r.timers.readShard(ctx, s)
	r.outboxes.notify(s)
	if s.mayHaveTasks(ctx) {
		r.tasks.Refresh()
	}
	if r.changeLog {
		r.changed()
	}
	return nil
}

// AbandonShard gives a shard up at once, for cause: calls on its entities are refused from
// now on, and what is on its way to the disk is left to the store. It is for who can
// not be sure any more that the shard is his.
func (r *Runtime) AbandonShard(id storage.ShardID, cause error) {
	s, err := r.shard(id)
	if err != nil {
		return
	}
	if s.over.CompareAndSwap(nil, &ending{cause, errNotHeld(id)}) {
		r.workers.push(work{over: s})
	}
}

// ReleaseShard gives a shard up in order: calls on its entities are refused with
// Unavailable from now on, those whose steps are on their way to the disk end as usual,
// and then nothing of the shard is left in memory. Other shards are not touched.
// If the context ends before, the rest is left to the store, and an error returned.
func (r *Runtime) ReleaseShard(ctx context.Context, id storage.ShardID) error {
	if err := r.checkShard(id); err != nil {
		return err
	}
	r.moving[id].Lock()
	defer r.moving[id].Unlock()
	s, err := r.shard(id)
	if err != nil {
		return err
	}
	if err := s.end(ctx); err != nil {
		return err
	}
	return s.tellReleased(ctx)
}

// end ends the tenure in order, and returns when all that was submitted is in the store.
func (s *shard) end(ctx context.Context) error {
	r, id := s.rt, s.id
	if !s.over.CompareAndSwap(nil, &ending{errReleased, errNotHeld(id)}) {
		return s.refusal()
	}
	defer s.drop()
	// Whoever holds the lock of an entity may have looked before the shard was over,
	// and is about to submit. Whoever takes it later is refused.
	for _, e := range r.cache.entriesOf(s) {
		e.mu.Lock()
		//lint:ignore SA2001 to have held it is all
		e.mu.Unlock()
		r.cache.release(e)
	}
	// The dones of a shard come in order: with this one all are through.
	select {
	case err := <-s.commitLast():
		if err != nil {
			return fmt.Errorf("runtime: giving up shard %d: %w", id, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("runtime: giving up shard %d with writes still in flight, which the store may or may not finish: %w", id, context.Cause(ctx))
	}
}

// tellReleased tells a store that keeps account of it that the shard is free.
func (s *shard) tellReleased(ctx context.Context) error {
	releaser, ok := s.rt.store.(storage.Releaser)
	if !ok {
		return nil
	}
	if err := releaser.Release(ctx, s.lease); err != nil {
		return fmt.Errorf("runtime: telling the store that shard %d is free: %w", s.id, err)
	}
	return nil
}

// fail notes that a commit has failed and returns what to answer. Everything of
// the shard in memory may be ahead of the disk from now on, and is dropped.
//
// A shard whose lease was taken is over alone, and so is any shard of a store that is
// shared. Any other failure is the store's.
func (s *shard) fail(err error) error {
	fenced := errors.Is(err, storage.ErrFenced)
	alone := fenced || s.rt.shared && !errors.Is(err, storage.ErrFailed)
	end := &ending{cause: fmt.Errorf("runtime: shard %d no longer takes writes: %w", s.id, err)}
	switch {
	case fenced:
		end.reply = serviceerror.NewUnavailablef("shard %d has been taken over by another process, and whether this request took effect is unknown: "+
			"look, and try again there", s.id)
	case alone:
		end.reply = serviceerror.NewUnavailablef("a write to shard %d has failed (%v), and whether this request took effect is unknown: "+
			"look, and try again", s.id, err)
	default:
		end.reply = serviceerror.NewUnavailablef("the store no longer takes writes (%v), and whether this request took effect is unknown: "+
			"check the disk, restart the server, then look and try again", err)
	}
	if !s.over.CompareAndSwap(nil, end) {
		return s.refusal()
	}
	r := s.rt
	switch {
	case alone && r.shared:
		r.log.Warn("A shard is given up", "shard", s.id, "error", err)
	case !alone:
		if r.failure.CompareAndSwap(nil, end) {
			r.log.Error("A commit has failed; the server must be restarted", "shard", s.id, "error", err)
		}
	case len(r.Shards()) > 0:
		r.log.Error("A shard has been taken over by another process; this one goes on with the others", "shard", s.id)
	case r.failure.CompareAndSwap(nil, end):
		r.log.Error("The last shard has been taken over by another process; stop this one", "shard", s.id)
	}
	r.workers.push(work{over: s})
	return end.reply
}

// drop removes what is in memory of a shard that is over.
func (s *shard) drop() {
	r := s.rt
	r.cache.dropShard(s)
	r.timers.dropShard(s)
	s.outbox.drop()
	r.tasks.Forget(func(task *entity.Task) bool {
		return ShardOf(task.Entity, s.layout) == s.id && !r.Holds(task.Entity)
	})
}

// commitLast writes what may be written late: the removal of the messages that have
// been delivered, and a clock that is not ahead. Nothing with times or numbers may
// follow.
func (s *shard) commitLast() <-chan error {
	batch := &storage.Batch{}
	s.outbox.takeRemovals(batch)
	result := make(chan error, 1)
	s.submitLast(batch, func(err error) { result <- err })
	return result
}

// refusal is what to answer if the shard is over; nil if it is not.
func (s *shard) refusal() error {
	if end := s.over.Load(); end != nil {
		return end.reply
	}
	return nil
}

// doubt is what to answer if what was read of the shard just now may be out of date,
// because another process may have it. A process that has slept comes here before it
// knows that it has.
func (s *shard) doubt() error {
	if err := s.refusal(); err != nil {
		return err
	}
	if r := s.rt; r.sure != nil && !r.sure() {
		return errNotHeld(s.id)
	}
	return nil
}

// shard returns a shard that is held.
func (r *Runtime) shard(id storage.ShardID) (*shard, error) {
	if err := r.checkShard(id); err != nil {
		return nil, err
	}
	s := r.shards[id].Load()
	if s == nil {
		return nil, errNotHeld(id)
	}
	return s, s.refusal()
}

func (r *Runtime) checkShard(id storage.ShardID) error {
	if n := r.store.Shards(); int(id) >= n {
		return fmt.Errorf("runtime: there is no shard %d: the store has %d", id, n)
	}
	return nil
}

// locate returns the shard of an entity with the hash, and its tenure; nil if there was none here yet.
//
// The layout may be out of date. Then the shard is not held here, or the tenure is over, or all that belongs to
// the shard is as it was: a tenure is here only after the layout that it began with.
func (r *Runtime) locate(hash uint64) (storage.ShardID, *shard) {
	layout := r.store.Layout()
	for {
		id := shardIn(layout, hash)
		s := r.shards[id].Load()
		latest := r.store.Layout()
		if latest == layout {
			return id, s
		}
		layout = latest
	}
}

// Layout says which entity belongs to which shard, as far as is known here: see storage.Store.
func (r *Runtime) Layout() storage.Layout { return r.store.Layout() }

// Shards are the numbers of the shards that this runtime holds, in order.
func (r *Runtime) Shards() (ids []storage.ShardID) {
	for s := range r.held() {
		ids = append(ids, s.id)
	}
	return ids
}

// Holds reports whether the shard of the entity is held here.
func (r *Runtime) Holds(key entity.Key) bool {
	_, s := r.locate(hashKey(key))
	return s != nil && s.over.Load() == nil
}

// held are the shards that this runtime holds: those that are not over.
func (r *Runtime) held() iter.Seq[*shard] {
	return func(yield func(*shard) bool) {
		for i := range r.store.Shards() {
			if s := r.shards[i].Load(); s != nil && s.over.Load() == nil && !yield(s) {
				return
			}
		}
	}
}

// NotHeldError says that nothing was done because the shard of the entity is not held
// here. To clients it is Unavailable.
type NotHeldError struct{ *serviceerror.Unavailable }

// Unwrap makes it the Unavailable that it is.
func (e *NotHeldError) Unwrap() error { return e.Unavailable }

// NotHeld is the error for an entity whose shard is not held here.
func (r *Runtime) NotHeld(key entity.Key) error { return errNotHeld(ShardOf(key, r.store.Layout())) }

func errNotHeld(shard storage.ShardID) error {
	return &NotHeldError{serviceerror.NewUnavailable(
		fmt.Sprintf("shard %d is not held by this process; try again, on the one that holds it", shard)).(*serviceerror.Unavailable)}
}
