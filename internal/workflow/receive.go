package workflow

import (
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Receive handles a message from another entity, or from this one to itself.
//
// Messages are delivered at least once. A message that has been handled before
// finds what it asks for done: the child started by the same request, the signal's
// request id known, the pending item gone. Then it changes nothing but is answered
// again, since the answer may have been lost too. A message that comes too late, or
// that makes no sense, is dropped; one that this build does not know is kept.
func (c *Chain) Receive(step *entity.Step, from entity.Key, message []byte) error {
	m := new(records.Message)
	if err := proto.Unmarshal(message, m); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	if c.importing() {
		return errImporting // it is delivered again, until the run that it is for is running
	}
	switch body := m.Body.(type) {
	case *records.Message_StartChild:
		return c.startChild(step, from, m, body.StartChild)
	case *records.Message_ChildStarted:
		return c.childStarted(step, from, body.ChildStarted)
	case *records.Message_ChildStartFailed:
		return c.childStartFailed(step, body.ChildStartFailed)
	case *records.Message_ChildFirstTask:
		return c.childFirstTask(step, body.ChildFirstTask)
	case *records.Message_ChildReport:
		return c.reportAgain(step, from, m, body.ChildReport.GetFirstRunId())
	case *records.Message_ChildClosed:
		return c.childClosed(step, from, body.ChildClosed)
	case *records.Message_Signal:
		return c.receiveSignal(step, from, m, body.Signal)
	case *records.Message_Cancel:
		return c.receiveCancel(step, from, m, body.Cancel)
	case *records.Message_Terminate:
		return c.receiveTerminate(step, from, m, body.Terminate)
	case *records.Message_CallbackProgress:
		return c.callbackProgress(step, body.CallbackProgress)
	case *records.Message_StartWorkflow:
		return c.startWatched(step, from, body.StartWorkflow)
	case *records.Message_NexusResult:
		return c.nexusCompleted(step, from, body.NexusResult)
	case *records.Message_FlowAnswer:
		return c.flowAnswered(step, from, body.FlowAnswer)
	case *records.Message_ExternalResult:
		return c.receiveExternalResult(step, body.ExternalResult)
	}
	return entity.ErrUnknownMessage
}

// workflowKey names the chain of a workflow id.
func workflowKey(namespaceID, workflowID string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: namespaceID, ID: workflowID}
}

// send sends a message to another chain, from the run with the id if it matters
// from which.
func (c *Chain) send(step *entity.Step, to entity.Key, runID string, m *records.Message) {
	m.FromRunId = runID
	step.Send(to, mustMarshal(m))
}

// send sends a message from the run to another chain.
func (r *Run) send(step *entity.Step, to entity.Key, m *records.Message) {
	r.chain.send(step, to, r.info.RunId, m)
}

// findOpen finds a run that has not closed, the current one for an empty run id;
// nil if there is none.
func (c *Chain) findOpen(step *entity.Step, runID string) (*Run, error) {
	r, err := c.findRun(step, runID)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.closed() {
		return nil, nil
	}
	return r, nil
}

// notFound reports whether the error says that a run is not there.
func notFound(err error) bool {
	var target *serviceerror.NotFound
	return errors.As(err, &target)
}

func invalidArgument(err error) bool {
	var target *serviceerror.InvalidArgument
	return errors.As(err, &target)
}

func alreadyStarted(err error) bool {
	var target *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &target)
}
