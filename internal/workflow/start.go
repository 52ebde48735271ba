package workflow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// startParams is what a new run is made of, whoever asks for it: a client, a
// parent workflow, or the run that it continues.
type startParams struct {
	requestID string
	identity  string

	workflowType     *commonpb.WorkflowType
	taskQueue        string
	input            *commonpb.Payloads
	header           *commonpb.Header
	memo             *commonpb.Memo
	searchAttributes *commonpb.SearchAttributes
	priority         *commonpb.Priority
	userMetadata     *sdkpb.UserMetadata
	links            []*commonpb.Link
	retryPolicy      *commonpb.RetryPolicy
	cronSchedule     string

	// Timeouts; 0 is no limit for the first two and the default for the last.
	executionTimeout, runTimeout, taskTimeout time.Duration
	// firstTaskBackoff delays the first workflow task.
	firstTaskBackoff time.Duration

	reusePolicy    enumspb.WorkflowIdReusePolicy
	conflictPolicy enumspb.WorkflowIdConflictPolicy

	// parent and root are set for children only.
	parent *records.Parent
	root   *commonpb.WorkflowExecution
	// awaitParent holds back the first workflow task until startFirstTask.
	awaitParent bool
}

// startRun starts a run if the id's current run and the policies allow it, and
// flushes it. A request id that has already started the current run returns that
// run. It fails with serviceerror.WorkflowExecutionAlreadyStarted.
func (c *Chain) startRun(step *entity.Step, p *startParams) (*Run, error) {
	panic("skeleton")
}

// startFirstTask schedules the first workflow task of a child whose parent has
// recorded the start. It does nothing if that has been done. The caller flushes.
func (r *Run) startFirstTask(step *entity.Step) { panic("skeleton") }
