package worker

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
)

// firstEventID is the id of every history's first event.
const firstEventID = 1

// isFullHistory says whether the first page of a task's history begins at the
// beginning.
func isFullHistory(history *historypb.History) bool {
	events := history.GetEvents()
	return len(events) > 0 && events[0].GetEventId() == firstEventID
}

// pager fetches pages of the history of a task's run.
func (w *workflowWorker) pager(task *workflowservice.PollWorkflowTaskQueueResponse) flow.HistoryPager {
	execution, last := task.GetWorkflowExecution(), task.GetStartedEventId()
	return func(ctx context.Context, token []byte) (*historypb.History, []byte, error) {
		return w.historyPage(ctx, execution, token, last)
	}
}

// historyPage fetches one page. last is the id of the event that started the
// task, zero if unknown: a history that goes on past it means that the task
// timed out meanwhile and its outcome would not be taken.
func (w *workflowWorker) historyPage(ctx context.Context, execution *commonpb.WorkflowExecution, token []byte, last int64) (*historypb.History, []byte, error) {
	response, err := w.service.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace:     w.namespace,
		Execution:     execution,
		NextPageToken: token,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("fetching the history of workflow %q run %q: %w", execution.GetWorkflowId(), execution.GetRunId(), err)
	}
	page := response.GetHistory()
	events := page.GetEvents()
	if n := len(events); n > 0 && last > 0 && events[n-1].GetEventId() > last {
		return nil, nil, fmt.Errorf("the history of workflow %q run %q goes on past event %d, with which its task started: the task is no longer valid",
			execution.GetWorkflowId(), execution.GetRunId(), last)
	}
	if err := w.retrieve(ctx, page); err != nil {
		return nil, nil, err
	}
	return page, response.GetNextPageToken(), nil
}

// withFullHistory returns the task with the run's history from the first event.
func (w *workflowWorker) withFullHistory(ctx context.Context, task *workflowservice.PollWorkflowTaskQueueResponse) error {
	if isFullHistory(task.GetHistory()) {
		return nil
	}
	page, next, err := w.historyPage(ctx, task.GetWorkflowExecution(), nil, task.GetStartedEventId())
	if err != nil {
		return err
	}
	if !isFullHistory(page) {
		return fmt.Errorf("the history of workflow %q run %q does not begin with its first event",
			task.GetWorkflowExecution().GetWorkflowId(), task.GetWorkflowExecution().GetRunId())
	}
	task.History, task.NextPageToken = page, next
	return nil
}
