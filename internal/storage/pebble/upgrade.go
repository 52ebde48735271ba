package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/format"
)

// upgrade brings the data up to the present format. Before anything else the
// header says so, so that an interrupted upgrade is gone on with, and by no older
// release.
func (s *Store) upgrade(h header, formats format.Registry) (header, error) {
	ctx := context.Background()
	h.version = formats.Version()
	if err := s.db.Set(headerKey(), h.encode(), cockroach.Sync); err != nil {
		return h, fmt.Errorf("write the header: %w", err)
	}
	for _, step := range formats.Path(h.upgradeFrom) {
		s.logger.Info("Upgrading the data", "dir", s.dir, "from", h.upgradeFrom, "to", h.upgradeFrom+1, "change", step.Change)
		for id := range storage.ShardID(h.shards) {
			if err := step.Apply(ctx, &shardOfDB{s.db, h.generation, id}); err != nil {
				return h, fmt.Errorf("upgrade shard %d from format %d to %d (%s): %w", id, h.upgradeFrom, h.upgradeFrom+1, step.Change, err)
			}
		}
		// The log is sequential: this sync is one of all that was written.
		h.upgradeFrom++
		if err := s.db.Set(headerKey(), h.encode(), cockroach.Sync); err != nil {
			return h, fmt.Errorf("write the header: %w", err)
		}
	}
	return h, nil
}

// shardOfDB is one shard of one generation, without anything between it and the
// database.
type shardOfDB struct {
	db         *cockroach.DB
	generation generation
	id         storage.ShardID
}

var _ format.Shard = (*shardOfDB)(nil)

// Write implements format.Shard.
func (s *shardOfDB) Write(batch *storage.Batch) error {
	b := s.db.NewBatch()
	appendBatch(b, s.generation, s.id, batch)
	return errors.Join(b.Commit(cockroach.NoSync), b.Close())
}

// Scan implements format.Shard.
func (s *shardOfDB) Scan(ctx context.Context, r storage.Range, visit func(key, value []byte) bool) (err error) {
	lower, upper := s.generation.appendKey(nil, s.id, r.Start), s.generation.appendEnd(nil, s.id, r.End)
	if bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	iter, err := s.db.NewIterWithContext(ctx, &cockroach.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("scan shard %d: %w", s.id, misread(err))
	}
	defer func() {
		if e := iter.Close(); e != nil && err == nil {
			err = fmt.Errorf("scan shard %d: %w", s.id, misread(e))
		}
	}()
	first, next := iter.First, iter.Next
	if r.Reverse {
		first, next = iter.Last, iter.Prev
	}
	n := 0
	for ok := first(); ok; ok = next() {
		if n++; n%scanCheck == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		value, err := iter.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scan shard %d: %w", s.id, misread(err))
		}
		if !visit(iter.Key()[prefixLen:], value) {
			return nil
		}
	}
	return nil // an error of the iterator comes out of its Close
}
