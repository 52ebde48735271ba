package workflow

import (
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A worker may say, in its polls, at which queue it takes commands. It is told there when an activity that it runs
// is to be cancelled, or has lost its workflow, and need not wait for its next heartbeat. Commands are not in the
// store: one that is lost is made up for by the next heartbeat, or the end of a timeout.

// controlQueue is the queue by which commands reach the worker that says it has this one; empty if there are no commands.
func (r *Run) controlQueue(queue string) string {
	if queue == "" || r.chain.config.CommandCancel == nil || len(queue) > r.limits().IDLength || !r.limits().CancelCommands {
		return ""
	}
	return queue
}

// commandCancel has the worker told that the attempt that it runs is to end, once the step is durable.
func (r *Run) commandCancel(step *entity.Step, act *records.Activity) {
	if act.ControlQueue == "" || act.StartedTime == nil {
		return
	}
	command, namespace, queue, token := r.chain.config.CommandCancel, r.chain.key.Namespace, act.ControlQueue, r.activityToken(act)
	if command != nil {
		step.After(func() { command(namespace, queue, token) })
	}
}
