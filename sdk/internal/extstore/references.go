package extstore

import (
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// hasReference says whether a task, or a page of its history, has a payload that was stored
// elsewhere. It looks where user code gets its values from, and nowhere else: workers without
// storage look at every task.
func hasReference(m proto.Message) bool {
	switch m := m.(type) {
	case *workflowservice.PollWorkflowTaskQueueResponse:
		return slices.ContainsFunc(m.GetHistory().GetEvents(), eventHasReference) || refers(m.GetQuery().GetQueryArgs())
	case *historypb.History:
		return slices.ContainsFunc(m.GetEvents(), eventHasReference)
	case *workflowservice.PollActivityTaskQueueResponse:
		return refers(m.GetInput()) || refers(m.GetHeartbeatDetails())
	}
	return false
}

func eventHasReference(event *historypb.HistoryEvent) bool {
	switch a := event.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		started := a.WorkflowExecutionStartedEventAttributes
		return refers(started.GetInput()) || refers(started.GetLastCompletionResult())
	case *historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes:
		return refers(a.WorkflowExecutionSignaledEventAttributes.GetInput())
	case *historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes:
		return refers(a.WorkflowExecutionUpdateAcceptedEventAttributes.GetAcceptedRequest().GetInput().GetArgs())
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		return refers(a.ActivityTaskCompletedEventAttributes.GetResult())
	case *historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes:
		return refers(a.ChildWorkflowExecutionCompletedEventAttributes.GetResult())
	case *historypb.HistoryEvent_NexusOperationCompletedEventAttributes:
		return IsReference(a.NexusOperationCompletedEventAttributes.GetResult())
	case *historypb.HistoryEvent_MarkerRecordedEventAttributes:
		for _, details := range a.MarkerRecordedEventAttributes.GetDetails() {
			if refers(details) {
				return true
			}
		}
	}
	return false
}

func refers(payloads *commonpb.Payloads) bool {
	return slices.ContainsFunc(payloads.GetPayloads(), IsReference)
}
