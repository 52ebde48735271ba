package differ

import (
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// flow is a workflow id in a life: what its worker and its clients know.
type flow struct {
	name string
	// parent is nil for workflows that clients start.
	parent *flow
	// policy is what becomes of a child when its parent closes.
	policy string
	// task is the workflow task that the worker has taken, if any.
	task *Task
	// listener waits for a task on the sticky queue, if the worker polls that.
	listener func() *Task
	// closing: its last answer would have closed it, if nothing new had come.
	closing bool
	// running are the activities that workers have taken, by id.
	running map[string]*Activity
	// paused are the activities that operators have paused, by id.
	paused map[string]bool
	// run is the current run, and length how many events of it the state is made of.
	run    string
	length int64
	// tasked is true while a workflow task is pending.
	tasked bool

	state
}

func newFlow(name string, parent *flow, policy string) *flow {
	return &flow{name: name, parent: parent, policy: policy, running: map[string]*Activity{}, paused: map[string]bool{}}
}

// state is what the history of the current run says.
type state struct {
	exists, closed bool
	events         int
	timers         []string // ids, in order
	activities     []pendingActivity
	children       []string // that have started and not ended, by workflow id
	// unsettled is true while something is bound to happen that nobody has to do
	// anything for.
	unsettled bool
	// accepted are updates that have been accepted and not completed.
	accepted []string
	// waiting is true until the first workflow task is scheduled.
	waiting bool
	// first is true once a workflow task has been completed.
	first bool
	// onSticky is true while a workflow task is on a sticky queue, or was taken
	// from it.
	onSticky bool
}

type pendingActivity struct {
	id        string
	scheduled int64
	canceling bool
}

// read reads the state of a flow from the history of its current run, if that is not as it was. It
// reports whether anything has changed.
func (l *life) read(f *flow) (changed bool) {
	d, err := l.w.Quiet.DescribeWorkflowExecution(l.w.Ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: l.w.Other(f.name)}})
	tasked := d.GetPendingWorkflowTask() != nil
	changed = tasked != f.tasked
	f.tasked = tasked
	info := d.GetWorkflowExecutionInfo()
	run := info.GetExecution().GetRunId()
	if status.Code(err) == codes.NotFound && !f.exists || err == nil && f.exists && run == f.run && info.GetHistoryLength() == f.length {
		return changed
	}
	events := l.w.History(f.name, "")
	f.run, f.length = run, info.GetHistoryLength()
	s := state{exists: len(events) > 0, events: len(events), waiting: len(events) > 0}
	open := map[int64]bool{} // events that something has to follow
	for _, event := range events {
		s.apply(event, open)
	}
	s.unsettled = s.waiting || len(open) > 0 || slices.ContainsFunc(s.timers, func(id string) bool { return strings.HasPrefix(id, "short") })
	f.state = s
	if s.closed {
		f.task, f.listener = nil, nil
	}
	return true
}

