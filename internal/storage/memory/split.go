package memory

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/storage"
)

// split is a shard that is being made of a part of another one (storage.Split). It has no lock of its own: that of the
// parent is its.
type split struct {
	store  *Store
	lease  storage.Lease
	parent *shard
	child  *shard
	moves  func(key, value []byte) bool
	// finished is called when the shard is known, with the lock of the parent held. Optional.
	finished func(child storage.ShardID)
}

// BeginSplit implements storage.Splitter.
func (s *Store) BeginSplit(ctx context.Context, lease storage.Lease, moves func(key, value []byte) bool) (storage.Split, error) {
	sp := &split{store: s, lease: lease, child: new(shard), moves: moves}
	return sp, sp.begin(ctx)
}

// Refresh implements storage.Splitter.
func (s *Store) Refresh(context.Context) error { return nil }

func (sp *split) begin(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	layout := sp.store.Layout()
	if parent, ok := layout.Parent(storage.ShardID(layout.Shards())); !ok || parent != sp.lease.Shard {
		return fmt.Errorf("memory store: shard %d cannot be split: the next one is made of shard %d", sp.lease.Shard, parent)
	}
	if sp.parent, err = sp.store.shard(sp.lease.Shard); err != nil {
		return err
	}
	sp.parent.mu.Lock()
	defer sp.parent.mu.Unlock()
	if err := sp.parent.refusal(sp.lease); err != nil {
		return err
	}
	sp.parent.split = sp
	return nil
}

// apply has the new shard follow a batch of the parent.
func (sp *split) apply(batch *storage.Batch) {
	var moved storage.Batch
	for _, op := range batch.Ops() {
		switch {
		case op.Kind == storage.OpDelete:
			moved.Delete(op.Key)
		case op.Kind == storage.OpDeleteRange:
			moved.DeleteRange(op.Key, op.Value)
		case sp.moves(op.Key, op.Value):
			moved.Set(op.Key, op.Value)
		}
	}
	sp.child.apply(&moved)
}

// copyPage is how many pairs are looked at before others have their turn.
const copyPage = 100

// Copy implements storage.Split.
func (sp *split) Copy(ctx context.Context, progress func(pairs int64)) error {
	next, looked := "", int64(0)
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		sp.parent.mu.Lock()
		err, n := sp.refusal(), 0
		if err == nil {
			more = false
			sp.parent.tree.Ascend(next, func(key string, value []byte) bool {
				if n++; n > copyPage {
					next, more = key, true
					return false
				}
				if sp.moves([]byte(key), value) {
					sp.child.tree.Set(key, value)
				}
				return true
			})
		}
		sp.parent.mu.Unlock()
		if err != nil {
			return err
		}
		if looked += int64(n); progress != nil {
			progress(looked)
		}
	}
	return nil
}

func (sp *split) refusal() error {
	if err := sp.parent.refusal(sp.lease); err != nil || sp.parent.split == sp {
		return err
	}
	return storage.ErrFenced
}

// Finish implements storage.Split.
func (sp *split) Finish(_ context.Context, common ...[]byte) error {
	sh := sp.parent
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := sp.refusal(); err != nil {
		return err
	}
	sp.child.tree.Scan(func(key string, _ []byte) bool {
		sh.tree.Delete(key)
		return true
	})
	for _, key := range common {
		if value, ok := sh.tree.Get(string(key)); ok {
			sp.child.tree.Set(string(key), value)
		}
	}
	sh.split = nil
	sh.epoch++ // whoever has read it before this must look again
	sp.child.epoch = 1
	last := sp.store.parts.Load()
	next := &parts{layout: last.layout.Grown(), shards: append(last.shards[:len(last.shards):len(last.shards)], sp.child)}
	if sp.finished != nil {
		sp.finished(storage.ShardID(len(last.shards)))
	}
	sp.store.parts.Store(next)
	return nil
}

// Abandon implements storage.Split.
func (sp *split) Abandon() {
	sp.parent.mu.Lock()
	defer sp.parent.mu.Unlock()
	if sp.parent.split == sp {
		sp.parent.split = nil
	}
}
