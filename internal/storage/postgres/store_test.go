package postgres

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
	"github.com/perdure/perdure/internal/storage/storagetest"
)

func open(t testing.TB, urls ...string) *Store {
	t.Helper()
	s, err := Open(context.Background(), Options{URLs: urls, Shards: 4, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) { conformance(t, 1) }

func TestConformanceOfAStoreOverTwoDatabases(t *testing.T) { conformance(t, 2) }

// conformance runs the suite. What calls for many stores in one test gets the same tables, emptied:
// making them takes longer than the test.
func conformance(t *testing.T, databases int) {
	made := map[*testing.T][]string{}
	storagetest.Run(t, func(t *testing.T) storagetest.Harness {
		urls := made[t]
		for _, url := range urls {
			postgrestest.Exec(t, url, "DELETE FROM perdure_pairs; DELETE FROM perdure_commits")
		}
		for len(urls) < databases {
			urls = append(urls, postgrestest.URL(t))
		}
		made[t] = urls
		s := open(t, urls...)
		return storagetest.Harness{Store: s, Reopen: func() (storage.Store, error) {
			if err := s.Close(); err != nil {
				return nil, err
			}
			var err error
			s, err = Open(context.Background(), Options{URLs: urls, Logger: slog.New(slog.DiscardHandler)})
			return s, err
		}}
	})
}

func TestNodesMayBeStartedAtTheSameTimeOnAnEmptyDatabase(t *testing.T) {
	url := postgrestest.URL(t)
	const nodes = 4
	stores, errs := make([]*Store, nodes), make([]error, nodes)
	var all sync.WaitGroup
	for i := range nodes {
		all.Go(func() {
			stores[i], errs[i] = Open(t.Context(), Options{URLs: []string{url}, Shards: 4, Logger: slog.New(slog.DiscardHandler)})
		})
	}
	all.Wait()
	for i, s := range stores {
		if errs[i] != nil {
			t.Errorf("node %d: %v", i, errs[i])
			continue
		}
		if s.Shards() != 4 {
			t.Errorf("node %d finds %d shards", i, s.Shards())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
