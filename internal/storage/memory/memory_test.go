package memory

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storagetest.Harness {
		return storagetest.Harness{Store: New(4)}
	})
}

func TestNewWithoutANumberHasTheDefaultNumberOfShards(t *testing.T) {
	if got := New(0).Shards(); got != DefaultShards {
		t.Fatalf("%d shards", got)
	}
}

func TestNothingRunsInABubbleWhileTheStoreIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := New(2)
		lease, err := store.Acquire(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			var b storage.Batch
			b.Set([]byte("a"), []byte("1"))
			done := make(chan error, 1)
			store.Commit(lease, &b, storage.Synced, func(err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * 365 * time.Hour) // would take for ever if something ticked
		}
		// The bubble would not end with a goroutine of the store in it, though the
		// store is not closed.
	})
}
