package pebble

import (
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
			value := make([]byte, rng.IntN(600))
			for j := range value {
				value[j] = byte(rng.Uint32())
			}
			b.Set(key, value)
		}
	}
	if rng.IntN(200) == 0 {
		b.Set([]byte("big"), make([]byte, 200<<10)) // more than half a memtable
	}
	return &b, storage.Durability(rng.IntN(3) / 2)
}

// crashShard is what one writer knows about its shard.
type crashShard struct {
	submitted atomic.Int64
	// synced is the number of the last Synced batch that was reported done.
	synced atomic.Int64
}

// survivors are the pairs of a shard after batches 1 to n.
func survivors(seed uint64, shard, n int) map[string]string {
	data := map[string]string{}
	for i := 1; i <= n; i++ {
		b, _ := crashBatch(seed, shard, i)
		for _, op := range b.Ops() {
			switch op.Kind {
			case storage.OpSet:
				data[string(op.Key)] = string(op.Value)
			case storage.OpDelete:
				delete(data, string(op.Key))
			case storage.OpDeleteRange:
				maps.DeleteFunc(data, func(k, _ string) bool { return k >= string(op.Key) && k < string(op.Value) })
			}
		}
	}
	return data
}

// TestAfterAPowerCutEachShardHasAPrefixOfItsBatchesWithAllThatWereSynced cuts
// the power at random moments of a random workload. What the file system had not
// synced is lost, or kept in part, at random.
func TestAfterAPowerCutEachShardHasAPrefixOfItsBatchesWithAllThatWereSynced(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			crashRound(t, seed)
		})
	}
}

func crashRound(t *testing.T, seed uint64) {
	const shards, crashes = 3, 6
	rng := rand.New(rand.NewPCG(seed, 0))
	fs := vfs.NewCrashableMem()
	opts := func(fs vfs.FS) Options {
		return Options{FS: fs, Shards: shards, CacheBytes: 1 << 20, Logger: quiet, memTableBytes: 256 << 10}
	}
	store := mustOpen(t, "data", opts(fs))
	var state [shards]crashShard
	stop := make(chan struct{})
	progress := make(chan struct{}, 1)
	var writers sync.WaitGroup
	for shard := range shards {
		lease := acquire(t, store, storage.ShardID(shard))
		writers.Go(func() {
			slots := make(chan struct{}, 20) // batches in flight
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				case slots <- struct{}{}:
				}
				b, durability := crashBatch(seed, shard, i)
				state[shard].submitted.Store(int64(i))
				store.Commit(lease, b, durability, func(err error) {
					if err != nil {
						t.Errorf("batch %d: %v", i, err)
					}
					if durability == storage.Synced {
						state[shard].synced.Store(int64(i))
					}
					<-slots
					select {
					case progress <- struct{}{}:
					default:
					}
				})
			}
		})
	}
	for range crashes {
		for range rng.IntN(200) {
			<-progress
		}
		var synced, submitted [shards]int
		for i := range state {
			synced[i] = int(state[i].synced.Load())
		}
		cut := fs.CrashClone(vfs.CrashCloneCfg{
			UnsyncedDataPercent: rng.IntN(101),
			RNG:                 rand.New(rand.NewPCG(seed, rng.Uint64())),
		})
		for i := range state {
			submitted[i] = int(state[i].submitted.Load())
		}
		after := mustOpen(t, "data", opts(cut))
		for shard := range shards {
			checkSurvivors(t, after, seed, shard, synced[shard], submitted[shard])
		}
		if err := after.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func checkSurvivors(t *testing.T, store *Store, seed uint64, shard, synced, submitted int) {
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
	if n < synced || n > submitted {
		t.Fatalf("shard %d has batches up to %d; %d were reported synced, %d submitted", shard, n, synced, submitted)
	}
	if want := survivors(seed, shard, n); !maps.Equal(got, want) {
		t.Fatalf("shard %d is not as batches 1 to %d leave it:\ngot keys  %v\nwant keys %v", shard, n,
			slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
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
