package workflow

import (
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Everything in the tests of state machines that looks into a chain, or knows how
// its records are laid out, is in this file.

// check verifies, after a step of the chain, what must hold after every step: the
// records hold what is in memory; every pending item has its task or its timer;
// no task or timer is left behind; histories are whole.
func (e *engine) check(key entity.Key, c *Chain) {
	e.t.Helper()
	stored := e.load(key)
	if (stored.record == nil) != (c.record == nil) || !proto.Equal(stored.record, c.record) {
		e.t.Errorf("chain record is %v, records say %v", c.record, stored.record)
	}
	if (stored.current == nil) != (c.current == nil) {
		e.t.Fatalf("there is a current run: %v, records say %v", c.current != nil, stored.current != nil)
	}
	timers := make(map[string]bool)
	tasks := make(map[int64]*entity.Task)
	if next := asTime(c.record.GetNextExpiry()); !next.IsZero() {
		timers[timerID(entity.Timer{Name: expiryTimer, At: next})] = true
	}
	if r := c.current; r != nil {
		e.checkRecords(stored.current, r)
		e.checkState(r)
		checkFold(e.t, r, e.events[r.info.RunId])
		if at := asTime(r.state.WakeAt); !at.IsZero() {
			timers[timerID(entity.Timer{Name: []byte(r.info.RunId), At: at})] = true
		}
		if wt := r.state.WorkflowTask; wt.GetTaskId() != 0 && !r.speculative {
			tasks[wt.TaskId] = &entity.Task{RunID: r.info.RunId}
		}
		for _, a := range r.activities.byKey {
			if ready := a.StartedTime == nil && a.RetryAt == nil && !attempt.Paused(a) && !r.paused() && !r.closed(); ready != (a.TaskId != 0) {
				e.t.Errorf("activity is ready for a worker: %v, but is %v", ready, a)
			}
			if a.TaskId != 0 {
				tasks[a.TaskId] = &entity.Task{RunID: r.info.RunId, EventID: a.ScheduledEventId}
			}
		}
		for _, op := range r.nexusOperations.byKey {
			for _, id := range []int64{op.Start.GetTaskId(), op.Cancellation.GetCalls().GetTaskId()} {
				if id != 0 {
					tasks[id] = &entity.Task{RunID: r.info.RunId, EventID: op.ScheduledEventId}
				}
			}
			calls := op.Start
			if op.StartedTime != nil {
				calls = op.Cancellation.GetCalls()
			}
			wanted := op.StartedTime == nil || op.Cancellation != nil && op.Cancellation.State == 0
			if due := calls.GetTaskId() != 0 || calls.GetNextAttemptTime() != nil; due != wanted && !r.closed() {
				e.t.Errorf("a call is due: %v, but the operation is %v", due, op)
			}
		}
	}
	e.checkOutputs(key, timers, tasks)
}

// checkOutputs compares the timers and tasks of a chain with those it should have.
// Of a wanted task, an event id of zero may be any: that of a workflow task is not
// the scheduled event's if one has come between two attempts.
func (e *engine) checkOutputs(key entity.Key, timers map[string]bool, tasks map[int64]*entity.Task) {
	e.t.Helper()
	for name := range e.timers[key] {
		if !timers[name] {
			e.t.Errorf("timer %q of %v belongs to nothing", name, key)
		}
	}
	for name := range timers {
		if _, ok := e.timers[key][name]; !ok {
			e.t.Errorf("timer %q of %v is not set", name, key)
		}
	}
	for id, task := range e.tasks {
		if task.Entity == key && tasks[id] == nil && !task.Volatile {
			e.t.Errorf("task %+v belongs to nothing", task)
		}
	}
	for id, want := range tasks {
		if task := e.tasks[id]; task == nil || task.Entity != key || task.RunID != want.RunID || want.EventID != 0 && task.EventID != want.EventID {
			e.t.Errorf("task %d of %v, of event %d, is %+v", id, key, want.EventID, task)
		}
	}
}

// checkRecords compares a run in memory with what its records say.
func (e *engine) checkRecords(stored, r *Run) {
	e.t.Helper()
	if !proto.Equal(stored.info, r.info) {
		e.t.Errorf("run info is\n%v, records say\n%v", r.info, stored.info)
	}
	// Stickiness that a start on the normal queue has ended is recorded later.
	state := proto.CloneOf(r.state)
	if r.started != nil && state.StickyQueue == "" {
		state.StickyQueue, state.StickyTimeout = stored.state.StickyQueue, stored.state.StickyTimeout
	}
	if r.speculative {
		state.WorkflowTask = nil
	}
	if !proto.Equal(stored.state, state) {
		e.t.Errorf("run state is\n%v, records say\n%v", state, stored.state)
	}
	for i, f := range r.list() {
		have, want := recordsOf(f), recordsOf(stored.list()[i])
		if !maps.EqualFunc(have, want, proto.Equal) {
			e.t.Errorf("family %q is\n%v, records say\n%v", f.letter(), have, want)
		}
		if f.size() != stored.list()[i].size() && f.letter() != r.activities.letter() {
			e.t.Errorf("family %q takes %d bytes, %d after loading", f.letter(), f.size(), stored.list()[i].size())
		}
	}
	if !maps.Equal(r.activities.byID, stored.activities.byID) || !maps.Equal(r.timers.byID, stored.timers.byID) {
		e.t.Errorf("indexes by id do not match the records")
	}
	if got, want := r.itemDeadline(), stored.itemDeadline(); !got.Equal(want) {
		e.t.Errorf("earliest deadline is %v, records say %v", got, want)
	}
	if got, want := r.activities.detailBytes, stored.activities.detailBytes; got != want {
		e.t.Errorf("%d bytes of details are counted, records hold %d", got, want)
	}
}

// checkFold compares a run with the fold of its history and the events it buffers.
func checkFold(t tester, r *Run, events []*historypb.HistoryEvent) {
	t.Helper()
	for _, err := range r.differences(events) {
		t.Errorf("%v", err)
	}
}

// checkAnswered verifies what must hold when all messages have been delivered: nobody
// waits for an answer, or for the end of a child that has ended.
func (e *engine) checkAnswered() {
	e.t.Helper()
	for key := range e.records {
		r := e.chain(key).current
		if r == nil || r.closed() {
			continue
		}
		if n := r.signals.len() + r.cancels.len(); n > 0 {
			e.t.Errorf("%d signals and cancel requests of %v have not been answered", n, key)
		}
		for _, child := range r.children.byKey {
			c := e.chain(workflowKey(child.NamespaceId, child.WorkflowId)).current
			switch {
			case child.StartedEventId == 0:
				e.t.Errorf("the start of child %v of %v, run %s, has not been answered", child, key, r.info.RunId)
			case c == nil || c.closed() || c.info.FirstRunId != child.RunId:
				e.t.Errorf("child %v of %v, run %s, has ended unheard", child, key, r.info.RunId)
			}
		}
	}
}

// checkState verifies what must hold of a run between steps.
func (e *engine) checkState(r *Run) {
	e.t.Helper()
	if len(r.newEvents) > 0 {
		e.t.Errorf("the step has ended without writing %d events", len(r.newEvents))
	}
	if r.started != nil && r.state.WorkflowTask == nil {
		e.t.Errorf("a workflow task is started that is not pending")
	}
	if pinned := r.chain.Pinned(); pinned != (r.started != nil || r.speculative || len(r.queries)+len(r.admitted)+len(r.updateWaits) > 0) {
		e.t.Errorf("the chain may be evicted: %v, a workflow task is started: %v, %d queries wait", !pinned, r.started != nil, len(r.queries))
	}
	wroteHistory := false
	for _, record := range e.last.Records {
		runID, _ := decodeBatch(record)
		wroteHistory = wroteHistory || runID == r.info.RunId
	}
	if r.started == nil && len(r.buffer.events) > 0 && wroteHistory {
		e.t.Errorf("events are buffered though no workflow task is started")
	}
	if d := r.earliestDeadline(); !d.IsZero() {
		if at := asTime(r.state.WakeAt); at.IsZero() || at.After(d) {
			e.t.Errorf("deadline %v comes before the timer %v", d, at)
		}
	}
	if r.closed() && (r.state.WorkflowTask != nil || r.state.WakeAt != nil || len(r.buffer.events) > 0) {
		e.t.Errorf("the closed run has something pending: %v", r.state)
	}
	if !r.closed() && !r.paused() && r.state.WorkflowTask == nil && r.state.LastCompletedStartedEventId == 0 &&
		!r.state.FirstTaskBackoffPending && !r.state.ChildFirstTaskPending && !r.held() {
		e.t.Errorf("the run is stuck before its first workflow task")
	}
	if r.paused() && r.started == nil && r.state.WorkflowTask != nil && wroteHistory {
		e.t.Errorf("the paused run has a workflow task that waits for a worker: %v", r.state.WorkflowTask)
	}
	events := e.events[r.info.RunId]
	if int64(len(events)) != r.state.NextEventId-1 {
		e.t.Errorf("the history has %d events, the next id is %d", len(events), r.state.NextEventId)
	}
	if last := events[len(events)-1]; r.closed() != closesRun(last.EventType) {
		e.t.Errorf("the last event of a run with status %v is %v", r.state.Status, last.EventType)
	}
}

// closesRun reports whether an event of the type ends its run.
func closesRun(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}

// noteHistory brings the decoded histories up to date with a change of a record,
// and checks what has been added.
func (e *engine) noteHistory(r entity.Record) {
	e.t.Helper()
	if r.Value == nil {
		for runID := range e.events {
			if r.Prefix && strings.HasPrefix(string(historyPrefix(runID)), string(r.Key)) {
				delete(e.events, runID)
			}
		}
		return
	}
	runID, batch := decodeBatch(r)
	for _, event := range batch {
		e.checkEvent(e.events[runID], event)
		e.events[runID] = append(e.events[runID], event)
	}
}

// referents are the types of the events that a field of an event may refer to.
var referents = map[protoreflect.Name][]enumspb.EventType{
	"workflow_task_completed_event_id": {enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
	"scheduled_event_id":               {enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED},
	"requested_event_id":               {enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED},
	"started_event_id": {enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED},
	"initiated_event_id": {enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED},
	"latest_cancel_requested_event_id": {enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED},
}

// checkEvent verifies what holds of every event that is added to a history: its id
// is the next one, nothing has closed the run before, and every reference to
// another event points at an earlier one of the right kind.
func (e *engine) checkEvent(history []*historypb.HistoryEvent, event *historypb.HistoryEvent) {
	e.t.Helper()
	n := len(history)
	if event.EventId != int64(n)+1 {
		e.t.Fatalf("event %d has id %d", n+1, event.EventId)
	}
	if n > 0 && closesRun(history[n-1].EventType) {
		e.t.Fatalf("%v comes after the event that has closed the run", event.EventType)
	}
	attributesOf(event).Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if want := referents[field.Name()]; want != nil {
			if id := value.Int(); id <= 0 || id > int64(n) || !slices.Contains(want, history[id-1].EventType) {
				e.t.Fatalf("event %d, %v, has %s = %d", event.EventId, event.EventType, field.Name(), id)
			}
		}
		return true
	})
}

