package workflow

import (
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Children of runs that resets have made: they know as their parent the run that has
// asked for them (Run.asker), and may have told a closed run of their end.

// sendToChild sends a message to a child, in the name of the run that it knows as its
// parent.
func (r *Run) sendToChild(step *entity.Step, child *records.Child, m *records.Message) {
	m.AskingRunId = r.otherAsker(child.InitiatedEventId)
	r.send(step, workflowKey(child.NamespaceId, child.WorkflowId), m)
}

// askChild asks a child to report its end again if it has come.
func (r *Run) askChild(step *entity.Step, child *records.Child) {
	r.sendToChild(step, child, &records.Message{Body: &records.Message_ChildReport{ChildReport: &records.ChildReport{FirstRunId: child.RunId}}})
}

// reportAgain reports the end of a child again to a parent that may have missed it. A
// child that has not closed, or whose last run has been deleted, has nothing to report.
func (c *Chain) reportAgain(step *entity.Step, from entity.Key, m *records.Message, firstRunID string) error {
	r := c.current
	if r == nil || r.info.FirstRunId != firstRunID {
		var err error
		if r, err = c.lastOf(step, firstRunID); r == nil || err != nil {
			return err
		}
	}
	if !r.closed() || !r.isChildOf(from, m) {
		return nil
	}
	end, err := r.initiatingEvent(step, r.state.NextEventId-1)
	if err != nil {
		return err
	}
	r.notifyParent(step, end)
	return nil
}

// lastOf is the last run of those that begin with the given one and continue each
// other, nil if one of them has been deleted.
func (c *Chain) lastOf(step *entity.Step, runID string) (r *Run, err error) {
	for range maxContinuations {
		r, err = c.findRun(step, runID)
		if notFound(err) {
			return nil, nil
		}
		if err != nil || r.state.NewRunId == "" {
			return r, err
		}
		runID = r.state.NewRunId
	}
	return nil, nil
}

// hasRun reports whether the run is more than a child that was terminated before its
// parent knew of it.
func (r *Run) hasRun() bool {
	return !r.closed() || r.state.LastCompletedStartedEventId != 0 || r.state.Status != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
}
