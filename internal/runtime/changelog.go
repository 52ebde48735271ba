package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// The change log of a shard is what its entities have noted with Step.Index, under
// numbers of their own and in the batch of the step, so it tells of what is durable
// and of nothing else. An index reads it from where it has stopped (ReadChanges),
// remembers how far it has got in a place of its own, and then trims it.

// Change is an entry of the change log.
type Change struct {
	Number int64
	Entity entity.Key
	entity.IndexEntry
}

// ReadChanges reads the change log of a shard from the first entry above after on,
// limit entries at most. It returns the number through which the reading is
// complete, to go on from, and whether there may be more: no entry with a number up to
// it will come any more. Of two entries for the same row the one with the greater
// number is the later.
//
// A shard that is not held here is an Unavailable error. An entry that cannot be
// decoded is an error as well: an index that passed it over would be wrong.
func (r *Runtime) ReadChanges(ctx context.Context, id storage.ShardID, after int64, limit int) (changes []Change, through int64, more bool, err error) {
	s, err := r.shard(id)
	if err != nil {
		return nil, 0, false, err
	}
	// As in ReadTasks: what has a number by now is waited for.
	through = max(after, s.numbers.last.Load())
	if err := s.numbers.wait(ctx, through); err != nil {
		return nil, 0, false, err
	}
	var broken error
	bounds := storage.Range{Start: appendLogKey(nil, after+1), End: appendLogKey(nil, through+1)}
	err = r.store.Scan(ctx, id, bounds, func(key, value []byte) bool {
		if len(changes) >= limit {
			through, more = changes[limit-1].Number, true
			return false
		}
		change, err := decodeChange(key, value)
		if err != nil {
			broken = fmt.Errorf("the entry with key %x cannot be decoded: %w; restore the store from a backup, or trim the log and build the index anew", key, err)
			return false
		}
		changes = append(changes, change)
		return true
	})
	if err = errors.Join(err, broken); err != nil {
		return nil, 0, false, fmt.Errorf("runtime: reading the change log of shard %d: %w", id, err)
	}
	return changes, through, more, nil
}

// TrimChanges removes the entries of a shard's change log with numbers up to
// through, and remembers it (Trimmed). A power cut may bring them back.
func (r *Runtime) TrimChanges(ctx context.Context, id storage.ShardID, through int64) error {
	s, err := r.shard(id)
	if err != nil {
		return err
	}
	batch := &storage.Batch{}
	batch.DeleteRange([]byte{spaceLog}, appendLogKey(nil, through+1))
	batch.Set(trimmedKey, entity.AppendInt(nil, through))
	done := make(chan error, 1)
	s.submit(batch, 0, storage.Lazy, func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil {
			return s.fail(err)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Trimmed returns the number through which the change log of a shard has been trimmed, 0
// if it never was: who has not read so far has missed something.
func (r *Runtime) Trimmed(ctx context.Context, id storage.ShardID) (int64, error) {
	return TrimmedIn(ctx, r.store, id)
}

// Pairs are what is read of the store of a stopped server.
type Pairs interface {
	Get(ctx context.Context, shard storage.ShardID, key []byte) ([]byte, error)
	Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error
}

// TrimmedIn is Runtime.Trimmed of a store.
func TrimmedIn(ctx context.Context, store Pairs, id storage.ShardID) (int64, error) {
	value, err := store.Get(ctx, id, trimmedKey)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("runtime: reading how far the change log of shard %d is trimmed: %w", id, err)
	}
	through, _, err := entity.DecodeInt(value)
	return through, err
}

// ChangesIn visits the change log of a shard of a stopped server's store, from the first entry above after on.
func ChangesIn(ctx context.Context, store Pairs, id storage.ShardID, after int64, visit func(Change)) error {
	var broken error
	bounds := storage.Range{Start: appendLogKey(nil, after+1), End: storage.PrefixEnd([]byte{spaceLog})}
	err := store.Scan(ctx, id, bounds, func(key, value []byte) bool {
		change, err := decodeChange(key, value)
		if err != nil {
			broken = fmt.Errorf("runtime: the entry of the change log of shard %d with key %x cannot be decoded: %w", id, key, err)
			return false
		}
		visit(change)
		return true
	})
	return errors.Join(err, broken)
}

// ChangesEnd returns a number that is not below that of any entry of a shard's change
// log that is durable by now.
func (r *Runtime) ChangesEnd(id storage.ShardID) (int64, error) {
	s, err := r.shard(id)
	if err != nil {
		return 0, err
	}
	return s.numbers.last.Load(), nil
}

func appendLogKey(dst []byte, number int64) []byte {
	return entity.AppendInt(append(dst, spaceLog), number)
}

// appendChange appends the value of an entry of the change log; target is the
// encoded entity key.
func appendChange(dst, target []byte, entry *entity.IndexEntry) []byte {
	dst = entity.AppendString(append(dst, target...), entry.ID)
	if entry.Row == nil {
		return append(dst, rowRemoved)
	}
	return append(append(dst, rowSet), entry.Row...)
}

const (
	rowRemoved = 0
	rowSet     = 1
)

// decodeChange is the inverse of appendLogKey and appendChange.
func decodeChange(key, value []byte) (c Change, err error) {
	if c.Number, _, err = entity.DecodeInt(key[1:]); err != nil {
		return c, err
	}
	if c.Entity, value, err = entity.DecodeKey(value); err != nil {
		return c, err
	}
	if c.ID, value, err = entity.DecodeString(value); err != nil {
		return c, err
	}
	switch {
	case len(value) == 1 && value[0] == rowRemoved:
	case len(value) > 0 && value[0] == rowSet:
		c.Row = append([]byte{}, value[1:]...) // not nil
	default:
		return c, errors.New("neither a row nor a removal")
	}
	return c, nil
}
