package reshard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/sqlite"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// The pairs of these tests are made by hand, in the layout of the runtime's keys.go.

func owner(n int) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: fmt.Sprint("workflow ", n)}
}

type pair struct{ key, value []byte }

// pairsOf are the pairs of an entity with something of everything.
func pairsOf(n int) []pair {
	key := owner(n)
	number := int64(1_000_000 + n)
	taskKey := entity.AppendString([]byte{'q'}, "ns")
	taskKey = entity.AppendString(append(taskKey, 'w'), "queue")
	taskKey = entity.AppendInt(entity.AppendString(taskKey, ""), number)
	taskValue := append([]byte{1<<3 | 2, byte(len(key.Encode(nil)))}, key.Encode(nil)...) // records.DispatchTask.entity
	timer := entity.AppendInt([]byte{'t'}, int64(n))
	return []pair{
		{append(key.Encode([]byte{'e'}), 'c'), []byte(strings.Repeat("record ", n%200))},
		{append(key.Encode([]byte{'e'}), "r1"...), []byte(fmt.Sprint(n))},
		{append(key.Encode(timer), "name"...), nil},
		{taskKey, taskValue},
		{entity.AppendInt([]byte{'o'}, number), append(owner(n+1).Encode(key.Encode(nil)), "body"...)},
		{entity.AppendInt([]byte{'l'}, number), append(key.Encode(nil), "row"...)},
	}
}

func clockOf(shard storage.ShardID) pair {
	return pair{[]byte("mc"), entity.AppendInt(nil, 5000+int64(shard))}
}

// latest is the clock of every shard after a resharding.
func latest(storage.ShardID) pair { return clockOf(shards - 1) }

const shards, entities = 5, 400

