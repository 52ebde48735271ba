package differ

import (
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
)

// calledBack are settings of a start that asks for a callback, to where nobody listens.
func calledBack(path string) []string {
	return []string{"completion_callbacks+.nexus.url=http://127.0.0.1:1/" + path, "completion_callbacks.nexus.header=(h:1)"}
}

// attached are settings of a start that attaches what it brings to the workflow that runs already.
func attached(settings ...string) []string {
	return append([]string{"workflow_id_conflict_policy=USE_EXISTING", "on_conflict_options.attach_request_id=true"}, settings...)
}

// switched are conversations about what a namespace may switch on, besides those that have a group of their own.
var switched = []Scenario{
	{"a callback is asked for, and goes on to the next run", func(w *World) {
		w.Start("w", calledBack("a")...)
		w.Describe("w")
		w.Decide("w", continueAsNew())
		w.Await("w", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("w")
		w.Poll("w")
	}},
	{"a callback goes on to the run of a retry", func(w *World) {
		w.Start("w", append(calledBack("a"), "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")...)
		w.Decide("w", fail("Bad"))
		w.Poll("w")
		w.Describe("w")
	}},
	{"a callback goes on to the run that a reset makes", func(w *World) {
		w.Start("w", calledBack("a")...)
		w.Decide("w", timer("t", "1h"))
		w.ResetTo("w", 4)
		w.Describe("w")
		w.Poll("w")
	}},
	{"a callback is attached to a workflow that runs", func(w *World) {
		w.Start("w", calledBack("a")...)
		w.Start("w", attached(append(calledBack("b"), "on_conflict_options.attach_completion_callbacks=true")...)...)
		w.Describe("w")
		w.Start("w", attached(append(calledBack("b"), "on_conflict_options.attach_completion_callbacks=true")...)...)
		w.Describe("w")
		w.Poll("w")
	}},
	{"callbacks that cannot be, where they may go anywhere", func(w *World) {
		w.Start("w", "completion_callbacks+.nexus.url=")
		w.Start("w", "completion_callbacks+.nexus.url=ftp://127.0.0.1/")
		w.Start("w", "completion_callbacks+.nexus.url=http://127.0.0.1:1/"+strings.Repeat("x", 1001))
		w.Start("w", append(calledBack("a"), fmt.Sprintf("completion_callbacks.nexus.header=(h:%q)", strings.Repeat("x", 8<<10)))...)
		w.forget("w")
	}},
	{"more request ids are attached to a workflow than are kept", func(w *World) {
		w.Start("w")
		w.quietly(func() {
			for range 27 {
				w.Start("w", attached()...)
			}
		})
		w.Start("w", attached("request_id="+w.Prefix+"-r2")...)
		w.Start("w", attached("request_id="+w.Prefix+"-r28")...)
		w.Poll("w")
	}},
	{"workflow tasks that fail again and again are problems that are reported", func(w *World) {
		w.Start("w")
		w.Poll("w").Fail()
		w.Describe("w")
		w.Poll("w").Fail()
		w.Describe("w")
		w.Decide("w", timer("t", "1h"))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a completion comes in pages", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		task.CompleteWith(Settings{"intermediate_page=true"}, marker("a"))
		task.CompleteWith(Settings{"intermediate_page=true", "page_number=1"}, marker("b"))
		task.CompleteWith(Settings{"page_number=2"}, complete("done"))
	}},
	{"the last page of a completion comes without those before it", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		task.CompleteWith(Settings{"intermediate_page=true"}, marker("a"))
		task.CompleteWith(Settings{"page_number=2"}, complete("done"))
		task.CompleteWith(nil, complete("done"))
	}},
	{"a page of a completion comes after the task has failed", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		task.CompleteWith(Settings{"intermediate_page=true"}, marker("a"))
		task.Fail()
		task.CompleteWith(Settings{"page_number=1"}, complete("done"))
		w.Terminate("w")
	}},
	{"a page of a completion has a command that is wrong", func(w *World) {
		w.Start("w")
		task := w.Poll("w")
		task.CompleteWith(Settings{"intermediate_page=true"}, timer("", "1h"))
		task.CompleteWith(Settings{"page_number=1"}, complete("done"))
		w.Terminate("w")
	}},
}
