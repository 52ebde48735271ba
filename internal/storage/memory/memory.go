// Package memory is the ephemeral storage.Store: one ordered map per shard.
//
// It is for tests in virtual time and for servers that need not outlive their
// process. Nothing runs in the background: the goroutine that calls the dones
// of a shard is started by a commit and ends when it has called them, so the
// store can be used inside a testing/synctest bubble without ever waking it.
//
// The map is a B-tree with copy on write (tidwall/btree). A scan takes a copy
// in constant time and reads that, so it holds no lock while it calls visit, and
// sees one state of the shard however long it takes. The price is that the
// first writes after a scan copy the nodes they touch.
package memory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/inorder"
)

// DefaultShards is the number of shards when New is given none.
const DefaultShards = 16

// Store implements storage.Store in memory. Both grades of durability mean the
// same here: the data live as long as the Store.
type Store struct {
	parts atomic.Pointer[parts]
	nodes nodes // if several share it: see Node
}

// parts are the shards there are. They are never changed: a store that grows gets others.
type parts struct {
	layout storage.Layout
	shards []*shard
}

var (
	_ storage.Store    = (*Store)(nil)
	_ storage.Joiner   = (*Store)(nil)
	_ storage.Splitter = (*Store)(nil)
)

type shard struct {
	mu     sync.RWMutex
	tree   btree.Map[string, []byte]
	epoch  uint64 // of the present lease; 0 before the first Acquire
	broken bool   // under the present lease, a batch was refused because of another shard's
	split  *split // under the present lease; nil: none is under way
	closed bool
	dones  inorder.Queue
}

var errNoShard = errors.New("no such shard")

// New returns an empty store of the given number of shards, DefaultShards if it
// is not positive.
func New(shards int) *Store {
	if shards <= 0 {
		shards = DefaultShards
	}
	s := new(Store)
	first := &parts{layout: storage.Fixed(shards)}
	for range shards {
		first.shards = append(first.shards, new(shard))
	}
	s.parts.Store(first)
	return s
}

// Shards implements storage.Store.
func (s *Store) Shards() int { return len(s.parts.Load().shards) }

// Layout implements storage.Store.
func (s *Store) Layout() storage.Layout { return s.parts.Load().layout }

func (s *Store) shard(id storage.ShardID) (*shard, error) {
	shards := s.parts.Load().shards
	if uint64(id) >= uint64(len(shards)) {
		return nil, fmt.Errorf("memory store: shard %d of %d: %w", id, len(shards), errNoShard)
	}
	return shards[id], nil
}

// Acquire implements storage.Store.
func (s *Store) Acquire(ctx context.Context, id storage.ShardID) (storage.Lease, error) {
	if err := ctx.Err(); err != nil {
		return storage.Lease{}, err
	}
	sh, err := s.shard(id)
	if err != nil {
		return storage.Lease{}, err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.closed {
		return storage.Lease{}, storage.ErrClosed
	}
	sh.epoch++
	sh.broken, sh.split = false, nil
	return storage.Lease{Shard: id, Epoch: sh.epoch}, nil
}

// Commit implements storage.Store.
func (s *Store) Commit(lease storage.Lease, batch *storage.Batch, _ storage.Durability, done func(error)) {
	sh, err := s.shard(lease.Shard)
	if err != nil {
		// No shard, no order to keep: a goroutine for this call alone.
		go done(err)
		return
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err = sh.refusal(lease); err == nil {
		sh.apply(batch)
	}
	// Under the lock, so that the dones queue in the order of the commits.
	sh.dones.Push(done, err)
}

// refusal is why nothing can be written under the lease; nil if it can.
func (sh *shard) refusal(lease storage.Lease) error {
	switch {
	case sh.closed:
		return storage.ErrClosed
	case lease.Epoch != sh.epoch || lease.Epoch == 0 || sh.broken:
		return storage.ErrFenced
	}
	return nil
}

// CommitJoined implements storage.Joiner.
func (s *Store) CommitJoined(parts []storage.Part, _ storage.Durability) {
	var refused error
	shards := make([]*shard, 0, len(parts)) // each once, in the order of their numbers
	for _, p := range slices.SortedFunc(slices.Values(parts), func(a, b storage.Part) int { return cmp.Compare(a.Lease.Shard, b.Lease.Shard) }) {
		sh, err := s.shard(p.Lease.Shard)
		if refused = cmp.Or(refused, err); err == nil && !slices.Contains(shards, sh) {
			shards = append(shards, sh)
			sh.mu.Lock()
			defer sh.mu.Unlock()
		}
		if err == nil {
			refused = cmp.Or(refused, sh.refusal(p.Lease))
		}
	}
	for _, p := range parts {
		sh, err := s.shard(p.Lease.Shard)
		if err != nil {
			go p.Done(err)
			continue
		}
		if refused == nil {
			sh.apply(p.Batch)
		} else if p.Lease.Epoch == sh.epoch {
			sh.broken = true
		}
		sh.dones.Push(p.Done, refused)
	}
}

func (sh *shard) apply(batch *storage.Batch) {
	if sh.split != nil {
		sh.split.apply(batch)
	}
	for _, op := range batch.Ops() {
		switch op.Kind {
		case storage.OpSet:
			sh.tree.Set(string(op.Key), bytes.Clone(op.Value))
		case storage.OpDelete:
			sh.tree.Delete(string(op.Key))
		case storage.OpDeleteRange:
			var gone []string
			sh.tree.Ascend(string(op.Key), func(key string, _ []byte) bool {
				if len(op.Value) > 0 && key >= string(op.Value) {
					return false
				}
				gone = append(gone, key)
				return true
			})
			for _, key := range gone {
				sh.tree.Delete(key)
			}
		}
	}
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, id storage.ShardID, key []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sh, err := s.shard(id)
	if err != nil {
		return nil, err
	}
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if sh.closed {
		return nil, storage.ErrClosed
	}
	value, ok := sh.tree.Get(string(key))
	if !ok {
		return nil, storage.ErrNotFound
	}
	return append([]byte{}, value...), nil
}

// Scan implements storage.Store. It stops with the error of ctx when ctx ends.
func (s *Store) Scan(ctx context.Context, id storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	sh, err := s.shard(id)
	if err != nil {
		return err
	}
	sh.mu.Lock()
	if sh.closed {
		sh.mu.Unlock()
		return storage.ErrClosed
	}
	tree := sh.tree.Copy()
	sh.mu.Unlock()

	start, end := string(r.Start), string(r.End)
	var key []byte
	step := func(k string, value []byte) bool {
		if err = ctx.Err(); err != nil {
			return false
		}
		key = append(key[:0], k...)
		return visit(key, value)
	}
	switch {
	case !r.Reverse:
		tree.Ascend(start, func(k string, value []byte) bool {
			return (end == "" || k < end) && step(k, value)
		})
	case end == "":
		tree.Reverse(func(k string, value []byte) bool {
			return k >= start && step(k, value)
		})
	default:
		tree.Descend(end, func(k string, value []byte) bool {
			if k == end {
				return true
			}
			return k >= start && step(k, value)
		})
	}
	return err
}

// Close implements storage.Store. Dones still due are called before it returns.
// A second Close returns storage.ErrClosed.
func (s *Store) Close() error {
	shards := s.parts.Load().shards
	for _, sh := range shards {
		sh.mu.Lock()
		closed := sh.closed
		sh.closed = true
		sh.mu.Unlock()
		if closed {
			return storage.ErrClosed
		}
	}
	for _, sh := range shards {
		sh.dones.Wait()
	}
	return nil
}
