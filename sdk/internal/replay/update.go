package replay

import (
	"fmt"
	"slices"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// An Update is a request to a workflow that it answers: it rejects it, or accepts
// it and completes it later, in another task perhaps.
//
// Requests do not come as events but as messages beside the history, each with
// the id of the event that it comes after. Answers are messages as well, and the
// commands say where among other commands they belong. What the history has of
// an update that was accepted is an event, with the request in it, from which
// replay makes the message again. Updates that were rejected leave no trace.
type Update struct {
	machine *Machine
	// id of the protocol's instance, which is the update's.
	id        string
	requestID string // of the message
	sequence  int64  // of the event that the request comes after
	request   *updatepb.Request
	state     updateState
}

type updateState int

const (
	updateRequested updateState = iota
	updateAccepted
	updateDone
)

// What ids of answers end in, on the wire.
const (
	acceptAction   = "accept"
	rejectAction   = "reject"
	completeAction = "complete"
)

// ID of the update, which the client chose.
func (u *Update) ID() string { return u.id }

// Name of the handler that is asked for.
func (u *Update) Name() string { return u.request.GetInput().GetName() }

// Args are the arguments, encoded.
func (u *Update) Args() *commonpb.Payloads { return u.request.GetInput().GetArgs() }

// Header that came with the update.
func (u *Update) Header() *commonpb.Header { return u.request.GetInput().GetHeader() }

// Accept says that the workflow will carry out the update.
func (u *Update) Accept() {
	u.advance(acceptAction, updateRequested, updateAccepted)
	u.machine.send(u, acceptAction, &updatepb.Acceptance{
		AcceptedRequestMessageId:         u.requestID,
		AcceptedRequestSequencingEventId: u.sequence,
		AcceptedRequest:                  u.request,
	})
	u.request = &updatepb.Request{Input: &updatepb.Input{Name: u.Name()}} // the rest is in the history now
}

// Reject says that the workflow will not carry out the update.
func (u *Update) Reject(failure *failurepb.Failure) {
	u.advance(rejectAction, updateRequested, updateDone)
	u.machine.send(u, rejectAction, &updatepb.Rejection{
		RejectedRequestMessageId:         u.requestID,
		RejectedRequestSequencingEventId: u.sequence,
		RejectedRequest:                  u.request,
		Failure:                          failure,
	})
	delete(u.machine.updates.open, u.id)
}

// Complete tells what came of an accepted update: a failure, unless it is nil, or
// a result.
func (u *Update) Complete(result *commonpb.Payloads, failure *failurepb.Failure) {
	u.advance(completeAction, updateAccepted, updateDone)
	outcome := &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: result}}
	if failure != nil {
		outcome.Value = &updatepb.Outcome_Failure{Failure: failure}
	}
	u.machine.send(u, completeAction, &updatepb.Response{Meta: &updatepb.Meta{UpdateId: u.id}, Outcome: outcome})
	delete(u.machine.updates.open, u.id)
}

func (u *Update) advance(action string, from, to updateState) {
	if u.state != from {
		panic(fmt.Sprintf("[TMPRL1100] invalid action %q for update %q", action, u.id))
	}
	u.state = to
}

// updates are what a Machine knows of updates.
type updates struct {
	// open are the updates that have not been answered to the end, by id.
	open map[string]*Update
	// admitted are requests that the history has, and of which the acceptance
	// does not repeat the request, by update id.
	admitted map[string]*protocolpb.Message
	// outgoing are messages of the current task that have not been taken.
	outgoing []*protocolpb.Message
}

// send queues a message, and the command that says where it belongs. Rejections
// have no place among commands: they leave nothing in the history.
func (m *Machine) send(u *Update, action string, body proto.Message) {
	content, err := anypb.New(body)
	if err != nil {
		panic(err)
	}
	message := &protocolpb.Message{Id: u.id + "/" + action, ProtocolInstanceId: u.id, Body: content}
	if action != rejectAction && m.UseFlag(FlagProtocolMessageCommand) {
		m.add(&commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE,
			Attributes: &commandpb.Command_ProtocolMessageCommandAttributes{
				ProtocolMessageCommandAttributes: &commandpb.ProtocolMessageCommandAttributes{MessageId: message.Id},
			},
		}, nil).update = updateAnswer{update: u, action: action}
	}
	m.updates.outgoing = append(m.updates.outgoing, message)
}

// updateAnswer is what identifies a protocol message command.
type updateAnswer struct {
	update *Update
	action string
}

