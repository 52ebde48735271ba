package workflow

import (
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestExecutionTimeoutIsDueWithTheRunTimeoutThatItCaps(t *testing.T) {
	for _, fraction := range []time.Duration{0, 499 * time.Microsecond, 500 * time.Microsecond, 999999} {
		w := newWorkflow(t)
		w.now = w.now.Add(fraction) // expirations are rounded to milliseconds
		w.start(func(r *startRequest) { r.WorkflowExecutionTimeout = durationpb.New(time.Minute) })
		w.advance(time.Minute + time.Millisecond)
		if a := w.lastEvent().GetWorkflowExecutionTimedOutEventAttributes(); a.GetRetryState() != enumspb.RETRY_STATE_TIMEOUT {
			t.Errorf("started %v past the millisecond: timed out event is %v", fraction, a)
		}
	}
}

func TestDescriptionHasMemoAndSearchAttributesEvenIfTheyAreEmpty(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	resp, err := w.chain().Describe(w.reader(), w.now, &workflowservice.DescribeWorkflowExecutionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if i := resp.WorkflowExecutionInfo; i.Memo == nil || i.SearchAttributes == nil || i.AutoResetPoints == nil {
		t.Errorf("described as %v", i)
	}
}
