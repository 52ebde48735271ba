package server

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

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

// It is alive all the time, as to start it anew would help nobody.
func TestANodeWithoutItsDatabaseIsAliveAndNotReadyUntilItIsBack(t *testing.T) {
	database := postgrestest.Start(t, "fsync=off", "autovacuum=off")
	s, err := Start(context.Background(), Options{
		Postgres: PostgresOptions{URLs: []string{database.URL()}, Shards: 4},
		Cluster:  ClusterOptions{PeerAddress: "127.0.0.1:0"},
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	o := new(observability)
	o.server.Store(s)
	until := func(status healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			resp, err := s.health.Check(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if resp.GetStatus() == status {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("its health is still %v: %v", resp.GetStatus(), s.unfit())
			}
		}
	}
	until(healthpb.HealthCheckResponse_SERVING)
	database.Stop(t, syscall.SIGQUIT)
	until(healthpb.HealthCheckResponse_NOT_SERVING)
	if err := o.ready(); !errors.Is(err, errNotSure) {
		t.Errorf("it is not ready because of %v", err)
	}
	if err := o.alive(); err != nil {
		t.Errorf("it is not alive: %v", err)
	}
	database.Restart(t)
	until(healthpb.HealthCheckResponse_SERVING)
	if err := o.ready(); err != nil {
		t.Errorf("it is still not ready: %v", err)
	}
}
