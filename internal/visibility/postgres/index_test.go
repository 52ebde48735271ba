package postgres_test

import (
	"errors"
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/postgres"
	"github.com/perdure/perdure/internal/visibility/query"
	"github.com/perdure/perdure/internal/visibility/visibilitytest"
)

func open(t *testing.T, url string) *postgres.Index {
	t.Helper()
	index, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestConformance(t *testing.T) {
	visibilitytest.Run(t, func(t *testing.T) visibility.Index { return open(t, postgrestest.URL(t)) })
}

func count(t *testing.T, index *postgres.Index) int64 {
	t.Helper()
	groups, err := index.Count(t.Context(), visibilitytest.Namespace, &query.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return groups[0].Count
}

func TestAnIndexerWhoseShardAnotherHasTakenWritesNothing(t *testing.T) {
	url := postgrestest.URL(t)
	old, next := open(t, url), open(t, url)
	defer old.Close()
	defer next.Close()
	apply := func(index *postgres.Index, n int, through int64) error {
		return index.Apply(t.Context(), &visibility.Batch{Changes: []visibility.Change{visibilitytest.Change(n)}, Through: map[storage.ShardID]int64{0: through}})
	}
	if err := apply(old, 1, 10); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Positions(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := apply(next, 2, 20); err != nil {
		t.Fatal(err)
	}
	if err := apply(old, 3, 15); !errors.Is(err, visibility.ErrMoved) {
		t.Errorf("error is %v", err)
	}
	if n := count(t, next); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestAShardIsClearedWithoutTheOthers(t *testing.T) {
	index := open(t, postgrestest.URL(t))
	defer index.Close()
	other := visibilitytest.Change(2, visibilitytest.With("Customer", "a"))
	other.Shard = 1
	err := index.Apply(t.Context(), &visibility.Batch{
		Changes: []visibility.Change{visibilitytest.Change(1, visibilitytest.With("Customer", "a")), other},
		Through: map[storage.ShardID]int64{0: 1, 1: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := index.Clear(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := count(t, index); n != 1 {
		t.Errorf("%d rows", n)
	}
	if positions, err := index.Positions(t.Context()); err != nil || len(positions) != 1 || positions[1] != 2 {
		t.Errorf("positions are %v, %v", positions, err)
	}
}

func TestTheRowsOfAShardThatWasSplitStayWhenItsParentIsCleared(t *testing.T) {
	url := postgrestest.URL(t)
	index, other := open(t, url), open(t, url)
	defer index.Close()
	defer other.Close()
	apply := func(x *postgres.Index, shard storage.ShardID, through int64, rows ...int) {
		t.Helper()
		batch := &visibility.Batch{Through: map[storage.ShardID]int64{shard: through}}
		for _, n := range rows {
			change := visibilitytest.Change(n)
			change.Shard = shard
			batch.Changes = append(batch.Changes, change)
		}
		if err := x.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	apply(index, 0, 10, 1, 2, 3)
	for range 2 { // an attempt at it may have failed
		if err := index.Split(t.Context(), 0, 4); err != nil {
			t.Fatal(err)
		}
	}
	positions, err := other.Positions(t.Context())
	if err != nil || positions[4] != 10 || positions[0] != 10 {
		t.Fatalf("the positions are %v, %v", positions, err)
	}
	if orphans, err := other.Orphans(t.Context()); err != nil || len(orphans) != 1 || orphans[0] != 4 {
		t.Fatalf("orphans are %v, %v", orphans, err)
	}
	apply(other, 4, 10, 2) // it is adopted
	if err := other.Adopted(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if orphans, err := index.Orphans(t.Context()); err != nil || len(orphans) != 0 {
		t.Fatalf("orphans are %v, %v", orphans, err)
	}
	if n := count(t, index); n != 3 {
		t.Errorf("%d rows, and one was adopted of three", n)
	}
	apply(index, 0, 11, 2) // what the parent was told before the split changes nothing any more
	if err := index.Clear(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if n := count(t, index); n != 1 {
		t.Errorf("%d rows, and one was adopted", n)
	}
}
