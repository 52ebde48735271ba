package workflow

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// bufferedEventID stands for the id of an event that has none yet.
const bufferedEventID = -123

// bufferable reports whether events of the type wait until no workflow task is
// started. All do but those that begin and end workflows and workflow tasks, and
// those that commands of a completed task turn into.
func bufferable(eventType enumspb.EventType) bool {
	switch eventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_TIMER_STARTED,
		enumspb.EVENT_TYPE_TIMER_CANCELED,
		enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		return false
	}
	return true
}

// buffer holds the events that arrived while a workflow task was started, in order
// of arrival; they get their ids when they are flushed.
type buffer struct {
	events []*historypb.HistoryEvent
	bytes  int
	// next is the number of the next record; recorded is how many of the events have
	// one. Those that arrive while commands are applied have none: the same step
	// gives them their ids.
	next, recorded int64
	// added are the events to be recorded by the next flush, and dropped says that
	// the records there are go before.
	added   []*historypb.HistoryEvent
	dropped bool
}

func (*buffer) letter() byte { return 'b' }

func (f *buffer) load(_ *Run, name, value []byte) error {
	number, _, err := entity.DecodeInt(name)
	if err != nil {
		return err
	}
	event, err := decodeRecord[historypb.HistoryEvent](value)
	if err != nil {
		return err
	}
	f.events = append(f.events, event)
	f.bytes += len(value)
	f.next = number + 1
	f.recorded++
	return nil
}

func (f *buffer) changed() bool { return len(f.added) > 0 || f.dropped }

func (f *buffer) flush(r *Run, step *entity.Step) {
	if f.dropped {
		step.DeletePrefix(runKey(r.info.RunId, f.letter()))
	}
	for _, event := range f.added {
		step.Put(entity.AppendInt(runKey(r.info.RunId, f.letter()), f.next), mustMarshal(event))
		f.next++
		f.recorded++
	}
	f.added, f.dropped = nil, false
}

func (f *buffer) drop(*Run) {
	f.dropped = f.dropped || f.recorded > 0
	f.events, f.bytes, f.added = nil, 0, nil
	f.next, f.recorded = 0, 0
}

func (f *buffer) size() int { return f.bytes }

func (f *buffer) records(visit func(name []byte, record proto.Message)) {
	first := f.next - int64(len(f.events))
	for i, event := range f.events {
		visit(entity.AppendInt(nil, first+int64(i)), event)
	}
}

// take takes an event back out of the buffer, while the commands of a completed
// workflow task are applied: the records go all together when the same step
// flushes the buffer.
func (f *buffer) take(event *historypb.HistoryEvent) {
	f.events = slices.DeleteFunc(f.events, func(e *historypb.HistoryEvent) bool { return e == event })
	f.bytes -= proto.Size(event)
}

// bufferEvent puts the event aside until flushBuffered.
func (r *Run) bufferEvent(event *historypb.HistoryEvent) {
	f := &r.buffer
	event.EventId = bufferedEventID
	f.events = append(f.events, event)
	f.bytes += proto.Size(event)
	if !r.applying {
		f.added = append(f.added, event)
	}
}

// flushBuffered gives the buffered events their ids and appends them to the
// history: in order of arrival, except that ends of activities and children
// come after everything else, so that they follow their starts.
func (r *Run) flushBuffered() {
	if len(r.buffer.events) == 0 && r.buffer.recorded == 0 {
		return
	}
	var started map[int64]int64 // by scheduled or initiated event
	for _, event := range r.buffer.events {
		if endsItem(event.EventType) {
			continue
		}
		r.appendEvent(event)
		item := int64(0)
		switch event.EventType {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			item = event.GetActivityTaskStartedEventAttributes().GetScheduledEventId()
			if a := r.activities.get(item); a != nil {
				a.StartedEventId = event.EventId
				r.activities.touch(item)
			}
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
			item = event.GetChildWorkflowExecutionStartedEventAttributes().GetInitiatedEventId()
			if k := r.children.get(item); k != nil {
				k.StartedEventId = event.EventId
				r.children.touch(item)
			}
		default:
			continue
		}
		if started == nil {
			started = make(map[int64]int64)
		}
		started[item] = event.EventId
	}
	for _, event := range r.buffer.events {
		if endsItem(event.EventType) {
			setStartedEventID(event, started)
			r.appendEvent(event)
		}
	}
	r.buffer.drop(r)
}

// endsItem reports whether the event ends a pending activity or child.
func endsItem(eventType enumspb.EventType) bool {
	switch eventType {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:
		return true
	}
	return false
}

// setStartedEventID replaces the placeholder in an event that ends an item whose
// Started event was buffered together with it.
func setStartedEventID(event *historypb.HistoryEvent, started map[int64]int64) {
	var id *int64
	var item int64
	switch a := event.Attributes.(type) {
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		x := a.ActivityTaskCompletedEventAttributes
		id, item = &x.StartedEventId, x.ScheduledEventId
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		x := a.ActivityTaskFailedEventAttributes
		id, item = &x.StartedEventId, x.ScheduledEventId
	case *historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes:
		x := a.ActivityTaskTimedOutEventAttributes
		id, item = &x.StartedEventId, x.ScheduledEventId
	case *historypb.HistoryEvent_ActivityTaskCanceledEventAttributes:
		x := a.ActivityTaskCanceledEventAttributes
		id, item = &x.StartedEventId, x.ScheduledEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		x := a.ChildWorkflowExecutionCompletedEventAttributes
		id, item = &x.StartedEventId, x.InitiatedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes:
		x := a.ChildWorkflowExecutionFailedEventAttributes
		id, item = &x.StartedEventId, x.InitiatedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes:
		x := a.ChildWorkflowExecutionTimedOutEventAttributes
		id, item = &x.StartedEventId, x.InitiatedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes:
		x := a.ChildWorkflowExecutionCanceledEventAttributes
		id, item = &x.StartedEventId, x.InitiatedEventId
	case *historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes:
		x := a.ChildWorkflowExecutionTerminatedEventAttributes
		id, item = &x.StartedEventId, x.InitiatedEventId
	}
	if id != nil && *id == bufferedEventID {
		*id = started[item]
	}
}

// repairAfterCrash puts right what a crash has left when it took a started workflow task
// back: events that are buffered though no task is started, and a task that was
// started by the step that scheduled it and so has never been dispatched. Steps
// that change a run begin with it.
func (r *Run) repairAfterCrash(step *entity.Step) {
	if r.started != nil || r.applying || r.closed() {
		return
	}
	r.flushBuffered()
	if wt := r.state.WorkflowTask; wt != nil && wt.TaskId == 0 {
		r.dispatch(step)
	}
}
