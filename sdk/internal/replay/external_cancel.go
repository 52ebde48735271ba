package replay

import (
	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// ExternalCancel is a request of the code to cancel another workflow. It goes
// through its states as an ExternalSignal does. Requests to cancel children have
// the same events, but no control: they belong to a ChildWorkflow.
type ExternalCancel struct {
	id      string
	resolve func(failure *historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes)
}

// CancelExternal asks for the cancellation of another workflow. resolve is
// called once, with nil when the request was delivered. Control of attributes
// is filled in.
func (m *Machine) CancelExternal(attributes *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes, resolve func(*historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes)) {
	c := &ExternalCancel{id: m.nextID(), resolve: resolve}
	//lint:ignore SA1019 the control is what ties events to the command
	attributes.Control = c.id
	if m.cancels == nil {
		m.cancels = make(map[string]*ExternalCancel)
		m.cancelEvents = make(map[int64]*ExternalCancel)
	}
	m.cancels[c.id] = c
	m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_RequestCancelExternalWorkflowExecutionCommandAttributes{RequestCancelExternalWorkflowExecutionCommandAttributes: attributes},
	}, nil)
}

func (m *Machine) cancelInitiated(event *historypb.HistoryEvent) error {
	attributes := event.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes()
	//lint:ignore SA1019 the control is what ties events to the command
	id := attributes.GetControl()
	if id == "" {
		// For a child, which may have closed since it was asked for.
		return nil
	}
	c := m.cancels[id]
	if c == nil {
		return unknown(event)
	}
	delete(m.cancels, id)
	m.cancelEvents[event.GetEventId()] = c
	return nil
}

func (m *Machine) cancelClosed(initiated int64, failure *historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes) {
	c := m.cancelEvents[initiated]
	if c == nil {
		// For a child: what comes of it shows in how the child ends.
		return
	}
	delete(m.cancelEvents, initiated)
	c.resolve(failure)
}
