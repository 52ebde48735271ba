// Package storagetest is the suite that every implementation of storage.Store
// must pass. It is the precise statement of what the interface promises: where
// its tests and the comments of package storage seem to differ, one of them has
// a bug.
//
// An implementation runs it with one call:
//
//	storagetest.Run(t, func(t *testing.T) storagetest.Harness {
//		return storagetest.Harness{Store: memory.New(4)}
//	})
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/storage"
)

// Harness is one store under test.
type Harness struct {
	// Store is new and empty, and has at least two shards. The suite closes it.
	Store storage.Store
	// Reopen closes the present store in good order and opens another on the
	// same data. Nil when the implementation keeps nothing.
	Reopen func() (storage.Store, error)
}

// Run runs the whole suite, with a new Harness for each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := open(t)
			f := &fixture{T: t, h: h, store: h.Store}
			defer func() {
				if err := f.store.Close(); err != nil && !errors.Is(err, storage.ErrClosed) {
					t.Errorf("Close: %v", err)
				}
			}()
			test.run(f)
		})
	}
	t.Run("BehavesLikeAModelUnderRandomOperations", func(t *testing.T) { runModel(t, open) })
}

type test struct {
	name string
	run  func(*fixture)
}

var tests = slices.Concat(dataTests, commitTests, joinTests, leaseTests, lifetimeTests, splitTests)

// fixture is what a test works with: the store and shorthands that fail the
// test on an unexpected error.
type fixture struct {
	*testing.T
	h     Harness
	store storage.Store
}

func (f *fixture) acquire(shard storage.ShardID) storage.Lease {
	f.Helper()
	lease, err := f.store.Acquire(context.Background(), shard)
	if err != nil {
		f.Fatalf("Acquire(%d): %v", shard, err)
	}
	if lease.Shard != shard {
		f.Fatalf("Acquire(%d) gave a lease on shard %d", shard, lease.Shard)
	}
	return lease
}

// commit commits and waits for the done.
func (f *fixture) commit(lease storage.Lease, batch *storage.Batch) error {
	return commit(f.store, lease, batch, storage.Synced)
}

func commit(s storage.Store, lease storage.Lease, batch *storage.Batch, d storage.Durability) error {
	result := make(chan error, 1)
	s.Commit(lease, batch, d, func(err error) { result <- err })
	return <-result
}

func (f *fixture) mustCommit(lease storage.Lease, batch *storage.Batch) {
	f.Helper()
	if err := f.commit(lease, batch); err != nil {
		f.Fatalf("Commit: %v", err)
	}
}

// put commits one pair.
func (f *fixture) put(lease storage.Lease, key, value string) {
	f.Helper()
	f.mustCommit(lease, sets(key, value))
}

func (f *fixture) get(shard storage.ShardID, key string) string {
	f.Helper()
	value, err := f.store.Get(context.Background(), shard, []byte(key))
	if err != nil {
		f.Fatalf("Get(%q): %v", key, err)
	}
	return string(value)
}

func (f *fixture) wantNone(shard storage.ShardID, key string) {
	f.Helper()
	if value, err := f.store.Get(context.Background(), shard, []byte(key)); !errors.Is(err, storage.ErrNotFound) {
		f.Fatalf("Get(%q) = %q, %v; want ErrNotFound", key, value, err)
	}
}

// scan returns the pairs of the range as "key=value".
func (f *fixture) scan(shard storage.ShardID, r storage.Range) []string {
	f.Helper()
	pairs, err := scan(f.store, shard, r)
	if err != nil {
		f.Fatalf("Scan(%v): %v", r, err)
	}
	return pairs
}

func scan(s storage.Store, shard storage.ShardID, r storage.Range) ([]string, error) {
	pairs := []string{}
	err := s.Scan(context.Background(), shard, r, func(key, value []byte) bool {
		pairs = append(pairs, fmt.Sprintf("%s=%s", key, value))
		return true
	})
	return pairs, err
}

func (f *fixture) wantScan(shard storage.ShardID, r storage.Range, want ...string) {
	f.Helper()
	if got := f.scan(shard, r); !slices.Equal(got, want) {
		f.Fatalf("Scan(%q, %q, reverse %v) = %q, want %q", r.Start, r.End, r.Reverse, got, want)
	}
}

func (f *fixture) reopen() {
	f.Helper()
	if f.h.Reopen == nil {
		f.Skip("this store keeps nothing")
	}
	store, err := f.h.Reopen()
	if err != nil {
		f.Fatalf("Reopen: %v", err)
	}
	f.store = store
}

// sets is a batch that writes the given keys and values, alternating.
func sets(pairs ...string) *storage.Batch {
	var b storage.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	return &b
}

func all() storage.Range { return storage.Range{} }

func between(start, end string) storage.Range {
	return storage.Range{Start: []byte(start), End: []byte(end)}
}

func reverse(r storage.Range) storage.Range {
	r.Reverse = true
	return r
}

// big is a value of n bytes that differs by seed.
func big(seed byte, n int) []byte { return bytes.Repeat([]byte{seed}, n) }
