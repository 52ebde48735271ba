package differ

import (
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// commands are what a workflow does in a task: some commands that nothing follows
// from by itself, perhaps one that is answered later, perhaps one that closes it.
func (l *life) commands(f *flow) (commands []*commandpb.Command, answered bool) {
	cancelled := map[string]bool{}
	for range l.rng.IntN(4) {
		commands = append(commands, l.command(f, cancelled)...)
	}
	if l.chance(3) {
		return append(commands, l.answeredLater(f)...), true
	}
	if l.mayEnd(f) && l.chance(8) {
		commands = append(commands, l.closing(f))
	}
	return commands, false
}

// command is one that nothing follows from by itself. What has been cancelled in
// this task cannot be cancelled again.
func (l *life) command(f *flow, gone map[string]bool) []*commandpb.Command {
	switch l.rng.IntN(8) {
	case 0:
		return []*commandpb.Command{marker(l.name("m"))}
	case 1:
		return []*commandpb.Command{timer(l.name("t"), "1h")}
	case 2:
		if len(f.timers) == 0 {
			return nil
		}
		id := pick(l, f.timers)
		if gone[id] {
			return nil
		}
		gone[id] = true
		return []*commandpb.Command{cancelTimer(id)}
	case 3:
		if len(f.activities) == 0 {
			return nil
		}
		a := pick(l, f.activities)
		if gone[a.id] || a.canceling {
			return nil
		}
		gone[a.id] = true
		return []*commandpb.Command{cancelActivity(a.scheduled)}
	case 4:
		return []*commandpb.Command{Command("UpsertWorkflowSearchAttributes", fmt.Sprintf(`search_attributes=(BatcherUser:"u%d")`, l.serial))}
	case 5:
		return []*commandpb.Command{Command("ModifyWorkflowProperties", "upserted_memo="+pick(l, []string{"(a:2)", "(b:3)", "(a:null)"}))}
	default:
		id := l.name("a")
		return []*commandpb.Command{l.w.activity(id, "task_queue="+l.w.Queue(id), "retry_policy.initial_interval=1s",
			"retry_policy.backoff_coefficient=1", fmt.Sprintf("retry_policy.maximum_attempts=%d", 1+l.rng.IntN(3)))}
	}
}

// answeredLater is a command that the server answers by an event.
func (l *life) answeredLater(f *flow) []*commandpb.Command {
	target := pick(l, l.flows)
	switch l.rng.IntN(5) {
	case 0:
		return []*commandpb.Command{timer(l.name("short"), "1s")}
	case 1:
		if target == f {
			return []*commandpb.Command{Command("SignalExternalWorkflowExecution", "execution="+l.w.Other("nobody"), "signal_name=s")}
		}
		return []*commandpb.Command{l.w.signalExternal(target.name, "s")}
	case 2:
		if target == f {
			return []*commandpb.Command{Command("RequestCancelExternalWorkflowExecution", "workflow_id="+l.w.Other("nobody"))}
		}
		return []*commandpb.Command{l.w.cancelExternal(target.name)}
	case 3:
		if len(l.flows) >= 5 {
			return nil
		}
		c := newFlow(l.name("c"), f, pick(l, []string{"TERMINATE", "REQUEST_CANCEL", "ABANDON"}))
		l.flows = append(l.flows, c)
		return []*commandpb.Command{l.w.child(c.name, append(l.patiently(), "parent_close_policy="+c.policy)...)}
	default:
		return []*commandpb.Command{l.w.child("other", l.patiently()...)} // whose id is taken, or not
	}
}

func (l *life) closing(f *flow) *commandpb.Command {
	switch l.rng.IntN(4) {
	case 0:
		return fail("Bad")
	case 1:
		return cancelled()
	case 2:
		return continueAsNew(pick(l, []string{"input=next", "memo=(c:3)"}))
	default:
		return complete("done")
	}
}

// closes reports whether a command closes the workflow.
func closes(command *commandpb.Command) bool {
	switch command.CommandType {
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
		enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION, enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return true
	}
	return false
}