// matches says whether event is what became of the answer.
func (a updateAnswer) matches(event *historypb.HistoryEvent) bool {
	switch {
	case a.update == nil:
		return false
	case a.action == acceptAction:
		e := event.GetWorkflowExecutionUpdateAcceptedEventAttributes()
		return e != nil && e.GetProtocolInstanceId() == a.update.id &&
			e.GetAcceptedRequestMessageId() == a.update.requestID &&
			e.GetAcceptedRequestSequencingEventId() == a.update.sequence
	default:
		e := event.GetWorkflowExecutionUpdateCompletedEventAttributes()
		return e != nil && e.GetMeta().GetUpdateId() == a.update.id
	}
}

// TakeMessages hands over the messages of the task.
func (m *Machine) TakeMessages() []*protocolpb.Message {
	taken := m.updates.outgoing
	m.updates.outgoing = nil
	return taken
}

// requests are the messages to deliver in a segment, in the order of what they
// come after: in replay those that the history says were accepted, else those
// that the task brought and those that were admitted before it.
func (m *Machine) requests(segment, following *segment, incoming []*protocolpb.Message) []*protocolpb.Message {
	var messages []*protocolpb.Message
	admitted := make(map[string]bool)
	for _, event := range segment.updates {
		message := admittedRequest(event)
		if message == nil {
			continue
		}
		if m.updates.admitted == nil {
			m.updates.admitted = make(map[string]*protocolpb.Message)
		}
		m.updates.admitted[message.GetProtocolInstanceId()] = message
		if !m.replaying {
			messages = append(messages, message)
			admitted[message.GetProtocolInstanceId()] = true
		}
	}
	if !m.replaying {
		for _, message := range incoming {
			if !admitted[message.GetProtocolInstanceId()] {
				messages = append(messages, message)
			}
		}
	} else if following != nil {
		for _, event := range following.updates {
			if attributes := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); attributes != nil {
				messages = append(messages, m.acceptedRequest(attributes))
			}
		}
	}
	slices.SortStableFunc(messages, func(a, b *protocolpb.Message) int { return int(a.GetEventId() - b.GetEventId()) })
	return messages
}

// admittedRequest is the message of a request that the history has, nil for other
// events.
func admittedRequest(event *historypb.HistoryEvent) *protocolpb.Message {
	request := event.GetWorkflowExecutionUpdateAdmittedEventAttributes().GetRequest()
	if request == nil {
		return nil
	}
	id := request.GetMeta().GetUpdateId()
	return requestMessage(id+"/request", id, event.GetEventId(), request)
}

func (m *Machine) acceptedRequest(attributes *historypb.WorkflowExecutionUpdateAcceptedEventAttributes) *protocolpb.Message {
	id := attributes.GetProtocolInstanceId()
	if message, ok := m.updates.admitted[id]; ok {
		return message
	}
	return requestMessage(attributes.GetAcceptedRequestMessageId(), id, attributes.GetAcceptedRequestSequencingEventId(), attributes.GetAcceptedRequest())
}

func requestMessage(messageID, id string, sequence int64, request *updatepb.Request) *protocolpb.Message {
	message := &protocolpb.Message{
		Id:                 messageID,
		ProtocolInstanceId: id,
		SequencingId:       &protocolpb.Message_EventId{EventId: sequence},
	}
	if request != nil {
		message.Body, _ = anypb.New(request)
	}
	return message
}

// deliver hands the messages that come after events up to id to the workflow, and
// returns the others.
func (m *Machine) deliver(messages []*protocolpb.Message, id int64) ([]*protocolpb.Message, error) {
	for len(messages) > 0 && messages[0].GetEventId() <= id && m.closing == nil {
		message := messages[0]
		messages = messages[1:]
		if err := m.deliverRequest(message); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

func (m *Machine) deliverRequest(message *protocolpb.Message) error {
	id := message.GetProtocolInstanceId()
	if message.GetBody() == nil {
		return fmt.Errorf("the history says that update %q was accepted, and nowhere what was asked for", id)
	}
	request := &updatepb.Request{}
	if !message.GetBody().MessageIs(request) {
		return nil // of a protocol that this SDK does not know; the server deals with it
	}
	if err := message.GetBody().UnmarshalTo(request); err != nil {
		return fmt.Errorf("reading the request of update %q: %w", id, err)
	}
	delete(m.updates.admitted, id)
	if m.updates.open[id] != nil {
		return nil // asked again
	}
	u := &Update{machine: m, id: id, requestID: message.GetId(), sequence: message.GetEventId(), request: request}
	if m.updates.open == nil {
		m.updates.open = make(map[string]*Update)
	}
	m.updates.open[id] = u
	return m.workflow.Update(u)
}
