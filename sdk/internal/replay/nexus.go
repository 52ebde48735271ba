package replay

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// NexusOperation is a Nexus operation that the code asked for.
//
//	asked ──> sent ──> scheduled ──> started ──> closed
//	                           └───────────────────┘
//
// An operation that its handler completes at once never starts. Cancellation goes
// beside: a command of its own, of which the history says when it was delivered. An
// operation that is cancelled before it was sent is not sent.
type NexusOperation struct {
	scheduledEventID int64 // as predicted until the event is seen
	command          *output
	sent, closed     bool
	cancel           *output
	cancellation     NexusCancellation
	callbacks        NexusCallbacks // the zero value once closed for the code
	startedCalled    bool
}

// NexusCancellation says what the code waits for when it cancels an operation.
type NexusCancellation int

const (
	// NexusWaitCompleted waits for the end of the operation.
	NexusWaitCompleted NexusCancellation = iota
	// NexusWaitRequested waits until the handler has the request.
	NexusWaitRequested
	// NexusTryCancel waits until the request is in the history.
	NexusTryCancel
)

// NexusCallbacks tell the code about a Nexus operation.
type NexusCallbacks struct {
	// Started is called, once, when it was started, with its token, or before Closed
	// if that comes first.
	Started func(token string, result NexusResult)
	// Closed is called when it has ended.
	Closed func(NexusResult)
}

// NexusResult is how a Nexus operation ended.
type NexusResult struct {
	// Closing is Completed; Abandoned if the code cancelled it and does not wait; else
	// Failed, whether it failed, timed out or was cancelled: the failure says.
	Closing Closing
	Result  *commonpb.Payload
	Failure *failurepb.Failure
}

// ScheduleNexusOperation asks for a Nexus operation.
func (m *Machine) ScheduleNexusOperation(attributes *commandpb.ScheduleNexusOperationCommandAttributes, metadata *sdkpb.UserMetadata, cancellation NexusCancellation, callbacks NexusCallbacks) *NexusOperation {
	o := &NexusOperation{scheduledEventID: m.nextSequence(), cancellation: cancellation, callbacks: callbacks}
	if m.nexus == nil {
		m.nexus = make(map[int64]*NexusOperation)
	}
	m.nexusAsked = append(m.nexusAsked, o)
	o.command = m.add(&commandpb.Command{
		CommandType:  enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
		UserMetadata: metadata,
		Attributes:   &commandpb.Command_ScheduleNexusOperationCommandAttributes{ScheduleNexusOperationCommandAttributes: attributes},
	}, func() { o.sent = true })
	return o
}

// CancelNexusOperation asks for the cancellation of a Nexus operation.
func (m *Machine) CancelNexusOperation(o *NexusOperation) {
	if o.closed || o.cancel != nil {
		return
	}
	o.cancel = m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
		Attributes: &commandpb.Command_RequestCancelNexusOperationCommandAttributes{
			RequestCancelNexusOperationCommandAttributes: &commandpb.RequestCancelNexusOperationCommandAttributes{ScheduledEventId: o.scheduledEventID},
		},
	}, nil)
	if o.sent {
		return
	}
	// Neither command is sent, but ids count both.
	m.drop(o.command)
	m.drop(o.cancel)
	for i, asked := range m.nexusAsked {
		if asked == o {
			m.nexusAsked = append(m.nexusAsked[:i:i], m.nexusAsked[i+1:]...)
			break
		}
	}
	o.closed = true
	o.end(NexusResult{Closing: Abandoned})
}

// AbandonNexusOperation forgets the callbacks of an operation that goes on.
func (m *Machine) AbandonNexusOperation(o *NexusOperation) { o.callbacks = NexusCallbacks{} }

func (o *NexusOperation) start(token string, result NexusResult) {
	if started := o.callbacks.Started; started != nil && !o.startedCalled {
		o.startedCalled = true
		started(token, result)
	}
}

func (o *NexusOperation) end(result NexusResult) {
	o.start("", result)
	if closed := o.callbacks.Closed; closed != nil {
		o.callbacks = NexusCallbacks{}
		closed(result)
	}
}

// nexusScheduled ties the event to the operation that was asked for first: nothing
// else identifies it.
func (m *Machine) nexusScheduled(event *historypb.HistoryEvent) error {
	if len(m.nexusAsked) == 0 || !m.nexusAsked[0].sent {
		return unknown(event)
	}
	o := m.nexusAsked[0]
	m.nexusAsked = m.nexusAsked[1:]
	o.scheduledEventID = event.GetEventId()
	m.nexus[o.scheduledEventID] = o
	return nil
}

func (m *Machine) nexusStarted(event *historypb.HistoryEvent) error {
	attributes := event.GetNexusOperationStartedEventAttributes()
	o := m.nexus[attributes.GetScheduledEventId()]
	if o == nil {
		return unknown(event)
	}
	token := attributes.GetOperationToken()
	if token == "" {
		//lint:ignore SA1019 older servers send it here
		token = attributes.GetOperationId()
	}
	o.start(token, NexusResult{})
	return nil
}

func (m *Machine) nexusClosed(event *historypb.HistoryEvent) error {
	id, result := nexusResult(event)
	o := m.nexus[id]
	if o == nil {
		return unknown(event)
	}
	delete(m.nexus, id)
	o.closed = true
	if o.cancel != nil {
		m.drop(o.cancel)
	}
	o.end(result)
	return nil
}

func (m *Machine) nexusCancelRequested(event *historypb.HistoryEvent) error {
	o := m.nexus[event.GetNexusOperationCancelRequestedEventAttributes().GetScheduledEventId()]
	if o == nil || o.cancel == nil {
		return unknown(event)
	}
	if o.cancellation == NexusTryCancel {
		o.end(NexusResult{Closing: Abandoned})
	}
	return nil
}

// nexusCancelDelivered is for the events that say how the request to cancel went.
func (m *Machine) nexusCancelDelivered(event *historypb.HistoryEvent) error {
	id := event.GetNexusOperationCancelRequestCompletedEventAttributes().GetScheduledEventId()
	result := NexusResult{Closing: Abandoned}
	if failed := event.GetNexusOperationCancelRequestFailedEventAttributes(); failed != nil {
		id = failed.GetScheduledEventId()
		result = NexusResult{Closing: Failed, Failure: failed.GetFailure()}
	}
	if id == 0 {
		// Early servers do not say which operation it is about: wait for its end.
		return nil
	}
	if o := m.nexus[id]; o != nil && o.cancellation == NexusWaitRequested {
		o.end(result)
	}
	return nil
}

func nexusResult(event *historypb.HistoryEvent) (scheduledEventID int64, result NexusResult) {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED:
		e := event.GetNexusOperationCompletedEventAttributes()
		return e.GetScheduledEventId(), NexusResult{Closing: Completed, Result: e.GetResult()}
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED:
		e := event.GetNexusOperationFailedEventAttributes()
		return e.GetScheduledEventId(), NexusResult{Closing: Failed, Failure: e.GetFailure()}
	case enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED:
		e := event.GetNexusOperationCanceledEventAttributes()
		return e.GetScheduledEventId(), NexusResult{Closing: Failed, Failure: e.GetFailure()}
	default:
		e := event.GetNexusOperationTimedOutEventAttributes()
		return e.GetScheduledEventId(), NexusResult{Closing: Failed, Failure: e.GetFailure()}
	}
}
