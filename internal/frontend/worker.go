package frontend

import (
	"context"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// workerHandlers are about the worker processes themselves.
type workerHandlers struct {
	matching interface {
		// ShutdownSticky ends the polls of a sticky queue and empties it.
		ShutdownSticky(namespace, sticky string)
		// CancelPolls ends the polls of one worker.
		CancelPolls(namespace, instanceKey string) int
	}
}

// ShutdownWorker says that a worker is about to go: what its sticky queue holds
// goes to other workers, and its polls end.
func (h *workerHandlers) ShutdownWorker(ctx context.Context, req *workflowservice.ShutdownWorkerRequest) (*workflowservice.ShutdownWorkerResponse, error) {
	ns := callOf(ctx).namespace
	sticky := req.GetStickyTaskQueue()
	if sticky != "" {
		if err := check.TaskQueueName(sticky); err != nil {
			return nil, err
		}
	}
	if key := req.GetWorkerInstanceKey(); key != "" && settingOf(ctx, dynamicconfig.CancelPollsOnShutdown) {
		h.matching.CancelPolls(ns.ID, key)
	}
	if sticky != "" {
		h.matching.ShutdownSticky(ns.ID, sticky)
	}
	return &workflowservice.ShutdownWorkerResponse{}, nil
}
