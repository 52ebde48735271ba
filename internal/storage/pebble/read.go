package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

// keyBuffers holds *[]byte for the prefixed keys of reads.
var keyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Get implements storage.Store. After a failure of the store it reports that
// failure: what Pebble has in memory then may not be on disk.
func (s *Store) Get(ctx context.Context, shard storage.ShardID, key []byte) ([]byte, error) {
	if err := s.beginRead(ctx, shard); err != nil {
		return nil, err
	}
	defer s.reads.leave()

	buf := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buf)
	*buf = s.generation.appendKey((*buf)[:0], shard, key)
	value, closer, err := s.db.Get(*buf)
	if errors.Is(err, cockroach.ErrNotFound) {
		return nil, storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read a key of shard %d: %w", shard, err)
	}
	// Not bytes.Clone, which makes nil of an empty value.
	owned := append([]byte{}, value...)
	if err := closer.Close(); err != nil {
		return nil, fmt.Errorf("read a key of shard %d: %w", shard, err)
	}
	return owned, nil
}

// scanCheck is how many pairs a scan visits between looks at its context.
const scanCheck = 64

// Scan implements storage.Store. It ends with the error of ctx some pairs after
// ctx has ended. A scan keeps what it sees from being cleaned up, so it is not
// for holding open.
func (s *Store) Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	if err := s.beginRead(ctx, shard); err != nil {
		return err
	}
	defer s.reads.leave()

	return (&shardOfDB{s.db, s.generation, shard}).Scan(ctx, r, visit)
}

// beginRead admits a read, which must call reads.leave when it ends.
func (s *Store) beginRead(ctx context.Context, shard storage.ShardID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.checkShard(shard); err != nil {
		return err
	}
	return s.reads.enter()
}
