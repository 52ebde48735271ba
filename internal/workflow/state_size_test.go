package workflow

import (
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
)

func TestAWorkflowWhoseStateHasOutgrownItsLimitIsTerminated(t *testing.T) {
	w := newWorkflow(t, Limits{StateSize: 10 << 10})
	w.start()
	w.decide(scheduleActivity("a"))
	ref := w.refOf(w.startActivity())
	if _, err := w.heartbeat(ref, "small"); err != nil {
		t.Fatal(err)
	}
	if got := w.describe("").WorkflowExecutionInfo.Status; got != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Fatalf("below the limit the workflow is %v", got)
	}
	_, _ = w.heartbeat(ref, strings.Repeat("x", 20<<10))
	events := w.history()
	if last := events[len(events)-1].GetWorkflowExecutionTerminatedEventAttributes(); last.GetReason() != "Workflow mutable state size exceeds limit." {
		t.Errorf("the last event is %v", events[len(events)-1])
	}
}
