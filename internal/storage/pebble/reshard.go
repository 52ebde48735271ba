package pebble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

// A resharding writes the pairs of all shards anew, into the generation that is
// not in use, and then makes that one the generation of the store:
//
//	begin    one batch: remove what may be in the other generation, and write
//	         reshardRecord
//	copy     many batches: pairs, and in reshardRecord the last one that was copied
//	finish   one batch: the header with the new number of shards and the other
//	         generation, the epochs, the removal of the old generation and of
//	         reshardRecord
//
// Each batch is synced and atomic, so whenever the process is killed, the store
// is in one of three states: whole and as it was, whole and resharded, or with a
// reshardRecord. In the last one the old generation is still whole; a server
// refuses the store, and a resharding goes on behind the last pair that was copied, or
// takes everything back.

// reshardRecord says how far a resharding is. It is JSON: written once for a
// few megabytes, and read by people who wonder.
type reshardRecord struct {
	// To is the new number of shards.
	To uint32 `json:"to"`
	// Position is the last key of the old generation whose pair is in the new one;
	// empty at the beginning.
	Position []byte `json:"position,omitempty"`
	// Pairs and Bytes are how much has been copied.
	Pairs int64 `json:"pairs"`
	Bytes int64 `json:"bytes"`
}

func (r *reshardRecord) encode() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // it has no field that could not be encoded
	}
	return b
}

func decodeReshard(b []byte) (*reshardRecord, error) {
	r := new(reshardRecord)
	if err := json.Unmarshal(b, r); err != nil || r.To == 0 || r.To > MaxShards {
		return nil, fmt.Errorf("%w: the record of how far a resharding is makes no sense: %s", ErrDamaged, restore)
	}
	return r, nil
}

// resharding is the error of a store in the middle of a resharding.
func (s *state) resharding(dir string) error {
	from, to := s.header.shards, s.reshard.To
	return fmt.Errorf("%w from %d to %d shards: run 'perdure admin reshard --data-dir %s --shards %d', which goes on where it stopped, "+
		"or the same with --shards %d, which takes it back", ErrResharding, from, to, dir, to, from)
}

// copyBatchBytes is how much is copied with one sync. It is less than half of a
// memtable, beyond which Pebble takes a slow way for big batches.
const copyBatchBytes = 2 << 20

// Reshard is a resharding under way. Its methods must not be called at the same
// time. However it ends, Close must be called.
type Reshard struct {
	store  *Store
	header header
	record reshardRecord
	batch  int // bytes that are copied with one sync
}

// Reshard turns the store into one that is being resharded to the given number of
// shards, and goes on with a resharding to that number if there is one under
// way. One to another number is begun anew. The Stopped is closed, and the
// directory remains locked.
func (s *Stopped) Reshard(shards int) (*Reshard, error) {
	if shards < 1 || shards > MaxShards {
		return nil, fmt.Errorf("%d shards: must be between 1 and %d", shards, MaxShards)
	}
	opts := s.opts
	opts.lock, opts.reshard = s.lock, true
	s.lock = nil
	if err := s.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("close storage in %s: %w", s.dir, err), opts.lock.Close())
	}
	store, err := Open(s.dir, opts)
	if err != nil {
		return nil, err
	}
	r := &Reshard{store: store, header: s.state.header, record: reshardRecord{To: uint32(shards)}, batch: opts.copyBytes}
	if under := s.state.reshard; under != nil && under.To == r.record.To {
		r.record = *under
		return r, nil
	}
	err = r.apply("begin", func(b *cockroach.Batch) error {
		start, end := r.header.generation.other().bounds()
		return errors.Join(b.DeleteRange(start, end, nil), b.Set(reshardKey(), r.record.encode(), nil))
	})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// apply writes a batch and syncs it.
func (r *Reshard) apply(what string, fill func(*cockroach.Batch) error) error {
	return r.contain(what, func() error {
		b := r.store.db.NewBatch()
		if err := fill(b); err != nil {
			return errors.Join(err, b.Close())
		}
		return errors.Join(b.Commit(cockroach.Sync), b.Close())
	})
}

// contain is Store.contain with an error that says what the store was doing.
func (r *Reshard) contain(what string, fn func() error) error {
	if err := r.store.contain(what, fn); err != nil {
		return fmt.Errorf("reshard storage in %s: %s: %w", r.store.dir, what, err)
	}
	return nil
}

// Copied is how many pairs, and bytes in keys and values, are in the new
// generation already.
func (r *Reshard) Copied() (pairs, bytes int64) { return r.record.Pairs, r.record.Bytes }

// Copy copies the pairs that have not been copied yet. place tells the shard
// among the new ones that a pair belongs to; a pair it does not keep is about the
// old shard and not copied. progress is called after each batch. A Copy that was
// broken off can be called again, also in another process.
func (r *Reshard) Copy(ctx context.Context, place func(key, value []byte) (shard storage.ShardID, keep bool, err error), progress func()) error {
	for {
		var pairs int
		err := r.apply("copy", func(b *cockroach.Batch) (err error) {
			pairs, err = r.copyBatch(ctx, b, place)
			return err
		})
		if err != nil || pairs == 0 {
			return err
		}
		progress()
	}
}

