package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/perdure/perdure/internal/storage"
)

// moved are the keys that move in these tests.
func moved(key, _ []byte) bool { return key[0] == 'x' }

// splitter skips the test if the store cannot split shards.
func (f *fixture) splitter() storage.Splitter {
	f.Helper()
	s, ok := f.store.(storage.Splitter)
	if !ok {
		f.Skip("the store is no Splitter")
	}
	return s
}

// parent acquires the shard that the next one is made of, and tells the number of that.
func (f *fixture) parent() (lease storage.Lease, child storage.ShardID) {
	f.Helper()
	layout := f.store.Layout()
	child = storage.ShardID(layout.Shards())
	parent, ok := layout.Parent(child)
	if !ok {
		f.Fatalf("shard %d of %d has no parent", child, layout.Base())
	}
	return f.acquire(parent), child
}

func (f *fixture) begin(lease storage.Lease) storage.Split {
	f.Helper()
	split, err := f.splitter().BeginSplit(context.Background(), lease, moved)
	if err != nil {
		f.Fatalf("BeginSplit: %v", err)
	}
	return split
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// splitTests are about shards that are made of others while those are in use.
var splitTests = []test{
	{"ASplitMovesWhatMovesWheneverItWasWritten", func(f *fixture) {
		f.splitter()
		lease, child := f.parent()
		f.mustCommit(lease, sets("a", "1", "x1", "1", "x2", "1", "x3", "1", "xx", "1"))
		split := f.begin(lease)
		f.mustCommit(lease, sets("x1", "2", "x4", "2", "b", "2"))
		f.must(split.Copy(context.Background(), nil))
		late := sets("x5", "3", "c", "3", "clock", "9")
		late.Delete([]byte("x3"))
		late.DeleteRange([]byte("xx"), []byte("xz"))
		f.mustCommit(lease, late)
		f.must(split.Finish(context.Background(), []byte("clock"), []byte("none")))
		if n := f.store.Shards(); n != int(child)+1 || f.store.Layout().Shards() != n {
			f.Fatalf("there are %d shards, and shard %d is new", n, child)
		}
		f.acquire(child)
		f.wantScan(lease.Shard, all(), "a=1", "b=2", "c=3", "clock=9")
		f.wantScan(child, all(), "clock=9", "x1=2", "x2=1", "x4=2", "x5=3")
	}},
	{"BothPartsOfASplitAreUsedAsAnyOther", func(f *fixture) {
		f.splitter()
		lease, child := f.parent()
		f.mustCommit(lease, sets("a", "1", "x", "1"))
		split := f.begin(lease)
		f.must(split.Copy(context.Background(), nil))
		f.must(split.Finish(context.Background()))
		split.Abandon() // does nothing any more
		if err := f.commit(lease, sets("late", "1")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("a commit under the lease before is reported with %v", err)
		}
		f.put(f.acquire(lease.Shard), "x", "of the parent")
		f.put(f.acquire(child), "a", "of the child")
		f.wantScan(lease.Shard, all(), "a=1", "x=of the parent")
		f.wantScan(child, all(), "a=of the child", "x=1")
	}},
	{"ASplitThatWasAbandonedLeavesNothing", func(f *fixture) {
		f.splitter()
		lease, child := f.parent()
		f.mustCommit(lease, sets("a", "1", "x1", "1", "x2", "1"))
		split := f.begin(lease)
		f.must(split.Copy(context.Background(), nil))
		split.Abandon()
		if n := f.store.Shards(); n != int(child) {
			f.Fatalf("there are %d shards", n)
		}
		gone := sets("x3", "2")
		gone.Delete([]byte("x1"))
		f.mustCommit(lease, gone)
		f.wantScan(lease.Shard, all(), "a=1", "x2=1", "x3=2")
		split = f.begin(lease)
		f.must(split.Copy(context.Background(), nil))
		f.must(split.Finish(context.Background()))
		f.acquire(child)
		f.wantScan(child, all(), "x2=1", "x3=2")
		f.wantScan(lease.Shard, all(), "a=1")
	}},
	{"AfterAnotherAcquireASplitIsRefused", func(f *fixture) {
		f.splitter()
		lease, child := f.parent()
		f.mustCommit(lease, sets("a", "1", "x1", "1"))
		split := f.begin(lease)
		f.must(split.Copy(context.Background(), nil))
		next := f.acquire(lease.Shard)
		f.put(next, "x2", "2")
		if err := split.Finish(context.Background()); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("Finish: %v, want ErrFenced", err)
		}
		f.wantScan(lease.Shard, all(), "a=1", "x1=1", "x2=2")
		split = f.begin(next)
		f.must(split.Copy(context.Background(), nil))
		f.must(split.Finish(context.Background()))
		f.acquire(child)
		f.wantScan(child, all(), "x1=1", "x2=2")
	}},
	{"OnlyTheParentOfTheNextShardIsSplit", func(f *fixture) {
		s := f.splitter()
		lease, child := f.parent()
		other := f.acquire((lease.Shard + 1) % child)
		if _, err := s.BeginSplit(context.Background(), other, moved); err == nil {
			f.Fatal("another shard is split")
		}
	}},
	{"ShardsAreSplitAgainAndAgainAndStayWhenTheStoreIsReopened", func(f *fixture) {
		f.splitter()
		base := f.store.Shards()
		for range 2*base + 1 {
			lease, _ := f.parent()
			f.put(lease, fmt.Sprintf("a%d", f.store.Shards()), "1")
			split := f.begin(lease)
			f.must(split.Copy(context.Background(), nil))
			f.must(split.Finish(context.Background()))
		}
		f.reopen()
		if layout := f.store.Layout(); layout.Base() != base || layout.Shards() != 3*base+1 {
			f.Fatalf("%d shards have become %d of %d", base, layout.Shards(), layout.Base())
		}
		f.put(f.acquire(storage.ShardID(3*base)), "b", "1")
	}},
	{"WhatIsCommittedDuringACopyIsExactInBothParts", func(f *fixture) {
		f.splitter()
		lease, child := f.parent()
		model := map[string]string{}
		rng := rand.New(rand.NewPCG(7, 7))
		change := func(n int) *storage.Batch {
			b := new(storage.Batch)
			for i := range n {
				key := fmt.Sprintf("%c%04d", "ax"[rng.IntN(2)], rng.IntN(3000))
				switch rng.IntN(12) {
				case 0:
					from, to := key, fmt.Sprintf("%s~", key[:4])
					b.DeleteRange([]byte(from), []byte(to))
					for k := range model {
						if k >= from && k < to {
							delete(model, k)
						}
					}
				case 1, 2:
					b.Delete([]byte(key))
					delete(model, key)
				default:
					value := fmt.Sprint(n, i, rng.Uint32())
					b.Set([]byte(key), []byte(value))
					model[key] = value
				}
			}
			return b
		}
		for range 8 {
			f.mustCommit(lease, change(400))
		}
		split := f.begin(lease)
		copied := make(chan error, 1)
		go func() { copied <- split.Copy(context.Background(), nil) }()
		var under sync.WaitGroup
		for done := false; !done; {
			select {
			case err := <-copied:
				f.must(err)
				done = true
			default:
				under.Add(1)
				f.store.Commit(lease, change(5), storage.Lazy, func(err error) {
					if err != nil {
						f.Errorf("Commit: %v", err)
					}
					under.Done()
				})
			}
		}
		for range 20 {
			f.mustCommit(lease, change(5))
		}
		under.Wait()
		f.must(split.Finish(context.Background()))
		f.acquire(child)
		var stay, move []string
		for k, v := range model {
			if k[0] == 'x' {
				move = append(move, k+"="+v)
			} else {
				stay = append(stay, k+"="+v)
			}
		}
		slices.Sort(stay)
		slices.Sort(move)
		f.wantScan(lease.Shard, all(), stay...)
		f.wantScan(child, all(), move...)
	}},
}
