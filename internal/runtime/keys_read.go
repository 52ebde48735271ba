package runtime

import (
	"context"
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
