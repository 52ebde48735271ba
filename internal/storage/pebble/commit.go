package pebble

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// maxGather is how many bytes may gather for the next write before Commit
	// blocks. It is far more than a sync's worth of work, and less than half of a
	// memtable, beyond which Pebble takes a slow way for big batches.
	maxGather = 1 << 20

	// submissionCost is what a submission counts in addition to its bytes, so
	// that empty and refused batches are bounded as well.
	submissionCost = 128

	// MaxBatchBytes is the greatest Size of a batch.
	MaxBatchBytes = 256 << 20

	// lazyDelay is how long lazy batches wait for a sync of others to carry them,
	// before they get one of their own.
	lazyDelay = 10 * time.Millisecond
)

// ErrBatchTooLarge is reported for a batch of more than MaxBatchBytes.
var ErrBatchTooLarge = errors.New("pebble store: batch is too large")

// group is what is written with one write and one sync: the changes of many
// submissions, already merged, and their dones.
type group struct {
	batch       *cockroach.Batch
	submissions []submission
	bytes       int
	sync        bool // at least one submission is Synced
}

type submission struct {
	done func(error)
	err  error // non-nil if refused: only waits for its turn
}

func newGroup(db *cockroach.DB) *group {
	return &group{batch: db.NewBatch(cockroach.WithMaxRetainedSizeBytes(2 * maxGather))}
}

// reset empties the group for the next use and lets go of what it refers to.
func (g *group) reset() {
	g.batch.Reset()
	clear(g.submissions)
	g.submissions = g.submissions[:0]
	g.bytes, g.sync = 0, false
}

// shardState is what admits commits of a shard. Guarded by Store.mu.
type shardState struct {
	epoch uint64 // of the present lease; durable under epochKey
	// broken is the error of the first batch that was refused under the present
	// lease, and so the error of all that follow.
	broken error
}

// Commit implements storage.Store. A batch may not be larger than MaxBatchBytes.
func (s *Store) Commit(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.gathering.bytes >= maxGather && s.ended == nil {
		s.space.Wait()
	}
	if s.ended != nil {
		s.after.Push(done, s.ended)
		return
	}
	s.gatherLocked(lease, batch, durability, done, s.admitLocked(lease, batch))
	s.wakeLocked()
}

// CommitJoined implements storage.Joiner: a group is written as a whole, so what comes into the same one is.
func (s *Store) CommitJoined(parts []storage.Part, durability storage.Durability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.gathering.bytes >= maxGather && s.ended == nil {
		s.space.Wait()
	}
	if s.ended != nil {
		for _, p := range parts {
			s.after.Push(p.Done, s.ended)
		}
		return
	}
	var refused error
	for _, p := range parts {
		refused = cmp.Or(refused, s.admitLocked(p.Lease, p.Batch))
	}
	for _, p := range parts {
		if refused != nil && s.checkShard(p.Lease.Shard) == nil {
			shard := &s.shards[p.Lease.Shard]
			if p.Lease.Epoch == shard.epoch && shard.broken == nil {
				shard.broken = refused
			}
		}
		s.gatherLocked(p.Lease, p.Batch, durability, p.Done, refused)
	}
	s.wakeLocked()
}

// gatherLocked adds a batch to the next group, or what became of it if it was refused.
func (s *Store) gatherLocked(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error), refused error) {
	g := s.gathering
	if refused == nil {
		appendBatch(g.batch, s.generation, lease.Shard, batch)
		g.bytes += batch.Size()
		g.sync = g.sync || durability == storage.Synced
	}
	g.bytes += submissionCost
	g.submissions = append(g.submissions, submission{done, refused})
}

func (s *Store) admitLocked(lease storage.Lease, batch *storage.Batch) error {
	if s.closing {
		return storage.ErrClosed
	}
	if err := s.checkShard(lease.Shard); err != nil {
		return err
	}
	shard := &s.shards[lease.Shard]
	switch {
	case lease.Epoch != shard.epoch || lease.Epoch == 0:
		return storage.ErrFenced
	case shard.broken != nil:
		return shard.broken
	case batch.Size() > MaxBatchBytes:
		shard.broken = fmt.Errorf("%w: %d bytes, at most %d are allowed; the shard must be acquired anew", ErrBatchTooLarge, batch.Size(), MaxBatchBytes)
		return shard.broken
	}
	return nil
}

// appendBatch copies the changes of batch behind those that dst already has.
func appendBatch(dst *cockroach.Batch, g generation, shard storage.ShardID, batch *storage.Batch) {
	for _, op := range batch.Ops() {
		switch op.Kind {
		case storage.OpSet:
			d := dst.SetDeferred(prefixLen+len(op.Key), len(op.Value))
			g.appendKey(d.Key[:0], shard, op.Key)
			copy(d.Value, op.Value)
		case storage.OpDelete:
			d := dst.DeleteDeferred(prefixLen + len(op.Key))
			g.appendKey(d.Key[:0], shard, op.Key)
		case storage.OpDeleteRange:
			if len(op.Value) > 0 && bytes.Compare(op.Key, op.Value) >= 0 {
				continue
			}
			endLen := prefixLen + len(op.Value)
			d := dst.DeleteRangeDeferred(prefixLen+len(op.Key), endLen)
			g.appendKey(d.Key[:0], shard, op.Key)
			g.appendEnd(d.Value[:0], shard, op.Value)
		}
	}
}

