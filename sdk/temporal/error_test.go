package temporal_test

import (
	"fmt"
	"testing"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/temporal"
)

func TestAWrappedErrorThatTheWorkflowIsStartedAlreadyIsRecognized(t *testing.T) {
	err := fmt.Errorf("start: %w", serviceerror.NewWorkflowExecutionAlreadyStarted("started", "request", "run"))
	if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		t.Fatal("it is not")
	}
	if temporal.IsWorkflowExecutionAlreadyStartedError(serviceerror.NewNotFound("x")) {
		t.Fatal("so is another error")
	}
}
