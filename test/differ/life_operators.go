package differ

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// What operators do in a life: they reset workflows, change their options, and pause,
// reset and change activities. (They do not pause workflows: a Temporal server has
// that turned off.)

func (l *life) operatorDeeds(f *flow, add adder) {
	if !l.compared() {
		return
	}
	alive := f.exists && !f.closed
	// Whom its children and its parent answer after a reset is a matter of time.
	related := f.parent != nil || len(f.children) > 0
	add(1, f.exists && f.first && f.task == nil && f.listener == nil && !related, func() { l.reset(f) })
	// A Temporal server forgets things of a workflow whose options change while a
	// workflow task waits.
	add(1, alive && (f.task != nil || !f.tasked), func() {
		priority := 1 + l.rng.IntN(5)
		l.say("%s gets priority %d", f.name, priority)
		_, _ = l.w.API.UpdateWorkflowExecutionOptions(l.w.Ctx, Set(&workflowservice.UpdateWorkflowExecutionOptionsRequest{
			Namespace: Namespace, WorkflowExecution: l.w.Execution(f.name), Identity: "operator"},
			fmt.Sprintf("workflow_execution_options.priority.priority_key=%d", priority), "update_mask.paths=priority"))
	})
	for _, a := range f.activities {
		l.activityOperatorDeeds(f, a, add)
	}
}

func (l *life) activityOperatorDeeds(f *flow, a pendingActivity, add adder) {
	execution := &commonpb.WorkflowExecution{WorkflowId: l.w.ID(f.name)}
	paused := f.paused[a.id]
	// On a Temporal server the count of attempts is that of the token, too: one that runs is lost if the
	// count goes back (docs/compatibility.md, Resets of activities).
	mayCountAnew := f.running[a.id].GetAttempt() <= 1
	add(1, !paused && !a.canceling, func() {
		l.say("pause %s of %s", a.id, f.name)
		if _, err := l.w.API.PauseActivity(l.w.Ctx, &workflowservice.PauseActivityRequest{Namespace: Namespace, Execution: execution,
			Identity: "operator", Reason: "lunch", Activity: &workflowservice.PauseActivityRequest_Id{Id: a.id}}); err == nil {
			f.paused[a.id] = true
		}
	})
	add(3, paused, func() {
		l.say("unpause %s of %s", a.id, f.name)
		if _, err := l.w.API.UnpauseActivity(l.w.Ctx, &workflowservice.UnpauseActivityRequest{Namespace: Namespace, Execution: execution,
			Identity: "operator", Activity: &workflowservice.UnpauseActivityRequest_Id{Id: a.id}, ResetAttempts: l.chance(2) && mayCountAnew, ResetHeartbeat: l.chance(2)}); err == nil {
			delete(f.paused, a.id)
		}
	})
	add(1, !a.canceling && mayCountAnew, func() {
		keep := l.chance(2)
		l.say("reset %s of %s, keep paused %t", a.id, f.name, keep)
		if _, err := l.w.API.ResetActivity(l.w.Ctx, &workflowservice.ResetActivityRequest{Namespace: Namespace, Execution: execution,
			Identity: "operator", Activity: &workflowservice.ResetActivityRequest_Id{Id: a.id}, KeepPaused: keep, ResetHeartbeat: l.chance(2)}); err == nil && !keep {
			delete(f.paused, a.id)
		}
	})
	// A Temporal server forgets then that the workflow is about to close.
	add(1, !a.canceling && !f.closing, func() {
		l.say("change the options of %s of %s", a.id, f.name)
		_, _ = l.w.API.UpdateActivityOptions(l.w.Ctx, Set(&workflowservice.UpdateActivityOptionsRequest{Namespace: Namespace, Execution: execution,
			Identity: "operator", Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: a.id}},
			fmt.Sprintf("activity_options.start_to_close_timeout=%dm", 2+l.rng.IntN(3)), "update_mask.paths=start_to_close_timeout"))
	})
	add(1, f.running[a.id] != nil, func() {
		l.say("fail %s of %s by its id", a.id, f.name)
		_, _ = l.w.API.RespondActivityTaskFailedById(l.w.Ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{
			Namespace: Namespace, WorkflowId: l.w.ID(f.name), ActivityId: a.id, Identity: "other", Failure: Failure("Bad")})
		delete(f.running, a.id)
	})
	add(1, f.running[a.id] != nil, func() {
		l.say("heartbeat of %s of %s by its id", a.id, f.name)
		_, _ = l.w.API.RecordActivityTaskHeartbeatById(l.w.Ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{
			Namespace: Namespace, WorkflowId: l.w.ID(f.name), ActivityId: a.id, Identity: "other", Details: Text("half")})
	})
}

// reset resets the current run to one of its workflow tasks.
func (l *life) reset(f *flow) {
	var ends []int64
	for _, event := range l.w.History(f.name, "") {
		switch event.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			ends = append(ends, event.EventId)
		}
	}
	to := pick(l, ends)
	request := &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: l.w.Execution(f.name),
		Reason: "operator", RequestId: l.w.Other(l.name("reset")), WorkflowTaskFinishEventId: to, Identity: "operator"}
	for _, kind := range []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE} {
		if l.chance(4) {
			request.ResetReapplyExcludeTypes = append(request.ResetReapplyExcludeTypes, kind)
		}
	}
	l.say("reset %s to event %d, without %v", f.name, to, request.ResetReapplyExcludeTypes)
	if _, err := l.w.API.ResetWorkflowExecution(l.w.Ctx, request); err == nil {
		clear(f.running)
		clear(f.paused)
	}
}
