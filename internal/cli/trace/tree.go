// Package trace shows a workflow as a tree of what it does: activities, timers, updates, and
// child workflows with what they do in turn. On a terminal the tree changes as the
// workflow goes on.
//
// A [Trace] reads histories, one goroutine for each workflow of the tree ([Trace.Follow]);
// all changes of the tree are made by one goroutine, that of whoever shows it.
package trace

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
)

// State is how something is that a workflow does.
type State string

// States of what a workflow does.
const (
	Scheduled  State = "scheduled" // asked for, not known to have begun
	Running    State = "running"
	Completed  State = "completed"
	Failed     State = "failed"
	TimedOut   State = "timedOut"
	Canceled   State = "canceled"
	Terminated State = "terminated"
)

// Open reports whether it goes on.
func (s State) Open() bool { return s == Scheduled || s == Running }

// Node is one thing that a workflow does.
type Node struct {
	Kind       string    `json:"kind"` // workflow, activity, timer, update, signal, nexusOperation
	Name       string    `json:"name"`
	WorkflowID string    `json:"workflowId,omitempty"`
	RunID      string    `json:"runId,omitempty"`
	State      State     `json:"state"`
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended,omitzero"`
	Attempt    int32     `json:"attempt,omitempty"` // if it is not the first
	Runs       int       `json:"runs,omitempty"`    // of a workflow that was continued
	Failure    string    `json:"failure,omitempty"`
	Children   []*Node   `json:"children,omitempty"`

	closed  bool            // its parent's history tells how it has ended
	byEvent map[int64]*Node // by the event with which something of the current run began
}

// add adds something that begins with an event.
func (n *Node) add(event *historypb.HistoryEvent, kind, name string) *Node {
	child := &Node{Kind: kind, Name: name, State: Scheduled, Began: event.GetEventTime().AsTime()}
	n.Children = append(n.Children, child)
	if n.byEvent == nil {
		n.byEvent = map[int64]*Node{}
	}
	n.byEvent[event.GetEventId()] = child
	return child
}

// failureText is what a failure says, and its causes.
func failureText(failure *failurepb.Failure) string {
	text := failure.GetMessage()
	for cause := failure.GetCause(); cause != nil; cause = cause.GetCause() {
		text += ": " + cause.GetMessage()
	}
	return text
}

// end notes how what began with another event has ended.
func (n *Node) end(event *historypb.HistoryEvent, began int64, state State, failure string) {
	if child := n.byEvent[began]; child != nil {
		child.State, child.Ended, child.Failure, child.closed = state, event.GetEventTime().AsTime(), failure, true
	}
}

// Apply changes a workflow by an event of its history. It returns the child workflow that
// has begun with it, if one has.
func (n *Node) Apply(event *historypb.HistoryEvent) (child *Node) {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		n.begin(event)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		signal := n.add(event, "signal", event.GetWorkflowExecutionSignaledEventAttributes().GetSignalName())
		signal.State, signal.Ended = Completed, signal.Began
	default:
		switch {
		case n.applyClose(event), n.applyActivity(event), n.applyTimer(event), n.applyUpdate(event), n.applyNexus(event):
		default:
			return n.applyChild(event)
		}
	}
	return nil
}

// begin notes the start of a run; of a further one, what the one before did is left out.
func (n *Node) begin(event *historypb.HistoryEvent) {
	started := event.GetWorkflowExecutionStartedEventAttributes()
	n.Name, n.State = started.GetWorkflowType().GetName(), Running
	n.Runs++
	if n.Runs == 1 {
		n.Began = event.GetEventTime().AsTime()
	}
	n.Ended, n.Failure, n.Children, n.byEvent = time.Time{}, "", nil, nil
	if n.Attempt = started.GetAttempt(); n.Attempt == 1 {
		n.Attempt = 0
	}
}

func (n *Node) applyClose(event *historypb.HistoryEvent) bool {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		n.State = Completed
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		n.State, n.Failure = Failed, failureText(event.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		n.State = TimedOut
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		n.State = Canceled
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		n.State, n.Failure = Terminated, event.GetWorkflowExecutionTerminatedEventAttributes().GetReason()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		n.State = Completed // until the next run begins
	default:
		return false
	}
	n.Ended = event.GetEventTime().AsTime()
	return true
}

func (n *Node) applyActivity(event *historypb.HistoryEvent) bool {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_ActivityTaskScheduledEventAttributes:
		n.add(event, "activity", a.ActivityTaskScheduledEventAttributes.GetActivityType().GetName())
	case *historypb.HistoryEvent_ActivityTaskStartedEventAttributes:
		started := a.ActivityTaskStartedEventAttributes
		if child := n.byEvent[started.GetScheduledEventId()]; child != nil {
			child.State = Running
			if started.GetAttempt() > 1 {
				child.Attempt = started.GetAttempt()
			}
		}
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		n.end(event, a.ActivityTaskCompletedEventAttributes.GetScheduledEventId(), Completed, "")
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		n.end(event, a.ActivityTaskFailedEventAttributes.GetScheduledEventId(), Failed, failureText(a.ActivityTaskFailedEventAttributes.GetFailure()))
	case *historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes:
		n.end(event, a.ActivityTaskTimedOutEventAttributes.GetScheduledEventId(), TimedOut, failureText(a.ActivityTaskTimedOutEventAttributes.GetFailure()))
	case *historypb.HistoryEvent_ActivityTaskCanceledEventAttributes:
		n.end(event, a.ActivityTaskCanceledEventAttributes.GetScheduledEventId(), Canceled, "")
	default:
		return false
	}
	return true
}

