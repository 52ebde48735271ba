package workflow

import (
	"cmp"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// timers are the user timers of a run that have not fired, by started event id.
type timers struct {
	pendingItems[int64, records.Timer, *records.Timer]
	// byID finds the started event id of a timer id.
	byID map[string]int64
}

func (*timers) letter() byte { return 't' }

func (f *timers) load(r *Run, _, value []byte) error {
	timer, err := decodeRecord[records.Timer](value)
	if err != nil {
		return err
	}
	f.keep(timer.StartedEventId, timer)
	f.index(r, timer)
	return nil
}

func (f *timers) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

// named is the timer with the id, nil if there is none.
func (f *timers) named(timerID string) *records.Timer { return f.get(f.byID[timerID]) }

// add adds a timer that has just been started.
func (f *timers) add(r *Run, timer *records.Timer) {
	f.put(timer.StartedEventId, timer)
	f.index(r, timer)
}

func (f *timers) index(r *Run, timer *records.Timer) {
	if f.byID == nil {
		f.byID = make(map[string]int64)
	}
	f.byID[timer.TimerId] = timer.StartedEventId
	r.deadlines.set(f.letter(), timer.StartedEventId, asTime(timer.FireAt))
}

// end forgets a timer that has fired or was cancelled.
func (f *timers) end(r *Run, timer *records.Timer) {
	f.remove(timer.StartedEventId)
	if f.byID[timer.TimerId] == timer.StartedEventId {
		delete(f.byID, timer.TimerId)
	}
	r.deadlines.remove(timer.StartedEventId)
}

func (f *timers) drop(*Run) {
	f.dropAll()
	f.byID = nil
}

func (f *timers) size() int { return f.len() * pendingItemBytes }

var (
	onStartTimer  = check.StartTimer
	onCancelTimer = check.Command("CancelTimerCommand")
)

func checkStartTimer(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES

	attr := cmd.GetStartTimerCommandAttributes()
	if attr == nil {
		return badCommand(bad, "StartTimerCommandAttributes is not set on StartTimerCommand.")
	}
	id := attr.TimerId
	if err := cmp.Or(b.run.limits().fields().CheckID("TimerId", id, onStartTimer),
		check.Duration("StartToFireTimeout", attr.StartToFireTimeout, onStartTimer)); err != nil {
		return named{{"TimerId", id}}.refuse(bad, "%w", err)
	}
	if timerPending(b, id) {
		return b.impossible(enumspb.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID, "add-timer-started-event", "TimerID: %s", id)
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
	if err := b.run.limits().fields().CheckID("TimerId", id, onCancelTimer); err != nil {
		return named{{"TimerId", id}}.refuse(bad, "%w", err)
	}
	if timerPending(b, id) {
		setOverlay(&b.timers, id, false)
		return nil
	}
	if b.removesBufferedTimer[id] || b.run.bufferedTimerFired(id) == nil {
		return b.impossible(bad, "add-timer-canceled-event", "TimerID: %s", id)
	}
	setOverlay(&b.removesBufferedTimer, id, true)
	return nil
}

// timerPending reports whether the timer runs once the commands before this one
// have been applied.
func timerPending(b *commandBatch, id string) bool {
	if pending, ok := b.timers[id]; ok {
		return pending
	}
	return b.run.timers.named(id) != nil
}

func executeStartTimer(a *application, cmd *commandpb.Command) {
	a.addCommandEvent(cmd, timerStarted(cmd.GetStartTimerCommandAttributes(), a.completedEventID))
}

func timerStarted(attr *commandpb.StartTimerCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_STARTED,
		Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId:                      attr.TimerId,
			StartToFireTimeout:           attr.StartToFireTimeout,
			WorkflowTaskCompletedEventId: completedEventID,
		}},
	}
}

func applyTimerStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.TimerStartedEventAttributes) error {
	r.timers.add(r, &records.Timer{
		TimerId:        attr.GetTimerId(),
		StartedEventId: e.EventId,
		FireAt:         timestamppb.New(e.EventTime.AsTime().Add(attr.GetStartToFireTimeout().AsDuration())),
	})
	return nil
}

func executeCancelTimer(a *application, cmd *commandpb.Command) {
	r, id := a.run, cmd.GetCancelTimerCommandAttributes().TimerId
	timer := r.timers.named(id)
	if timer == nil {
		// It has fired already, but the workflow has not been told, and never will be.
		fired := r.bufferedTimerFired(id)
		r.buffer.take(r, fired)
		timer = &records.Timer{TimerId: id, StartedEventId: fired.GetTimerFiredEventAttributes().GetStartedEventId()}
		r.timers.add(r, timer)
	}
	a.addCommandEvent(cmd, timerCanceled(timer, a.completedEventID, a.identity))
}

func timerCanceled(timer *records.Timer, completedEventID int64, identity string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_CANCELED,
		Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{
			TimerId:                      timer.TimerId,
			StartedEventId:               timer.StartedEventId,
			WorkflowTaskCompletedEventId: completedEventID,
			Identity:                     identity,
		}},
	}
}

func applyTimerCanceled(r *Run, _ *historypb.HistoryEvent, attr *historypb.TimerCanceledEventAttributes) error {
	return applyTimerEnd(r, attr.GetTimerId(), attr.GetStartedEventId())
}

// fire fires the timer that the event started.
func (f *timers) fire(r *Run, step *entity.Step, startedEventID int64) (news bool) {
	r.addEvent(step, timerFired(f.get(startedEventID)))
	return true
}

func timerFired(timer *records.Timer) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_FIRED,
		Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{
			TimerId:        timer.TimerId,
			StartedEventId: timer.StartedEventId,
		}},
	}
}

func applyTimerFired(r *Run, _ *historypb.HistoryEvent, attr *historypb.TimerFiredEventAttributes) error {
	return applyTimerEnd(r, attr.GetTimerId(), attr.GetStartedEventId())
}

func applyTimerEnd(r *Run, timerID string, startedEventID int64) error {
	timer := r.timers.get(startedEventID)
	if timer == nil || timer.TimerId != timerID {
		return errNotPending
	}
	r.timers.end(r, timer)
	return nil
}

// bufferedTimerFired returns the TimerFired event of the timer among the buffered
// events, nil if there is none.
func (r *Run) bufferedTimerFired(timerID string) *historypb.HistoryEvent {
	for _, event := range r.buffer.events {
		if event.GetTimerFiredEventAttributes().GetTimerId() == timerID && event.EventType == enumspb.EVENT_TYPE_TIMER_FIRED {
			return event
		}
	}
	return nil
}
