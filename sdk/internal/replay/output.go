package replay

import (
	"slices"

	commandpb "go.temporal.io/api/command/v1"
)

// output is a command that the code asked for.
type output struct {
	command *commandpb.Command
	// sent, if set, is told that the command was handed over.
	sent func()
	site callSite
	// update identifies the answer that a protocol message command is for.
	update updateAnswer
}

// add appends a command. Its event will have the id that nextSequence said.
func (m *Machine) add(command *commandpb.Command, sent func()) *output {
	o := &output{command: command, sent: sent}
	if m.replaying {
		o.site = callers()
	}
	m.out = append(m.out, o)
	m.skipVersionMarkers()
	m.nextEventID++
	return o
}

// drop takes back a command that has not been handed over.
func (m *Machine) drop(o *output) {
	if i := slices.Index(m.out, o); i >= 0 {
		m.out = slices.Delete(m.out, i, i+1)
	}
}

func (m *Machine) pending() int { return len(m.out) }

// take hands over the commands of the task.
func (m *Machine) take() []*output {
	taken := m.out
	m.out = nil
	for _, o := range taken {
		if o.sent != nil {
			o.sent()
		}
	}
	return taken
}

// TakeCommands hands over the commands of the task, the closing one last.
func (m *Machine) TakeCommands() []*commandpb.Command {
	taken := m.take()
	commands := make([]*commandpb.Command, 0, len(taken)+1)
	for _, o := range taken {
		commands = append(commands, o.command)
	}
	if m.closing != nil {
		commands = append(commands, m.closing)
	}
	return commands
}
