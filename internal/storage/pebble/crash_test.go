package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
)

// crashBatch is batch number i of a shard, numbers starting at 1: the same for
// the same seed, so that the checker can make it again. Every batch writes its
// number, so the number that is found tells which batches survived.
func crashBatch(seed uint64, shard, i int) (*storage.Batch, storage.Durability) {
	rng := rand.New(rand.NewPCG(seed, uint64(shard)<<32|uint64(i)))
	var b storage.Batch
	b.Set([]byte("number"), binary.BigEndian.AppendUint64(nil, uint64(i)))
	for range rng.IntN(6) {
		key := fmt.Appendf(nil, "k/%03d", rng.IntN(200))
		switch rng.IntN(6) {
		case 0:
			b.Delete(key)
		case 1:
			b.DeleteRange(key, fmt.Appendf(nil, "k/%03d", rng.IntN(200)))
		default:
			value := fmt.Appendf(nil, "%d ", rng.Uint64()) // says which batch it is of
			b.Set(key, bytes.Repeat(value, rng.IntN(30)))
		}
	}
	if rng.IntN(200) == 0 {
		b.Set([]byte("big"), make([]byte, 200<<10)) // more than half a memtable
	}
	return &b, storage.Durability(rng.IntN(3) / 2)
}

// crashShard is what the test knows about a shard.
type crashShard struct {
	// data are the pairs after batches 1 to number, as they were found after the
	// last power cut.
	data   map[string]string
	number int
	// submitted is the number of the last batch given to the store, synced that of
	// the last Synced batch that was reported done.
	submitted, synced atomic.Int64
}

// advance applies the batches up to n to data.
func (s *crashShard) advance(seed uint64, shard, n int) {
	for s.number < n {
		s.number++
		b, _ := crashBatch(seed, shard, s.number)
		for _, op := range b.Ops() {
			switch op.Kind {
			case storage.OpSet:
				s.data[string(op.Key)] = string(op.Value)
			case storage.OpDelete:
				delete(s.data, string(op.Key))
			case storage.OpDeleteRange:
				maps.DeleteFunc(s.data, func(k, _ string) bool { return k >= string(op.Key) && k < string(op.Value) })
			}
		}
	}
}

// TestAfterAPowerCutEachShardHasAPrefixOfItsBatchesWithAllThatWereSynced cuts
// the power at random moments of a random workload, again and again. What the
// file system had not synced is lost, or kept in part, at random.
func TestAfterAPowerCutEachShardHasAPrefixOfItsBatchesWithAllThatWereSynced(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			const cuts = 6
			rng := rand.New(rand.NewPCG(seed, 0))
			fs := vfs.NewCrashableMem()
			shards := make([]*crashShard, 3)
			for i := range shards {
				shards[i] = &crashShard{data: map[string]string{}}
			}
			for range cuts {
				fs = runUntilCut(t, rng, seed, fs, shards)
				store := mustOpen(t, "data", crashOptions(fs))
				for i, s := range shards {
					s.check(t, store, seed, i)
				}
				if err := store.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func crashOptions(fs vfs.FS) Options {
	return Options{FS: fs, Shards: 3, CacheBytes: 1 << 20, Logger: quiet, memTableBytes: 256 << 10}
}

// runUntilCut opens the store, lets a writer for each shard go on where the
// shard is, and returns what is left of the file system after a power cut.
func runUntilCut(t *testing.T, rng *rand.Rand, seed uint64, fs *vfs.MemFS, shards []*crashShard) *vfs.MemFS {
	t.Helper()
	store := mustOpen(t, "data", crashOptions(fs))
	stop := make(chan struct{})
	progress := make(chan struct{})
	var writers sync.WaitGroup
	for i, s := range shards {
		lease := acquire(t, store, storage.ShardID(i))
		s.submitted.Store(int64(s.number))
		s.synced.Store(int64(s.number)) // what was there once may not disappear
		writers.Go(func() {
			slots := make(chan struct{}, 20) // batches in flight
			for n := s.number + 1; ; n++ {
				select {
				case <-stop:
					return
				case slots <- struct{}{}:
				}
				b, durability := crashBatch(seed, i, n)
				s.submitted.Store(int64(n))
				store.Commit(lease, b, durability, func(err error) {
					if err != nil {
						t.Errorf("batch %d: %v", n, err)
					}
					if durability == storage.Synced {
						s.synced.Store(int64(n))
					}
					<-slots
				})
				select {
				case progress <- struct{}{}:
				case <-stop:
				}
			}
		})
	}
	for range rng.IntN(1000) {
		<-progress
	}
	synced := make([]int64, len(shards))
	for i, s := range shards {
		synced[i] = s.synced.Load()
	}
	cut := fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rng.IntN(101),
		RNG:                 rand.New(rand.NewPCG(seed, rng.Uint64())),
	})
	close(stop)
	writers.Wait()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	// Only what was reported before the cut counts.
	for i, s := range shards {
		s.synced.Store(synced[i])
	}
	return cut
}

