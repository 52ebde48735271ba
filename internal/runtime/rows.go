package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// ReadRows reads the rows of entities of a shard from their records, for an index that is
// built anew: those of the first entities from the place after on, until there are limit
// rows at least. It returns the place to go on from, nil if there is nothing left.
//
// What has changed since the reading of the shard began is in its change log as well, so
// whoever follows the log from where it was before ends up with what there is. Entities
// whose records cannot be decoded are reported and left out.
func (r *Runtime) ReadRows(ctx context.Context, id storage.ShardID, after []byte, limit int) (rows []Change, next []byte, err error) {
	next = after
	if next == nil {
		next = []byte{spaceRecord}
	}
	for len(rows) < limit {
		key, found, err := r.nextEntity(ctx, id, next)
		if err != nil || !found {
			return rows, nil, err
		}
		reader := &recordReader{ctx: ctx, store: r.store, shard: id, prefix: RecordPrefix(key)}
		next = storage.PrefixEnd(reader.prefix)
		indexed, ok := r.machines[key.Kind].(entity.Indexed)
		if !ok {
			continue
		}
		entries, err := indexed.IndexRows(ctx, reader, key)
		switch {
		case reader.err != nil:
			return nil, nil, fmt.Errorf("runtime: reading the rows of entity %v: %w", key, reader.err)
		case err != nil:
			r.log.Error("An entity cannot be listed, as its records cannot be decoded.", key.Attr(), "error", err)
			continue
		}
		for _, entry := range entries {
			rows = append(rows, Change{Entity: key, IndexEntry: entry})
		}
	}
	return rows, next, nil
}

// nextEntity finds the first entity of a shard with a record at from or behind it.
func (r *Runtime) nextEntity(ctx context.Context, id storage.ShardID, from []byte) (key entity.Key, found bool, err error) {
	var broken error
	bounds := storage.Range{Start: from, End: storage.PrefixEnd([]byte{spaceRecord})}
	err = r.store.Scan(ctx, id, bounds, func(record, _ []byte) bool {
		found = true
		key, _, broken = entity.DecodeKey(record[1:])
		return false
	})
	return key, found && err == nil, errors.Join(err, broken)
}

// recordReader reads the records of an entity that others change meanwhile.
type recordReader struct {
	ctx    context.Context
	store  storage.Store
	shard  storage.ShardID
	prefix []byte
	err    error // of the store
}

var _ entity.Reader = (*recordReader)(nil)

func (rd *recordReader) key(record []byte) []byte {
	return append(rd.prefix[:len(rd.prefix):len(rd.prefix)], record...)
}

// Get implements entity.Reader.
func (rd *recordReader) Get(record []byte) ([]byte, error) {
	value, err := rd.store.Get(rd.ctx, rd.shard, rd.key(record))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	rd.err = errors.Join(rd.err, err)
	return value, err
}

// Scan implements entity.Reader.
func (rd *recordReader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	bounds := storage.Prefix(rd.key(prefix))
	bounds.Reverse = reverse
	switch {
	case from == nil:
	case reverse:
		bounds.End = rd.key(from)
	default:
		bounds.Start = rd.key(from)
	}
	err := rd.store.Scan(rd.ctx, rd.shard, bounds, func(key, value []byte) bool {
		return visit(key[len(rd.prefix):], value)
	})
	rd.err = errors.Join(rd.err, err)
	return err
}
