package temporal_test

import (
	"fmt"
	"reflect"
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

func TestErrorsThatCarryDetailsAreComparable(t *testing.T) {
	for _, err := range []any{temporal.ApplicationError{}, temporal.CanceledError{}, temporal.TimeoutError{}} {
		if !reflect.TypeOf(err).Comparable() {
			t.Errorf("%T is not", err)
		}
	}
}
