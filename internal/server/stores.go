package server

import (
	"context"
	"path/filepath"

	"github.com/perdure/perdure/internal/storage/memory"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/storage/postgres"
	"github.com/perdure/perdure/internal/visibility"
	pgindex "github.com/perdure/perdure/internal/visibility/postgres"
	"github.com/perdure/perdure/internal/visibility/sqlite"
)

// PostgresOptions have the data kept in PostgreSQL, if there are URLs.
type PostgresOptions struct {
	// URLs are those of the databases that the shards are spread over.
	URLs []string
	// Shards is the number of shards of a store that is created, and Writers that of transactions
	// under way in each database; zero for the defaults of the store.
	Shards, Writers int
}

// openStore opens the store of the options and returns the name of its kind.
func (s *Server) openStore(ctx context.Context, options Options) (name string, err error) {
	switch {
	case len(options.Postgres.URLs) > 0:
		store, err := postgres.Open(ctx, postgres.Options{
			URLs: options.Postgres.URLs, Shards: options.Postgres.Shards, Writers: options.Postgres.Writers, Holder: options.Cluster.ID,
			Observer: s.telemetry.commits(), Logger: s.logger})
		if err != nil {
			return "", err
		}
		s.store = store
		return "postgresql", nil
	case options.Store != nil:
		s.store = options.Store
		return "memory", nil
	case options.DataDir == "":
		s.store = memory.New(0)
		return "memory", nil
	}
	// Not assigned directly: a nil *pebble.Store is no nil storage.Store.
	store, err := pebble.Open(options.DataDir, pebble.Options{NoSync: options.UnsafeNoSync, CacheBytes: options.StoreCache, Observer: s.telemetry.commits(), Logger: s.logger})
	if err != nil {
		return "", err
	}
	s.store = store
	return "pebble", nil
}

// visibilityFiles are where the index of workflows is: beside the data, in memory if they are.
func (s *Server) visibilityFiles(options Options) visibility.Files {
	if store, ok := s.store.(*postgres.Store); ok {
		return pgindex.Files{URL: store.URL()}
	}
	if options.DataDir == "" || options.Store != nil {
		return sqlite.Files{}
	}
	return sqlite.Files{Dir: filepath.Join(options.DataDir, visibility.Dir)}
}
