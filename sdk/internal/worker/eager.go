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
// reserves slots for them. The caller passes the number to begin.
func (e *eager) prepare(request *workflowservice.RespondWorkflowTaskCompletedRequest) (reserved int) {
	for _, command := range request.GetCommands() {
		activity := command.GetScheduleActivityTaskCommandAttributes()
		if activity == nil || !activity.GetRequestEagerExecution() {
			continue
		}
		activity.RequestEagerExecution = !e.disabled &&
			e.activities != nil &&
			activity.GetTaskQueue().GetName() == e.taskQueue &&
			reserved < e.perTask &&
			e.reserve()
		if activity.GetRequestEagerExecution() {
			reserved++
		}
	}
	return reserved
}

// begin runs the activities that came back and releases the slots of those that
// did not.
func (e *eager) begin(response *workflowservice.RespondWorkflowTaskCompletedResponse, reserved int) {
	tasks := response.GetActivityTasks()
	if len(tasks) > reserved {
		// More than was asked for, which a server must not do. The rest time
		// out and are offered again.
		tasks = tasks[:reserved]
	}
	for _, task := range tasks {
		e.activities.poller.spawn(task, e.release)
	}
	for range reserved - len(tasks) {
		e.activities.poller.slots.release()
		e.release()
	}
}

func (e *eager) release() {
	e.mu.Lock()
	e.held--
	e.mu.Unlock()
}

func (e *eager) reserve() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held >= e.maximum || !e.activities.poller.slots.tryReserve() {
		return false
	}
	e.held++
	return true
}
