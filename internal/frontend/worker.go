package frontend

import (
	"context"
	"log/slog"

	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/workerregistry"
)

// workerHandlers are about the worker processes themselves.
type workerHandlers struct {
	matching interface {
		// ShutdownSticky ends the polls of a sticky queue and empties it.
		ShutdownSticky(namespace, sticky string)
		// CancelPolls ends the polls of one worker.
		CancelPolls(namespace, instanceKey string) int
	}
	workers *workerregistry.Registry
	// dispatcher reaches the workers that take commands.
	dispatcher *nexus.Dispatcher
	logger     *slog.Logger
}

// newWorkerRegistry makes the registry of the workers of all namespaces.
func newWorkerRegistry() *workerregistry.Registry {
	return workerregistry.New(workerregistry.Options{
		System: func(taskQueue string) bool { return taskQueue == check.InternalQueue },
	})
}

// ShutdownWorker says that a worker is about to go: what its sticky queue holds
// goes to other workers, and its polls end.
func (h *workerHandlers) ShutdownWorker(ctx context.Context, req *workflowservice.ShutdownWorkerRequest) (*workflowservice.ShutdownWorkerResponse, error) {
	ns := callOf(ctx).namespace
	sticky := req.GetStickyTaskQueue()
	if key := req.GetWorkerInstanceKey(); key != "" && settingOf(ctx, dynamicconfig.CancelPollsOnShutdown) {
		h.matching.CancelPolls(ns.ID, key)
	}
	if heartbeat := req.GetWorkerHeartbeat(); heartbeat != nil {
		if err := h.record(ctx, []*workerpb.WorkerHeartbeat{heartbeat}); err != nil {
			h.logger.WarnContext(ctx, "The last heartbeat of a worker could not be kept", "worker", heartbeat.GetWorkerInstanceKey(), "error", err)
		}
	}
	if sticky != "" {
		h.matching.ShutdownSticky(ns.ID, sticky)
	}
	return &workflowservice.ShutdownWorkerResponse{}, nil
}

// RecordWorkerHeartbeat takes what workers say of themselves.
func (h *workerHandlers) RecordWorkerHeartbeat(ctx context.Context, req *workflowservice.RecordWorkerHeartbeatRequest) (*workflowservice.RecordWorkerHeartbeatResponse, error) {
	if err := h.record(ctx, req.GetWorkerHeartbeat()); err != nil {
		return nil, err
	}
	return &workflowservice.RecordWorkerHeartbeatResponse{}, nil
}

func (h *workerHandlers) record(ctx context.Context, heartbeats []*workerpb.WorkerHeartbeat) error {
	for _, heartbeat := range heartbeats {
		if err := limitsOf(ctx).CheckWorkerInstanceKey(heartbeat.GetWorkerInstanceKey()); err != nil {
			return err
		}
	}
	if !settingOf(ctx, dynamicconfig.WorkerHeartbeats) {
		return nil
	}
	return h.workers.Record(callOf(ctx).namespace.ID, heartbeats)
}

// ListWorkers lists the workers that have sent heartbeats lately.
func (h *workerHandlers) ListWorkers(ctx context.Context, req *workflowservice.ListWorkersRequest) (*workflowservice.ListWorkersResponse, error) {
	found, next, err := h.workers.List(selection(ctx, req), int(req.GetPageSize()), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.ListWorkersResponse{NextPageToken: next}
	for _, heartbeat := range found {
		//lint:ignore SA1019 older clients use it
		resp.WorkersInfo = append(resp.WorkersInfo, &workerpb.WorkerInfo{WorkerHeartbeat: heartbeat})
		resp.Workers = append(resp.Workers, listed(heartbeat))
	}
	return resp, nil
}

// CountWorkers counts the workers that ListWorkers would list.
func (h *workerHandlers) CountWorkers(ctx context.Context, req *workflowservice.CountWorkersRequest) (*workflowservice.CountWorkersResponse, error) {
	found, err := h.workers.Select(selection(ctx, req))
	if err != nil {
		return nil, err
	}
	return &workflowservice.CountWorkersResponse{Count: int64(len(found))}, nil
}

// DescribeWorker returns the latest heartbeat of a worker.
func (h *workerHandlers) DescribeWorker(ctx context.Context, req *workflowservice.DescribeWorkerRequest) (*workflowservice.DescribeWorkerResponse, error) {
	key := req.GetWorkerInstanceKey()
	heartbeat := h.workers.Find(callOf(ctx).namespace.ID, key)
	if heartbeat == nil {
		return nil, serviceerror.NewNotFoundf("Worker %s not found", key)
	}
	return &workflowservice.DescribeWorkerResponse{WorkerInfo: &workerpb.WorkerInfo{WorkerHeartbeat: heartbeat}}, nil
}

func selection(ctx context.Context, req interface {
	GetQuery() string
	GetIncludeSystemWorkers() bool
}) workerregistry.Selection {
	return workerregistry.Selection{Namespace: callOf(ctx).namespace.ID, Query: req.GetQuery(), System: req.GetIncludeSystemWorkers()}
}

// listed is what a list tells of a worker.
func listed(h *workerpb.WorkerHeartbeat) *workerpb.WorkerListInfo {
	return &workerpb.WorkerListInfo{
		WorkerInstanceKey: h.GetWorkerInstanceKey(),
		WorkerIdentity:    h.GetWorkerIdentity(),
		TaskQueue:         h.GetTaskQueue(),
		DeploymentVersion: h.GetDeploymentVersion(),
		SdkName:           h.GetSdkName(),
		SdkVersion:        h.GetSdkVersion(),
		Status:            h.GetStatus(),
		StartTime:         h.GetStartTime(),
		HostName:          h.GetHostInfo().GetHostName(),
		WorkerGroupingKey: h.GetHostInfo().GetWorkerGroupingKey(),
		ProcessId:         h.GetHostInfo().GetProcessId(),
		Plugins:           h.GetPlugins(),
		Drivers:           h.GetDrivers(),
	}
}
