package worker

import (
	"sync"

	"go.temporal.io/api/workflowservice/v1"
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
