package failure

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
	commonpb "go.temporal.io/api/common/v1"
)

// ContinueAsNewError is returned by a workflow that is to go on as a new run with a
// history of its own. Workflow code makes it with workflow.NewContinueAsNewError.
type ContinueAsNewError struct {
	// WorkflowType is the type of the next run.
	WorkflowType *execution.WorkflowType
	// Input are the arguments of the next run.
	Input *commonpb.Payloads
	// Header is the header of the next run.
	Header *commonpb.Header
	// TaskQueueName is the task queue of the next run.
	TaskQueueName string
	// WorkflowRunTimeout is the longest the next run may take.
	WorkflowRunTimeout time.Duration
	// WorkflowTaskTimeout is the longest a workflow task of the next run may take.
	WorkflowTaskTimeout time.Duration
	// BackoffStartInterval is the wait before the first workflow task of the next run.
	BackoffStartInterval time.Duration

	// WorkflowExecutionTimeout is never set: the timeout of the whole execution goes on
	// from the first run.
	//
	// Deprecated: it is here so that programs that name it compile.
	WorkflowExecutionTimeout time.Duration

	// VersioningIntent says on which build the next run starts.
	//
	// Deprecated: versioning by build id is superseded by worker deployments.
	//
	//lint:ignore SA1019 programs that set it keep working
	VersioningIntent policy.VersioningIntent

	// InitialVersioningBehavior says on which version of the worker deployment the next
	// run starts.
	InitialVersioningBehavior policy.ContinueAsNewVersioningBehavior

	// RetryPolicy is the retry policy of the next run; nil keeps the current one. It is
	// always nil in an error that a client got.
	RetryPolicy *policy.Retry
}

// Error returns the same text for all: what comes next is in the fields.
func (e *ContinueAsNewError) Error() string { return "continue as new" }