// Acquire implements storage.Store. The new epoch goes the way of all batches,
// behind those of the earlier holder, so when it is done they are.
func (s *Store) Acquire(ctx context.Context, id storage.ShardID) (storage.Lease, error) {
	if err := ctx.Err(); err != nil {
		return storage.Lease{}, err
	}
	if err := s.checkShard(id); err != nil {
		return storage.Lease{}, err
	}
	result := make(chan error, 1)
	lease, err := s.fence(id, result)
	if err != nil {
		return storage.Lease{}, err
	}
	select {
	case err := <-result:
		if err != nil {
			return storage.Lease{}, fmt.Errorf("acquire shard %d: %w", id, err)
		}
		return lease, nil
	case <-ctx.Done():
		// The earlier holder is fenced all the same; nobody holds the shard.
		return storage.Lease{}, ctx.Err()
	}
}

// fence begins a new epoch of the shard: commits of earlier ones are refused as
// soon as it returns, and result tells when the epoch is on disk.
func (s *Store) fence(id storage.ShardID, result chan<- error) (storage.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return storage.Lease{}, s.ended
	}
	if s.closing {
		return storage.Lease{}, storage.ErrClosed
	}
	shard := &s.shards[id]
	shard.epoch++
	shard.broken = nil
	g := s.gathering
	key, value := epochKey(id), encodeEpoch(shard.epoch)
	d := g.batch.SetDeferred(len(key), len(value))
	copy(d.Key, key)
	copy(d.Value, value)
	g.sync = true
	g.bytes += submissionCost
	g.submissions = append(g.submissions, submission{done: func(err error) { result <- err }})
	s.wakeLocked()
	return storage.Lease{Shard: id, Epoch: shard.epoch}, nil
}

func (s *Store) wakeLocked() {
	if s.idle {
		s.idle = false
		s.wake <- struct{}{} // has room for one: nobody else sends until idle is set again
	}
}

// run is the committer. It ends after Close, when everything is written, or
// when the store has failed.
func (s *Store) run() {
	defer close(s.stopped)
	ok := false
	defer func() {
		switch r := recover(); {
		case r != nil:
			s.fail(panicError("commit", r))
		case !ok:
			s.fail(errors.New("commit: given up after a fatal error"))
		}
	}()
	var lazy lazySync
	for {
		g := s.next(&lazy)
		if g == nil {
			break
		}
		began := time.Now()
		synced, err := s.write(g, &lazy)
		if err != nil {
			s.fail(fmt.Errorf("commit: %w", err))
			break
		}
		if s.observer != nil {
			s.observer.Committed(storage.Write{Batches: len(g.submissions), Bytes: g.batch.Len(), Synced: synced, Took: time.Since(began)})
		}
		if !s.finish(g) {
			break
		}
	}
	ok = true
}

// lazySync is what the committer knows about lazy batches that were written and
// not yet synced.
type lazySync struct {
	since time.Time // of the first of them; zero if there are none
	timer *time.Timer
}

func (l *lazySync) due() bool { return !l.since.IsZero() && time.Since(l.since) >= lazyDelay }

// next waits for work and takes it. The group is empty when it is only to sync
// lazy batches, and nil when there will be no more.
func (s *Store) next(lazy *lazySync) *group {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.ended != nil:
			return nil
		case len(s.gathering.submissions) > 0 || lazy.due():
			g := s.gathering
			s.inflight, s.gathering, s.spare = g, s.spare, nil
			s.space.Broadcast()
			return g
		case s.closing:
			return nil
		}
		s.idle = true
		s.mu.Unlock()
		lazy.wait(s.wake)
		s.mu.Lock()
		if s.idle { // the timer woke us
			s.idle = false
		} else {
			select {
			case <-s.wake: // the timer woke us and somebody was about to
			default:
			}
		}
	}
}

// wait returns when wake has something, or lazy batches want their sync.
func (l *lazySync) wait(wake <-chan struct{}) {
	if l.since.IsZero() {
		<-wake
		return
	}
	if l.timer == nil {
		l.timer = time.NewTimer(lazyDelay)
	} else {
		l.timer.Reset(lazyDelay - time.Since(l.since))
	}
	select {
	case <-wake:
		l.timer.Stop()
	case <-l.timer.C:
	}
}

// write makes the group visible, and durable if any part of it is to be, and reports whether it is.
func (s *Store) write(g *group, lazy *lazySync) (synced bool, err error) {
	sync := g.sync || lazy.due()
	if g.batch.Empty() {
		if !sync || lazy.since.IsZero() {
			return false, nil
		}
		// Pebble has no call for a sync by itself. This is a record without meaning.
		if err := g.batch.LogData(nil, nil); err != nil {
			return false, err
		}
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	if sync {
		lazy.since = time.Time{}
		return true, s.db.Apply(g.batch, cockroach.Sync)
	}
	if lazy.since.IsZero() {
		lazy.since = time.Now()
	}
	return false, s.db.Apply(g.batch, cockroach.NoSync)
}

// finish calls the dones of the group and gives it back. It reports false when
// the store has failed in the meantime, and someone else calls them.
func (s *Store) finish(g *group) bool {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return false
	}
	s.inflight = nil
	// Taken before mu is given up, so that end cannot get in between. It is free:
	// only end's barrier takes it otherwise.
	s.delivering.Lock()
	s.mu.Unlock()
	for _, sub := range g.submissions {
		sub.done(sub.err)
	}
	s.delivering.Unlock()

	g.reset()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = g
	return true
}
