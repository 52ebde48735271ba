package workflow

import (
	"fmt"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// runItems is what a run keeps in memory about its pending items (activities,
// timers, children, externals) besides their records. All of it can be built
// anew from the records and the history.
type runItems struct {
	// indexed is set once what follows has been built from the records. Until
	// then changes of items need not be noted here.
	indexed bool
	// deadlines holds every timer and every activity that has a deadline.
	deadlines deadlineHeap
	// cancels is how many of the pending externals are cancel requests.
	cancels int

	// recent holds the ActivityTaskScheduled events of activities that have not
	// started yet, for the reply that hands them out. An event that is not here is
	// read from the history.
	recent      map[int64]*historypb.HistoryEvent
	recentBytes int

	// detailBytes is the size of the heartbeat details and failures that pending
	// activities hold.
	detailBytes int
}

// maxRecentBytes bounds the events a run keeps in runItems.recent.
const maxRecentBytes = 1 << 20

// index builds the index of pending items the first time it is needed after the
// run was loaded.
func (r *Run) index() *runItems {
	if r.items.indexed {
		return &r.items
	}
	r.items.indexed = true
	for _, a := range r.activities {
		r.noteActivityDeadline(a)
		r.items.detailBytes += detailSize(a)
	}
	for _, t := range r.timers {
		r.items.deadlines.set(t.StartedEventId, true, asTime(t.FireAt))
	}
	for _, x := range r.externals {
		if x.IsCancel {
			r.items.cancels++
		}
	}
	return &r.items
}

// noteActivityDeadline brings the deadline index up to date after the activity
// has changed.
func (r *Run) noteActivityDeadline(a *records.Activity) {
	if r.items.indexed {
		at, _ := nextActivityDeadline(a)
		r.items.deadlines.set(a.ScheduledEventId, false, at)
	}
}

// detailSize is the size of what workers have reported of the activity.
func detailSize(a *records.Activity) int {
	return proto.Size(a.HeartbeatDetails) + proto.Size(a.LastFailure)
}

// itemBytes is the size in memory of what is of no fixed size in pending items.
func (r *Run) itemBytes() int { return r.index().detailBytes + r.items.recentBytes }

// itemDeadline is the earliest time at which a timer or an activity needs
// attention, the zero time if none ever does.
func (r *Run) itemDeadline() time.Time {
	first, ok := r.index().deadlines.first()
	if !ok {
		return time.Time{}
	}
	return time.Unix(0, first.at).UTC()
}

// fireItems does everything that is due for timers and activities at step.Now, in
// the order in which it became due: timers fire, attempts time out, and retries
// whose backoff is over are dispatched. It schedules a workflow task if the
// workflow has to learn of any of it.
func (r *Run) fireItems(step *entity.Step) {
	if r.closed() {
		return
	}
	news := false
	for now := step.Now.UnixNano(); ; {
		first, ok := r.index().deadlines.first()
		if !ok || first.at > now {
			break
		}
		if first.timer {
			r.fireTimer(step, first.eventID)
			news = true
		} else if r.fireActivity(step, first.eventID) {
			news = true
		}
	}
	if news {
		r.scheduleWorkflowTask(step)
	}
}

// rememberEvent keeps the scheduled event of an activity in memory until the
// activity starts, if there is room.
func (r *Run) rememberEvent(event *historypb.HistoryEvent) {
	size := proto.Size(event)
	if r.items.recentBytes+size > maxRecentBytes {
		return
	}
	if r.items.recent == nil {
		r.items.recent = make(map[int64]*historypb.HistoryEvent)
	}
	r.items.recent[event.EventId] = event
	r.items.recentBytes += size
}

func (r *Run) forgetEvent(eventID int64) {
	if event, ok := r.items.recent[eventID]; ok {
		r.items.recentBytes -= proto.Size(event)
		delete(r.items.recent, eventID)
	}
}

// initiatingEvent returns the event that made a pending item: from memory, from
// the events of this step, or from the history.
func (r *Run) initiatingEvent(step *entity.Step, eventID int64) (*historypb.HistoryEvent, error) {
	if event, ok := r.items.recent[eventID]; ok {
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

// dropItems forgets everything that is pending, because the run closes: records,
// dispatch tasks, deadlines. Parent close policies must have been applied before.
func (r *Run) dropItems(step *entity.Step) {
	for _, a := range r.activities {
		r.undispatchActivity(step, a)
	}
	dropFamily(r, step, familyActivity, r.activities, &r.dirty.activities)
	dropFamily(r, step, familyTimer, r.timers, &r.dirty.timers)
	dropFamily(r, step, familyChild, r.children, &r.dirty.children)
	dropFamily(r, step, familyExternal, r.externals, &r.dirty.externals)
	clear(r.activityByID)
	clear(r.timerByEvent)
	r.items = runItems{indexed: true}
}

// dropFamily removes all items of one kind. Few records are removed one by one;
// many by their prefix, which costs the store a range tombstone.
func dropFamily[K comparable, V any](r *Run, step *entity.Step, family byte, items map[K]V, dirty *map[K]struct{}) {
	const few = 16
	if len(items) > few {
		step.DeletePrefix(runKey(r.info.RunId, family))
		*dirty = nil
	} else {
		for key := range items {
			mark(dirty, key)
		}
	}
	clear(items)
}
