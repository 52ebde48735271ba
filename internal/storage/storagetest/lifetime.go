package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/perdure/perdure/internal/storage"
)

// lifetimeTests are about closing and opening again.
var lifetimeTests = []test{
	{"EveryCallAfterCloseIsErrClosed", func(f *fixture) {
		lease := f.acquire(0)
		f.put(lease, "a", "1")
		if err := f.store.Close(); err != nil {
			f.Fatalf("Close: %v", err)
		}
		ctx := context.Background()
		if _, err := f.store.Acquire(ctx, 0); !errors.Is(err, storage.ErrClosed) {
			f.Errorf("Acquire: %v", err)
		}
		if _, err := f.store.Get(ctx, 0, []byte("a")); !errors.Is(err, storage.ErrClosed) {
			f.Errorf("Get: %v", err)
		}
		if _, err := scan(f.store, 0, all()); !errors.Is(err, storage.ErrClosed) {
			f.Errorf("Scan: %v", err)
		}
		if err := f.commit(lease, sets("a", "2")); !errors.Is(err, storage.ErrClosed) {
			f.Errorf("Commit: %v", err)
		}
		if err := f.store.Close(); !errors.Is(err, storage.ErrClosed) {
			f.Errorf("Close: %v", err)
		}
	}},
	{"CloseWaitsForSubmittedBatches", func(f *fixture) {
		lease := f.acquire(0)
		const n = 100
		var done int
		for i := range n {
			f.store.Commit(lease, sets(fmt.Sprint(i), "v"), storage.Durability(i%2), func(err error) {
				if err != nil {
					f.Errorf("commit %d: %v", i, err)
				}
				done++
			})
		}
		if err := f.store.Close(); err != nil {
			f.Fatalf("Close: %v", err)
		}
		if done != n {
			f.Fatalf("%d of %d dones were called before Close returned", done, n)
		}
	}},
	{"CommitsThatRaceWithCloseEndOneWayOrTheOther", func(f *fixture) {
		lease := f.acquire(0)
		var submitters, dones sync.WaitGroup
		var order []error
		started := make(chan struct{})
		submitters.Go(func() {
			for i := range 300 {
				if i == 100 {
					close(started)
				}
				dones.Add(1)
				f.store.Commit(lease, sets(fmt.Sprint(i), "v"), storage.Synced, func(err error) {
					order = append(order, err)
					dones.Done()
				})
			}
		})
		<-started
		if err := f.store.Close(); err != nil {
			f.Fatalf("Close: %v", err)
		}
		submitters.Wait()
		dones.Wait()
		if len(order) != 300 {
			f.Fatalf("%d of 300 dones", len(order))
		}
		closed := false
		for i, err := range order {
			if err != nil && !errors.Is(err, storage.ErrClosed) || err == nil && closed {
				f.Fatalf("done %d: %v, after one that was closed: %v", i, err, closed)
			}
			closed = err != nil
		}
	}},
	{"DataOutliveTheStore", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "1", "b", "2"))
		if err := commit(f.store, lease, sets("c", "lazy"), storage.Lazy); err != nil {
			f.Fatal(err)
		}
		var b storage.Batch
		b.DeleteRange([]byte("a"), []byte("b"))
		f.mustCommit(lease, &b)
		f.put(f.acquire(1), "a", "other")
		f.reopen()
		f.wantScan(0, all(), "b=2", "c=lazy")
		f.wantScan(1, all(), "a=other")
	}},
	{"EpochsGoOnGrowingAfterReopen", func(f *fixture) {
		f.acquire(0)
		old := f.acquire(0)
		f.put(old, "a", "1")
		f.reopen()
		lease := f.acquire(0)
		if lease.Epoch <= old.Epoch {
			f.Fatalf("epoch %d after %d", lease.Epoch, old.Epoch)
		}
		if err := f.commit(old, sets("a", "2")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("Commit under the lease from before: %v", err)
		}
		f.put(lease, "a", "3")
		f.wantScan(0, all(), "a=3")
	}},
	{"TheNumberOfShardsIsFixedAtCreation", func(f *fixture) {
		n := f.store.Shards()
		if n < 2 {
			f.Fatalf("the harness made a store of %d shards; the suite needs two", n)
		}
		f.reopen()
		if got := f.store.Shards(); got != n {
			f.Fatalf("%d shards, %d before", got, n)
		}
	}},
}
