package server_test

import (
	"path/filepath"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

func (b *bench) describeNamespace(req *workflowservice.DescribeNamespaceRequest) (enumspb.NamespaceState, codes.Code) {
	resp, err := b.client.DescribeNamespace(b.ctx(), req)
	return resp.GetNamespaceInfo().GetState(), status.Code(err)
}

func (b *bench) namespaceID() string {
	b.t.Helper()
	resp, err := b.client.DescribeNamespace(b.ctx(), &workflowservice.DescribeNamespaceRequest{Namespace: ns})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.NamespaceInfo.Id
}

// changeLog begins the keys of the log that lists and counts follow, and trim.
const changeLog = 'l'

// fill has all sorts of things in the namespace.
func (b *bench) fill() {
	b.startWorkflow("closed")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.startWorkflow("waiting")
	b.complete(b.pollWorkflow(), scheduleActivity("a"), startTimer("t", 0x7fffffffffff))
	b.startWorkflow("new")
	if _, err := b.client.UpdateTaskQueueConfig(b.ctx(), &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: ns, TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: &taskqueuepb.RateLimit{RequestsPerSecond: 5}},
	}); err != nil {
		b.t.Fatal(err)
	}
}

func TestADeletedNamespaceDisappearsWithAllThatIsInIt(t *testing.T) {
	store := memory.New(2)
	b := start(t, server.WithStore(server.Options{}, store))
	b.fill()
	id := b.namespaceID()
	resp, err := b.operator().DeleteNamespace(b.ctx(), &operatorservice.DeleteNamespaceRequest{Namespace: ns})
	if err != nil || resp.GetDeletedNamespace() != "default-deleted-"+id[:5] {
		t.Fatalf("answer is %v, error %v", resp, err)
	}
	if _, code := b.describeNamespace(&workflowservice.DescribeNamespaceRequest{Namespace: ns}); code != codes.NotFound {
		t.Errorf("by its old name: %v", code)
	}
	_, err = b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{Namespace: resp.DeletedNamespace, WorkflowId: "w"})
	if code := status.Code(err); code != codes.FailedPrecondition && code != codes.NotFound {
		t.Errorf("a start is answered with %v", err)
	}
	for code := codes.OK; code != codes.NotFound; {
		var state enumspb.NamespaceState
		if state, code = b.describeNamespace(&workflowservice.DescribeNamespaceRequest{Id: id}); code == codes.OK && state != enumspb.NAMESPACE_STATE_DELETED {
			t.Fatalf("its state is %v", state)
		}
	}
	for shard := range storage.ShardID(2) {
		err := store.Scan(t.Context(), shard, storage.Range{}, func(key, value []byte) bool {
			if owner, owned, err := runtime.Owner(key, value); owned && !owner.Kind.Global() && key[0] != changeLog {
				t.Errorf("left is a %s of %v, %v", runtime.SpaceName(key), owner, err)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestADeletionOfANamespaceSurvivesARestart(t *testing.T) {
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data")}
	var id string
	t.Run("deleted", func(t *testing.T) {
		b := start(t, options)
		b.fill()
		id = b.namespaceID()
		if _, err := b.operator().DeleteNamespace(b.ctx(), &operatorservice.DeleteNamespaceRequest{NamespaceId: id}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("gone", func(t *testing.T) {
		b := start(t, options)
		for code := codes.OK; code != codes.NotFound; {
			_, code = b.describeNamespace(&workflowservice.DescribeNamespaceRequest{Id: id})
		}
	})
}

func TestWhatIsInNamespacesCanBeRemoved(t *testing.T) {
	for kind, machine := range server.Machines() {
		if kind.Global() {
			continue
		}
		e, err := machine.Load(t.Context(), noRecords{}, entity.Key{Kind: kind, Namespace: "ns", ID: "id"})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := e.(entity.Purger); !ok {
			t.Errorf("entities of kind %q stay when their namespace is deleted: %T is no entity.Purger", kind, e)
		}
	}
}

// noRecords is an entity.Reader of an entity that has none.
type noRecords struct{}

func (noRecords) Get([]byte) ([]byte, error) { return nil, nil }

func (noRecords) Scan([]byte, []byte, bool, func(record, value []byte) bool) error { return nil }