func (s *crashShard) check(t *testing.T, store *Store, seed uint64, shard int) {
	t.Helper()
	got := map[string]string{}
	err := store.Scan(context.Background(), storage.ShardID(shard), storage.Range{}, func(k, v []byte) bool {
		got[string(k)] = string(v)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if number, ok := got["number"]; ok {
		n = int(binary.BigEndian.Uint64([]byte(number)))
	}
	if synced, submitted := s.synced.Load(), s.submitted.Load(); int64(n) < synced || int64(n) > submitted {
		t.Fatalf("shard %d has batches up to %d; %d were reported synced, %d submitted", shard, n, synced, submitted)
	}
	s.advance(seed, shard, n)
	if !maps.Equal(got, s.data) {
		t.Fatalf("shard %d is not as batches 1 to %d leave it:\ngot keys  %q\nwant keys %q", shard, n,
			slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(s.data)))
	}
}

// TestALeaseAcquiredBeforeAPowerCutIsNeverGivenAgain guards the fence: an epoch
// that was given out is on disk.
func TestALeaseAcquiredBeforeAPowerCutIsNeverGivenAgain(t *testing.T) {
	fs := vfs.NewCrashableMem()
	store := mustOpen(t, "data", small(fs))
	defer store.Close()
	var last uint64
	for range 5 {
		last = acquire(t, store, 1).Epoch
		after := mustOpen(t, "data", small(fs.CrashClone(vfs.CrashCloneCfg{})))
		if epoch := acquire(t, after, 1).Epoch; epoch <= last {
			t.Fatalf("epoch %d was given again after %d", epoch, last)
		}
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPowerCutDuringCreationLeavesAStoreThatCanBeOpened(t *testing.T) {
	fs := vfs.NewCrashableMem()
	var clones []*vfs.MemFS
	hook := cloneBeforeSync{FS: fs, clone: func() { clones = append(clones, fs.CrashClone(vfs.CrashCloneCfg{})) }}
	if err := mustOpen(t, "data", Options{FS: hook, Shards: 3, Logger: quiet}).Close(); err != nil {
		t.Fatal(err)
	}
	if len(clones) == 0 {
		t.Fatal("creation synced nothing")
	}
	for i, clone := range clones {
		store, err := Open("data", Options{FS: clone, Shards: 3, Logger: quiet})
		if err != nil {
			t.Fatalf("after a power cut before sync %d: %v", i, err)
		}
		if store.Shards() != 3 {
			t.Errorf("%d shards", store.Shards())
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cloneBeforeSync calls clone before files that were created are created and
// directories synced.
type cloneBeforeSync struct {
	vfs.FS
	clone func()
}

func (fs cloneBeforeSync) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	fs.clone()
	return fs.FS.Create(name, category)
}

func (fs cloneBeforeSync) OpenDir(name string) (vfs.File, error) {
	fs.clone()
	return fs.FS.OpenDir(name)
}

func TestLazyBatchesReachTheDiskWithoutFurtherCommits(t *testing.T) {
	fs := vfs.NewCrashableMem()
	syncs := make(chan struct{}, 1000)
	store := mustOpen(t, "data", small(signalSync{fs, syncs}))
	defer store.Close()
	lease := acquire(t, store, 0)
	if err := commit(store, lease, storage.Lazy, "a", "1"); err != nil {
		t.Fatal(err)
	}
	for {
		after := mustOpen(t, "data", small(fs.CrashClone(vfs.CrashCloneCfg{})))
		_, err := after.Get(context.Background(), 0, []byte("a"))
		if err := after.Close(); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			return
		}
		<-syncs
	}
}

// signalSync tells of every sync of a file that was created.
type signalSync struct {
	vfs.FS
	syncs chan struct{}
}

func (fs signalSync) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return signalFile{f, fs.syncs}, err
}

type signalFile struct {
	vfs.File
	syncs chan struct{}
}

func (f signalFile) signal(err error) error {
	select {
	case f.syncs <- struct{}{}:
	default:
	}
	return err
}

func (f signalFile) Sync() error     { return f.signal(f.File.Sync()) }
func (f signalFile) SyncData() error { return f.signal(f.File.SyncData()) }

func TestWithoutSyncWhatIsDoneHasReachedTheOperatingSystem(t *testing.T) {
	fs := vfs.NewCrashableMem()
	opts := small(fs)
	opts.NoSync = true
	store := mustOpen(t, "data", opts)
	defer store.Close()
	if err := commit(store, acquire(t, store, 0), storage.Synced, "a", "1"); err != nil {
		t.Fatal(err)
	}
	// All that was written and nothing that was not: a killed process.
	after := mustOpen(t, "data", small(fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})))
	defer after.Close()
	if _, err := after.Get(context.Background(), 0, []byte("a")); err != nil {
		t.Fatal(err)
	}
}