// decodeBatch decodes a record of history; events is nil if it is another one.
func decodeBatch(r entity.Record) (runID string, events []*historypb.HistoryEvent) {
	if len(r.Key) == 0 || r.Key[0] != historyPrefix("")[0] || r.Value == nil {
		return "", nil
	}
	runID, _, err := entity.DecodeString(r.Key[1:])
	if err != nil {
		panic(err)
	}
	h := new(historypb.History)
	if err := proto.Unmarshal(r.Value, h); err != nil {
		panic(err)
	}
	return runID, h.Events
}

// messageName is what a message between chains asks for.
func messageName(body []byte) string {
	m := new(records.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		panic(err)
	}
	message := m.ProtoReflect()
	variant := message.WhichOneof(message.Descriptor().Oneofs().ByName("body"))
	return string(message.Get(variant).Message().Descriptor().Name())
}

// isRetentionTimer tells the chain's timer from those of its runs.
func isRetentionTimer(name []byte) bool { return string(name) == string(expiryTimer) }

// taskToken is what the token of a task says.
type taskToken = records.TaskToken

// started reports whether the workflow is open and with a worker.
func (w subject) started() bool {
	r := w.chain().current
	return r != nil && !r.closed() && r.started != nil
}

// pending is what of a run may be cancelled: activities by scheduled event, timers
// by id, those as well whose firing is buffered; Nexus operations by scheduled event.
// Nothing is pending once the workflow is removed.
type pending struct {
	activities  []int64
	activityIDs []string
	timers      []string
	nexus       []int64
}

func (w subject) pending() pending {
	var p pending
	if r := w.chain().current; r != nil {
		p.activities = r.activities.keys()
		p.nexus = r.nexusOperations.keys()
		p.activityIDs = slices.Sorted(maps.Keys(r.activities.byID))
		p.timers = slices.Sorted(maps.Keys(r.timers.byID))
		for _, event := range r.buffer.events {
			if fired := event.GetTimerFiredEventAttributes(); fired != nil {
				p.timers = append(p.timers, fired.TimerId)
			}
		}
	}
	return p
}
