package workflow

import (
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/entity"
)

type startedTask struct{}
type query struct{}
type historyTail struct{}
type Limits struct {
	// PendingActivities etc. are the most pending items of a kind a run may have.
	PendingActivities, PendingChildren, PendingSignals, PendingCancels int
	// BlobSize is the most bytes a payload may have; BlobSize of the memo: MemoSize.
	BlobSize, MemoSize int
	IDLength           int
}

func bufferable(enumspb.EventType) bool               { panic("skeleton") }
func (r *Run) flushHistory(step *entity.Step)         { panic("skeleton") }
func (r *Run) earliestDeadline() time.Time            { panic("skeleton") }
func (r *Run) scheduleWorkflowTask(step *entity.Step) { panic("skeleton") }

// findRun returns the run; the current one for an empty run id. NotFound errors.
func (c *Chain) findRun(step *entity.Step, runID string) (*Run, error) { panic("skeleton") }

// runningRun is findRun for steps that change a run: NotFound "workflow execution
// already completed" for closed ones. It also flushes buffered events that a
// crash has left over, so call it only when about to change the run.
func (c *Chain) runningRun(step *entity.Step, runID string) (*Run, error) { panic("skeleton") }

// signalParams is a signal on its way into a run.
type signalParams struct {
	name      string
	input     *commonpb.Payloads
	header    *commonpb.Header
	identity  string
	requestID string
	links     []*commonpb.Link
	// external is the workflow that sends the signal, if one does.
	external *commonpb.WorkflowExecution
}

// signalRun adds the signal to a running run; a request id seen before is
// accepted silently. The caller flushes.
func (c *Chain) signalRun(step *entity.Step, run *Run, s signalParams) error { panic("skeleton") }

// cancelParams is a cancel request on its way into a run.
type cancelParams struct {
	reason    string
	identity  string
	requestID string
	links     []*commonpb.Link
	// external is the workflow that asks, if one does, and externalInitiatedID its
	// initiated event.
	external            *commonpb.WorkflowExecution
	externalInitiatedID int64
}

// requestCancelRun adds the cancel request to a running run; a second one is
// accepted silently. The caller flushes.
func (c *Chain) requestCancelRun(step *entity.Step, run *Run, p cancelParams) error {
	panic("skeleton")
}

// terminateRun closes a running run. The caller flushes.
func (c *Chain) terminateRun(step *entity.Step, run *Run, reason string, details *commonpb.Payloads, identity string) {
	panic("skeleton")
}

func checkRecordMarker(b *commandBatch, cmd *commandpb.Command) *commandFailure           { return nil }
func applyRecordMarker(a *application, cmd *commandpb.Command)                            {}
func checkUpsertSearchAttributes(b *commandBatch, cmd *commandpb.Command) *commandFailure { return nil }
func applyUpsertSearchAttributes(a *application, cmd *commandpb.Command)                  {}
func checkModifyProperties(b *commandBatch, cmd *commandpb.Command) *commandFailure       { return nil }
func applyModifyProperties(a *application, cmd *commandpb.Command)                        {}
func checkComplete(b *commandBatch, cmd *commandpb.Command) *commandFailure               { return nil }
func applyComplete(a *application, cmd *commandpb.Command)                                {}
func checkFail(b *commandBatch, cmd *commandpb.Command) *commandFailure                   { return nil }
func applyFail(a *application, cmd *commandpb.Command)                                    {}
func checkCancelWorkflow(b *commandBatch, cmd *commandpb.Command) *commandFailure         { return nil }
func applyCancelWorkflow(a *application, cmd *commandpb.Command)                          {}
func checkContinueAsNew(b *commandBatch, cmd *commandpb.Command) *commandFailure          { return nil }
func applyContinueAsNew(a *application, cmd *commandpb.Command)                           {}

var _ *historypb.HistoryEvent
