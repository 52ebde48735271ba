package runtime

import (
	"bytes"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// fewRecords is how many records with a prefix are removed one by one.
const fewRecords = 64

// removePrefix has the batch remove all records with keys, in the key space of the shard, that begin
// with prefix. If there are few, it removes each: a range that is removed costs all readers of the
// store time for as long as it is in memory, and every run that is deleted with its history
// would be two.
//
// Which there are is what the store has, if nothing of the entity is on its way there, and the step
// has not written any before.
func (x *execution) removePrefix(batch *storage.Batch, prefix []byte, before []entity.Record) {
	e := x.entry
	known := e.settled()
	for i := range before {
		known = known && !bytes.HasPrefix(before[i].Key, prefix[len(e.prefix):])
	}
	if known {
		var keys [][]byte
		err := x.rt.store.Scan(x.reader.ctx, e.shard.id, storage.Prefix(prefix), func(key, _ []byte) bool {
			keys = append(keys, bytes.Clone(key))
			return len(keys) <= fewRecords
		})
		if err == nil && len(keys) <= fewRecords {
			for _, key := range keys {
				batch.Delete(key)
			}
			return
		}
	}
	batch.DeleteRange(prefix, storage.PrefixEnd(prefix))
}

// settled reports whether all batches of the entity are in the store. Its lock is held, so no
// others come.
func (e *entry) settled() bool {
	e.order.Lock()
	defer e.order.Unlock()
	return e.last == nil
}
