package storagetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/perdure/perdure/internal/storage"
)

// joiner skips the test if the store cannot write batches of several shards as one.
func (f *fixture) joiner() storage.Joiner {
	f.Helper()
	j, ok := f.store.(storage.Joiner)
	if !ok {
		f.Skip("the store is no Joiner")
	}
	return j
}

// commitJoined commits the parts and waits for all dones.
func commitJoined(j storage.Joiner, parts ...storage.Part) (errs []error) {
	errs = make([]error, len(parts))
	var wg sync.WaitGroup
	for i := range parts {
		wg.Add(1)
		parts[i].Done = func(err error) {
			errs[i] = err
			wg.Done()
		}
	}
	j.CommitJoined(parts, storage.Synced)
	wg.Wait()
	return errs
}

func part(lease storage.Lease, pairs ...string) storage.Part {
	return storage.Part{Lease: lease, Batch: sets(pairs...)}
}

// joinTests are about batches that are written as one.
var joinTests = []test{
	{"JoinedBatchesOfSeveralShardsAreWritten", func(f *fixture) {
		j, zero, one := f.joiner(), f.acquire(0), f.acquire(1)
		if errs := commitJoined(j, part(one, "a", "1"), part(zero, "a", "0"), part(one, "b", "1")); errors.Join(errs...) != nil {
			f.Fatal(errs)
		}
		f.wantScan(0, all(), "a=0")
		f.wantScan(1, all(), "a=1", "b=1")
	}},
	{"IfOneOfJoinedBatchesIsRefusedAllAreAndSoIsWhatFollows", func(f *fixture) {
		j, old, other := f.joiner(), f.acquire(0), f.acquire(1)
		lease := f.acquire(0)
		for range 2 {
			for i, err := range commitJoined(j, part(other, "a", "1"), part(old, "a", "1")) {
				if !errors.Is(err, storage.ErrFenced) {
					f.Fatalf("part %d: %v, want ErrFenced", i, err)
				}
			}
		}
		if err := f.commit(other, sets("b", "1")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("a batch after one that was refused: %v, want ErrFenced", err)
		}
		f.put(lease, "c", "1") // the new lease of the other shard is as good as before
		f.wantScan(0, all(), "c=1")
		f.wantScan(1, all())
		f.put(f.acquire(1), "d", "1")
		f.wantScan(1, all(), "d=1")
	}},
	{"JoinedBatchesAreInOrderWithTheOthersOfTheirShards", func(f *fixture) {
		j, zero, one := f.joiner(), f.acquire(0), f.acquire(1)
		const n = 200
		var order [2][]int
		var wg sync.WaitGroup
		note := func(shard, i int) func(error) {
			wg.Add(1)
			return func(err error) {
				if err != nil {
					f.Errorf("batch %d of shard %d: %v", i, shard, err)
				}
				order[shard] = append(order[shard], i)
				wg.Done()
			}
		}
		for i := range n {
			if i%3 == 0 {
				f.store.Commit(zero, sets("k", fmt.Sprint(i)), storage.Lazy, note(0, i))
				f.store.Commit(one, sets("k", fmt.Sprint(i)), storage.Synced, note(1, i))
				continue
			}
			j.CommitJoined([]storage.Part{
				{Lease: zero, Batch: sets("k", fmt.Sprint(i)), Done: note(0, i)},
				{Lease: one, Batch: sets("k", fmt.Sprint(i)), Done: note(1, i)}}, storage.Synced)
		}
		wg.Wait()
		for shard, got := range order {
			for i := range n {
				if len(got) != n || got[i] != i {
					f.Fatalf("dones of shard %d came as %v", shard, got)
				}
			}
			f.wantScan(storage.ShardID(shard), all(), fmt.Sprint("k=", n-1))
		}
	}},
}