func (n *Node) applyTimer(event *historypb.HistoryEvent) bool {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_TimerStartedEventAttributes:
		n.add(event, "timer", a.TimerStartedEventAttributes.GetStartToFireTimeout().AsDuration().String()).State = Running
	case *historypb.HistoryEvent_TimerFiredEventAttributes:
		n.end(event, a.TimerFiredEventAttributes.GetStartedEventId(), Completed, "")
	case *historypb.HistoryEvent_TimerCanceledEventAttributes:
		n.end(event, a.TimerCanceledEventAttributes.GetStartedEventId(), Canceled, "")
	default:
		return false
	}
	return true
}

func (n *Node) applyUpdate(event *historypb.HistoryEvent) bool {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		n.add(event, "update", a.WorkflowExecutionUpdateAcceptedEventAttributes.GetAcceptedRequest().GetInput().GetName()).State = Running
	case *historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes:
		completed := a.WorkflowExecutionUpdateCompletedEventAttributes
		state, failure := Completed, failureText(completed.GetOutcome().GetFailure())
		if completed.GetOutcome().GetFailure() != nil {
			state = Failed
		}
		n.end(event, completed.GetAcceptedEventId(), state, failure)
	default:
		return false
	}
	return true
}

func (n *Node) applyNexus(event *historypb.HistoryEvent) bool {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_NexusOperationScheduledEventAttributes:
		scheduled := a.NexusOperationScheduledEventAttributes
		n.add(event, "nexusOperation", scheduled.GetService()+"/"+scheduled.GetOperation())
	case *historypb.HistoryEvent_NexusOperationStartedEventAttributes:
		if child := n.byEvent[a.NexusOperationStartedEventAttributes.GetScheduledEventId()]; child != nil {
			child.State = Running
		}
	case *historypb.HistoryEvent_NexusOperationCompletedEventAttributes:
		n.end(event, a.NexusOperationCompletedEventAttributes.GetScheduledEventId(), Completed, "")
	case *historypb.HistoryEvent_NexusOperationFailedEventAttributes:
		n.end(event, a.NexusOperationFailedEventAttributes.GetScheduledEventId(), Failed, failureText(a.NexusOperationFailedEventAttributes.GetFailure()))
	case *historypb.HistoryEvent_NexusOperationTimedOutEventAttributes:
		n.end(event, a.NexusOperationTimedOutEventAttributes.GetScheduledEventId(), TimedOut, "")
	case *historypb.HistoryEvent_NexusOperationCanceledEventAttributes:
		n.end(event, a.NexusOperationCanceledEventAttributes.GetScheduledEventId(), Canceled, "")
	default:
		return false
	}
	return true
}

func (n *Node) applyChild(event *historypb.HistoryEvent) (begun *Node) {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes:
		initiated := a.StartChildWorkflowExecutionInitiatedEventAttributes
		n.add(event, "workflow", initiated.GetWorkflowType().GetName()).WorkflowID = initiated.GetWorkflowId()
	case *historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes:
		failed := a.StartChildWorkflowExecutionFailedEventAttributes
		n.end(event, failed.GetInitiatedEventId(), Failed, failed.GetCause().String())
	case *historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes:
		started := a.ChildWorkflowExecutionStartedEventAttributes
		if begun = n.byEvent[started.GetInitiatedEventId()]; begun != nil {
			begun.State, begun.RunID = Running, started.GetWorkflowExecution().GetRunId()
		}
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		n.end(event, a.ChildWorkflowExecutionCompletedEventAttributes.GetInitiatedEventId(), Completed, "")
	case *historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes:
		n.end(event, a.ChildWorkflowExecutionFailedEventAttributes.GetInitiatedEventId(), Failed, failureText(a.ChildWorkflowExecutionFailedEventAttributes.GetFailure()))
	case *historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes:
		n.end(event, a.ChildWorkflowExecutionTimedOutEventAttributes.GetInitiatedEventId(), TimedOut, "")
	case *historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes:
		n.end(event, a.ChildWorkflowExecutionCanceledEventAttributes.GetInitiatedEventId(), Canceled, "")
	case *historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes:
		n.end(event, a.ChildWorkflowExecutionTerminatedEventAttributes.GetInitiatedEventId(), Terminated, "")
	}
	return begun
}
