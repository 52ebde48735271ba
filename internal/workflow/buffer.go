package workflow

import (
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

// bufferEvent puts the event aside until flushBuffered. It is recorded at once,
// except while the commands of a completed task are applied: then the same step
// flushes it.
func (r *Run) bufferEvent(step *entity.Step, event *historypb.HistoryEvent) {
	event.EventId = bufferedEventID
	r.buffered = append(r.buffered, event)
	r.bufferedBytes += proto.Size(event)
	if r.applying {
		return
	}
	step.Put(runItemKey(r.info.RunId, familyBuffered, r.state.BufferedNext), mustMarshal(event))
	r.state.BufferedNext++
	r.state.BufferedCount++
	r.dirty.state = true
}

// flushBuffered gives the buffered events their ids and appends them to the
// history: in order of arrival, except that ends of activities and children
// come after everything else, so that they follow their starts.
func (r *Run) flushBuffered(step *entity.Step) {
	if len(r.buffered) == 0 {
		return
	}
	var started map[int64]int64 // by scheduled or initiated event
	for _, event := range r.buffered {
		if endsItem(event.EventType) {
			continue
		}
		r.appendEvent(event)
		item := int64(0)
		switch event.EventType {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			item = event.GetActivityTaskStartedEventAttributes().GetScheduledEventId()
			if a := r.activities[item]; a != nil {
				a.StartedEventId = event.EventId
				r.touchActivity(item)
			}
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
			item = event.GetChildWorkflowExecutionStartedEventAttributes().GetInitiatedEventId()
			if k := r.children[item]; k != nil {
				k.StartedEventId = event.EventId
				r.touchChild(item)
			}
		default:
			continue
		}
		if started == nil {
			started = make(map[int64]int64)
		}
		started[item] = event.EventId
	}
	for _, event := range r.buffered {
		if endsItem(event.EventType) {
			setStartedEventID(event, started)
			r.appendEvent(event)
		}
	}
	r.dropBuffered(step)
}

// dropBuffered forgets the buffered events and their records.
func (r *Run) dropBuffered(step *entity.Step) {
	r.buffered, r.bufferedBytes = nil, 0
	if r.state.BufferedCount > 0 {
		step.DeletePrefix(runKey(r.info.RunId, familyBuffered))
		r.state.BufferedCount = 0
		r.dirty.state = true
	}
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

// settle puts right what a crash has left when it took a started workflow task
// back: events that are buffered though no task is started, and a task that was
// started by the step that scheduled it and so has never been dispatched. Steps
// that change a run begin with it.
func (r *Run) settle(step *entity.Step) {
	if r.started != nil || r.applying || r.closed() {
		return
	}
	r.flushBuffered(step)
	if wt := r.state.WorkflowTask; wt != nil && wt.TaskId == 0 {
		r.dispatch(step)
	}
}

// limitBuffered fails the started workflow task if too much waits for its end.
func (r *Run) limitBuffered(step *entity.Step) {
	limits := &r.chain.config.Limits
	if r.started == nil || len(r.buffered) <= limits.BufferedEvents && r.bufferedBytes <= limits.BufferedSize {
		return
	}
	r.failTask(step, enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND, nil, identityHistoryService, "")
	r.flushBuffered(step)
	r.scheduleWorkflowTask(step)
}
