package worker

import (
	"sync"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/client"
)

// eager starts activities in the answer to the workflow task that schedules them,
// without a poll. The completion asks for it, one activity slot held in reserve for
// each request; the server hands back as many as it likes.
type eager struct {
	disabled  bool
	taskQueue string
	perTask   int // requests in one completion
	maximum   int // requested or running at a time

	activities *activityWorker // nil: this worker runs no activities

	mu   sync.Mutex
	held int
}

// prepare decides which activities of a completion ask to be started eagerly and
// reserves slots for them. The caller passes the slots to begin.
func (e *eager) prepare(request *workflowservice.RespondWorkflowTaskCompletedRequest) (reserved []*slot) {
	for _, command := range request.GetCommands() {
		activity := command.GetScheduleActivityTaskCommandAttributes()
		if activity == nil || !activity.GetRequestEagerExecution() {
			continue
		}
		activity.RequestEagerExecution = false
		if e.disabled || e.activities == nil || activity.GetTaskQueue().GetName() != e.taskQueue || len(reserved) >= e.perTask {
			continue
		}
		if held := e.reserve(); held != nil {
			activity.RequestEagerExecution = true
			reserved = append(reserved, held)
		}
	}
	return reserved
}

// begin runs the activities that came back and releases the slots of those that
// did not.
func (e *eager) begin(response *workflowservice.RespondWorkflowTaskCompletedResponse, reserved []*slot) {
	tasks := response.GetActivityTasks()
	if len(tasks) > len(reserved) {
		// More than was asked for, which a server must not do. The rest time
		// out and are offered again.
		tasks = tasks[:len(reserved)]
	}
	for i, held := range reserved {
		if i < len(tasks) {
			e.activities.tasks.spawn(tasks[i], held)
		} else {
			e.activities.tasks.slots.release(held)
		}
	}
}

func (e *eager) release() {
	e.mu.Lock()
	e.held--
	e.mu.Unlock()
}

// reserve returns a slot for an eager activity, nil if there is none.
func (e *eager) reserve() *slot {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held >= e.maximum {
		return nil
	}
	held := e.activities.tasks.slots.tryReserve()
	if held != nil {
		e.held++
		held.released = e.release
	}
	return held
}

// eagerStarts gives slots to the client, for the first tasks of workflows that it starts.
type eagerStarts struct{ worker *Worker }

var _ client.EagerWorker = eagerStarts{}

// ReserveEagerSlot implements client.EagerWorker.
func (e eagerStarts) ReserveEagerSlot() client.EagerSlot {
	w := e.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopBegun {
		return nil
	}
	held := w.workflows.tasks.slots.tryReserve()
	if held == nil {
		return nil
	}
	// Stop waits for the slot as for a task.
	w.workflows.tasks.running.Add(1)
	return &eagerStart{worker: w, held: held}
}

// eagerStart is a slot for the first task of a workflow.
type eagerStart struct {
	worker *Worker
	held   *slot
}

// DeploymentOptions implements client.EagerSlot.
func (e *eagerStart) DeploymentOptions() *deploymentpb.WorkerDeploymentOptions {
	return e.worker.version.options
}

// Run implements client.EagerSlot.
func (e *eagerStart) Run(task *workflowservice.PollWorkflowTaskQueueResponse) {
	defer e.worker.workflows.tasks.running.Done()
	e.worker.workflows.tasks.spawn(task, e.held)
}

// Release implements client.EagerSlot.
func (e *eagerStart) Release() {
	defer e.worker.workflows.tasks.running.Done()
	e.worker.workflows.tasks.slots.release(e.held)
}
