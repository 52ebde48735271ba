package frontend

//lint:file-ignore SA1019 older clients still use what is deprecated

import (
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

func aHeartbeat(key string) *workerpb.WorkerHeartbeat {
	return &workerpb.WorkerHeartbeat{
		WorkerInstanceKey: key,
		TaskQueue:         "q",
		Status:            enumspb.WORKER_STATUS_RUNNING,
		HostInfo:          &workerpb.WorkerHostInfo{HostName: "host", ProcessId: "7", WorkerGroupingKey: "group"},
	}
}

func (d *door) heartbeat(keys ...string) {
	d.t.Helper()
	req := &workflowservice.RecordWorkerHeartbeatRequest{Namespace: "default", Identity: "who"}
	for _, key := range keys {
		req.WorkerHeartbeat = append(req.WorkerHeartbeat, aHeartbeat(key))
	}
	if _, err := d.call(d.t.Context(), req); err != nil {
		d.t.Fatal(err)
	}
}

func (d *door) countWorkers(namespace, query string) int64 {
	d.t.Helper()
	resp, err := d.call(d.t.Context(), &workflowservice.CountWorkersRequest{Namespace: namespace, Query: query})
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.(*workflowservice.CountWorkersResponse).GetCount()
}

func TestWorkersAreKnownByTheirHeartbeats(t *testing.T) {
	d := newDoor(t)
	d.heartbeat("a", "b")
	d.heartbeat("c")
	resp, err := d.call(t.Context(), &workflowservice.ListWorkersRequest{Namespace: "default", PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	list := resp.(*workflowservice.ListWorkersResponse)
	want := &workerpb.WorkerListInfo{
		WorkerInstanceKey: "a", TaskQueue: "q", Status: enumspb.WORKER_STATUS_RUNNING, HostName: "host", ProcessId: "7", WorkerGroupingKey: "group"}
	if len(list.GetWorkers()) != 2 || len(list.GetNextPageToken()) == 0 || !proto.Equal(list.GetWorkers()[0], want) ||
		!proto.Equal(list.GetWorkersInfo()[1].GetWorkerHeartbeat(), aHeartbeat("b")) {
		t.Errorf("listed %v", list)
	}
	if got := d.countWorkers("default", "TaskQueue = 'q' and WorkerInstanceKey != 'b'"); got != 2 {
		t.Errorf("counted %d", got)
	}
	if got := d.countWorkers("other", ""); got != 0 {
		t.Errorf("counted %d in another namespace", got)
	}
	resp, err = d.call(t.Context(), &workflowservice.DescribeWorkerRequest{Namespace: "default", WorkerInstanceKey: "c"})
	if err != nil || !proto.Equal(resp.(*workflowservice.DescribeWorkerResponse).GetWorkerInfo().GetWorkerHeartbeat(), aHeartbeat("c")) {
		t.Errorf("described %v, %v", resp, err)
	}
	d.refused(&workflowservice.DescribeWorkerRequest{Namespace: "default", WorkerInstanceKey: "d"}, codes.NotFound, "Worker d not found")
	d.refused(&workflowservice.CountWorkersRequest{Namespace: "default", Query: "x = 1"}, codes.InvalidArgument, "unknown or unsupported")
	d.refused(&workflowservice.ListWorkersRequest{Namespace: "default", Query: "not x"}, codes.InvalidArgument, "not supported")
	d.refused(&workflowservice.RecordWorkerHeartbeatRequest{Namespace: "default", WorkerHeartbeat: []*workerpb.WorkerHeartbeat{{WorkerInstanceKey: long(1001)}}},
		codes.InvalidArgument, "WorkerInstanceKey")
}

func TestTheLastHeartbeatOfAWorkerComesWithItsShutdown(t *testing.T) {
	d := newDoor(t)
	d.heartbeat("a", "b")
	last := aHeartbeat("a")
	last.Status = enumspb.WORKER_STATUS_SHUTDOWN
	if _, err := d.call(t.Context(), &workflowservice.ShutdownWorkerRequest{
		Namespace: "default", WorkerInstanceKey: "a", StickyTaskQueue: "sticky", WorkerHeartbeat: last}); err != nil {
		t.Fatal(err)
	}
	if got := d.countWorkers("default", ""); got != 1 {
		t.Errorf("%d workers are left", got)
	}
}
