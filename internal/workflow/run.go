package workflow

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Run is one run of a workflow chain, in memory: what its records hold, and the
// volatile half that a crash turns back (a started workflow task, waiting
// queries).
type Run struct {
	chain *Chain

	info  *records.RunInfo
	state *records.Run

	// Pending items; each is one record. Invariant: an item is here if and only
	// if its record exists or is noted in the current step.
	activities    map[int64]*records.Activity // by scheduled event id
	activityByID  map[string]int64
	timers        map[string]*records.Timer // by timer id
	timerByEvent  map[int64]string
	children      map[int64]*records.Child    // by initiated event id
	externals     map[int64]*records.External // by initiated event id
	signalRequest map[string]struct{}
	// items is what is kept in memory about the pending items besides their
	// records: deadlines in order, events needed soon. See items.go.
	items runItems

	// buffered are the events that arrived while a workflow task was started, in
	// order of arrival; their event ids are given when they are flushed.
	buffered      []*historypb.HistoryEvent
	bufferedBytes int
	// applying is set while the commands of a completed workflow task are applied:
	// events that are not made from commands are held back to the end of the step.
	applying bool
	// taskWanted notes a scheduleWorkflowTask during applying.
	taskWanted bool

	// started is set while the pending workflow task is with a worker. Volatile.
	// Invariant: started != nil implies state.WorkflowTask != nil.
	started *startedTask

	// reloaded is set if the run was read from its records: a start of the pending
	// workflow task may have been lost with the state that was in memory before.
	reloaded bool

	// queries wait for the next workflow task or for its completion. Volatile.
	queries []*query

	// resetPoints are where builds of the worker first took a hand; nil for none.
	resetPoints *workflowpb.ResetPoints
	// startEvent is the Started event, once a continuation has needed it.
	startEvent *historypb.HistoryEvent
	// infoBytes is the encoded size of info.
	infoBytes int

	// tail is the newest part of the history as encoded batches, so that the next
	// workflow task's poll reply need not read the store. See history.go.
	tail historyTail

	// What the step in progress has changed; emptied by flush.
	newEvents []*historypb.HistoryEvent
	dirty     dirty
}

// dirty notes which records flush has to write.
type dirty struct {
	info, state bool
	resetPoints bool
	activities  map[int64]struct{}
	timers      map[string]struct{}
	children    map[int64]struct{}
	externals   map[int64]struct{}
}

