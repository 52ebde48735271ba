package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/storagetest"
)

// quiet is for tests that cause errors.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func mustOpen(t testing.TB, dir string, opts Options) *Store {
	t.Helper()
	store, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func acquire(t testing.TB, store *Store, shard storage.ShardID) storage.Lease {
	t.Helper()
	lease, err := store.Acquire(context.Background(), shard)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func commit(store *Store, lease storage.Lease, durability storage.Durability, pairs ...string) error {
	var b storage.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Set([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	result := make(chan error, 1)
	store.Commit(lease, &b, durability, func(err error) { result <- err })
	return <-result
}

func conform(t *testing.T, dir func(t *testing.T) string, opts func() Options) {
	storagetest.Run(t, func(t *testing.T) storagetest.Harness {
		dir, opts := dir(t), opts()
		store := mustOpen(t, dir, opts)
		return storagetest.Harness{
			Store: store,
			Reopen: func() (storage.Store, error) {
				if err := store.Close(); err != nil {
					return nil, err
				}
				opts.Shards = 7 // ignored: the store has its number
				var err error
				store, err = Open(dir, opts)
				return store, err
			},
		}
	})
}

func TestConformance(t *testing.T) {
	conform(t, func(*testing.T) string { return "data" }, func() Options {
		return Options{Shards: 4, FS: vfs.NewMem(), CacheBytes: 1 << 20, memTableBytes: 1 << 20}
	})
}

func TestAStoreCanBeOpenedAgainAfterClose(t *testing.T) {
	dir := t.TempDir() + "/not/there/yet"
	store := mustOpen(t, dir, Options{})
	if store.Shards() != DefaultShards {
		t.Fatalf("%d shards", store.Shards())
	}
	if err := commit(store, acquire(t, store, 3), storage.Synced, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = mustOpen(t, dir, Options{Shards: 5})
	defer store.Close()
	if store.Shards() != DefaultShards {
		t.Fatalf("%d shards after reopening", store.Shards())
	}
	if got, err := store.Get(context.Background(), 3, []byte("a")); err != nil || string(got) != "1" {
		t.Fatalf("Get = %q, %v", got, err)
	}
}

func TestANumberOfShardsOutOfRangeIsRefused(t *testing.T) {
	for _, n := range []int{-1, MaxShards + 1} {
		if _, err := Open("data", Options{FS: vfs.NewMem(), Shards: n}); err == nil {
			t.Errorf("Open with %d shards succeeded", n)
		}
	}
	store := mustOpen(t, "data", Options{FS: vfs.NewMem(), Shards: MaxShards})
	defer store.Close()
	if err := commit(store, acquire(t, store, MaxShards-1), storage.Synced, "a", "1"); err != nil {
		t.Error(err)
	}
}

func TestABatchThatIsTooLargeBreaksItsLeaseUntilTheShardIsAcquiredAgain(t *testing.T) {
	store := mustOpen(t, "data", Options{FS: vfs.NewMem()})
	defer store.Close()
	lease := acquire(t, store, 0)
	var huge storage.Batch
	value := make([]byte, MaxBatchBytes/4)
	for range 5 {
		huge.Set([]byte("a"), value)
	}
	results := make(chan error, 2)
	store.Commit(lease, &huge, storage.Synced, func(err error) { results <- err })
	var b storage.Batch
	b.Set([]byte("b"), []byte("1"))
	store.Commit(lease, &b, storage.Synced, func(err error) { results <- err })
	for range 2 {
		if err := <-results; !errors.Is(err, ErrBatchTooLarge) {
			t.Fatalf("got %v, want ErrBatchTooLarge", err)
		}
	}
	if err := commit(store, acquire(t, store, 0), storage.Synced, "b", "2"); err != nil {
		t.Fatal(err)
	}
}

func TestBlocksAreCachedHoweverLargeMemtablesAre(t *testing.T) {
	const size = 1 << 20
	store := mustOpen(t, "data", Options{FS: vfs.NewMem(), Shards: 1, CacheBytes: size, memTableBytes: size})
	defer store.Close()
	lease, random := acquire(t, store, 0), rand.NewChaCha8([32]byte{})
	value := make([]byte, 64<<10)
	for n := range 4 * size / len(value) { // some memtables
		_, _ = random.Read(value) // it does not compress
		if err := commit(store, lease, storage.Synced, fmt.Sprint(n), string(value)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; { // a memtable that is being flushed takes its place, too
		for n := range 4 * size / len(value) {
			if _, err := store.Get(t.Context(), 0, []byte(fmt.Sprint(n))); err != nil {
				t.Fatal(err)
			}
		}
		stats, _ := store.Stats()
		if stats.CacheBytes >= size/2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("all data were read, and %d bytes of them are cached", stats.CacheBytes)
		}
	}
}
