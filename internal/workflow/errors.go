package workflow

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/check"
)

// identityHistoryService stands in events that the server caused of itself.
const identityHistoryService = "history-service"

// Clients match the texts of these errors; they must not change.

func errNoWorkflow(workflowID string) error {
	return check.NoWorkflow(workflowID)
}

func errNoRun(workflowID, runID string) error {
	return serviceerror.NewNotFoundf("workflow execution not found for workflow ID %q and run ID %q", workflowID, runID)
}

func errChainMismatch() error { return serviceerror.NewNotFound("workflow execution not found") }

func errCompleted() error {
	return serviceerror.NewNotFound("workflow execution already completed")
}

func errTaskNotFound() error { return serviceerror.NewNotFound("Workflow task not found.") }

// Refused is called with the error by which a step that was asked of the workflow has been refused. A Temporal server reads the
// workflow anew then, and does not know any more that it was about to close; but not after each refusal (sparing).
func (c *Chain) Refused(err error) {
	if r := c.current; r != nil && err != c.spared {
		r.tryingToClose = false
	}
	c.spared = nil
}

// sparing returns the error, by which something is refused that leaves what is in the memory of a Temporal server.
func (c *Chain) sparing(err error) error {
	c.spared = err
	return err
}

func errClosing() error {
	return serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
		"workflow operation can not be applied because workflow is closing")
}

func errSignalLimit() error {
	return serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events")
}

// errAlreadyStarted refuses a start because of the given run.
func errAlreadyStarted(run *Run, format string) error {
	return serviceerror.NewWorkflowExecutionAlreadyStartedWithFirstExecutionRunId(
		fmt.Sprintf(format, run.chain.key.ID, run.info.RunId),
		run.info.StartRequestId, run.info.RunId, run.info.FirstRunId)
}