// copyBatch fills a batch with the pairs that come next, and returns how many
// were read.
func (r *Reshard) copyBatch(ctx context.Context, b *cockroach.Batch, place func(key, value []byte) (storage.ShardID, bool, error)) (read int, err error) {
	record := r.record
	start, end := r.header.generation.bounds()
	if len(record.Position) > 0 {
		start = append(record.Position[:len(record.Position):len(record.Position)], 0)
	}
	// An iterator for each batch: one that stayed open would keep the files that
	// compactions replace.
	iter, err := r.store.db.NewIterWithContext(ctx, &cockroach.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return 0, misread(err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	next := r.header.generation.other()
	var last []byte
	for ok := iter.First(); ok && b.Len() < r.batch; ok = iter.Next() {
		if read++; read%scanCheck == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		key := iter.Key()
		value, err := iter.ValueAndErr()
		if err != nil {
			return 0, misread(err)
		}
		last = append(last[:0], key...)
		shard, keep, err := place(key[prefixLen:], value)
		if err != nil {
			return 0, fmt.Errorf("shard %d: %w", shardOfKey(key), err)
		}
		if !keep {
			continue
		}
		d := b.SetDeferred(len(key), len(value))
		next.appendKey(d.Key[:0], shard, key[prefixLen:])
		copy(d.Value, value)
		record.Pairs++
		record.Bytes += int64(len(key) - prefixLen + len(value))
	}
	if err := iter.Error(); err != nil {
		return 0, misread(err)
	}
	if read == 0 {
		return 0, nil
	}
	record.Position = last
	// If the batch is not applied the store has failed, and r.record does not matter.
	r.record = record
	return read, b.Set(reshardKey(), record.encode(), nil)
}

// Scan is storage.Store.Scan of a shard among the new ones, as far as it has
// been copied.
func (r *Reshard) Scan(ctx context.Context, shard storage.ShardID, bounds storage.Range, visit func(key, value []byte) bool) error {
	return r.contain("read the copy", func() error {
		return (&shardOfDB{r.store.db, r.header.generation.other(), shard}).Scan(ctx, bounds, visit)
	})
}

// Pair is a key and its value.
type Pair struct{ Key, Value []byte }

// Finish makes the copy the store: from the moment its batch is on disk the store
// has the new number of shards. Every shard gets the pairs in addition, and an
// epoch that is not less than that of any old shard.
func (r *Reshard) Finish(pairs []Pair) error {
	h := r.header
	h.shards, h.generation = r.record.To, h.generation.other()
	var epoch uint64
	for _, shard := range r.store.shards {
		epoch = max(epoch, shard.epoch)
	}
	return r.apply("finish", func(b *cockroach.Batch) error {
		start, end := r.header.generation.bounds()
		errs := []error{b.Set(headerKey(), h.encode(), nil), b.Delete(reshardKey(), nil), b.DeleteRange(start, end, nil)}
		for id := range storage.ShardID(h.shards) {
			errs = append(errs, b.Set(epochKey(id), encodeEpoch(epoch), nil))
			for _, pair := range pairs {
				errs = append(errs, b.Set(h.generation.appendKey(nil, id, pair.Key), pair.Value, nil))
			}
		}
		for id := h.shards; id < r.header.shards; id++ {
			errs = append(errs, b.Delete(epochKey(storage.ShardID(id)), nil))
		}
		return errors.Join(errs...)
	})
}

// Abandon takes everything back: the store is what it was.
func (r *Reshard) Abandon() error {
	return r.apply("take back", func(b *cockroach.Batch) error {
		start, end := r.header.generation.other().bounds()
		return errors.Join(b.Delete(reshardKey(), nil), b.DeleteRange(start, end, nil))
	})
}

// Reclaim gives the space of what Finish or Abandon has removed back to the file
// system. It is no part of the resharding: what is not done here is done in the background
// of the next server.
func (r *Reshard) Reclaim(ctx context.Context) error {
	return r.contain("reclaim space", func() error {
		if err := r.store.db.Flush(); err != nil {
			return err
		}
		for _, g := range []generation{0, 1} {
			start, end := g.bounds()
			used, err := r.store.db.EstimateDiskUsage(start, end)
			if err != nil {
				return err
			}
			iter, err := r.store.db.NewIter(&cockroach.IterOptions{LowerBound: start, UpperBound: end})
			if err != nil {
				return err
			}
			live := iter.First()
			if err := errors.Join(iter.Error(), iter.Close()); err != nil || live || used == 0 {
				if err != nil {
					return err
				}
				continue
			}
			if err := r.store.db.Compact(ctx, start, end, true); err != nil {
				return err
			}
		}
		return nil
	})
}

// Disk is how many bytes the store has on disk.
func (r *Reshard) Disk() uint64 { return r.store.db.Metrics().DiskSpaceUsage() }

// Close gives up the directory. A resharding that was not finished can be gone
// on with.
func (r *Reshard) Close() error { return r.store.Close() }
