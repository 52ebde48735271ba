package replay

import (
	"fmt"
	"runtime"
	"strings"
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
	return b.String()
}

// AskedForNothing says whether the history goes on where the workflow code waits.
func (e *NonDeterminismError) AskedForNothing() bool { return e.nothing }

// Line is the source line of the workflow code that does not match, or "".
func (e *NonDeterminismError) Line() string { return e.site.line() }

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
	for _, prefix := range sdkPackages {
		if strings.HasPrefix(frame.Function, prefix) {
			return true
		}
	}
	return false
}
