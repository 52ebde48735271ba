package server_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

// fullDisk is a store whose disk is full from some moment on.
type fullDisk struct {
	storage.Store
	full atomic.Bool
}

func (s *fullDisk) Commit(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error)) {
	if s.full.Load() {
		// An empty batch, so that done is called as the store calls it.
		s.Store.Commit(lease, &storage.Batch{}, durability, func(error) {
			done(fmt.Errorf("write: no space left on device: %w", storage.ErrFailed))
		})
		return
	}
	s.Store.Commit(lease, batch, durability, done)
}

func TestAServerWhoseStoreFailsSaysSo(t *testing.T) {
	store := &fullDisk{Store: memory.New(1)}
	b := start(t, server.WithStore(server.Options{Listen: "127.0.0.1:0"}, store))
	b.startWorkflow("before")
	health := healthpb.NewHealthClient(b.network())
	watch, err := health.Watch(b.ctx(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := watch.Recv(); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health is %v, %v", state, err)
	}

	store.full.Store(true)
	for range 2 {
		_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
			Namespace: ns, WorkflowId: "after", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "start") {
			t.Errorf("a start on a full disk: %v, want Unavailable that says what to do", err)
		}
	}
	if b.server.Failed() == nil {
		t.Error("the server does not know")
	}
	if state, err := watch.Recv(); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("who watches is told %v, %v", state, err)
	}
	if state, err := health.Check(b.ctx(), &healthpb.HealthCheckRequest{}); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("who asks is told %v, %v", state, err)
	}
}

func TestAServerServesUntilItsLastShardIsTaken(t *testing.T) {
	const shards = 4
	store := memory.New(shards)
	b := start(t, server.WithStore(server.Options{Listen: "127.0.0.1:0"}, store))
	health := healthpb.NewHealthClient(b.network())
	// startMany tells how many of some workflows could be started, and what health says then.
	startMany := func() (started int, _ healthpb.HealthCheckResponse_ServingStatus) {
		for i := range 40 {
			_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
				Namespace: ns, WorkflowId: fmt.Sprint(i), WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
				WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING})
			switch status.Code(err) {
			case codes.OK:
				started++
			case codes.Unavailable:
			default:
				t.Errorf("a start: %v, want Unavailable", err)
			}
		}
		state, err := health.Check(b.ctx(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return started, state.GetStatus()
	}
	last, _ := startMany()
	for shard := range storage.ShardID(shards) {
		if _, err := store.Acquire(b.ctx(), shard); err != nil { // another process
			t.Fatal(err)
		}
		started, state := startMany()
		want := healthpb.HealthCheckResponse_SERVING
		if shard == shards-1 {
			want = healthpb.HealthCheckResponse_NOT_SERVING
		}
		if started >= last || state != want {
			t.Errorf("with %d of %d shards taken, %d workflows start, after %d, and health is %v", shard+1, shards, started, last, state)
		}
		last = started
	}
	if last != 0 {
		t.Errorf("%d workflows start without a shard", last)
	}
}
