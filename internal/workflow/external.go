//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

import (
	"cmp"
	"errors"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A signal to, or a cancel request of, another workflow is a message to its chain,
// which answers with ExternalResult. Until then it is a pending External. A
// workflow cannot reach itself in this way: that is answered as if there were no
// such workflow.

// externals are the pending signals to, or cancel requests of, other workflows, by
// initiated event id.
type externals struct {
	pendingItems[int64, records.External, *records.External]
}

func (f *externals) load(_ *Run, _, value []byte) error {
	external, err := decodeRecord[records.External](value)
	if err == nil {
		f.keep(external.InitiatedEventId, external)
	}
	return err
}

func (f *externals) drop(*Run) { f.dropAll() }

func (f *externals) size() int { return f.len() * pendingItemBytes }

type externalSignals struct{ externals }

func (*externalSignals) letter() byte { return 'x' }

func (f *externalSignals) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

func (f *externalSignals) bound(limits *Limits) bound {
	return bound{limits.PendingSignals, "pending signals to external workflows", enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_SIGNALS_LIMIT_EXCEEDED}
}

type externalCancels struct{ externals }

func (*externalCancels) letter() byte { return 'y' }

func (f *externalCancels) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

func (f *externalCancels) bound(limits *Limits) bound {
	return bound{limits.PendingCancels, "pending requests to cancel external workflows", enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_REQUEST_CANCEL_LIMIT_EXCEEDED}
}

var (
	onSignalExternal = check.Command("SignalExternalWorkflowExecutionCommand")
	onCancelExternal = check.Command("RequestCancelExternalWorkflowExecutionCommand")
)

var errCrossNamespace = errors.New("cross namespace commands are not allowed")

func checkSignalExternal(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES

	attr := cmd.GetSignalExternalWorkflowExecutionCommandAttributes()
	if attr == nil {
		return badCommand(bad, "SignalExternalWorkflowExecutionCommandAttributes is not set on SignalExternalWorkflowExecutionCommand.")
	}
	if attr.Execution == nil {
		return badCommand(bad, "Execution is not set on SignalExternalWorkflowExecutionCommand.")
	}
	r := b.run
	if failure := checkExternal(r, bad, onSignalExternal, attr.Namespace, attr.Execution.WorkflowId, attr.Execution.RunId); failure != nil {
		return failure
	}
	if err := check.SignalName(attr.SignalName, onSignalExternal); err != nil {
		return badCommand(bad, "%w WorkflowId=%s Namespace=%s RunId=%s",
			err, attr.Execution.WorkflowId, attr.Namespace, attr.Execution.RunId)
	}
	if failure := b.makeRoom(&r.signals); failure != nil {
		return failure
	}
	if failure := b.checkBlob("Input", proto.Size(attr.Input), bad, onSignalExternal); failure != nil {
		return failure
	}
	return nil
}

func checkCancelExternal(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES

	attr := cmd.GetRequestCancelExternalWorkflowExecutionCommandAttributes()
	if attr == nil {
		return badCommand(bad, "RequestCancelExternalWorkflowExecutionCommandAttributes is not set on RequestCancelExternalWorkflowExecutionCommand.")
	}
	r := b.run
	if failure := checkExternal(r, bad, onCancelExternal, attr.Namespace, attr.WorkflowId, attr.RunId); failure != nil {
		return failure
	}
	if b.children[attr.WorkflowId] {
		return badCommand(bad, "Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=%s RunId=%s Namespace=%s",
			attr.WorkflowId, attr.RunId, attr.Namespace)
	}
	return b.makeRoom(&r.cancels)
}

// checkExternal checks how a command names another workflow.
func checkExternal(r *Run, bad enumspb.WorkflowTaskFailedCause, command *check.Place, namespace, workflowID, runID string) *commandFailure {
	if err := check.Namespace(namespace, command); err != nil {
		return badCommand(bad, "%w", err)
	}
	if _, err := r.commandTarget(namespace); err != nil {
		return badCommand(bad, "%w", err)
	}
	if err := cmp.Or(check.WorkflowID(workflowID, command), check.RunID(runID, command)); err != nil {
		return badCommand(bad, "%w WorkflowId=%s RunId=%s Namespace=%s", err, workflowID, runID, namespace)
	}
	return nil
}

func applySignalExternal(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetSignalExternalWorkflowExecutionCommandAttributes()
	target := &commonpb.WorkflowExecution{WorkflowId: attr.Execution.WorkflowId, RunId: attr.Execution.RunId}
	event := r.addEvent(a.step, enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, func(e *historypb.HistoryEvent) {
		fromCommand(e, cmd)
		e.Attributes = &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{
			SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
				WorkflowTaskCompletedEventId: a.completedEventID,
				Namespace:                    attr.Namespace,
				NamespaceId:                  r.chain.key.Namespace,
				WorkflowExecution:            target,
				SignalName:                   attr.SignalName,
				Input:                        attr.Input,
				Control:                      attr.Control,
				ChildWorkflowOnly:            attr.ChildWorkflowOnly,
				Header:                       attr.Header,
			},
		}
	})
	external := r.newExternal(a.step, event.EventId, target, attr.Control)
	r.signals.put(event.EventId, external)
	if r.isSelf(target) {
		r.answerSelf(a.step, &records.ExternalResult{
			InitiatedEventId: event.EventId,
			SignalCause:      enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
		})
		return
	}
	r.send(a.step, workflowKey(external.NamespaceId, target.WorkflowId), &records.Message{Body: &records.Message_Signal{Signal: &records.Signal{
		RunId:            target.RunId,
		Name:             attr.SignalName,
		Input:            attr.Input,
		Header:           attr.Header,
		Identity:         identityHistoryService,
		RequestId:        external.RequestId,
		InitiatedEventId: event.EventId,
		ChildOnly:        attr.ChildWorkflowOnly,
		FromNamespace:    external.Namespace,
	}}})
}

