package replay

import (
	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// ExternalSignal is a signal that the code sent to another workflow.
//
//	asked ──> initiated ──> delivered or failed
//
// Events find it by its id, which travels as the command's control, and from
// then on by the initiated event.
type ExternalSignal struct {
	id      string
	resolve func(failure *historypb.SignalExternalWorkflowExecutionFailedEventAttributes)
}

// SignalExternal asks for a signal to another workflow. resolve is called once,
// with nil when the signal was delivered. Control of attributes is filled in.
func (m *Machine) SignalExternal(attributes *commandpb.SignalExternalWorkflowExecutionCommandAttributes, resolve func(*historypb.SignalExternalWorkflowExecutionFailedEventAttributes)) {
	s := &ExternalSignal{id: m.nextID(), resolve: resolve}
	//lint:ignore SA1019 the control is what ties events to the command
	attributes.Control = s.id
	if m.signals == nil {
		m.signals = make(map[string]*ExternalSignal)
		m.signalEvents = make(map[int64]*ExternalSignal)
	}
	m.signals[s.id] = s
	m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_SignalExternalWorkflowExecutionCommandAttributes{SignalExternalWorkflowExecutionCommandAttributes: attributes},
	}, nil)
}

func (m *Machine) signalInitiated(event *historypb.HistoryEvent) error {
	//lint:ignore SA1019 the control is what ties events to the command
	id := event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes().GetControl()
	s := m.signals[id]
	if s == nil {
		return unknown(event)
	}
	delete(m.signals, id)
	m.signalEvents[event.GetEventId()] = s
	return nil
}

func (m *Machine) signalClosed(event *historypb.HistoryEvent, initiated int64, failure *historypb.SignalExternalWorkflowExecutionFailedEventAttributes) error {
	s := m.signalEvents[initiated]
	if s == nil {
		return unknown(event)
	}
	delete(m.signalEvents, initiated)
	s.resolve(failure)
	return nil
}
