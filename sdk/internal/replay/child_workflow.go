package replay

import (
	"errors"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// ErrChildExists is returned by StartChildWorkflow when a child of that
// workflow id is open.
var ErrChildExists = errors.New("a child workflow with this id has not ended yet")

// ChildWorkflow is a child workflow that the code asked for.
//
//	asked ──> initiated ──> started ──> closed
//	                └──> start failed
//
// It can be cancelled once it was started. Whatever comes of that, it stays
// open until the history says how it ended.
type ChildWorkflow struct {
	// ID is the workflow id.
	ID string

	namespace string
	started   bool
	cancel    *output
	closed    bool
	callbacks ChildCallbacks
}

// ChildCallbacks tell the code about a child workflow.
type ChildCallbacks struct {
	// Started is called when it was started, with its run id.
	Started func(runID string)
	// StartFailed is called when it could not be started.
	StartFailed func(*historypb.StartChildWorkflowExecutionFailedEventAttributes)
	// Closed is called when it has ended.
	Closed func(ChildResult)
}

// ChildResult is how a child workflow ended.
type ChildResult struct {
	Closing Closing
	// Result of a completed child, or the details of a cancelled one.
	Result           *commonpb.Payloads
	Failure          *failurepb.Failure
	Namespace        string
	Execution        *commonpb.WorkflowExecution
	WorkflowType     string
	InitiatedEventID int64
	StartedEventID   int64
	RetryState       enumspb.RetryState
}

// StartChildWorkflow asks for a child workflow. attributes has its workflow id.
func (m *Machine) StartChildWorkflow(attributes *commandpb.StartChildWorkflowExecutionCommandAttributes, metadata *sdkpb.UserMetadata, callbacks ChildCallbacks) (*ChildWorkflow, error) {
	if _, open := m.children[attributes.GetWorkflowId()]; open {
		return nil, ErrChildExists
	}
	//lint:ignore SA1019 the field is how a child in another namespace is named
	c := &ChildWorkflow{ID: attributes.GetWorkflowId(), namespace: attributes.GetNamespace(), callbacks: callbacks}
	if m.children == nil {
		m.children = make(map[string]*ChildWorkflow)
	}
	m.children[c.ID] = c
	m.add(&commandpb.Command{
		CommandType:  enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
		UserMetadata: metadata,
		Attributes:   &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{StartChildWorkflowExecutionCommandAttributes: attributes},
	}, nil)
	return c, nil
}

// CancelChildWorkflow asks for the cancellation of a child that was started.
func (m *Machine) CancelChildWorkflow(c *ChildWorkflow) {
	if !c.started || c.closed || c.cancel != nil {
		return
	}
	c.cancel = m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_RequestCancelExternalWorkflowExecutionCommandAttributes{
			RequestCancelExternalWorkflowExecutionCommandAttributes: &commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes{
				//lint:ignore SA1019 the field is how a child in another namespace is named
				Namespace: c.namespace, WorkflowId: c.ID, ChildWorkflowOnly: true,
			},
		},
	}, nil)
}

func (m *Machine) childInitiated(event *historypb.HistoryEvent) error {
	if m.children[event.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetWorkflowId()] == nil {
		return unknown(event)
	}
	return nil
}

func (m *Machine) childStartFailed(event *historypb.HistoryEvent) error {
	attributes := event.GetStartChildWorkflowExecutionFailedEventAttributes()
	c := m.children[attributes.GetWorkflowId()]
	if c == nil {
		return unknown(event)
	}
	m.closeChild(c)
	c.callbacks.StartFailed(attributes)
	return nil
}

func (m *Machine) childStarted(event *historypb.HistoryEvent) error {
	execution := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution()
	c := m.children[execution.GetWorkflowId()]
	if c == nil {
		return unknown(event)
	}
	c.started = true
	c.callbacks.Started(execution.GetRunId())
	return nil
}

func (m *Machine) childClosed(event *historypb.HistoryEvent) error {
	result := childResult(event)
	c := m.children[result.Execution.GetWorkflowId()]
	if c == nil {
		return unknown(event)
	}
	m.closeChild(c)
	c.callbacks.Closed(result)
	return nil
}

func (m *Machine) closeChild(c *ChildWorkflow) {
	c.closed = true
	delete(m.children, c.ID)
	if c.cancel != nil {
		m.drop(c.cancel)
	}
}

func childResult(event *historypb.HistoryEvent) ChildResult {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
		e := event.GetChildWorkflowExecutionCompletedEventAttributes()
		return ChildResult{
			Closing: Completed, Result: e.GetResult(),
			Namespace: e.GetNamespace(), Execution: e.GetWorkflowExecution(), WorkflowType: e.GetWorkflowType().GetName(),
			InitiatedEventID: e.GetInitiatedEventId(), StartedEventID: e.GetStartedEventId(),
		}
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:
		e := event.GetChildWorkflowExecutionFailedEventAttributes()
		return ChildResult{
			Closing: Failed, Failure: e.GetFailure(), RetryState: e.GetRetryState(),
			Namespace: e.GetNamespace(), Execution: e.GetWorkflowExecution(), WorkflowType: e.GetWorkflowType().GetName(),
			InitiatedEventID: e.GetInitiatedEventId(), StartedEventID: e.GetStartedEventId(),
		}
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED:
		e := event.GetChildWorkflowExecutionCanceledEventAttributes()
		return ChildResult{
			Closing: Canceled, Result: e.GetDetails(), RetryState: enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE,
			Namespace: e.GetNamespace(), Execution: e.GetWorkflowExecution(), WorkflowType: e.GetWorkflowType().GetName(),
			InitiatedEventID: e.GetInitiatedEventId(), StartedEventID: e.GetStartedEventId(),
		}
	case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
		e := event.GetChildWorkflowExecutionTimedOutEventAttributes()
		return ChildResult{
			Closing: TimedOut, RetryState: e.GetRetryState(),
			Namespace: e.GetNamespace(), Execution: e.GetWorkflowExecution(), WorkflowType: e.GetWorkflowType().GetName(),
			InitiatedEventID: e.GetInitiatedEventId(), StartedEventID: e.GetStartedEventId(),
		}
	default:
		e := event.GetChildWorkflowExecutionTerminatedEventAttributes()
		return ChildResult{
			Closing: Terminated, RetryState: enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE,
			Namespace: e.GetNamespace(), Execution: e.GetWorkflowExecution(), WorkflowType: e.GetWorkflowType().GetName(),
			InitiatedEventID: e.GetInitiatedEventId(), StartedEventID: e.GetStartedEventId(),
		}
	}
}