func applyCancelExternal(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetRequestCancelExternalWorkflowExecutionCommandAttributes()
	target := &commonpb.WorkflowExecution{WorkflowId: attr.WorkflowId, RunId: attr.RunId}
	event := r.addEvent(a.step, enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, func(e *historypb.HistoryEvent) {
		fromCommand(e, cmd)
		e.Attributes = &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
			RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
				WorkflowTaskCompletedEventId: a.completedEventID,
				Namespace:                    attr.Namespace,
				NamespaceId:                  r.chain.key.Namespace,
				WorkflowExecution:            target,
				Control:                      attr.Control,
				ChildWorkflowOnly:            attr.ChildWorkflowOnly,
				Reason:                       attr.Reason,
			},
		}
	})
	external := r.newExternal(a.step, event.EventId, target, attr.Control)
	r.cancels.put(event.EventId, external)
	if r.isSelf(target) {
		r.answerSelf(a.step, &records.ExternalResult{
			InitiatedEventId: event.EventId,
			CancelCause:      enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
		})
		return
	}
	r.send(a.step, workflowKey(external.NamespaceId, target.WorkflowId), &records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{
		RunId:            target.RunId,
		Reason:           attr.Reason,
		Identity:         identityHistoryService,
		RequestId:        external.RequestId,
		InitiatedEventId: event.EventId,
		ChildOnly:        attr.ChildWorkflowOnly,
		FromNamespace:    external.Namespace,
	}}})
}

func (r *Run) newExternal(step *entity.Step, initiatedEventID int64, target *commonpb.WorkflowExecution, control string) *records.External {
	return &records.External{
		InitiatedEventId: initiatedEventID,
		RequestId:        step.NewID(),
		Namespace:        r.chain.namespaceName(),
		NamespaceId:      r.chain.key.Namespace,
		WorkflowId:       target.WorkflowId,
		RunId:            target.RunId,
		Control:          []byte(control),
	}
}

func (r *Run) isSelf(target *commonpb.WorkflowExecution) bool {
	return target.WorkflowId == r.chain.key.ID
}

// answerSelf answers the run as another chain would.
func (r *Run) answerSelf(step *entity.Step, result *records.ExternalResult) {
	result.ToRunId = r.info.RunId
	r.send(step, r.chain.key, &records.Message{Body: &records.Message_ExternalResult{ExternalResult: result}})
}

// receiveSignal adds a signal from another workflow, and answers it.
func (c *Chain) receiveSignal(step *entity.Step, m *records.Message, signal *records.Signal) error {
	answer := func(cause enumspb.SignalExternalWorkflowExecutionFailedCause) {
		if signal.InitiatedEventId != 0 {
			c.reply(step, m, &records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{
				InitiatedEventId: signal.InitiatedEventId,
				ToRunId:          m.FromRunId,
				Ok:               cause == enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED,
				SignalCause:      cause,
			}}})
		}
	}
	const delivered = enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED
	if _, ok := c.config.Namespace(c.key.Namespace); !ok {
		answer(enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND)
		return nil
	}
	r, err := c.findRun(step, signal.RunId)
	if err != nil && !notFound(err) {
		return err
	}
	if err == nil && r.signalRequests.has(signal.RequestId) {
		answer(delivered)
		return nil
	}
	if err != nil || r.closed() || signal.ChildOnly && !r.isChildOf(m) {
		answer(enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND)
		return nil
	}
	err = c.signalRun(step, r, signalParams{
		name:      signal.Name,
		input:     signal.Input,
		header:    signal.Header,
		identity:  signal.Identity,
		requestID: signal.RequestId,
		external:  &commonpb.WorkflowExecution{WorkflowId: m.FromWorkflowId, RunId: m.FromRunId},
	})
	switch {
	case invalidArgument(err):
		answer(enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED)
	case err != nil:
		return err
	default:
		answer(delivered)
	}
	return nil
}

