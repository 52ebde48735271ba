package main

import (
	"cmp"
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

func historyRequest(id string) *workflowservice.GetWorkflowExecutionHistoryRequest {
	return &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: id}}
}

// unexpected fails if a workflow was not started, let in and carried out once.
func unexpected(events []*historypb.HistoryEvent) error {
	if len(events) == 0 || events[0].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED {
		return fmt.Errorf("a history of %d events does not begin with the start", len(events))
	}
	return nil
}

// mostAtOnce is how many of the intervals have a moment in common. One that ends when another begins does not.
func mostAtOnce(intervals []interval) (most int) {
	type edge struct {
		at    int64
		delta int
	}
	edges := make([]edge, 0, 2*len(intervals))
	for _, i := range intervals {
		edges = append(edges, edge{i.from, 1}, edge{i.to, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), a.delta-b.delta) })
	n := 0
	for _, e := range edges {
		n += e.delta
		most = max(most, n)
	}
	return most
}
