package client

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// EagerWorker is a worker in this process that can be given the first task of a workflow
// with the response to its start, without the way through the task queue.
type EagerWorker interface {
	// ReserveEagerSlot sets a slot aside for a workflow task. It does not wait: it returns
	// nil if there is no slot.
	ReserveEagerSlot() EagerSlot
}

// EagerSlot is a slot that was set aside. One of Run and Release is called, once.
type EagerSlot interface {
	// DeploymentOptions are the version of the worker, nil if it has none.
	DeploymentOptions() *deploymentpb.WorkerDeploymentOptions
	// Run runs the task in the slot. It does not wait for that.
	Run(task *workflowservice.PollWorkflowTaskQueueResponse)
	// Release gives the slot back.
	Release()
}

// eagerWorkers are the workers of a client, by task queue.
type eagerWorkers struct {
	mu      sync.Mutex
	workers map[string][]EagerWorker
}

// register adds a worker, and returns what takes it away again.
func (e *eagerWorkers) register(taskQueue string, worker EagerWorker) (deregister func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.workers == nil {
		e.workers = make(map[string][]EagerWorker)
	}
	e.workers[taskQueue] = append(e.workers[taskQueue], worker)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		left := slices.DeleteFunc(slices.Clone(e.workers[taskQueue]), func(w EagerWorker) bool { return w == worker })
		if len(left) == 0 {
			delete(e.workers, taskQueue)
			return
		}
		e.workers[taskQueue] = left
	}
}

// reserve returns a slot of any worker of a task queue, or nil.
func (e *eagerWorkers) reserve(taskQueue string) EagerSlot {
	e.mu.Lock()
	workers := e.workers[taskQueue]
	e.mu.Unlock()
	for _, i := range rand.Perm(len(workers)) {
		if slot := workers[i].ReserveEagerSlot(); slot != nil {
			return slot
		}
	}
	return nil
}

// reserveEager asks in the request for the first task, if a worker of this process has a
// slot for it. The slot is nil otherwise.
func (c *Client) reserveEager(ctx context.Context, request *workflowservice.StartWorkflowExecutionRequest) EagerSlot {
	capabilities, err := c.conn.Capabilities(ctx)
	if err != nil || !capabilities.GetEagerWorkflowStart() {
		return nil
	}
	slot := c.eager.reserve(request.GetTaskQueue().GetName())
	if slot != nil {
		request.RequestEagerExecution = true
		request.EagerWorkerDeploymentOptions = slot.DeploymentOptions()
	}
	return slot
}
