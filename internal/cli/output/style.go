package output

import (
	"strings"

	"charm.land/lipgloss/v2"
	enumspb "go.temporal.io/api/enums/v1"
)

// The colours are the 16 of the terminal, so that they fit whatever it looks like.
var (
	headingStyle = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Magenta)
	nameStyle    = lipgloss.NewStyle().Foreground(lipgloss.Cyan)

	good    = lipgloss.NewStyle().Foreground(lipgloss.Green)
	bad     = lipgloss.NewStyle().Foreground(lipgloss.Red)
	late    = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	stopped = lipgloss.NewStyle().Foreground(lipgloss.Magenta)
	begun   = lipgloss.NewStyle().Foreground(lipgloss.Blue)
	faint   = lipgloss.NewStyle().Faint(true)
)

// Good is for what went well.
func Good(s string) string { return good.Render(s) }

// Bad is for failures.
func Bad(s string) string { return bad.Render(s) }

// Late is for what took too long.
func Late(s string) string { return late.Render(s) }

// Stopped is for what was ended from outside.
func Stopped(s string) string { return stopped.Render(s) }

// Begun is for what goes on.
func Begun(s string) string { return begun.Render(s) }

// Faint is for what matters less than what is beside it.
func Faint(s string) string { return faint.Render(s) }

// Status is the status of a workflow, coloured.
func Status(s enumspb.WorkflowExecutionStatus) string {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return good.Render(s.String())
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return bad.Render(s.String())
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return late.Render(s.String())
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return stopped.Render(s.String())
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return begun.Render(s.String())
	}
	return s.String()
}

// Event is the type of an event, coloured by how whatever it is about has ended.
func Event(t enumspb.EventType) string {
	name := t.String()
	switch {
	case strings.HasSuffix(name, "Failed"):
		return bad.Render(name)
	case strings.HasSuffix(name, "TimedOut"):
		return late.Render(name)
	case strings.HasSuffix(name, "Canceled"), strings.HasSuffix(name, "Terminated"):
		return stopped.Render(name)
	case strings.HasPrefix(name, "WorkflowTask"):
		return faint.Render(name)
	case strings.HasSuffix(name, "Completed"):
		return good.Render(name)
	case t == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		return begun.Render(name)
	}
	return name
}
