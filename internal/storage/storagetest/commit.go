package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/internal/storage"
)

// commitTests are about batches: order, atomicity, what done promises.
var commitTests = []test{
	{"ABatchIsVisibleWhenItsDoneIsCalled", func(f *fixture) {
		lease := f.acquire(0)
		for i, durability := range []storage.Durability{storage.Synced, storage.Lazy} {
			key := fmt.Sprint(i)
			seen := make(chan error, 1)
			f.store.Commit(lease, sets(key, "1"), durability, func(err error) {
				if err == nil {
					_, err = f.store.Get(f.Context(), 0, []byte(key))
				}
				seen <- err
			})
			if err := <-seen; err != nil {
				f.Fatalf("in done: %v", err)
			}
		}
	}},
	{"AnEmptyBatchIsDoneInItsTurn", func(f *fixture) {
		lease := f.acquire(0)
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			b := &storage.Batch{}
			if i%2 == 0 {
				b = sets("a", fmt.Sprint(i))
			}
			wg.Add(1)
			f.store.Commit(lease, b, storage.Durability(i%3%2), func(err error) {
				if err != nil {
					f.Errorf("commit %d: %v", i, err)
				}
				order = append(order, i)
				wg.Done()
			})
		}
		wg.Wait()
		if fmt.Sprint(order) != "[0 1 2 3 4 5 6 7 8 9]" {
			f.Fatalf("dones came as %v", order)
		}
	}},
	{"DonesOfAShardComeInTheOrderOfSubmissionAndNeverTwoAtATime", func(f *fixture) {
		const n = 500
		var wg sync.WaitGroup
		for shard := range storage.ShardID(2) {
			lease := f.acquire(shard)
			wg.Go(func() {
				var busy atomic.Bool
				next := 0
				var done sync.WaitGroup
				done.Add(n)
				for i := range n {
					durability := storage.Synced
					if i%3 == 0 {
						durability = storage.Lazy
					}
					f.store.Commit(lease, sets(fmt.Sprintf("%04d", i), "v"), durability, func(err error) {
						if !busy.CompareAndSwap(false, true) {
							f.Error("two dones of one shard at the same time")
						}
						if err != nil || next != i {
							f.Errorf("done %d came where %d was due, error %v", i, next, err)
						}
						next++
						busy.Store(false)
						done.Done()
					})
				}
				done.Wait()
			})
		}
		wg.Wait()
		for shard := range storage.ShardID(2) {
			if got := len(f.scan(shard, all())); got != n {
				f.Errorf("shard %d has %d of %d pairs", shard, got, n)
			}
		}
	}},
	{"LaterBatchesOfAShardOverwriteEarlierOnesInFlight", func(f *fixture) {
		lease := f.acquire(0)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Add(1)
			f.store.Commit(lease, sets("a", fmt.Sprint(i)), storage.Synced, func(error) { wg.Done() })
		}
		wg.Wait()
		f.wantScan(0, all(), "a=199")
	}},
	{"ABatchIsSeenWholeOrNotAtAll", func(f *fixture) {
		lease := f.acquire(0)
		f.mustCommit(lease, sets("a", "0", "b", "0", "c", "0"))
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					got, err := scan(f.store, 0, all())
					if err != nil || len(got) != 3 || got[0][2:] != got[1][2:] || got[1][2:] != got[2][2:] {
						f.Errorf("scan saw %v, error %v", got, err)
						return
					}
				}
			})
		}
		for i := range 200 {
			v := fmt.Sprint(i)
			f.mustCommit(lease, sets("a", v, "b", v, "c", v))
		}
		close(stop)
		readers.Wait()
	}},
	{"ManyWritersOnManyShardsAllGetTheirBatchesIn", func(f *fixture) {
		const writers, each = 16, 50
		shards := min(f.store.Shards(), 4)
		leases := make([]storage.Lease, shards)
		for i := range leases {
			leases[i] = f.acquire(storage.ShardID(i))
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				lease := leases[w%shards]
				for i := range each {
					key := fmt.Sprintf("%02d/%03d", w, i)
					if err := f.commit(lease, sets(key, "v", "last/"+fmt.Sprint(w), fmt.Sprint(i))); err != nil {
						f.Errorf("commit %s: %v", key, err)
						return
					}
					if _, err := f.store.Get(f.Context(), lease.Shard, []byte(key)); err != nil {
						f.Errorf("Get(%s) after its done: %v", key, err)
						return
					}
				}
			})
		}
		wg.Wait()
		total := 0
		for _, lease := range leases {
			total += len(f.scan(lease.Shard, all()))
		}
		if want := writers * (each + 1); total != want {
			f.Fatalf("%d pairs, want %d", total, want)
		}
	}},
	{"MoreThanIsAllowedInFlightWaitsAndGoesThrough", func(f *fixture) {
		lease := f.acquire(0)
		var wg sync.WaitGroup
		value := big('v', 1<<20)
		for i := range 64 {
			var b storage.Batch
			b.Set([]byte(fmt.Sprintf("%02d", i%4)), value)
			wg.Add(1)
			f.store.Commit(lease, &b, storage.Synced, func(err error) {
				if err != nil {
					f.Errorf("commit %d: %v", i, err)
				}
				wg.Done()
			})
		}
		wg.Wait()
	}},
	{"ABatchMayBeReleasedOnceItsDoneWasCalled", func(f *fixture) {
		lease := f.acquire(0)
		key, value := []byte("a"), []byte("1")
		var b storage.Batch
		b.Set(key, value)
		f.mustCommit(lease, &b)
		key[0], value[0] = 'x', 'x'
		f.wantScan(0, all(), "a=1")
	}},
}

