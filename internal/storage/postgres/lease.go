package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// Commit implements storage.Store. A batch may not be larger than MaxBatchBytes, nor have keys
// longer than MaxKey.
//
// While the database does not take writes, batches wait. They fail only when it has become
// impossible to write them: the lease is held by another, or the database refuses what is in them.
func (s *Store) Commit(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error)) {
	if err := s.checkShard(lease.Shard); err != nil {
		go done(err) // no shard, no order to keep
		return
	}
	w := s.shards[lease.Shard].writer
	if w == nil {
		go done(errNoWriter)
		return
	}
	w.submit(submission{lease: lease, batch: batch, lazy: durability == storage.Lazy, done: done})
}

// errNoWriter is reported by a store of OpenStopped.
var errNoWriter = errors.New("postgres store: it was opened to be looked at")

// Acquire implements storage.Store. It goes on trying while the database does not answer, until
// the context ends.
func (s *Store) Acquire(ctx context.Context, id storage.ShardID) (storage.Lease, error) {
	if err := ctx.Err(); err != nil {
		return storage.Lease{}, err
	}
	if err := s.checkShard(id); err != nil {
		return storage.Lease{}, err
	}
	w := s.shards[id].writer
	if w == nil {
		return storage.Lease{}, errNoWriter
	}
	lease := storage.Lease{Shard: id}
	err := s.read(ctx, func() (err error) {
		lease.Epoch, err = s.raise(ctx, id, lease.Epoch)
		return err
	})
	if err != nil {
		return storage.Lease{}, fmt.Errorf("acquire shard %d: %w", id, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.shards[id].epoch = max(s.shards[id].epoch, lease.Epoch)
	return lease, nil
}

// raise writes a new epoch of the shard and this store as its holder. The update waits for the
// transaction under way of the holder before, and those that come later find that they are not.
//
// tried is the epoch that an earlier call has tried to write and was not answered, 0 if there was
// none. The update is conditional on the epoch that was read, so whatever becomes of an
// unanswered one, it cannot take effect after a later one. If it cannot be written, raise returns
// the epoch it has tried.
func (s *Store) raise(ctx context.Context, id storage.ShardID, tried uint64) (uint64, error) {
	w := s.shards[id].writer
	for {
		var epoch int64
		var holder string
		var last int32
		err := s.database(id).reads.QueryRow(ctx, `SELECT epoch, holder, (SELECT max(shard) FROM perdure_shards) FROM perdure_shards WHERE shard = $1`, int32(id)).
			Scan(&epoch, &holder, &last)
		if err != nil {
			return tried, err
		}
		// All shards that were made of this one are in its database, and if one is made after this the epoch is another.
		s.grow(int(last) + 1)
		if tried != 0 && uint64(epoch) == tried && holder == s.holder {
			return tried, nil
		}
		w.mu.Lock()
		// A database that has forgotten epochs must not give one twice.
		tried = max(uint64(epoch), s.shards[id].epoch) + 1
		w.mu.Unlock()
		tag, err := s.database(id).reads.Exec(ctx, `UPDATE perdure_shards SET epoch = $3, holder = $4 WHERE shard = $1 AND epoch = $2`,
			int32(id), epoch, int64(tried), s.holder)
		if err != nil {
			return tried, err
		}
		if tag.RowsAffected() == 1 {
			return tried, nil
		}
		tried = 0 // somebody else was first
	}
}

// Release implements storage.Releaser: it notes that nobody holds the shard any more, unless
// somebody else has acquired it.
func (s *Store) Release(ctx context.Context, lease storage.Lease) error {
	if err := s.checkShard(lease.Shard); err != nil {
		return err
	}
	err := s.read(ctx, func() error {
		_, err := s.database(lease.Shard).reads.Exec(ctx, `UPDATE perdure_shards SET holder = '' WHERE shard = $1 AND epoch = $2 AND holder = $3`,
			int32(lease.Shard), int64(lease.Epoch), s.holder)
		return err
	})
	if err != nil {
		return fmt.Errorf("release shard %d: %w", lease.Shard, err)
	}
	return nil
}
