package workflow

import (
	"errors"
	"testing"

	"go.temporal.io/api/serviceerror"
)

func TestStartOfARunningWorkflowFailsByDefault(t *testing.T) {
	w := newWorkflow(t)
	first := w.start(withRequestID("start-1"))
	_, err := w.tryStart()
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &already) || already.RunId != first.RunId || already.StartRequestId != "start-1" || already.FirstExecutionRunId != first.RunId {
		t.Fatalf("second start: %v", err)
	}
}
