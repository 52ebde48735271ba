package testenv

import (
	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// signalExternal signals a workflow that the engine runs. Signals to others do not get
// here: mocks take them.
func (x *Execution) signalExternal(completed int64, a *commandpb.SignalExternalWorkflowExecutionCommandAttributes) {
	initiated := x.add(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionInitiatedEventAttributes{
		SignalExternalWorkflowExecutionInitiatedEventAttributes: &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
			//lint:ignore SA1019 controls tie events to commands
			WorkflowExecution: a.GetExecution(), SignalName: a.GetSignalName(), Input: a.GetInput(), Control: a.GetControl(), Header: a.GetHeader(), WorkflowTaskCompletedEventId: completed,
		}}})
	target := x.engine.target(a.GetExecution().GetWorkflowId(), a.GetExecution().GetRunId())
	if target != nil {
		target.Signal(a.GetSignalName(), a.GetInput(), a.GetHeader(), false)
	}
	x.engine.Post(func() {
		if target == nil {
			x.happened(enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_SignalExternalWorkflowExecutionFailedEventAttributes{
				SignalExternalWorkflowExecutionFailedEventAttributes: &historypb.SignalExternalWorkflowExecutionFailedEventAttributes{
					//lint:ignore SA1019 controls tie events to commands
					InitiatedEventId: initiated, WorkflowExecution: a.GetExecution(), Control: a.GetControl(),
					Cause: enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
				}}})
			return
		}
		x.happened(enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionSignaledEventAttributes{
			ExternalWorkflowExecutionSignaledEventAttributes: &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
				//lint:ignore SA1019 controls tie events to commands
				InitiatedEventId: initiated, WorkflowExecution: a.GetExecution(), Control: a.GetControl(),
			}}})
	})
}

// cancelExternal asks a workflow that the engine runs to cancel.
func (x *Execution) cancelExternal(completed int64, a *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes) {
	initiated := x.add(enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
		RequestCancelExternalWorkflowExecutionInitiatedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionInitiatedEventAttributes{
			//lint:ignore SA1019 controls tie events to commands
			WorkflowExecution: workflowExecution(a.GetWorkflowId(), a.GetRunId()), ChildWorkflowOnly: a.GetChildWorkflowOnly(), Control: a.GetControl(), WorkflowTaskCompletedEventId: completed,
		}}})
	target := x.engine.target(a.GetWorkflowId(), a.GetRunId())
	x.engine.Post(func() {
		if target == nil {
			x.happened(enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_RequestCancelExternalWorkflowExecutionFailedEventAttributes{
				RequestCancelExternalWorkflowExecutionFailedEventAttributes: &historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes{
					//lint:ignore SA1019 controls tie events to commands
					InitiatedEventId: initiated, WorkflowExecution: workflowExecution(a.GetWorkflowId(), a.GetRunId()), Control: a.GetControl(),
					Cause: enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND,
				}}})
			return
		}
		target.Cancel()
		x.happened(enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ExternalWorkflowExecutionCancelRequestedEventAttributes{
			ExternalWorkflowExecutionCancelRequestedEventAttributes: &historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes{
				InitiatedEventId: initiated, WorkflowExecution: workflowExecution(a.GetWorkflowId(), a.GetRunId()),
			}}})
	})
}

// target is an open run.
func (e *Engine) target(workflowID, runID string) *Execution {
	x, ok := e.Execution(workflowID)
	if !ok || x.closed || runID != "" && runID != x.id.RunID {
		return nil
	}
	return x
}
