package workflow

import (
	"cmp"
	"errors"
	"strconv"

	"github.com/google/uuid"
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

// end forgets what has been answered.
func (f *externals) end(initiatedEventID int64) error {
	if f.get(initiatedEventID) == nil {
		return errNotPending
	}
	f.remove(initiatedEventID)
	return nil
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
	//lint:ignore SA1019 older clients use it
	if _, err := r.commandTarget(attr.Namespace); err != nil {
		return badCommand(bad, "%w", err)
	}
	target := attr.Execution
	if err := cmp.Or(
		r.checkTarget(target.WorkflowId, target.RunId, onSignalExternal),
		check.Set("SignalName", attr.SignalName, onSignalExternal),
	); err != nil {
		return named{
			//lint:ignore SA1019 older clients use it
			{"WorkflowId", target.WorkflowId}, {"Namespace", attr.Namespace}, {"RunId", target.RunId}, {"SignalName", attr.SignalName},
		}.refuse(bad, "%w", err)
	}
	if failure := b.makeRoom(&r.signals); failure != nil {
		return failure
	}
	if failure := b.checkBlob("SignalExternalWorkflowExecutionCommandAttributes.Input", proto.Size(attr.Input), bad); failure != nil {
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
	//lint:ignore SA1019 older clients use it
	if _, err := r.commandTarget(attr.Namespace); err != nil {
		return badCommand(bad, "%w", err)
	}
	if err := r.checkTarget(attr.WorkflowId, attr.RunId, onCancelExternal); err != nil {
		//lint:ignore SA1019 older clients use it
		what := named{{"WorkflowId", attr.WorkflowId}, {"RunId", attr.RunId}, {"Namespace", attr.Namespace}}
		if attr.WorkflowId == "" {
			what[1], what[2] = what[2], what[1] // known to clients in this order
		}
		return what.refuse(bad, "%w", err)
	}
	if b.children[attr.WorkflowId] {
		return badCommand(bad, "Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=%s RunId=%s Namespace=%s",
			//lint:ignore SA1019 older clients use it
			attr.WorkflowId, attr.RunId, attr.Namespace)
	}
	return b.makeRoom(&r.cancels)
}

// checkTarget checks how a command names another workflow in a namespace.
func (r *Run) checkTarget(workflowID, runID string, command *check.Place) error {
	return cmp.Or(r.limits().fields().CheckWorkflowID(workflowID, command), check.RunID(runID, command))
}

func executeSignalExternal(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetSignalExternalWorkflowExecutionCommandAttributes()
	r.sendExternal(a.step, a.addCommandEvent(cmd, signalExternalWorkflowExecutionInitiated(attr, r.chain.key.Namespace, a.completedEventID)))
}

// sendExternal sends the signal or the cancel request that the event has initiated.
func (r *Run) sendExternal(step *entity.Step, initiated *historypb.HistoryEvent) {
	if attr := initiated.GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); attr != nil {
		r.sendExternalSignal(step, initiated.EventId, attr)
	} else if attr := initiated.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes(); attr != nil {
		r.sendExternalCancel(step, initiated.EventId, attr)
	}
}

func (r *Run) sendExternalSignal(step *entity.Step, id int64, attr *historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes) {
	target := attr.GetWorkflowExecution()
	if r.isSelf(target.GetWorkflowId()) {
		r.answerSelf(step, &records.ExternalResult{
			InitiatedEventId: id,
			SignalCause:      enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
		})
		return
	}
	m := &records.Message{Body: &records.Message_Signal{Signal: &records.Signal{
		RunId:            target.GetRunId(),
		Name:             attr.GetSignalName(),
		Input:            attr.GetInput(),
		Header:           attr.GetHeader(),
		Identity:         identityHistoryService,
		RequestId:        r.requestID(id),
		InitiatedEventId: id,
		ChildOnly:        attr.GetChildWorkflowOnly(),
	}}}
	if attr.GetChildWorkflowOnly() {
		m.AskingRunId = r.askingRunOf(target.GetWorkflowId())
	}
	r.send(step, workflowKey(r.chain.key.Namespace, target.GetWorkflowId()), m)
}

// askingRunOf is the run by which a child of the run knows its parent, if it is not this
// one: a reset has come between.
func (r *Run) askingRunOf(childWorkflowID string) string {
	if len(r.info.Origins) == 0 {
		return ""
	}
	for _, id := range r.children.keys() {
		if child := r.children.get(id); child.WorkflowId == childWorkflowID {
			return r.otherAsker(id)
		}
	}
	return ""
}

// requestID is by what another workflow knows again what it is asked.
func (r *Run) requestID(initiatedEventID int64) string {
	return uuid.NewSHA1(uuid.Nil, []byte(r.asker(initiatedEventID)+":"+strconv.FormatInt(initiatedEventID, 10))).String()
}

func signalExternalWorkflowExecutionInitiated(
	attr *commandpb.SignalExternalWorkflowExecutionCommandAttributes, namespaceID string, completedEventID int64,
) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
			WorkflowTaskCompletedEventId: completedEventID,
			//lint:ignore SA1019 older clients use it
			Namespace:         attr.Namespace,
			NamespaceId:       namespaceID,
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: attr.Execution.WorkflowId, RunId: attr.Execution.RunId},
			SignalName:        attr.SignalName,
			Input:             attr.Input,
			//lint:ignore SA1019 older clients use it
			Control:           attr.Control,
			ChildWorkflowOnly: attr.ChildWorkflowOnly,
			Header:            attr.Header,
		}},
	}
}

