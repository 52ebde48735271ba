package workflow

import (
	"errors"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// What a worker has to say of updates comes as messages with the completion of a
// workflow task. A command of the type ProtocolMessage says where among the other
// commands a message has its place; those without one come after all commands.

const badMessage = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE

// protocolMessage is a message of a completion.
type protocolMessage struct {
	*protocolpb.Message
	body proto.Message // nil, with err, if it cannot be decoded
	err  error
	// checked, executed: it has had its turn.
	checked, executed bool
}

// checkMessages refuses completions with messages that do not say what they are
// about. Unlike other bad messages they do not fail the task.
func checkMessages(messages []*protocolpb.Message) error {
	for _, message := range messages {
		switch {
		case message == nil:
			return serviceerror.NewInvalidArgument("nil message")
		case message.GetBody() == nil:
			return serviceerror.NewInvalidArgument("nil message body")
		case message.GetBody().MessageName() == "":
			return serviceerror.NewInvalidArgument("no message name specified")
		}
	}
	return nil
}

func decodeMessages(messages []*protocolpb.Message) []*protocolMessage {
	if len(messages) == 0 {
		return nil
	}
	decoded := make([]*protocolMessage, len(messages))
	for i, message := range messages {
		m := &protocolMessage{Message: message}
		m.body, m.err = message.GetBody().UnmarshalNew()
		decoded[i] = m
	}
	return decoded
}

// updateProgress is how far an update has come, as the checks of a completion see it.
type updateProgress int

const (
	updateUnknown updateProgress = iota
	updateAdmitted
	updateAccepted
	updateEnded
)

// progress is how far the update has come after the messages checked so far.
func (b *commandBatch) progress(id string) updateProgress {
	if p, ok := b.updates[id]; ok {
		return p
	}
	item := b.run.updates.known(id)
	switch {
	case item.GetCompletedEventId() != 0:
		return updateEnded
	case item.GetAcceptedEventId() != 0:
		return updateAccepted
	case item != nil || b.run.admission(id) != nil:
		return updateAdmitted
	}
	return updateUnknown
}

// updateState is the name, in the failures that workers and people are told, of how far an
// update has come.
func (b *commandBatch) updateState(id string) string {
	_, provisional := b.updates[id]
	u := b.run.admission(id)
	switch progress := b.progress(id); {
	case progress == updateAccepted && provisional:
		return "ProvisionallyAccepted"
	case progress == updateAccepted:
		return "Accepted"
	case progress == updateEnded && provisional:
		return "ProvisionallyCompleted"
	case progress == updateEnded:
		return "Completed"
	case u != nil && u.sent:
		return "Sent"
	}
	return "Admitted"
}

func checkProtocolMessage(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	attr := cmd.GetProtocolMessageCommandAttributes()
	switch {
	case attr == nil:
		return badCommand(badMessage, "ProtocolMessageCommandAttributes is not set on ProtocolMessageCommand.")
	case attr.GetMessageId() == "":
		return badCommand(badMessage, "MessageID is not set on ProtocolMessageCommand.")
	}
	for _, m := range b.messages {
		if m.GetId() == attr.GetMessageId() && !m.checked {
			return b.checkMessage(m)
		}
	}
	return badCommand(badMessage, "ProtocolMessageCommand referenced absent message ID %s", attr.GetMessageId())
}

func executeProtocolMessage(a *application, cmd *commandpb.Command) {
	for _, m := range a.messages {
		if m.GetId() == cmd.GetProtocolMessageCommandAttributes().GetMessageId() && !m.executed {
			a.executeMessage(m)
			return
		}
	}
}

// checkMessage checks a message against the run and what comes before it. It does
// not change the run.
func (b *commandBatch) checkMessage(m *protocolMessage) *commandFailure {
	m.checked = true
	if errors.Is(m.err, protoregistry.NotFound) {
		return badCommand(badMessage, "unsupported protocol type %v", m.GetBody().MessageName().Parent())
	}
	if m.err != nil {
		return badCommand(badMessage, "unable to unmarshal request: %v", m.err)
	}
	if f := b.checkBlob("Message type "+string(m.GetBody().MessageName()), proto.Size(m.GetBody()), badMessage); f != nil {
		return f
	}
	id := m.GetProtocolInstanceId()
	if f := b.resurrect(m); f != nil {
		return f
	}
	progress := b.progress(id)
	if progress == updateUnknown {
		return badCommand(badMessage, "update %s wasn't found on the server. This is most likely a transient error which will be resolved automatically by retries", id)
	}
	wants, becomes := updateAdmitted, updateEnded
	var missing string
	switch body := m.body.(type) {
	case *updatepb.Acceptance:
		becomes = updateAccepted
		missing = firstMissing(
			field{"accepted_request_sequencing_event_id", body.GetAcceptedRequestSequencingEventId() != 0},
			field{"accepted_request_message_id", body.GetAcceptedRequestMessageId() != ""})
	case *updatepb.Rejection:
	case *updatepb.Response:
		wants = updateAccepted
		missing = firstMissing(
			field{"meta", body.GetMeta() != nil},
			field{"meta.update_id", body.GetMeta().GetUpdateId() != ""},
			field{"outcome", body.GetOutcome() != nil})
		if missing == "" && body.GetMeta().GetUpdateId() != id {
			return badCommand(badMessage, "invalid %T: meta.update_id != %v", m.body, id)
		}
	default:
		return badCommand(badMessage, "Message type %T not supported", m.body)
	}
	_, rejects := m.body.(*updatepb.Rejection)
	switch {
	case b.closing && !rejects:
		return nil // it comes too late
	case progress != wants:
		return badCommand(badMessage, "invalid state transition attempted for Update %s: received %T message while in state %s", id, m.body, b.updateState(id))
	case missing != "":
		return badCommand(badMessage, "invalid %T: %s is not set", m.body, missing)
	}
	setOverlay(&b.updates, id, becomes)
	if !rejects {
		b.eventAdded(nil)
	}
	return nil
}

// resurrect admits an update that the server has lost and the worker still has, by
// what the worker's answer says of it.
func (b *commandBatch) resurrect(m *protocolMessage) *commandFailure {
	id := m.GetProtocolInstanceId()
	if id == "" || b.progress(id) != updateUnknown || requestOf(m) == nil {
		return nil
	}
	if err := b.run.checkUpdateTotal(); err != nil {
		return badCommand(badMessage, "%w", err)
	}
	setOverlay(&b.updates, id, updateAdmitted)
	return nil
}

// requestOf is the request that the answer to it repeats.
func requestOf(m *protocolMessage) *updatepb.Request {
	switch body := m.body.(type) {
	case *updatepb.Acceptance:
		return body.GetAcceptedRequest()
	case *updatepb.Rejection:
		return body.GetRejectedRequest()
	}
	return nil
}

type field struct {
	name string
	set  bool
}

func firstMissing(fields ...field) string {
	for _, f := range fields {
		if !f.set {
			return f.name
		}
	}
	return ""
}

// executeMessage does what a message asks for that has been checked.
func (a *application) executeMessage(m *protocolMessage) {
	m.executed = true
	r, id := a.run, m.GetProtocolInstanceId()
	if rejection, ok := m.body.(*updatepb.Rejection); ok {
		a.endAdmitted(id, rejection.GetFailure())
		return
	}
	if r.closed() {
		return // endUpdates sees to the update
	}
	switch body := m.body.(type) {
	case *updatepb.Acceptance:
		var request *updatepb.Request
		var others []*updatepb.Request
		if u := r.takeAdmitted(id); u != nil {
			request, others = u.request, u.others
		} else if r.updates.known(id) == nil {
			request = body.GetAcceptedRequest()
		}
		r.addEvent(a.step, workflowExecutionUpdateAccepted(id, body.GetAcceptedRequestSequencingEventId(), request))
		for _, other := range others {
			r.addAttached(a.step, other)
		}
		a.noteUpdate(id, &UpdateStatus{RunID: r.info.RunId, Stage: stageAccepted})
	case *updatepb.Response:
		r.addEvent(a.step, workflowExecutionUpdateCompleted(r.updates.get(id).GetAcceptedEventId(), body))
		r.deliverUpdateCallbacks(a.step, id, body.GetOutcome())
		a.noteUpdate(id, &UpdateStatus{RunID: r.info.RunId, Stage: stageCompleted, Outcome: body.GetOutcome()})
	}
}

// executeMessages has the messages that no command has named their turn. Updates
// that the worker has been sent and does not mention, it cannot deal with: unless it
// asks for more time, they are rejected.
func (a *application) executeMessages(moreTime bool) {
	for _, m := range a.messages {
		if !m.executed {
			a.executeMessage(m)
		}
	}
	if moreTime || a.run.closed() {
		return
	}
	ignored := a.run.updates.unanswered()
	for _, u := range a.run.admitted {
		if u.sent {
			ignored = append(ignored, u.id)
		}
	}
	for _, id := range ignored {
		a.endAdmitted(id, updateUnprocessed)
	}
}

// endAdmitted rejects an update.
func (a *application) endAdmitted(id string, failure *failurepb.Failure) {
	a.run.takeAdmitted(id)
	a.run.updates.reject(id)
	a.run.deliverUpdateCallbacks(a.step, id, failed(failure)) // it was admitted by an event
	a.noteUpdate(id, &UpdateStatus{RunID: a.run.info.RunId, Stage: stageCompleted, Outcome: failed(failure)})
}

// updateNews is how far an update has come by the messages of a completion.
type updateNews struct {
	id     string
	status *UpdateStatus
}

// noteUpdate notes news of an update, in place of what it has been before.
func (a *application) noteUpdate(id string, status *UpdateStatus) {
	for i := range a.news {
		if a.news[i].id == id {
			a.news[i].status = status
			return
		}
	}
	a.news = append(a.news, updateNews{id, status})
}

// tellNews tells those who wait what has come of the updates. Of those accepted and
// not completed by a run that has closed, endUpdates does.
func (a *application) tellNews() {
	for _, n := range a.news {
		if n.status.Stage == stageCompleted || !a.run.closed() {
			a.run.tellUpdate(a.step, n.id, n.status)
		}
	}
}