// closed reports whether the run has ended.
func (r *Run) closed() bool {
	return r.state.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// addEvent gives the run a new event with the attributes that set puts in, and
// returns it. While a workflow task is started, an event of a type that must not
// come between that task's start and its completion is buffered instead: it
// then has EventId bufferedEventID until flushBuffered gives it a real one.
func (r *Run) addEvent(step *entity.Step, eventType enumspb.EventType, set func(*historypb.HistoryEvent)) *historypb.HistoryEvent {
	event := &historypb.HistoryEvent{
		EventTime: timestamppb.New(step.Now),
		EventType: eventType,
	}
	if set != nil {
		set(event)
	}
	if (r.started != nil || r.applying) && bufferable(eventType) {
		r.bufferEvent(step, event)
		return event
	}
	r.settle(step)
	r.appendEvent(event)
	return event
}

// appendEvent gives an event the next id and puts it at the end of the history.
func (r *Run) appendEvent(event *historypb.HistoryEvent) {
	event.EventId = r.state.NextEventId
	event.TaskId = event.EventId // clients only compare it
	r.state.NextEventId++
	r.newEvents = append(r.newEvents, event)
	r.dirty.state = true
}

// batchID is the first event id of the history batch that the event just added
// will be in, for records that refer to the event.
func (r *Run) batchID() int64 {
	if len(r.newEvents) == 0 {
		return r.state.NextEventId // the event is buffered: the batch is yet to begin
	}
	return r.newEvents[0].EventId
}

// Marking an item as changed makes flush write its record, or remove it if it is
// no longer pending.

func (r *Run) touchActivity(scheduledEventID int64) { mark(&r.dirty.activities, scheduledEventID) }
func (r *Run) touchTimer(timerID string)            { mark(&r.dirty.timers, timerID) }
func (r *Run) touchChild(initiatedEventID int64)    { mark(&r.dirty.children, initiatedEventID) }
func (r *Run) touchExternal(initiatedEventID int64) { mark(&r.dirty.externals, initiatedEventID) }

func mark[K comparable](set *map[K]struct{}, key K) {
	if *set == nil {
		*set = make(map[K]struct{}, 4)
	}
	(*set)[key] = struct{}{}
}

// flush notes in the step every record that the step has changed: the new events
// as one history batch, the changed items, the state. It arms the run's durable
// timer. Every step ends with it.
func (r *Run) flush(step *entity.Step) {
	runID := r.info.RunId
	r.limitBuffered(step)
	r.limitHistory(step)
	if len(r.newEvents) > 0 {
		r.flushHistory(step)
	}
	for id := range r.dirty.activities {
		writeItem(step, runItemKey(runID, familyActivity, id), r.activities[id])
	}
	for id := range r.dirty.timers {
		writeItem(step, runNamedKey(runID, familyTimer, id), r.timers[id])
	}
	for id := range r.dirty.children {
		writeItem(step, runItemKey(runID, familyChild, id), r.children[id])
	}
	for id := range r.dirty.externals {
		writeItem(step, runItemKey(runID, familyExternal, id), r.externals[id])
	}
	if r.dirty.info {
		data := mustMarshal(r.info)
		r.infoBytes = len(data)
		step.Put(runKey(runID, familyInfo), data)
	}
	if r.dirty.resetPoints {
		step.Put(runKey(runID, familyResetPoints), mustMarshal(r.resetPoints))
	}
	r.armTimer(step)
	if r.dirty.state {
		r.state.StateTransitionCount++
		step.Put(runKey(runID, familyState), mustMarshal(r.state))
	}
	r.dirty = dirty{}
	r.chain.flush(step)
}

// writeItem notes the record of a pending item, or its removal if the item is gone.
func writeItem[M any, P interface {
	*M
	proto.Message
}](step *entity.Step, key []byte, item P) {
	if item == nil {
		step.Delete(key)
		return
	}
	step.Put(key, mustMarshal(item))
}

// mustMarshal encodes a record. Records are made by this package and always
// encode.
func mustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("workflow: record does not encode: " + err.Error())
	}
	return data
}

// armTimer keeps the run's one durable timer at or before its earliest deadline.
// It is moved only when the earliest deadline comes before it: a deadline that
// goes away leaves it where it is, and Fire finds nothing due and sets it anew.
func (r *Run) armTimer(step *entity.Step) {
	name := []byte(r.info.RunId)
	earliest := r.earliestDeadline()
	armed := asTime(r.state.WakeAt)
	fired := !armed.IsZero() && !armed.After(step.Now)
	if !armed.IsZero() && !fired && (earliest.IsZero() || !earliest.Before(armed)) && !r.closed() {
		return
	}
	if earliest.Equal(armed) {
		return
	}
	if !armed.IsZero() {
		step.ClearTimer(name, armed)
	}
	r.state.WakeAt = nil
	if !earliest.IsZero() {
		step.SetTimer(name, earliest)
		r.state.WakeAt = timestamppb.New(earliest)
	}
	r.dirty.state = true
}

// earliestDeadline is the earliest time at which something durable happens to
// the run of itself; zero if nothing does. Timeouts of started and of sticky
// workflow tasks are not durable: they are wakes.
func (r *Run) earliestDeadline() time.Time {
	if r.closed() {
		return time.Time{}
	}
	d := r.itemDeadline()
	d = earlier(d, r.expiration())
	if r.state.FirstTaskBackoffPending {
		d = earlier(d, asTime(r.info.ExecutionTime))
	}
	if wt := r.state.WorkflowTask; wt != nil && wt.TaskId == 0 {
		d = earlier(d, wt.ScheduledTime.AsTime().Add(wt.Timeout.AsDuration()))
	}
	return d
}

// expiration is when the run times out; zero if it does not.
func (r *Run) expiration() time.Time {
	return earlier(asTime(r.info.RunExpiration), asTime(r.info.ExecutionExpiration))
}

// earlier is the earlier of two times, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// asTime is the time of a timestamp, the zero time if it is not set.
func asTime(ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	return ts.AsTime()
}