func applySignalExternalWorkflowExecutionInitiated(r *Run, e *historypb.HistoryEvent, attr *historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes) error {
	r.signals.put(e.EventId, &records.External{
		InitiatedEventId: e.EventId,
		NamespaceId:      attr.GetNamespaceId(),
		Namespace:        attr.GetNamespace(),
		WorkflowId:       attr.GetWorkflowExecution().GetWorkflowId(),
		RunId:            attr.GetWorkflowExecution().GetRunId(),
		//lint:ignore SA1019 older clients use it
		Control: attr.GetControl(),
	})
	return nil
}

func executeCancelExternal(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetRequestCancelExternalWorkflowExecutionCommandAttributes()
	r.sendExternal(a.step, a.addCommandEvent(cmd, requestCancelExternalWorkflowExecutionInitiated(attr, r.chain.key.Namespace, a.completedEventID)))
}

func (r *Run) sendExternalCancel(step *entity.Step, id int64, attr *historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes) {
	target := attr.GetWorkflowExecution()
	if r.isSelf(target.GetWorkflowId()) {
		r.answerSelf(step, &records.ExternalResult{
			InitiatedEventId: id,
			CancelCause:      enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
		})
		return
	}
	m := &records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{
		RunId:            target.GetRunId(),
		Reason:           attr.GetReason(),
		Identity:         identityHistoryService,
		RequestId:        r.requestID(id),
		InitiatedEventId: id,
		ChildOnly:        attr.GetChildWorkflowOnly(),
	}}}
	if attr.GetChildWorkflowOnly() {
		m.AskingRunId = r.askingRunOf(target.GetWorkflowId())
	}
	r.send(step, workflowKey(r.chain.key.Namespace, target.GetWorkflowId()), m)
}

func requestCancelExternalWorkflowExecutionInitiated(
	attr *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes, namespaceID string, completedEventID int64,
) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
			WorkflowTaskCompletedEventId: completedEventID,
			//lint:ignore SA1019 older clients use it
			Namespace:         attr.Namespace,
			NamespaceId:       namespaceID,
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: attr.WorkflowId, RunId: attr.RunId},
			//lint:ignore SA1019 older clients use it
			Control:           attr.Control,
			ChildWorkflowOnly: attr.ChildWorkflowOnly,
			Reason:            attr.Reason,
		}},
	}
}

func applyRequestCancelExternalWorkflowExecutionInitiated(r *Run, e *historypb.HistoryEvent, attr *historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes) error {
	r.cancels.put(e.EventId, &records.External{
		InitiatedEventId: e.EventId,
		NamespaceId:      attr.GetNamespaceId(),
		Namespace:        attr.GetNamespace(),
		WorkflowId:       attr.GetWorkflowExecution().GetWorkflowId(),
		RunId:            attr.GetWorkflowExecution().GetRunId(),
	})
	return nil
}

