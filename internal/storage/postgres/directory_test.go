package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/cluster/clustertest"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

func TestConformanceAsADirectory(t *testing.T) {
	clustertest.Run(t, func(t *testing.T) clustertest.Harness {
		url := postgrestest.URL(t)
		return clustertest.Harness{
			Open: func(t *testing.T, id cluster.NodeID) clustertest.Handle {
				s, err := Open(context.Background(), Options{URLs: []string{url}, Shards: 4, Holder: id, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				return s
			},
			// That time passes comes to the same as that all is due earlier.
			Pass: func(d time.Duration) {
				postgrestest.Exec(t, url, fmt.Sprintf("UPDATE perdure_nodes SET expires = expires - interval '%d microseconds'", d.Microseconds()))
			},
		}
	})
}
