package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
)

// Keys of these tests begin with the number that their shard is taken from; keys
// with "own" are about their shard.

func numbered(n uint32) string {
	return string(binary.BigEndian.AppendUint32(nil, n)) + " key"
}

func placeIn(shards int) func(key, value []byte) (storage.ShardID, bool, error) {
	return func(key, _ []byte) (storage.ShardID, bool, error) {
		if string(key) == "own" {
			return 0, false, nil
		}
		return storage.ShardID(int(binary.BigEndian.Uint32(key)) % shards), true, nil
	}
}

// seed fills a new store with so many pairs, and one about each shard.
func seed(t *testing.T, fs vfs.FS, shards, pairs, size int) map[string]string {
	t.Helper()
	store := mustOpen(t, "data", Options{FS: fs, Shards: shards, Logger: quiet})
	data := map[string]string{}
	batches := make([]storage.Batch, shards)
	for n := range uint32(pairs) {
		key, value := numbered(n), fmt.Sprint(n, strings.Repeat(" value", size/6))
		data[key] = value
		batches[int(n)%shards].Set([]byte(key), []byte(value))
	}
	for shard := range batches {
		lease := acquire(t, store, storage.ShardID(shard))
		for range shard { // shards have different epochs
			lease = acquire(t, store, storage.ShardID(shard))
		}
		batches[shard].Set([]byte("own"), []byte("old"))
		result := make(chan error, 1)
		store.Commit(lease, &batches[shard], storage.Synced, func(err error) { result <- err })
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return data
}

// content reads a store and checks that every pair is where it belongs.
func content(t *testing.T, store *Store) (data map[string]string, own int) {
	t.Helper()
	data = map[string]string{}
	for shard := range storage.ShardID(store.Shards()) {
		err := store.Scan(context.Background(), shard, storage.Range{}, func(key, value []byte) bool {
			place, keep, _ := placeIn(store.Shards())(key, value)
			switch {
			case !keep:
				own++
			case place != shard:
				t.Errorf("key %q is in shard %d", key, shard)
			default:
				data[string(key)] = string(value)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return data, own
}

func mustStop(t *testing.T, fs vfs.FS) *Stopped {
	t.Helper()
	stopped, err := OpenStopped("data", Options{FS: fs, Logger: quiet, copyBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return stopped
}

func mustReshard(t *testing.T, fs vfs.FS, shards int) *Reshard {
	t.Helper()
	r, err := mustStop(t, fs).Reshard(shards)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReshardedStoreHasTheSamePairsInOtherShardsAndNoLesserEpochs(t *testing.T) {
	fs := vfs.NewMem()
	data := seed(t, fs, 3, 1000, 100)
	for _, shards := range []int{8, 1, MaxShards, 3} {
		r := mustReshard(t, fs, shards)
		if err := r.Copy(t.Context(), placeIn(shards), func() {}); err != nil {
			t.Fatal(err)
		}
		if err := r.Finish([]Pair{{[]byte("own"), []byte("new")}}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Reclaim(t.Context()), r.Close()); err != nil {
			t.Fatal(err)
		}
		store := mustOpen(t, "data", Options{FS: fs, Logger: quiet})
		if store.Shards() != shards {
			t.Fatalf("%d shards, want %d", store.Shards(), shards)
		}
		got, own := content(t, store)
		if !maps.Equal(got, data) || own != shards {
			t.Errorf("%d shards: %d pairs of %d, %d about shards", shards, len(got), len(data), own)
		}
		if lease := acquire(t, store, storage.ShardID(shards-1)); lease.Epoch < 4 {
			t.Errorf("%d shards: epoch %d is less than that of an old shard", shards, lease.Epoch)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReshardingThatWasBrokenOffGoesOnBehindTheLastPairThatWasCopied(t *testing.T) {
	fs := vfs.NewMem()
	data := seed(t, fs, 2, 600, 300)
	r := mustReshard(t, fs, 5)
	stop := errors.New("stop")
	places, copied := 0, map[string]int{}
	place := func(key, value []byte) (storage.ShardID, bool, error) {
		if places++; places == 400 {
			return 0, false, stop
		}
		copied[string(key)]++
		return placeIn(5)(key, value)
	}
	if err := r.Copy(t.Context(), place, func() {}); !errors.Is(err, stop) {
		t.Fatalf("Copy: %v", err)
	}
	pairs, _ := r.Copied()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if pairs == 0 || pairs >= 400 {
		t.Fatalf("%d pairs had been copied", pairs)
	}
	if _, err := Open("data", Options{FS: fs, Logger: quiet}); !errors.Is(err, ErrResharding) {
		t.Fatalf("Open: %v, want ErrResharding", err)
	}
	if to := func() int { s := mustStop(t, fs); defer s.Close(); return s.Resharding() }(); to != 5 {
		t.Fatalf("resharding to %d", to)
	}

	r = mustReshard(t, fs, 5)
	if again, _ := r.Copied(); again != pairs {
		t.Errorf("%d pairs had been copied, %d are known of", pairs, again)
	}
	places = 1e6
	if err := r.Copy(t.Context(), place, func() {}); err != nil {
		t.Fatal(err)
	}
	if total, _ := r.Copied(); total != int64(len(data)) {
		t.Errorf("%d pairs were copied of %d", total, len(data))
	}
	if err := errors.Join(r.Finish(nil), r.Close()); err != nil {
		t.Fatal(err)
	}
	store := mustOpen(t, "data", Options{FS: fs, Logger: quiet})
	defer store.Close()
	if got, _ := content(t, store); !maps.Equal(got, data) {
		t.Errorf("%d pairs of %d", len(got), len(data))
	}
}

func TestAReshardingCanBeTakenBackOrGivenUpForAnother(t *testing.T) {
	for name, end := range map[string]func(r *Reshard) (*Reshard, int, error){
		"taken back": func(r *Reshard) (*Reshard, int, error) { return r, 4, r.Abandon() },
		"another": func(r *Reshard) (*Reshard, int, error) {
			fs := r.store.fs.FS
			if err := r.Close(); err != nil {
				return nil, 0, err
			}
			r = mustReshard(t, fs, 3)
			return r, 3, errors.Join(r.Copy(t.Context(), placeIn(3), func() {}), r.Finish(nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			data := seed(t, fs, 4, 500, 50)
			r := mustReshard(t, fs, 7)
			if err := r.Copy(t.Context(), placeIn(7), func() {}); err != nil {
				t.Fatal(err)
			}
			r, shards, err := end(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			store := mustOpen(t, "data", Options{FS: fs, Logger: quiet})
			defer store.Close()
			if got, _ := content(t, store); store.Shards() != shards || !maps.Equal(got, data) {
				t.Errorf("%d shards and %d pairs, want %d and %d", store.Shards(), len(got), shards, len(data))
			}
		})
	}
}

// TestAfterAPowerCutAReshardingIsNotBegunUnderWayOrEnded cuts the power again and
// again, and goes on where the store says it is.
func TestAfterAPowerCutAReshardingIsNotBegunUnderWayOrEnded(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for n := range seeds {
		rng := rand.New(rand.NewPCG(uint64(n), 0))
		fs := vfs.NewCrashableMem()
		data := seed(t, fs, 3, 600, 200)
		for cuts := 0; ; cuts++ {
			r := mustReshard(t, fs, 8)
			var crashed *vfs.MemFS
			moment := rng.IntN(8)
			cut := func() {
				if moment--; moment == 0 {
					crashed = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				}
			}
			cut()
			if err := r.Copy(t.Context(), placeIn(8), cut); err != nil {
				t.Fatal(err)
			}
			if err := r.Finish(nil); err != nil {
				t.Fatal(err)
			}
			cut()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if crashed != nil {
				fs = crashed
			}
			store, err := Open("data", Options{FS: fs, Logger: quiet})
			if errors.Is(err, ErrResharding) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got, _ := content(t, store)
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got, data) {
				t.Fatalf("seed %d, after %d cuts: %d pairs of %d", n, cuts, len(got), len(data))
			}
			break
		}
	}
}

func TestANumberOfShardsThatCannotBeReshardedToIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	seed(t, fs, 1, 1, 1)
	for _, shards := range []int{0, -1, MaxShards + 1} {
		stopped := mustStop(t, fs)
		if _, err := stopped.Reshard(shards); err == nil {
			t.Errorf("resharding to %d shards was begun", shards)
		}
		stopped.Close()
	}
}