func (r *Run) isSelf(workflowID string) bool { return workflowID == r.chain.key.ID }

// answerSelf answers the run as another chain would.
func (r *Run) answerSelf(step *entity.Step, result *records.ExternalResult) {
	result.ToRunId = r.info.RunId
	r.send(step, r.chain.key, &records.Message{Body: &records.Message_ExternalResult{ExternalResult: result}})
}

// senderExecution is the workflow that has sent the message; nil if something else
// has.
func senderExecution(from entity.Key, m *records.Message) *commonpb.WorkflowExecution {
	if from.Kind != entity.KindWorkflow {
		return nil
	}
	return &commonpb.WorkflowExecution{WorkflowId: from.ID, RunId: m.FromRunId}
}

// receiveSignal adds a signal from another workflow, and answers it.
func (c *Chain) receiveSignal(step *entity.Step, from entity.Key, m *records.Message, signal *records.Signal) error {
	answer := func(cause enumspb.SignalExternalWorkflowExecutionFailedCause) {
		if signal.InitiatedEventId != 0 {
			c.send(step, from, "", &records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{
				InitiatedEventId: signal.InitiatedEventId,
				ToRunId:          m.FromRunId,
				Ok:               cause == enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED,
				SignalCause:      cause,
			}}})
		}
	}
	const delivered = enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED
	if c.namespaceGone() {
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
	if err != nil || r.closed() || signal.ChildOnly && !r.isChildOf(from, m) {
		answer(enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND)
		return nil
	}
	err = c.signalRun(step, r, signalParams{
		name:      signal.Name,
		input:     signal.Input,
		header:    signal.Header,
		identity:  signal.Identity,
		requestID: signal.RequestId,
		external:  senderExecution(from, m),
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
func (c *Chain) receiveCancel(step *entity.Step, from entity.Key, m *records.Message, cancel *records.Cancel) error {
	answer := func(cause enumspb.CancelExternalWorkflowExecutionFailedCause) {
		if cancel.InitiatedEventId != 0 {
			c.send(step, from, "", &records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{
				InitiatedEventId: cancel.InitiatedEventId,
				ToRunId:          m.FromRunId,
				Ok:               cause == enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED,
				CancelCause:      cause,
			}}})
		}
	}
	const delivered = enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_UNSPECIFIED
	if c.namespaceGone() {
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
	if err != nil || cancel.ChildOnly && !r.isChildOf(from, m) || cancel.FirstRunId != "" && cancel.FirstRunId != r.info.FirstRunId {
		answer(enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND)
		return nil
	}
	if err := c.requestCancelRun(step, r, cancelParams{
		reason:              cancel.Reason,
		identity:            cancel.Identity,
		requestID:           cancel.RequestId,
		external:            senderExecution(from, m),
		externalInitiatedID: cancel.InitiatedEventId,
	}); err != nil {
		return err
	}
	answer(delivered)
	return nil
}

// receiveTerminate closes a run on behalf of its parent, or of who has asked for it.
func (c *Chain) receiveTerminate(step *entity.Step, from entity.Key, m *records.Message, terminate *records.Terminate) error {
	r, err := c.findOpen(step, terminate.RunId)
	if r == nil || err != nil {
		return err
	}
	if !r.isChildOf(from, m) && !r.isWatchedBy(from) ||
		terminate.FirstRunId != "" && terminate.FirstRunId != r.info.FirstRunId ||
		terminate.UnstartedOnly && !r.state.ChildFirstTaskPending {
		return nil
	}
	c.terminateRun(step, r, terminate.Reason, nil, terminate.Identity)
	return nil
}

// receiveExternalResult records what has become of a signal or a cancel request.
func (c *Chain) receiveExternalResult(step *entity.Step, result *records.ExternalResult) error {
	r, err := c.findOpen(step, result.ToRunId)
	if err != nil {
		return err
	}
	if r == nil {
		// The answer may be for a run from which a reset has made the current one.
		if r = c.current; r == nil || r.closed() || r.asker(result.InitiatedEventId) != result.ToRunId {
			return nil
		}
	}
	switch id := result.InitiatedEventId; {
	case r.signals.get(id) != nil && result.Ok:
		r.addEvent(step, r.externalWorkflowExecutionSignaled(r.signals.get(id)))
	case r.signals.get(id) != nil:
		r.addEvent(step, r.signalExternalWorkflowExecutionFailed(r.signals.get(id), result.SignalCause))
	case r.cancels.get(id) != nil && result.Ok:
		r.addEvent(step, r.externalWorkflowExecutionCancelRequested(r.cancels.get(id)))
	case r.cancels.get(id) != nil:
		r.addEvent(step, r.requestCancelExternalWorkflowExecutionFailed(r.cancels.get(id), result.CancelCause))
	default:
		return nil
	}
	r.wantWorkflowTask()
	return nil
}

func externalExecution(external *records.External) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: external.WorkflowId, RunId: external.RunId}
}