func (s *state) apply(event *historypb.HistoryEvent, open map[int64]bool) {
	switch event.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		*s = state{exists: true, closed: true, events: s.events}
		clear(open)
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
		s.waiting = false
		s.onSticky = event.GetWorkflowTaskScheduledEventAttributes().TaskQueue.Kind == enumspb.TASK_QUEUE_KIND_STICKY
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
		s.onSticky = false
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
		s.first, s.onSticky = true, false
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		s.accepted = append(s.accepted, event.GetWorkflowExecutionUpdateAcceptedEventAttributes().ProtocolInstanceId)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		s.accepted = without(s.accepted, event.GetWorkflowExecutionUpdateCompletedEventAttributes().Meta.UpdateId)
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		s.timers = append(s.timers, event.GetTimerStartedEventAttributes().TimerId)
	case enumspb.EVENT_TYPE_TIMER_FIRED:
		s.timers = without(s.timers, event.GetTimerFiredEventAttributes().TimerId)
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		s.timers = without(s.timers, event.GetTimerCanceledEventAttributes().TimerId)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		s.activities = append(s.activities, pendingActivity{id: event.GetActivityTaskScheduledEventAttributes().ActivityId, scheduled: event.EventId})
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		for i := range s.activities {
			if s.activities[i].scheduled == event.GetActivityTaskCancelRequestedEventAttributes().ScheduledEventId {
				s.activities[i].canceling = true
			}
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		s.endActivity(event.GetActivityTaskCompletedEventAttributes().ScheduledEventId)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		s.endActivity(event.GetActivityTaskFailedEventAttributes().ScheduledEventId)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		s.endActivity(event.GetActivityTaskCanceledEventAttributes().ScheduledEventId)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		s.endActivity(event.GetActivityTaskTimedOutEventAttributes().ScheduledEventId)
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		open[event.EventId] = true
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:
		delete(open, event.GetStartChildWorkflowExecutionFailedEventAttributes().InitiatedEventId)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
		delete(open, event.GetChildWorkflowExecutionStartedEventAttributes().InitiatedEventId)
		s.children = append(s.children, event.GetChildWorkflowExecutionStartedEventAttributes().WorkflowExecution.WorkflowId)
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
		delete(open, event.GetSignalExternalWorkflowExecutionFailedEventAttributes().InitiatedEventId)
	case enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
		delete(open, event.GetExternalWorkflowExecutionSignaledEventAttributes().InitiatedEventId)
	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:
		delete(open, event.GetRequestCancelExternalWorkflowExecutionFailedEventAttributes().InitiatedEventId)
	case enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		delete(open, event.GetExternalWorkflowExecutionCancelRequestedEventAttributes().InitiatedEventId)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
		s.children = without(s.children, event.GetChildWorkflowExecutionCompletedEventAttributes().WorkflowExecution.WorkflowId)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:
		s.children = without(s.children, event.GetChildWorkflowExecutionFailedEventAttributes().WorkflowExecution.WorkflowId)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED:
		s.children = without(s.children, event.GetChildWorkflowExecutionCanceledEventAttributes().WorkflowExecution.WorkflowId)
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:
		s.children = without(s.children, event.GetChildWorkflowExecutionTerminatedEventAttributes().WorkflowExecution.WorkflowId)
	}
}

func without(list []string, gone string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == gone })
}

func (s *state) endActivity(scheduled int64) {
	s.activities = slices.DeleteFunc(s.activities, func(a pendingActivity) bool { return a.scheduled == scheduled })
}

// settled is what settle waits for, and notSettled what it says if it gives up.
const (
	settled    = "everything has settled"
	notSettled = "gave up waiting until " + settled
)

// settle waits until nothing is bound to happen any more, so that what is done
// next comes after it on every server.
func (l *life) settle() {
	l.w.Eventually(settled, func() bool {
		changed := false
		for _, f := range l.flows {
			changed = l.read(f) || changed
		}
		if changed {
			return false // what was read first may have changed by now
		}
		for _, f := range l.flows {
			if f.unsettled && f.task == nil || !l.familySettled(f) {
				return false
			}
		}
		return true
	})
	for _, f := range l.flows {
		if f.listener != nil && f.onSticky {
			l.listened(f)
		}
	}
}

// familySettled reports whether parent and child know of each other's end.
func (l *life) familySettled(f *flow) bool {
	p := f.parent
	if p == nil || !f.exists {
		return true
	}
	known := slices.Contains(p.children, l.w.Other(f.name))
	switch {
	case f.closed:
		return p.closed || !known
	case p.closed && p.exists:
		switch f.policy {
		case "TERMINATE":
			return false
		case "REQUEST_CANCEL":
			return slices.ContainsFunc(l.w.History(f.name, ""), func(e *historypb.HistoryEvent) bool {
				return e.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
			})
		}
	}
	return true
}