// leaseTests are about fencing.
var leaseTests = []test{
	{"EveryLeaseOfAShardHasAGreaterEpoch", func(f *fixture) {
		first, other := f.acquire(0), f.acquire(1)
		second := f.acquire(0)
		if second.Epoch <= first.Epoch {
			f.Fatalf("epochs %d, then %d", first.Epoch, second.Epoch)
		}
		f.put(other, "a", "1") // an Acquire of another shard fences nothing here
	}},
	{"ACommitUnderAReplacedLeaseIsFencedAndWritesNothing", func(f *fixture) {
		old := f.acquire(0)
		f.put(old, "a", "1")
		lease := f.acquire(0)
		if err := f.commit(old, sets("a", "2", "b", "2")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("Commit: %v, want ErrFenced", err)
		}
		f.wantScan(0, all(), "a=1")
		f.put(lease, "a", "3")
		f.wantScan(0, all(), "a=3")
	}},
	{"ACommitWithoutALeaseIsFenced", func(f *fixture) {
		if err := f.commit(storage.Lease{}, sets("a", "1")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("zero lease: %v, want ErrFenced", err)
		}
		lease := f.acquire(0)
		lease.Epoch++
		if err := f.commit(lease, sets("a", "1")); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("made-up epoch: %v, want ErrFenced", err)
		}
		f.wantScan(0, all())
	}},
	{"EverythingAfterAFailedBatchFailsUnderThatLease", func(f *fixture) {
		old := f.acquire(0)
		lease := f.acquire(0)
		for range 3 {
			if err := f.commit(old, sets("a", "1")); !errors.Is(err, storage.ErrFenced) {
				f.Fatalf("Commit: %v, want ErrFenced", err)
			}
		}
		f.put(lease, "b", "1")
		if err := f.commit(old, &storage.Batch{}); !errors.Is(err, storage.ErrFenced) {
			f.Fatalf("empty Commit: %v, want ErrFenced", err)
		}
		f.wantScan(0, all(), "b=1")
	}},
	{"AcquireWhileCommitsAreInFlightLosesNoneReportedAndLetsNoneIn", func(f *fixture) {
		// A writer keeps committing under its lease while another takes the
		// shard. Each batch adds one key, so what is there after the Acquire must
		// be exactly what was reported done, then and for ever.
		for round := range 20 {
			shard := storage.ShardID(round % 2)
			old := f.acquire(shard)
			var done, submitted int
			var failed error
			var wg sync.WaitGroup
			started := make(chan struct{})
			writerEnded := make(chan struct{})
			go func() {
				defer close(writerEnded)
				for i := 0; ; i++ {
					wg.Add(1)
					stop := make(chan bool, 1)
					b := sets(fmt.Sprintf("%02d/%06d", round, i), "v")
					f.store.Commit(old, b, storage.Durability(i%2), func(err error) {
						defer wg.Done()
						switch {
						case err == nil && failed != nil:
							f.Errorf("batch %d succeeded after one had failed", i)
						case err == nil:
							done++
						default:
							failed = err
						}
						stop <- err != nil
					})
					submitted++
					if i == 20 {
						close(started)
					}
					if i%8 == 7 && <-stop {
						return
					}
				}
			}()
			<-started
			lease := f.acquire(shard)
			prefix := storage.Prefix([]byte(fmt.Sprintf("%02d/", round)))
			atAcquire := len(f.scan(shard, prefix))
			f.put(lease, fmt.Sprintf("owner/%02d", round), "new")
			<-writerEnded
			wg.Wait()
			if !errors.Is(failed, storage.ErrFenced) {
				f.Fatalf("the old owner failed with %v, want ErrFenced", failed)
			}
			got := f.scan(shard, prefix)
			if len(got) != done || atAcquire != done {
				f.Fatalf("%d reported done of %d submitted; %d there when acquired, %d later", done, submitted, atAcquire, len(got))
			}
		}
	}},
	{"OfManyWhoAcquireAtOnceExactlyTheGreatestEpochMayWrite", func(f *fixture) {
		const n = 8
		leases := make([]storage.Lease, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { leases[i] = f.acquire(0) })
		}
		wg.Wait()
		var greatest uint64
		seen := map[uint64]bool{}
		for _, lease := range leases {
			if seen[lease.Epoch] {
				f.Fatalf("epoch %d was given twice", lease.Epoch)
			}
			seen[lease.Epoch] = true
			greatest = max(greatest, lease.Epoch)
		}
		for _, lease := range leases {
			err := f.commit(lease, sets(fmt.Sprint(lease.Epoch), "v"))
			if ok := lease.Epoch == greatest; ok != (err == nil) || (!ok && !errors.Is(err, storage.ErrFenced)) {
				f.Errorf("epoch %d of %d: %v", lease.Epoch, greatest, err)
			}
		}
		f.wantScan(0, all(), fmt.Sprintf("%d=v", greatest))
	}},
}