// externalNamespace is the name of the namespace of the other workflow. A command
// that names none means the run's own.
func (r *Run) externalNamespace(external *records.External) string {
	if external.Namespace == "" {
		return r.chain.namespaceName()
	}
	return external.Namespace
}

func (r *Run) externalWorkflowExecutionSignaled(external *records.External) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
			InitiatedEventId:  external.InitiatedEventId,
			Namespace:         r.externalNamespace(external),
			NamespaceId:       external.NamespaceId,
			WorkflowExecution: externalExecution(external),
			//lint:ignore SA1019 older clients use it
			Control: external.Control,
		}},
	}
}

func applyExternalWorkflowExecutionSignaled(r *Run, _ *historypb.HistoryEvent, attr *historypb.ExternalWorkflowExecutionSignaledEventAttributes) error {
	return r.signals.end(attr.GetInitiatedEventId())
}

func (r *Run) signalExternalWorkflowExecutionFailed(external *records.External, cause enumspb.SignalExternalWorkflowExecutionFailedCause) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionFailedEventAttributes{SignalExternalWorkflowExecutionFailedEventAttributes: &historypb.SignalExternalWorkflowExecutionFailedEventAttributes{
			Cause:             cause,
			Namespace:         r.externalNamespace(external),
			NamespaceId:       external.NamespaceId,
			WorkflowExecution: externalExecution(external),
			InitiatedEventId:  external.InitiatedEventId,
			//lint:ignore SA1019 older clients use it
			Control: external.Control,
		}},
	}
}

func applySignalExternalWorkflowExecutionFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.SignalExternalWorkflowExecutionFailedEventAttributes) error {
	return r.signals.end(attr.GetInitiatedEventId())
}

func (r *Run) externalWorkflowExecutionCancelRequested(external *records.External) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
		Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionCancelRequestedEventAttributes{ExternalWorkflowExecutionCancelRequestedEventAttributes: &historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes{
			InitiatedEventId:  external.InitiatedEventId,
			Namespace:         r.externalNamespace(external),
			NamespaceId:       external.NamespaceId,
			WorkflowExecution: externalExecution(external),
		}},
	}
}

func applyExternalWorkflowExecutionCancelRequested(r *Run, _ *historypb.HistoryEvent, attr *historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes) error {
	return r.cancels.end(attr.GetInitiatedEventId())
}

func (r *Run) requestCancelExternalWorkflowExecutionFailed(external *records.External, cause enumspb.CancelExternalWorkflowExecutionFailedCause) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionFailedEventAttributes{RequestCancelExternalWorkflowExecutionFailedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes{
			Cause:             cause,
			Namespace:         r.externalNamespace(external),
			NamespaceId:       external.NamespaceId,
			WorkflowExecution: externalExecution(external),
			InitiatedEventId:  external.InitiatedEventId,
		}},
	}
}

func applyRequestCancelExternalWorkflowExecutionFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes) error {
	return r.cancels.end(attr.GetInitiatedEventId())
}
