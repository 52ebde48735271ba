package server

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

func TestAServerWithItsDataInPostgreSQLFindsThemAgain(t *testing.T) {
	options := Options{Postgres: PostgresOptions{URLs: []string{postgrestest.URL(t)}, Shards: 4}, Logger: slog.New(slog.DiscardHandler)}
	for _, namespace := range []string{"first", "second"} {
		options.Namespaces = []string{namespace}
		s, err := Start(context.Background(), options)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.Namespaces(), "first") {
			t.Errorf("namespaces are %v", s.Namespaces())
		}
		if err := s.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
