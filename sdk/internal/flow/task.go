package flow

import (
	"context"
	"errors"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// HistoryPager fetches the page of history after the one that carried token.
// It returns no token with the last page.
type HistoryPager func(ctx context.Context, token []byte) (page *historypb.History, next []byte, err error)

// Task is one workflow task to handle.
type Task struct {
	Poll *workflowservice.PollWorkflowTaskQueueResponse
	// NextPage fetches further pages of history when Poll has a next page
	// token; required then.
	NextPage HistoryPager
}

// Outcome is the answer to a workflow task. Exactly one of Completed, Failed
// and QueryCompleted is set, or LocalActivities is positive and none is.
//
// The instance fills in all that depends on the execution, and the
// task token, namespace and identity. The worker adds to Completed what depends
// on itself: sticky attributes, version stamp, deployment options, instance
// key, and which of the activity commands that request eager execution keep
// that request.
type Outcome struct {
	Completed      *workflowservice.RespondWorkflowTaskCompletedRequest
	Failed         *workflowservice.RespondWorkflowTaskFailedRequest
	QueryCompleted *workflowservice.RespondQueryTaskCompletedRequest

	// LocalActivities is how many local activities are running. While it is
	// positive and there is no response, the worker waits for Ready and calls
	// Continue, or, when 80% of the workflow task timeout has passed, calls
	// Heartbeat.
	LocalActivities int

	// Err is why the task failed, for the log; set with Failed, and with
	// Completed if a panic failed the execution under FailWorkflow.
	Err error
	// Closed says that Completed closes the run: drop the instance from the
	// cache and Close it.
	Closed bool
	// Evict says that the instance must not be used again (its task failed):
	// Close it.
	Evict bool
}

// ErrStale is returned by HandleTask when a cached instance is handed a
// history that does not go on from what it has seen. The worker closes the
// instance, fetches the full history and handles the task with a new one.
var ErrStale = errors.New("the cached workflow does not match the task's history: it must be rebuilt from the full history")
