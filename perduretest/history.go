package perduretest

import (
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/historytext"
)

// History is the history of a workflow as it is now. An empty runID means its
// current run.
func (e *Env) History(workflowID, runID string) ([]*historypb.HistoryEvent, error) {
	var events []*historypb.HistoryEvent
	iterator := e.client.GetWorkflowHistory(e.ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

// logHistories writes the histories of all workflows of the test, each with its
// children after it.
func (e *Env) logHistories() {
	e.mu.Lock()
	waiting := slices.Clone(e.workflows)
	e.mu.Unlock()
	shown := map[execution]bool{}
	for len(waiting) > 0 {
		next := waiting[0]
		waiting = waiting[1:]
		if shown[next] {
			continue
		}
		shown[next] = true
		events, err := e.History(next.workflowID, next.runID)
		text := historytext.String(events)
		if err != nil {
			text += fmt.Sprintf("(the rest could not be read: %v)\n", err)
		}
		e.T.Logf("History of workflow %s, run %s:\n%s", next.workflowID, next.runID, text)
		waiting = append(followers(next, events), waiting...)
	}
}

// followers are the children of a run and the run that continues it.
func followers(of execution, events []*historypb.HistoryEvent) []execution {
	var found []execution
	for _, event := range events {
		if child := event.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution(); child != nil {
			found = append(found, execution{child.GetWorkflowId(), child.GetRunId()})
		}
		for _, next := range []string{
			event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId(),
			event.GetWorkflowExecutionCompletedEventAttributes().GetNewExecutionRunId(),
			event.GetWorkflowExecutionFailedEventAttributes().GetNewExecutionRunId(),
			event.GetWorkflowExecutionTimedOutEventAttributes().GetNewExecutionRunId(),
		} {
			if next != "" {
				found = append(found, execution{of.workflowID, next})
			}
		}
	}
	return found
}
