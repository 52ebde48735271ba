package postgres

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// A split (storage.Split) is done by the writer of the parent, in transactions that claim the lease of the parent: what is
// begun by a node that loses it has no effect any more.
//
// The new shard is pairs under a number of which perdure_shards has no row, so nobody knows them. From BeginSplit on, each
// change of the parent that is of something that moves is made in the new shard as well, in the same transaction
// (group.add). Copy reads the parent, page after page, for the keys that move, and has the writer copy what they have by
// then: so what is copied is never older than what is there already. Finish adds the row.

// split is one that is under way.
type split struct {
	store *Store
	lease storage.Lease
	child storage.ShardID
	moves func(key, value []byte) bool
}

// errand is what a transaction does for a split, after the changes of all batches.
type errand struct {
	parent, child storage.ShardID
	// copied are keys of the parent whose values the child gets, and removed are keys of the child.
	copied, removed [][]byte
	// finish has what has moved taken out of the parent, and the child made known. The keys are copied after that.
	finish bool
}

const (
	// splitPage is how many pairs are looked at before those that move are copied, and splitBytes how large they may be together.
	splitPage  = 1000
	splitBytes = 4 << 20
)

// BeginSplit implements storage.Splitter.
func (s *Store) BeginSplit(ctx context.Context, lease storage.Lease, moves func(key, value []byte) bool) (storage.Split, error) {
	layout := s.Layout()
	sp := &split{store: s, lease: lease, child: storage.ShardID(layout.Shards()), moves: moves}
	if sp.child >= MaxShards {
		return nil, fmt.Errorf("postgres store: a store has %d shards at most", MaxShards)
	}
	if parent, ok := layout.Parent(sp.child); !ok || parent != lease.Shard {
		return nil, fmt.Errorf("postgres store: shard %d cannot be split: the next one is made of shard %d", lease.Shard, parent)
	}
	if sp.writer() == nil {
		return nil, errNoWriter
	}
	if err := sp.clear(ctx); err != nil {
		return nil, fmt.Errorf("remove what is left of a split: %w", err)
	}
	sp.follow(sp)
	// What was taken before has not been followed. With this one it is all in the parent.
	if err := sp.run(ctx, nil); err != nil {
		sp.Abandon()
		return nil, fmt.Errorf("begin a split: %w", err)
	}
	return sp, nil
}

func (sp *split) writer() *writer { return sp.store.shards[sp.lease.Shard].writer }

// follow has the writer make changes in the child as well; nil: not any more.
func (sp *split) follow(what *split) {
	w := sp.writer()
	w.mu.Lock()
	defer w.mu.Unlock()
	shard := &sp.store.shards[sp.lease.Shard]
	if what != nil || shard.split == sp {
		shard.split = what
	}
}

// splitUnder is the split that is under way under the lease, nil if there is none. The lock of the writer is held.
func (s *shardState) splitUnder(lease storage.Lease) *split {
	if s.split == nil || s.split.lease != lease {
		return nil
	}
	return s.split
}

// follows reports whether a change of the parent is one of the child, too. What is removed may have been of something that
// moves; then it is not there if it was of something else.
func (sp *split) follows(op storage.Op) bool {
	return sp != nil && (op.Kind != storage.OpSet || sp.moves(op.Key, op.Value))
}

// run has the writer do an errand, and returns when it is done.
func (sp *split) run(ctx context.Context, e *errand) error {
	done := make(chan error, 1)
	sp.writer().submit(submission{lease: sp.lease, batch: new(storage.Batch), errand: e, done: func(err error) { done <- err }})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// clear removes the pairs that an earlier split has left.
func (sp *split) clear(ctx context.Context) error {
	for {
		e := &errand{parent: sp.lease.Shard, child: sp.child}
		if _, err := sp.page(ctx, sp.child, nil, func(key, _ []byte) { e.removed = append(e.removed, key) }); err != nil || len(e.removed) == 0 {
			return err
		}
		if err := sp.run(ctx, e); err != nil {
			return err
		}
	}
}

// page visits the pairs of a shard from a key on, as many as are looked at in one go, and returns where to go on; nil if
// there are no more. The keys are the caller's.
func (sp *split) page(ctx context.Context, shard storage.ShardID, from []byte, visit func(key, value []byte)) (next []byte, err error) {
	pairs, bytes := 0, 0
	err = sp.store.scan(ctx, shard, storage.Range{Start: from}, func(key, value []byte) bool {
		owned := append([]byte{}, key...)
		visit(owned, value)
		pairs, bytes = pairs+1, bytes+len(key)+len(value)
		if pairs == splitPage || bytes >= splitBytes {
			next = append(owned[:len(owned):len(owned)], 0)
		}
		return next == nil
	})
	return next, err
}

// Copy implements storage.Split.
func (sp *split) Copy(ctx context.Context, progress func(pairs int64)) error {
	looked := int64(0)
	for next, more := []byte(nil), true; more; more = next != nil {
		e := &errand{parent: sp.lease.Shard, child: sp.child}
		var err error
		next, err = sp.page(ctx, sp.lease.Shard, next, func(key, value []byte) {
			looked++
			if sp.moves(key, value) {
				e.copied = append(e.copied, key)
			}
		})
		if err == nil && len(e.copied) > 0 {
			err = sp.run(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("copy a part of shard %d: %w", sp.lease.Shard, err)
		}
		if progress != nil {
			progress(looked)
		}
	}
	return nil
}

// Finish implements storage.Split.
func (sp *split) Finish(ctx context.Context, common ...[]byte) error {
	if err := sp.run(ctx, &errand{parent: sp.lease.Shard, child: sp.child, copied: common, finish: true}); err != nil {
		return fmt.Errorf("split shard %d: %w", sp.lease.Shard, err)
	}
	sp.Abandon()
	sp.store.grow(int(sp.child) + 1)
	return nil
}

// Abandon implements storage.Split.
func (sp *split) Abandon() { sp.follow(nil) }

// size is what an errand counts for those who wait for the writer.
func (e *errand) size() (bytes int) {
	if e != nil {
		for _, keys := range [][][]byte{e.copied, e.removed} {
			for _, key := range keys {
				bytes += len(key)
			}
		}
	}
	return bytes
}

// encode makes the messages of the errand.
func (e *errand) encode(exec func(string, ...[]byte), holder []byte) {
	parent, child := int4(uint32(e.parent)), int4(uint32(e.child))
	if len(e.removed) > 0 {
		at, keys := newArray(nil, oidInt4), newArray(nil, oidBytea)
		for _, key := range e.removed {
			at.int4(uint32(e.child))
			keys.bytes(key)
		}
		exec(nameDelete, at.done(), keys.done())
	}
	if e.finish {
		exec(nameTakeOut, parent, child)
	}
	if len(e.copied) > 0 {
		keys := newArray(nil, oidBytea)
		for _, key := range e.copied {
			keys.bytes(key)
		}
		exec(nameCopy, parent, child, keys.done())
	}
	if e.finish {
		exec(nameChild, child, holder)
		exec(nameParent, parent)
	}
}
