package storecopy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/storage/postgres"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

var quiet = slog.New(slog.DiscardHandler)

// filled is a data directory of three shards with some pairs in two of them.
func filled(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := pebble.Open(dir, pebble.Options{Shards: 3, Logger: quiet, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for id := range storage.ShardID(2) {
		lease, err := s.Acquire(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		batch := &storage.Batch{}
		for i := range 2000 {
			batch.Set(fmt.Appendf(nil, "key\x00%d/%05d", id, i), fmt.Appendf(nil, "\xffvalue %d", i*int(id)))
		}
		result := make(chan error, 1)
		s.Commit(lease, batch, storage.Synced, func(err error) { result <- err })
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// pairs are all pairs of the store at a place.
func pairs(t *testing.T, place string) (all []string) {
	t.Helper()
	s, err := Open(t.Context(), place, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for id := range storage.ShardID(s.Shards()) {
		err := s.Scan(t.Context(), id, storage.Range{}, func(key, value []byte) bool {
			all = append(all, fmt.Sprintf("%d: %q=%q", id, key, value))
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func mustCopy(t *testing.T, from, to string) {
	t.Helper()
	report, err := Run(t.Context(), Options{From: from, To: to, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	if report.Pairs != 4000 || report.Shards != 3 {
		t.Errorf("report is %+v", report)
	}
}

func TestACopyThereAndBackHasAllPairs(t *testing.T) {
	dir, url, back := filled(t), postgrestest.URL(t), filepath.Join(t.TempDir(), "back")
	want := pairs(t, dir)
	mustCopy(t, dir, url)
	mustCopy(t, url, back)
	if got := pairs(t, url); !slices.Equal(got, want) {
		t.Errorf("%d pairs in the database, %d in the directory", len(got), len(want))
	}
	if got := pairs(t, back); !slices.Equal(got, want) {
		t.Errorf("%d pairs in the copy back, %d in the directory", len(got), len(want))
	}
	s, err := postgres.Open(t.Context(), postgres.Options{URLs: []string{url}, Logger: quiet})
	if err != nil {
		t.Fatal(err) // a server can be started on it
	}
	_ = s.Close()
}

func TestACopyThatWasInterruptedIsNoStoreAndIsBegunAnew(t *testing.T) {
	dir, url := filled(t), postgrestest.URL(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, err := postgres.Create(ctx, postgres.Options{URLs: []string{url}, Shards: 3, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Shard(ctx, 0, func(add func(key, value []byte) bool) error { add([]byte("left"), []byte("over")); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	if _, err := postgres.Open(t.Context(), postgres.Options{URLs: []string{url}, Logger: quiet}); !errors.Is(err, postgres.ErrFormat) {
		t.Errorf("a server is started on it: %v", err)
	}
	mustCopy(t, dir, url)
	if got, want := pairs(t, url), pairs(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d pairs, want %d", len(got), len(want))
	}
}

func TestWhatIsThereIsNotOverwritten(t *testing.T) {
	dir, url := filled(t), postgrestest.URL(t)
	mustCopy(t, dir, url)
	if _, err := Run(t.Context(), Options{From: dir, To: url, Logger: quiet}); err == nil {
		t.Error("a database with a store is overwritten")
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), Options{From: url, To: other, Logger: quiet}); err == nil {
		t.Error("a directory that is not empty is overwritten")
	}
	if _, err := Run(t.Context(), Options{From: url, To: dir, Logger: quiet}); err == nil {
		t.Error("a data directory is overwritten")
	}
}

func TestAStoreInUseIsNotCopied(t *testing.T) {
	url := postgrestest.URL(t)
	s, err := postgres.Open(t.Context(), postgres.Options{URLs: []string{url}, Shards: 3, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := Run(t.Context(), Options{From: url, To: filepath.Join(t.TempDir(), "x"), Logger: quiet}); !errors.Is(err, postgres.ErrInUse) {
		t.Errorf("error is %v", err)
	}
}