// seed makes a store, and adds to it what change says.
func seed(t *testing.T, change func(batches []storage.Batch)) (*vfs.MemFS, Options) {
	t.Helper()
	fs := vfs.NewMem()
	opts := pebble.Options{FS: fs, Shards: shards, Logger: quiet}
	store, err := pebble.Open("data", opts)
	if err != nil {
		t.Fatal(err)
	}
	batches := make([]storage.Batch, shards)
	for n := range entities {
		for _, p := range pairsOf(n) {
			batches[runtime.ShardOf(owner(n), storage.Fixed(shards))].Set(p.key, p.value)
		}
	}
	for id := range batches {
		clock := clockOf(storage.ShardID(id))
		batches[id].Set(clock.key, clock.value)
	}
	if change != nil {
		change(batches)
	}
	results := make(chan error, shards)
	for id := range batches {
		lease, err := store.Acquire(t.Context(), storage.ShardID(id))
		if err != nil {
			t.Fatal(err)
		}
		store.Commit(lease, &batches[id], storage.Synced, func(err error) { results <- err })
	}
	for range batches {
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return fs, Options{Dir: "data", Logger: quiet, store: opts}
}

// verify checks that the store has all pairs of all entities where the runtime
// looks for them, and nothing else.
func verify(t *testing.T, fs vfs.FS, shards int, clock func(storage.ShardID) pair) {
	t.Helper()
	store, err := pebble.Open("data", pebble.Options{FS: fs, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if store.Shards() != shards {
		t.Fatalf("%d shards, want %d", store.Shards(), shards)
	}
	want := 0
	for n := range entities {
		for _, p := range pairsOf(n) {
			want++
			value, err := store.Get(t.Context(), runtime.ShardOf(owner(n), storage.Fixed(shards)), p.key)
			if err != nil || string(value) != string(p.value) {
				t.Fatalf("key %x of %v: %q, %v", p.key, owner(n), value, err)
			}
		}
	}
	got := 0
	for id := range storage.ShardID(shards) {
		err := store.Scan(t.Context(), id, storage.Range{}, func(key, value []byte) bool {
			if clock := clock(id); string(key) == string(clock.key) {
				if string(value) != string(clock.value) {
					t.Errorf("shard %d: clock %x, want %x", id, value, clock.value)
				}
				return true
			}
			got++
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != want {
		t.Errorf("%d pairs, want %d", got, want)
	}
}

func TestAllThatAnEntityOwnsGoesToItsNewShardAndEveryShardGetsTheLatestClock(t *testing.T) {
	fs, options := seed(t, nil)
	for _, n := range []int{64, 1, 7, pebble.MaxShards, shards} {
		options.Shards = n
		report, err := Run(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if report.Outcome != Resharded || report.To != n || report.After.Pairs() != 6*entities || report.DiskBefore == 0 {
			t.Errorf("%d shards: %+v", n, report)
		}
		verify(t, fs, n, latest)
	}
}

func TestTheVisibilityIndexOfTheOldShardsIsRemoved(t *testing.T) {
	_, options := seed(t, nil)
	t.Chdir(t.TempDir()) // the store is in memory, the index is not
	dir := filepath.Join(options.Dir, visibility.Dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	index, err := sqlite.Files{Dir: dir}.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if index, err = (sqlite.Files{Dir: dir}).Replace(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	if err := index.Close(); err != nil {
		t.Fatal(err)
	}
	options.Shards = 9
	if _, err := Run(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left of the index: %v, %v", left, err)
	}
}

func TestAReshardingWhoseContextEndsGoesOnOrIsTakenBackLater(t *testing.T) {
	for _, again := range []int{9, shards} {
		t.Run(fmt.Sprint(again), func(t *testing.T) {
			fs, options := seed(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			options.Shards = 9
			options.Progress = func(p Progress) {
				if p.Phase == Copy && p.Done > 0 {
					cancel()
				}
			}
			if _, err := Run(ctx, options); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run the command again") {
				t.Fatalf("Run: %v", err)
			}
			if _, err := pebble.Open("data", options.store); !errors.Is(err, pebble.ErrResharding) {
				t.Fatalf("Open: %v, want ErrResharding", err)
			}
			options.Shards, options.Progress = again, nil
			report, err := Run(t.Context(), options)
			if err != nil {
				t.Fatal(err)
			}
			if again == 9 && (!report.Resumed || report.Kept == 0) || again == shards && report.Outcome != TakenBack {
				t.Errorf("%+v", report)
			}
			if again == shards {
				verify(t, fs, again, clockOf)
			} else {
				verify(t, fs, again, latest)
			}
		})
	}
}

func TestNothingIsChangedIfTheNumberOfShardsIsWhatItIs(t *testing.T) {
	fs, options := seed(t, nil)
	options.Shards = shards
	if report, err := Run(t.Context(), options); err != nil || report.Outcome != Unchanged {
		t.Fatalf("%+v, %v", report, err)
	}
	verify(t, fs, shards, clockOf)
}

func TestAStoreWithAPairThatCannotBePlacedIsNotChanged(t *testing.T) {
	stray := pairsOf(entities)[0]
	for name, c := range map[string]struct {
		pair  pair
		shard func() storage.ShardID
		says  string
	}{
		"a task that does not decode":     {pair{pairsOf(0)[3].key, []byte{0xff}}, func() storage.ShardID { return 1 }, "shard 1: runtime: task with key"},
		"a key of an unknown kind":        {pair{[]byte("zzz"), nil}, func() storage.ShardID { return 2 }, "shard 2"},
		"a clock that makes no sense":     {pair{[]byte("mc"), nil}, func() storage.ShardID { return 3 }, "shard 3"},
		"a record in the shard of others": {stray, func() storage.ShardID { return (runtime.ShardOf(owner(entities), storage.Fixed(shards)) + 1) % shards }, owner(entities).String()},
	} {
		t.Run(name, func(t *testing.T) {
			_, options := seed(t, func(batches []storage.Batch) { batches[c.shard()].Set(c.pair.key, c.pair.value) })
			options.Shards = 9
			_, err := Run(t.Context(), options)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "nothing was changed") {
				t.Fatalf("Run: %v", err)
			}
			store, err := pebble.Open("data", options.store)
			if err != nil {
				t.Fatal(err)
			}
			if store.Shards() != shards {
				t.Errorf("%d shards", store.Shards())
			}
			store.Close()
		})
	}
}

func TestACensusTellsApartEveryDifference(t *testing.T) {
	_, options := seed(t, nil)
	census := func() *Census {
		store, err := pebble.OpenStopped("data", options.store)
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		j := &job{options: options}
		j.options.Progress = func(Progress) {}
		c, err := j.survey(t.Context(), Survey, shards, 0, store.Scan)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a := census()
	for _, change := range []func(c *Count){
		func(c *Count) { c.Pairs++ },
		func(c *Count) { c.Bytes-- },
		func(c *Count) { c.Sum += uint64(rand.IntN(1000) + 1) },
	} {
		b := census()
		if err := a.compare(b); err != nil {
			t.Fatalf("the same store: %v", err)
		}
		for space, count := range b.Spaces {
			was := count
			change(&count)
			b.Spaces[space] = count
			if err := a.compare(b); err == nil {
				t.Errorf("a difference in %s is not seen", was.Name)
			}
			b.Spaces[space] = was
		}
	}
}

func TestADiskWithoutRoomForTheCopyIsRefusedWithFigures(t *testing.T) {
	if err := checkSpace(1<<30, 10<<30, false); err != nil {
		t.Error(err)
	}
	if err := checkSpace(1<<30, 0, false); err != nil {
		t.Errorf("a file system that does not tell: %v", err)
	}
	err := checkSpace(1<<30, 1<<30, false)
	if err == nil || !strings.Contains(err.Error(), "free 1088.0 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestStoreAndRuntimeAgreeOnTheGreatestNumberOfShards(t *testing.T) {
	if pebble.MaxShards != runtime.MaxShards {
		t.Errorf("the store has up to %d shards, the runtime numbers up to %d", pebble.MaxShards, runtime.MaxShards)
	}
}
