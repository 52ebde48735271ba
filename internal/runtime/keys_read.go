package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// ReadKeys reads the keys of the entities of a kind in a namespace that have records in
// the shard, in the order of their encoding, from behind after on; from the first one if
// that is the zero Key. It returns limit of them at most, and whether there may be more.
//
// Entities that come to have records while it runs may be missed. Each costs a seek,
// however many records it has.
func (r *Runtime) ReadKeys(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace string, after entity.Key, limit int) (keys []entity.Key, more bool, err error) {
	if _, err := r.shard(id); err != nil {
		return nil, false, err
	}
	bounds := storage.Prefix(entity.AppendString([]byte{spaceRecord, byte(kind)}, namespace))
	if after != (entity.Key{}) {
		bounds.Start = behindEntity(after)
	}
	for {
		var found entity.Key
		var there bool
		var broken error
		err := r.store.Scan(ctx, id, bounds, func(key, _ []byte) bool {
			found, _, broken = entity.DecodeKey(key[1:])
			there = true
			return false
		})
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("runtime: reading keys of shard %d: %w", id, err)
		case broken != nil:
			return nil, false, fmt.Errorf("runtime: a record of shard %d belongs to nothing: %w", id, broken)
		case !there:
			return keys, false, nil
		case len(keys) >= limit:
			return keys, true, nil
		}
		keys = append(keys, found)
		bounds.Start = behindEntity(found)
	}
}

// behindEntity is the first key behind the records of the entity.
func behindEntity(key entity.Key) []byte {
	return storage.PrefixEnd(key.Encode([]byte{spaceRecord}))
}

// HasEntities reports whether the shard has records of entities of a kind in a namespace,
// whoever holds it.
func (r *Runtime) HasEntities(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace string) (found bool, err error) {
	bounds := storage.Prefix(entity.AppendString([]byte{spaceRecord, byte(kind)}, namespace))
	err = r.store.Scan(ctx, id, bounds, func([]byte, []byte) bool {
		found = true
		return false
	})
	return found, err
}

// ReadRecords visits the records in a shard of the entities of a kind in a namespace whose ids begin with the prefix, whoever holds
// it, as they are in the store, in their order. What visit is given is valid until it returns; if that is true, the rest of the
// records of that entity are not visited, and cost nothing.
func (r *Runtime) ReadRecords(ctx context.Context, id storage.ShardID, kind entity.Kind, namespace, prefix string, visit func(key entity.Key, record, value []byte) (skip bool)) error {
	first := entity.Key{Kind: kind, Namespace: namespace, ID: prefix}.Encode([]byte{spaceRecord})
	bounds := storage.Prefix(first[:len(first)-endOfString])
	for skipped := true; skipped; {
		skipped = false
		var broken error
		err := r.store.Scan(ctx, id, bounds, func(k, value []byte) bool {
			key, record, err := entity.DecodeKey(k[1:])
			if err != nil {
				broken = err
				return false
			}
			if skipped = visit(key, record, value); skipped {
				bounds.Start = behindEntity(key)
			}
			return !skipped
		})
		if err := errors.Join(err, broken); err != nil {
			return fmt.Errorf("runtime: reading records of shard %d: %w", id, err)
		}
	}
	return nil
}

// endOfString is the length of the mark at the end of an encoded string (entity.AppendString).
const endOfString = 2

// ShardCount is how many shards the store has, whoever holds them.
func (r *Runtime) ShardCount() int { return r.store.Layout().Shards() }
