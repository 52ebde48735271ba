package postgres

import (
	"log/slog"
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

// writes are what an observer is told of.
type writes chan storage.Write

func (w writes) Committed(write storage.Write) { w <- write }

func TestTheObserverIsToldOfWhatIsWritten(t *testing.T) {
	told := make(writes, 10)
	s, err := Open(t.Context(), Options{URLs: []string{postgrestest.URL(t)}, Shards: 1, Observer: told, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	lease, err := s.Acquire(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	batch, done := new(storage.Batch), make(chan error, 1)
	batch.Set([]byte("key"), []byte("value"))
	s.Commit(lease, batch, storage.Synced, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if write := <-told; write.Batches != 1 || write.Bytes != len("keyvalue") || !write.Synced || write.Took <= 0 {
		t.Errorf("the observer was told of %+v", write)
	}
}
