package differ

import (
	"fmt"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// Command is the command of a type such as StartTimer, whose attributes are made
// by settings.
func Command(kind string, settings ...string) *commandpb.Command {
	command := new(commandpb.Command)
	Set(command, "command_type="+kind)
	field := attributesOf(command.CommandType)
	if len(settings) == 0 {
		Set(command, field+"=")
	}
	for _, setting := range settings {
		Set(command, field+"."+setting)
	}
	return command
}

// attributesOf is the field with the attributes of commands of a type.
func attributesOf(kind enumspb.CommandType) string {
	name := enumspb.CommandType_name[int32(kind)]
	var snake strings.Builder
	for i, r := range enumspb.CommandType(kind).String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			snake.WriteByte('_')
		}
		snake.WriteRune(r)
	}
	if name == "" && snake.Len() == 0 {
		panic(fmt.Sprintf("no command type %d", kind))
	}
	return strings.ToLower(snake.String()) + "_command_attributes"
}

// The commands that scenarios use most. Settings are of their attributes.

func timer(id, duration string) *commandpb.Command {
	return Command("StartTimer", "timer_id="+id, "start_to_fire_timeout="+duration)
}

func cancelTimer(id string) *commandpb.Command { return Command("CancelTimer", "timer_id="+id) }

// activity schedules an activity of type "act" on the queue "w", which is that
// of most workflows, with a start-to-close timeout of a minute.
func (w *World) activity(id string, settings ...string) *commandpb.Command {
	return Command("ScheduleActivityTask", append([]string{
		"activity_id=" + id, "activity_type=act", "task_queue=" + w.Queue("w"), "start_to_close_timeout=1m"}, settings...)...)
}

func cancelActivity(event int64) *commandpb.Command {
	return Command("RequestCancelActivityTask", fmt.Sprintf("scheduled_event_id=%d", event))
}

func complete(result string) *commandpb.Command {
	return Command("CompleteWorkflowExecution", "result="+result)
}

func fail(kind string, settings ...string) *commandpb.Command {
	return Command("FailWorkflowExecution", append([]string{"failure=" + kind}, settings...)...)
}

func cancelled() *commandpb.Command { return Command("CancelWorkflowExecution", "details=cleaned up") }

func continueAsNew(settings ...string) *commandpb.Command {
	return Command("ContinueAsNewWorkflowExecution", append([]string{"workflow_type=flow"}, settings...)...)
}

func marker(name string) *commandpb.Command { return Command("RecordMarker", "marker_name="+name) }

// child starts the workflow of that name, on the queue of that name.
func (w *World) child(name string, settings ...string) *commandpb.Command {
	return Command("StartChildWorkflowExecution", append([]string{"workflow_id=" + w.ID(name), "workflow_type=child",
		"task_queue=" + w.Queue(name)}, settings...)...)
}

func (w *World) signalExternal(name, signal string, settings ...string) *commandpb.Command {
	return Command("SignalExternalWorkflowExecution", append([]string{"execution=" + w.ID(name), "signal_name=" + signal}, settings...)...)
}

func (w *World) cancelExternal(name string, settings ...string) *commandpb.Command {
	return Command("RequestCancelExternalWorkflowExecution", append([]string{"workflow_id=" + w.ID(name)}, settings...)...)
}

// protocolMessage is the command at whose place a message is handled.
func protocolMessage(id string) *commandpb.Command {
	return Command("ProtocolMessage", "message_id="+id)
}