// receiveCancel asks the run to cancel on behalf of another workflow, and answers
// it. That a run has closed already is a success.
func (c *Chain) receiveCancel(step *entity.Step, m *records.Message, cancel *records.Cancel) error {
	answer := func(cause enumspb.CancelExternalWorkflowExecutionFailedCause) {
		if cancel.InitiatedEventId != 0 {
			c.reply(step, m, &records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{
				InitiatedEventId: cancel.InitiatedEventId,
				ToRunId:          m.FromRunId,
				Ok:               cause == enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED,
				CancelCause:      cause,
			}}})
		}
	}
	const delivered = enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED
	if _, ok := c.config.Namespace(c.key.Namespace); !ok {
		answer(enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND)
		return nil
	}
	r, err := c.findRun(step, cancel.RunId)
	if err != nil && !notFound(err) {
		return err
	}
	if err == nil && r.closed() {
		answer(delivered)
		return nil
	}
	if err != nil || cancel.ChildOnly && !r.isChildOf(m) || cancel.FirstRunId != "" && cancel.FirstRunId != r.info.FirstRunId {
		answer(enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND)
		return nil
	}
	if err := c.requestCancelRun(step, r, cancelParams{
		reason:              cancel.Reason,
		identity:            cancel.Identity,
		requestID:           cancel.RequestId,
		external:            &commonpb.WorkflowExecution{WorkflowId: m.FromWorkflowId, RunId: m.FromRunId},
		externalInitiatedID: cancel.InitiatedEventId,
	}); err != nil {
		return err
	}
	answer(delivered)
	return nil
}

// receiveTerminate closes a child on behalf of its parent.
func (c *Chain) receiveTerminate(step *entity.Step, m *records.Message, terminate *records.Terminate) error {
	r, err := c.findOpen(step, terminate.RunId)
	if r == nil || err != nil {
		return err
	}
	if !r.isChildOf(m) ||
		terminate.FirstRunId != "" && terminate.FirstRunId != r.info.FirstRunId ||
		terminate.UnstartedOnly && !r.state.ChildFirstTaskPending {
		return nil
	}
	c.terminateRun(step, r, terminate.Reason, terminate.Details, terminate.Identity)
	return nil
}

// receiveExternalResult records what has become of a signal or a cancel request.
func (c *Chain) receiveExternalResult(step *entity.Step, result *records.ExternalResult) error {
	r, err := c.findOpen(step, result.ToRunId)
	if r == nil || err != nil {
		return err
	}
	if external := r.signals.get(result.InitiatedEventId); external != nil {
		r.recordSignalResult(step, external, result)
		r.signals.remove(result.InitiatedEventId)
		r.wantWorkflowTask()
	} else if external := r.cancels.get(result.InitiatedEventId); external != nil {
		r.recordCancelResult(step, external, result)
		r.cancels.remove(result.InitiatedEventId)
		r.wantWorkflowTask()
	}
	return nil
}

func (r *Run) recordCancelResult(step *entity.Step, external *records.External, result *records.ExternalResult) {
	execution := &commonpb.WorkflowExecution{WorkflowId: external.WorkflowId, RunId: external.RunId}
	switch {
	case result.Ok:
		r.addEvent(step, enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED, func(e *historypb.HistoryEvent) {
			e.Attributes = &historypb.HistoryEvent_ExternalWorkflowExecutionCancelRequestedEventAttributes{
				ExternalWorkflowExecutionCancelRequestedEventAttributes: &historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes{
					InitiatedEventId:  external.InitiatedEventId,
					Namespace:         external.Namespace,
					NamespaceId:       external.NamespaceId,
					WorkflowExecution: execution,
				},
			}
		})
	default:
		r.addEvent(step, enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, func(e *historypb.HistoryEvent) {
			e.Attributes = &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionFailedEventAttributes{
				RequestCancelExternalWorkflowExecutionFailedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes{
					Cause:             result.CancelCause,
					Namespace:         external.Namespace,
					NamespaceId:       external.NamespaceId,
					WorkflowExecution: execution,
					InitiatedEventId:  external.InitiatedEventId,
				},
			}
		})
	}
}

func (r *Run) recordSignalResult(step *entity.Step, external *records.External, result *records.ExternalResult) {
	execution := &commonpb.WorkflowExecution{WorkflowId: external.WorkflowId, RunId: external.RunId}
	control := string(external.Control)
	switch {
	case result.Ok:
		r.addEvent(step, enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, func(e *historypb.HistoryEvent) {
			e.Attributes = &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{
				ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
					InitiatedEventId:  external.InitiatedEventId,
					Namespace:         external.Namespace,
					NamespaceId:       external.NamespaceId,
					WorkflowExecution: execution,
					Control:           control,
				},
			}
		})
	default:
		r.addEvent(step, enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, func(e *historypb.HistoryEvent) {
			e.Attributes = &historypb.HistoryEvent_SignalExternalWorkflowExecutionFailedEventAttributes{
				SignalExternalWorkflowExecutionFailedEventAttributes: &historypb.SignalExternalWorkflowExecutionFailedEventAttributes{
					Cause:             result.SignalCause,
					Namespace:         external.Namespace,
					NamespaceId:       external.NamespaceId,
					WorkflowExecution: execution,
					InitiatedEventId:  external.InitiatedEventId,
					Control:           control,
				},
			}
		})
	}
}
