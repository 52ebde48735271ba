package workflow

import (
	"slices"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

func checkStartTimer(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES

	attr := cmd.GetStartTimerCommandAttributes()
	if attr == nil {
		return badCommand(bad, "StartTimerCommandAttributes is not set on StartTimerCommand.")
	}
	id := attr.TimerId
	if failure := checkTimerID(b, bad, "StartTimerCommand", id); failure != nil {
		return failure
	}
	if err := capDuration(attr.StartToFireTimeout); err != nil {
		return badCommand(bad, "An invalid StartToFireTimeout is set on StartTimerCommand: %w. TimerId=%s", err, id)
	}
	if timerPending(b, id) {
		return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID,
			"a timer with this id is already running. TimerId=%s", id)
	}
	setOverlay(&b.timers, id, true)
	return nil
}

func checkCancelTimer(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES

	attr := cmd.GetCancelTimerCommandAttributes()
	if attr == nil {
		return badCommand(bad, "CancelTimerCommandAttributes is not set on CancelTimerCommand.")
	}
	id := attr.TimerId
	if failure := checkTimerID(b, bad, "CancelTimerCommand", id); failure != nil {
		return failure
	}
	if timerPending(b, id) {
		setOverlay(&b.timers, id, false)
		return nil
	}
	if b.removesBufferedTimer[id] || b.run.bufferedTimerFired(id) == nil {
		return badCommand(bad, "there is no timer with this id. TimerId=%s", id)
	}
	setOverlay(&b.removesBufferedTimer, id, true)
	return nil
}

func checkTimerID(b *commandBatch, bad enumspb.WorkflowTaskFailedCause, command, id string) *commandFailure {
	if id == "" {
		return badCommand(bad, "TimerId is not set on %s.", command)
	}
	if limit := b.run.limits().IDLength; tooLong(id, limit) {
		return badCommand(bad, "TimerId on %s exceeds length limit. Length=%d Limit=%d", command, len(id), limit)
	}
	return nil
}

// timerPending reports whether the timer runs once the commands before this one
// have been applied.
func timerPending(b *commandBatch, id string) bool {
	if pending, ok := b.timers[id]; ok {
		return pending
	}
	return b.run.timers[id] != nil
}

func applyStartTimer(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetStartTimerCommandAttributes()
	event := r.addEvent(a.step, enumspb.EVENT_TYPE_TIMER_STARTED, func(e *historypb.HistoryEvent) {
		fromCommand(e, cmd)
		e.Attributes = &historypb.HistoryEvent_TimerStartedEventAttributes{
			TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
				TimerId:                      attr.TimerId,
				StartToFireTimeout:           attr.StartToFireTimeout,
				WorkflowTaskCompletedEventId: a.completedEventID,
			},
		}
	})
	fireAt := a.step.Now.Add(attr.StartToFireTimeout.AsDuration())
	r.timers[attr.TimerId] = &records.Timer{
		TimerId:        attr.TimerId,
		StartedEventId: event.EventId,
		FireAt:         timestamppb.New(fireAt),
	}
	r.timerByEvent[event.EventId] = attr.TimerId
	r.touchTimer(attr.TimerId)
	if r.items.indexed {
		r.items.deadlines.set(event.EventId, true, fireAt)
	}
}

func applyCancelTimer(a *application, cmd *commandpb.Command) {
	r, id := a.run, cmd.GetCancelTimerCommandAttributes().TimerId
	var startedEventID int64
	if timer := r.timers[id]; timer != nil {
		startedEventID = timer.StartedEventId
		r.removeTimer(timer)
	} else if fired := r.bufferedTimerFired(id); fired != nil {
		// It has fired already, but the workflow has not been told: it never will be.
		startedEventID = fired.GetTimerFiredEventAttributes().GetStartedEventId()
		r.removeBuffered(a.step, fired)
	}
	r.addEvent(a.step, enumspb.EVENT_TYPE_TIMER_CANCELED, func(e *historypb.HistoryEvent) {
		fromCommand(e, cmd)
		e.Attributes = &historypb.HistoryEvent_TimerCanceledEventAttributes{
			TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{
				TimerId:                      id,
				StartedEventId:               startedEventID,
				WorkflowTaskCompletedEventId: a.completedEventID,
				Identity:                     a.identity,
			},
		}
	})
}

// fireTimer fires the timer that the event started.
func (r *Run) fireTimer(step *entity.Step, startedEventID int64) {
	timer := r.timers[r.timerByEvent[startedEventID]]
	if timer == nil {
		r.items.deadlines.remove(startedEventID)
		return
	}
	r.removeTimer(timer)
	r.addEvent(step, enumspb.EVENT_TYPE_TIMER_FIRED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_TimerFiredEventAttributes{
			TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{
				TimerId:        timer.TimerId,
				StartedEventId: startedEventID,
			},
		}
	})
}

func (r *Run) removeTimer(timer *records.Timer) {
	delete(r.timers, timer.TimerId)
	delete(r.timerByEvent, timer.StartedEventId)
	r.touchTimer(timer.TimerId)
	r.items.deadlines.remove(timer.StartedEventId)
}

// bufferedTimerFired returns the TimerFired event of the timer among the buffered
// events, nil if there is none.
func (r *Run) bufferedTimerFired(timerID string) *historypb.HistoryEvent {
	for _, event := range r.buffered {
		if event.GetTimerFiredEventAttributes().GetTimerId() == timerID && event.EventType == enumspb.EVENT_TYPE_TIMER_FIRED {
			return event
		}
	}
	return nil
}

// removeBuffered takes an event back out of the buffered ones while the commands
// of a completed workflow task are applied. Their records go all together when the
// buffer is flushed at the end of the step.
func (r *Run) removeBuffered(step *entity.Step, event *historypb.HistoryEvent) {
	r.buffered = slices.DeleteFunc(r.buffered, func(e *historypb.HistoryEvent) bool { return e == event })
	r.bufferedBytes -= proto.Size(event)
	if len(r.buffered) == 0 {
		r.dropBuffered(step)
	}
}

// fromCommand copies what any command may say about its event.
func fromCommand(e *historypb.HistoryEvent, cmd *commandpb.Command) {
	e.UserMetadata = cmd.UserMetadata
	e.EventGroupMarkers = cmd.EventGroupMarkers
}

// limits are the limits of the run's chain.
func (r *Run) limits() *Limits { return &r.chain.config.Limits }
