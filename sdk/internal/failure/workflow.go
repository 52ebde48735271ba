package failure

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
)

// WorkflowExecutionError is what the caller of a workflow gets when it fails. Its
// cause, which errors.As finds, says how: an ApplicationError, TimeoutError,
// CanceledError, TerminatedError, PanicError or, for a run that was not followed, a
// ContinueAsNewError.
type WorkflowExecutionError struct {
	workflowID   string
	runID        string
	workflowType string
	cause        error
}

// NewWorkflowExecutionError returns a WorkflowExecutionError.
func NewWorkflowExecutionError(workflowID, runID, workflowType string, cause error) *WorkflowExecutionError {
	return &WorkflowExecutionError{workflowID: workflowID, runID: runID, workflowType: workflowType, cause: cause}
}

// Error returns which workflow failed, and the cause.
func (e *WorkflowExecutionError) Error() string {
	return withCause(fmt.Sprintf("workflow execution error (type: %s, workflowID: %s, runID: %s)",
		e.workflowType, e.workflowID, e.runID), e.cause)
}

// Unwrap returns the cause.
func (e *WorkflowExecutionError) Unwrap() error { return e.cause }

// ChildWorkflowExecutionError is what a workflow gets when a child workflow fails. Its
// cause, which errors.As finds, says how: what a WorkflowExecutionError has, an
// ActivityError if the child returned one, or, for a child that could not be started,
// a ChildWorkflowExecutionAlreadyStartedError or NamespaceNotFoundError.
type ChildWorkflowExecutionError struct {
	carried
	namespace        string
	workflowID       string
	runID            string
	workflowType     string
	initiatedEventID int64
	startedEventID   int64
	retryState       enumspb.RetryState
	cause            error
}

// NewChildWorkflowExecutionError returns a ChildWorkflowExecutionError.
func NewChildWorkflowExecutionError(
	namespace, workflowID, runID, workflowType string,
	initiatedEventID, startedEventID int64,
	retryState enumspb.RetryState,
	cause error,
) *ChildWorkflowExecutionError {
	return &ChildWorkflowExecutionError{
		namespace:        namespace,
		workflowID:       workflowID,
		runID:            runID,
		workflowType:     workflowType,
		initiatedEventID: initiatedEventID,
		startedEventID:   startedEventID,
		retryState:       retryState,
		cause:            cause,
	}
}

// Error returns which child failed, and the cause.
func (e *ChildWorkflowExecutionError) Error() string {
	return withCause(fmt.Sprintf("%s (type: %s, workflowID: %s, runID: %s, initiatedEventID: %d, startedEventID: %d)",
		e.message(), e.workflowType, e.workflowID, e.runID, e.initiatedEventID, e.startedEventID), e.cause)
}

func (e *ChildWorkflowExecutionError) message() string { return "child workflow execution error" }

// Namespace returns the child's namespace.
func (e *ChildWorkflowExecutionError) Namespace() string { return e.namespace }

// WorkflowID returns the child's workflow id.
func (e *ChildWorkflowExecutionError) WorkflowID() string { return e.workflowID }

// RunID returns the child's run id.
func (e *ChildWorkflowExecutionError) RunID() string { return e.runID }

// WorkflowType returns the child's workflow type.
func (e *ChildWorkflowExecutionError) WorkflowType() string { return e.workflowType }

// InitiatedEventID returns the id of the event that asked for the child.
func (e *ChildWorkflowExecutionError) InitiatedEventID() int64 { return e.initiatedEventID }

// StartedEventID returns the id of the event that says that the child started.
func (e *ChildWorkflowExecutionError) StartedEventID() int64 { return e.startedEventID }

// RetryState returns why the child was not tried again.
func (e *ChildWorkflowExecutionError) RetryState() enumspb.RetryState { return e.retryState }

// Unwrap returns the cause.
func (e *ChildWorkflowExecutionError) Unwrap() error { return e.cause }

// ChildWorkflowExecutionAlreadyStartedError is the cause of a
// ChildWorkflowExecutionError when the child's workflow id is taken.
type ChildWorkflowExecutionAlreadyStartedError struct{}

// Error returns what the type says.
func (*ChildWorkflowExecutionAlreadyStartedError) Error() string {
	return "child workflow execution already started"
}

// NamespaceNotFoundError is the cause of an error when the namespace of a child
// workflow or of an external workflow does not exist.
type NamespaceNotFoundError struct{}

// Error returns what the type says.
func (*NamespaceNotFoundError) Error() string { return "namespace not found" }

// InvalidVersioningOverrideError is the cause of a ChildWorkflowExecutionError when the
// server did not accept the child's versioning override.
type InvalidVersioningOverrideError struct{}

// Error returns what the type says.
func (*InvalidVersioningOverrideError) Error() string { return "invalid versioning override" }

// UnknownExternalWorkflowExecutionError says that the workflow to be signaled or
// canceled does not exist.
type UnknownExternalWorkflowExecutionError struct{}

// Error returns what the type says.
func (*UnknownExternalWorkflowExecutionError) Error() string {
	return "unknown external workflow execution"
}
