package postgres

import (
	"context"

	"github.com/perdure/perdure/internal/storage"
)

// How many shards there are is how many rows perdure_shards has, over all databases; with how many the store was made,
// its base, is in perdure_store. A split adds a row, in the transaction that takes the pairs out of the parent (split.go), to the
// database of the parent. As one comes after the other, there are no gaps, whatever was read first.

// Layout implements storage.Store.
func (s *Store) Layout() storage.Layout { return *s.layout.Load() }

// readLayout reads the layout when the store is opened.
func (s *Store) readLayout(ctx context.Context) error {
	base := storage.Fixed(s.dbs[0].shards)
	s.layout.Store(&base)
	return s.count(ctx)
}

// Refresh implements storage.Splitter.
func (s *Store) Refresh(ctx context.Context) error {
	return s.read(ctx, func() error { return s.count(ctx) })
}

// count counts the shards. There are so many at least when it has, whatever was made while it did.
func (s *Store) count(ctx context.Context) error {
	shards := 0
	for _, d := range s.dbs {
		var n int
		if err := d.reads.QueryRow(ctx, `SELECT count(*) FROM perdure_shards`).Scan(&n); err != nil {
			return explain(err, d)
		}
		shards += n
	}
	s.grow(shards)
	return nil
}

// grow takes up that there are so many shards at least.
func (s *Store) grow(shards int) {
	if shards <= s.Layout().Shards() {
		return
	}
	s.growing.Lock()
	defer s.growing.Unlock()
	if last := s.Layout(); shards > last.Shards() {
		next := storage.NewLayout(last.Base(), min(shards, MaxShards))
		s.layout.Store(&next)
	}
}
