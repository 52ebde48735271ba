package replay

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// NonDeterminismError says that the workflow code does not do what the history
// says it did. The code TMPRL1100 is known to tools and documentation.
type NonDeterminismError struct {
	// Problem in a few words.
	Problem string
	// EventID of the event that does not match, 0 if there is none.
	EventID int64
	// History is what the history has, Workflow what the code asked for. Either
	// may be empty.
	History, Workflow string
	// Waiting is where the workflow code waits, if it is that it did not ask for what the history
	// has: a source line for each of its coroutines.
	Waiting []string
	// KnownAs is what the Temporal Go SDK says of the same mismatch, for those who search for its
	// words or whose tests do. Empty if it has the words of Problem.
	KnownAs string

	nothing bool
	site    callSite
}

func (e *NonDeterminismError) Error() string {
	var b strings.Builder
	b.WriteString("[TMPRL1100] nondeterministic workflow: ")
	b.WriteString(e.Problem)
	if e.EventID != 0 {
		fmt.Fprintf(&b, " (event %d)", e.EventID)
	}
	if e.History != "" {
		b.WriteString("\n  history has:       " + e.History)
	}
	if e.Workflow != "" {
		b.WriteString("\n  workflow code has: " + e.Workflow)
	}
	if line := e.site.line(); line != "" {
		b.WriteString("\n  called at:         " + line)
	}
	for _, line := range e.Waiting {
		b.WriteString("\n  waits at:          " + line)
	}
	if e.KnownAs != "" {
		b.WriteString("\n  known as:          " + e.KnownAs)
	}
	return b.String()
}

// AskedForNothing says whether the history goes on where the workflow code waits.
func (e *NonDeterminismError) AskedForNothing() bool { return e.nothing }

// Line is the source line of the workflow code that does not match, or "".
func (e *NonDeterminismError) Line() string { return e.site.line() }

// knownAs is KnownAs of a task that left these events, of which the workflow code asked for these commands instead: closing
// is the one with which it ended, nil if it did not. The Temporal Go SDK looks for the cause of each event first, and
// compares only then, so it tells of the first event that nothing can have caused.
func knownAs(events []*historypb.HistoryEvent, commands []*output, closing *commandpb.Command) string {
	for _, event := range events {
		if words := withoutCause(event, commands); words != "" {
			return words
		}
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
			ending := "no command that closes the workflow"
			if closing != nil {
				ending = describeCommand(closing)
			}
			return fmt.Sprintf("replay workflow doesn't return the same result as the last event, "+
				"resp: *workflowservice.RespondWorkflowTaskCompletedRequest{%s}, last: *history.HistoryEvent{%s}", ending, describeEvent(event))
		}
	}
	return ""
}

// withoutCause is what the Temporal Go SDK says of an event if none of the commands can have caused it.
func withoutCause(event *historypb.HistoryEvent, commands []*output) string {
	asked := func(of func(*commandpb.Command) bool) bool {
		return slices.ContainsFunc(commands, func(o *output) bool { return of(o.command) })
	}
	expected := func(kind, id string) string {
		return fmt.Sprintf("[TMPRL1100] During replay, a matching %s command was expected in history event position %s. "+
			"However, the replayed code did not produce that. Possible causes are nondeterministic workflow definition code, "+
			"or an incompatible change in the workflow definition.", kind, id)
	}
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		id := event.GetActivityTaskScheduledEventAttributes().GetActivityId()
		activity := func(id string) bool {
			return asked(func(c *commandpb.Command) bool {
				a := c.GetScheduleActivityTaskCommandAttributes()
				return a != nil && a.GetActivityId() == id
			})
		}
		switch {
		case activity(id):
		case activity(strconv.FormatInt(event.GetEventId(), 10)):
			return expected("Activity", id)
		default:
			return fmt.Sprintf("[TMPRL1100] lookup failed for scheduledEventID to activityID: scheduleEventID: %d, activityID: %s", event.GetEventId(), id)
		}
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		id := event.GetTimerStartedEventAttributes().GetTimerId()
		if !asked(func(c *commandpb.Command) bool { return c.GetStartTimerCommandAttributes().GetTimerId() == id }) {
			return expected("Timer", id)
		}
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		id := event.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowId()
		if !asked(func(c *commandpb.Command) bool {
			return c.GetStartChildWorkflowExecutionCommandAttributes().GetWorkflowId() == id
		}) {
			return expected("ChildWorkflow", id)
		}
	}
	return ""
}

// callSite is a few return addresses. It is only taken in replay, where a
// mismatch may need it.
type callSite []uintptr

func callers() callSite {
	pcs := make([]uintptr, 16)
	return pcs[:runtime.Callers(3, pcs)]
}

// sdkPackages are not workflow code.
var sdkPackages = []string{
	"github.com/perdure/perdure/sdk/internal/",
	"github.com/perdure/perdure/sdk/workflow.",
}

// line is the first line outside of the SDK.
func (s callSite) line() string {
	if len(s) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(s)
	for {
		frame, more := frames.Next()
		if !isSDK(frame) {
			if frame.Function == "" || strings.HasPrefix(frame.Function, "runtime.") {
				return ""
			}
			return fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File, frame.Line)
		}
		if !more {
			return ""
		}
	}
}

func isSDK(frame runtime.Frame) bool {
	if strings.HasSuffix(frame.File, "_test.go") {
		return false
	}
	return IsSDK(frame.Function)
}

// IsSDK says whether a function, by its full name, is the SDK's and not workflow code.
func IsSDK(function string) bool {
	for _, prefix := range sdkPackages {
		if strings.HasPrefix(function, prefix) {
			return true
		}
	}
	return false
}
