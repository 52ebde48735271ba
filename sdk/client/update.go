package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

// WorkflowUpdateStage is how far an update has come.
type WorkflowUpdateStage = iclient.WorkflowUpdateStage

const (
	// WorkflowUpdateStageUnspecified is no choice, which Client.UpdateWorkflow refuses.
	WorkflowUpdateStageUnspecified = iclient.WorkflowUpdateStageUnspecified
	// WorkflowUpdateStageAdmitted means that the server has the update, which may still be
	// lost. It cannot be waited for.
	WorkflowUpdateStageAdmitted = iclient.WorkflowUpdateStageAdmitted
	// WorkflowUpdateStageAccepted means that a worker's validator let the update pass and
	// that it is in the history.
	WorkflowUpdateStageAccepted = iclient.WorkflowUpdateStageAccepted
	// WorkflowUpdateStageCompleted means that the update's handler has returned.
	WorkflowUpdateStageCompleted = iclient.WorkflowUpdateStageCompleted
)

type (
	// UpdateWorkflowOptions are the options of Client.UpdateWorkflow.
	UpdateWorkflowOptions = iclient.UpdateWorkflowOptions

	// UpdateWithStartWorkflowOptions are the options of Client.UpdateWithStartWorkflow.
	UpdateWithStartWorkflowOptions = iclient.UpdateWithStartWorkflowOptions

	// WithStartWorkflowOperation is the start of a workflow that goes together with an
	// update. Make it with Client.NewWithStartWorkflowOperation.
	WithStartWorkflowOperation = iclient.WithStartWorkflowOperation

	// WorkflowUpdateHandle is an update that was sent. Its Get method waits for the outcome.
	WorkflowUpdateHandle = iclient.WorkflowUpdateHandle

	// GetWorkflowUpdateHandleOptions are the options of Client.GetWorkflowUpdateHandle.
	GetWorkflowUpdateHandleOptions = iclient.GetWorkflowUpdateHandleOptions

	// WorkflowUpdateServiceTimeoutOrCanceledError says that a call about an update ended
	// because its context did or the server was too slow. What became of the update is open.
	WorkflowUpdateServiceTimeoutOrCanceledError = iclient.WorkflowUpdateServiceTimeoutOrCanceledError
)

// NewWorkflowUpdateServiceTimeoutOrCanceledError returns the error for a call that ended
// with err, for tests that stand in for a server.
func NewWorkflowUpdateServiceTimeoutOrCanceledError(err error) *WorkflowUpdateServiceTimeoutOrCanceledError {
	return iclient.NewWorkflowUpdateServiceTimeoutOrCanceledError(err)
}
