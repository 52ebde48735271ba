package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/records"
)

// A workflow whose tasks fail one after the other is stuck, as a rule until somebody
// deploys a worker with other code. A search attribute tells of such workflows.

// beginProblem notes how a workflow task has ended that is the first of a series to
// fail, or to time out if timeout is set. Those that follow leave no event, and change
// nothing of it.
func (r *Run) beginProblem(cause enumspb.WorkflowTaskFailedCause, timeout enumspb.TimeoutType) {
	if r.state.TaskProblem == nil {
		r.state.TaskProblem = new(records.TaskProblem)
	}
	r.state.TaskProblem.Cause, r.state.TaskProblem.Timeout = cause, timeout
	r.dirty.state = true
}

// countProblem counts a workflow task that has failed or timed out, and reports the
// problem if there have been enough.
func (r *Run) countProblem() {
	if r.state.TaskProblem == nil {
		r.state.TaskProblem = new(records.TaskProblem)
	}
	p := r.state.TaskProblem
	p.Count++
	r.dirty.state = true
	if int(p.Count) < r.limits().ReportedProblems {
		return
	}
	problem := []string{"category=WorkflowTaskFailed", "cause=WorkflowTaskFailedCause" + p.Cause.String()}
	if p.Timeout != enumspb.TIMEOUT_TYPE_UNSPECIFIED {
		problem = []string{"category=WorkflowTaskTimedOut", "cause=WorkflowTaskTimedOutCause" + p.Timeout.String()}
	}
	r.setServerAttribute(problemsAttribute, problem)
}

// endProblem forgets the problem: a workflow task has been completed.
func (r *Run) endProblem() {
	if r.state.TaskProblem != nil {
		r.state.TaskProblem = nil
		r.setServerAttribute(problemsAttribute, nil)
	}
}
