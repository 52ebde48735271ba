package replay

import (
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Timer is a timer that the code started. A cancelled timer is over for the
// code at once; its cancel command is taken back if it fires before that was
// handed over.
type Timer struct {
	// ID is the timer id.
	ID string

	cancel *output
	fire   func(fired bool) // nil once called
}

// StartTimer asks for a timer. fire is called once: with true when the timer
// fires, with false when it is cancelled.
func (m *Machine) StartTimer(d time.Duration, metadata *sdkpb.UserMetadata, fire func(fired bool)) *Timer {
	t := &Timer{ID: m.nextID(), fire: fire}
	m.timers[t.ID] = t
	m.add(&commandpb.Command{
		CommandType:  enumspb.COMMAND_TYPE_START_TIMER,
		UserMetadata: metadata,
		Attributes: &commandpb.Command_StartTimerCommandAttributes{
			StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{TimerId: t.ID, StartToFireTimeout: durationpb.New(d)},
		},
	}, nil)
	return t
}

// CancelTimer asks for the cancellation of a timer.
func (m *Machine) CancelTimer(t *Timer) {
	if t.fire == nil {
		return
	}
	t.cancel = m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CANCEL_TIMER,
		Attributes: &commandpb.Command_CancelTimerCommandAttributes{
			CancelTimerCommandAttributes: &commandpb.CancelTimerCommandAttributes{TimerId: t.ID},
		},
	}, nil)
	t.end(false)
}

func (t *Timer) end(fired bool) {
	if fire := t.fire; fire != nil {
		t.fire = nil
		fire(fired)
	}
}

func (m *Machine) timerStarted(event *historypb.HistoryEvent) error {
	if m.timers[event.GetTimerStartedEventAttributes().GetTimerId()] == nil {
		return unknown(event)
	}
	return nil
}

func (m *Machine) timerFired(event *historypb.HistoryEvent) error {
	t := m.timers[event.GetTimerFiredEventAttributes().GetTimerId()]
	if t == nil {
		return unknown(event)
	}
	delete(m.timers, t.ID)
	if t.cancel != nil {
		m.drop(t.cancel)
	}
	t.end(true)
	return nil
}

func (m *Machine) timerCanceled(event *historypb.HistoryEvent) error {
	id := event.GetTimerCanceledEventAttributes().GetTimerId()
	t := m.timers[id]
	if t == nil || t.cancel == nil {
		return unknown(event)
	}
	delete(m.timers, id)
	return nil
}
