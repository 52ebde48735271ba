package pebble

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/format"
)

// louder is an upgrade that makes all values upper case, and counts its runs.
func louder(runs *int, fail *bool) format.Upgrade {
	return format.Upgrade{Change: "values are upper case", Apply: func(ctx context.Context, shard format.Shard) error {
		if *fail {
			return errors.New("the power is gone")
		}
		*runs++
		var batch storage.Batch
		err := shard.Scan(ctx, storage.Range{}, func(key, value []byte) bool {
			batch.Set(bytes.Clone(key), bytes.ToUpper(value))
			return true
		})
		return errors.Join(err, shard.Write(&batch))
	}}
}

func TestAnOlderStoreIsUpgradedOnceByEveryUpgradeSinceItsFormat(t *testing.T) {
	fs := vfs.NewMem()
	opts := func(upgrades ...format.Upgrade) Options {
		return Options{FS: fs, Shards: 2, Logger: quiet, formats: &format.Registry{Oldest: 7, Upgrades: upgrades}}
	}
	store := mustOpen(t, "data", opts())
	for shard := range storage.ShardID(2) {
		if err := commit(store, acquire(t, store, shard), storage.Synced, "a", "quiet"); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()

	var first, second int
	fine := false
	both := opts(louder(&first, &fine), louder(&second, &fine))
	for range 2 { // the second time there is nothing to do
		store = mustOpen(t, "data", both)
		for shard := range storage.ShardID(2) {
			if value, err := store.Get(t.Context(), shard, []byte("a")); err != nil || string(value) != "QUIET" {
				t.Errorf("shard %d: %q, %v", shard, value, err)
			}
		}
		store.Close()
	}
	if first != 2 || second != 2 {
		t.Errorf("the upgrades were applied to %d and %d shards, want 2 each", first, second)
	}
	if _, err := Open("data", opts(louder(&first, &fine))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "format 9") {
		t.Errorf("the release before: %v, want ErrFormat", err)
	}
}

func TestAnInterruptedUpgradeIsGoneOnWithAndKeepsOlderReleasesOut(t *testing.T) {
	fs := vfs.NewMem()
	opts := func(upgrades ...format.Upgrade) Options {
		return Options{FS: fs, Shards: 2, Logger: quiet, formats: &format.Registry{Oldest: 7, Upgrades: upgrades}}
	}
	store := mustOpen(t, "data", opts())
	if err := commit(store, acquire(t, store, 1), storage.Synced, "a", "quiet"); err != nil {
		t.Fatal(err)
	}
	store.Close()

	var first, second int
	fine, broken := false, true
	upgrades := []format.Upgrade{louder(&first, &fine), louder(&second, &broken)}
	if _, err := Open("data", opts(upgrades...)); err == nil || !strings.Contains(err.Error(), "from format 8 to 9 (values are upper case): the power is gone") {
		t.Fatalf("an upgrade that fails: %v", err)
	}
	if _, err := Open("data", opts()); !errors.Is(err, ErrFormat) {
		t.Errorf("the release before: %v, want ErrFormat", err)
	}
	if err := closeStopped(OpenStopped("data", opts(upgrades...))); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "start a server") {
		t.Errorf("OpenStopped: %v, want ErrFormat", err)
	}
	broken = false
	store = mustOpen(t, "data", opts(upgrades...))
	defer store.Close()
	if value, err := store.Get(t.Context(), 1, []byte("a")); err != nil || string(value) != "QUIET" {
		t.Errorf("after the upgrade: %q, %v", value, err)
	}
	if first != 2 || second != 2 {
		t.Errorf("the upgrades were applied to %d and %d shards, want 2 each", first, second)
	}
}
