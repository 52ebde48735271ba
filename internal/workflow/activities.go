package workflow

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// activities are the pending activities of a run, by scheduled event id.
type activities struct {
	pendingItems[int64, records.Activity, *records.Activity]
	// byID finds the scheduled event id of an activity id.
	byID map[string]int64
	// flow: some activity has, or had, a pass of flow control.
	flow bool
	// detailBytes is the size of the heartbeat details and failures they hold.
	detailBytes int

	// recent holds the ActivityTaskScheduled events of activities that have not
	// started yet, for the reply that hands them out. An event that is not here is
	// read from the history.
	recent      map[int64]*historypb.HistoryEvent
	recentBytes int
}

// maxRecentBytes bounds the events a run keeps in activities.recent.
const maxRecentBytes = 1 << 20

func (*activities) letter() byte { return 'a' }

func (f *activities) load(r *Run, _, value []byte) error {
	act, err := decodeRecord[records.Activity](value)
	if err != nil {
		return err
	}
	f.keep(act.ScheduledEventId, act)
	f.index(r, act)
	f.detailBytes += detailSize(act)
	f.flow = f.flow || act.Flow != nil
	return nil
}

func (f *activities) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

// add adds an activity that has just been scheduled.
func (f *activities) add(r *Run, act *records.Activity) {
	f.put(act.ScheduledEventId, act)
	f.index(r, act)
}

func (f *activities) index(r *Run, act *records.Activity) {
	if f.byID == nil {
		f.byID = make(map[string]int64)
	}
	f.byID[act.ActivityId] = act.ScheduledEventId
	f.noteDeadline(r, act)
}

// change has the record of the activity written and its deadline noted. Called
// after every change of an activity.
func (f *activities) change(r *Run, act *records.Activity) {
	f.touch(act.ScheduledEventId)
	f.noteDeadline(r, act)
}

func (f *activities) noteDeadline(r *Run, act *records.Activity) {
	at, _ := nextActivityDeadline(act)
	r.deadlines.set(f.letter(), act.ScheduledEventId, at)
}

// close forgets an activity that has closed.
func (f *activities) close(r *Run, act *records.Activity) {
	r.deadlines.remove(act.ScheduledEventId)
	f.detailBytes -= detailSize(act)
	f.forgetEvent(act.ScheduledEventId)
	f.remove(act.ScheduledEventId)
	if f.byID[act.ActivityId] == act.ScheduledEventId {
		delete(f.byID, act.ActivityId)
	}
	if attempt.Paused(act) {
		r.updatePauseInfo()
	}
}

// drop keeps the activities, as they were when the run closed, for descriptions of it.
func (f *activities) drop(*Run) { f.recent, f.recentBytes = nil, 0 }

func (f *activities) size() int { return f.len()*pendingItemBytes + f.detailBytes + f.recentBytes }

func (f *activities) bound(limits *Limits) bound {
	return bound{limits.PendingActivities, "pending activities", enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED}
}

// fire does what the activity's earliest deadline asks for, and reports whether it
// has closed the activity.
func (f *activities) fire(r *Run, step *entity.Step, scheduledEventID int64) (closed bool) {
	act := f.get(scheduledEventID)
	_, what := nextActivityDeadline(act)
	if what == attempt.RetryDue {
		r.offerAttempt(step, act)
		f.change(r, act)
		return false
	}
	return r.timeOutActivity(step, act, what)
}

// detailSize is the size of what workers have reported of the activity, and of what
// operators have said.
func detailSize(act *records.Activity) int {
	return proto.Size(act.HeartbeatDetails) + proto.Size(act.LastFailure) + proto.Size(act.Control)
}

// rememberEvent keeps the scheduled event of an activity in memory until the
// activity starts, if there is room.
func (f *activities) rememberEvent(event *historypb.HistoryEvent) {
	size := proto.Size(event)
	if f.recentBytes+size > maxRecentBytes {
		return
	}
	if f.recent == nil {
		f.recent = make(map[int64]*historypb.HistoryEvent)
	}
	f.recent[event.EventId] = event
	f.recentBytes += size
}

func (f *activities) forgetEvent(eventID int64) {
	if event, ok := f.recent[eventID]; ok {
		f.recentBytes -= proto.Size(event)
		delete(f.recent, eventID)
	}
}

// initiatingEvent returns the event that made a pending item: from memory, from
// the events of this step, or from the history.
func (r *Run) initiatingEvent(step *entity.Step, eventID int64) (*historypb.HistoryEvent, error) {
	if event, ok := r.activities.recent[eventID]; ok {
		return event, nil
	}
	if len(r.newEvents) > 0 {
		if i := eventID - r.newEvents[0].EventId; i >= 0 && i < int64(len(r.newEvents)) {
			return r.newEvents[i], nil
		}
	}
	data, _, err := r.readHistory(step.Reader, eventID, eventID, r.limits())
	if err != nil {
		return nil, fmt.Errorf("read event %d of run %s: %w", eventID, r.info.RunId, err)
	}
	raw, _, err := nextEvent(data)
	if err != nil {
		return nil, err
	}
	return decodeEvent(raw)
}
