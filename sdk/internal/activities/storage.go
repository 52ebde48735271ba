package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/extstore"
)

// storageError says that payloads of an activity could not be stored or retrieved. The
// attempt fails, and is retried like any other.
type storageError struct {
	doing string
	cause error
}

func (e *storageError) Error() string { return e.doing + ": " + e.cause.Error() }
func (e *storageError) Unwrap() error { return e.cause }

// failureCause is what the server is told about why an attempt failed.
func failureCause(err error) enumspb.ActivityTaskFailedCause {
	if _, ok := errors.AsType[*storageError](err); ok {
		return enumspb.ACTIVITY_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE
	}
	return enumspb.ACTIVITY_TASK_FAILED_CAUSE_UNSPECIFIED
}

// retrieve puts payloads of the task that were stored into their places.
func (r *Runner) retrieve(ctx context.Context, task *workflowservice.PollActivityTaskQueueResponse) error {
	if err := r.options.Storage.Retrieve(ctx, task); err != nil {
		return &storageError{"retrieving payloads of an activity task", err}
	}
	return nil
}

// prepare stores what m, about to be sent for the task, has of large payloads, and measures
// the rest.
func (r *Runner) prepare(ctx context.Context, task *workflowservice.PollActivityTaskQueueResponse, m proto.Message) error {
	if r.options.Storage != nil {
		if err := r.options.Storage.Store(extstore.WithTarget(ctx, r.target(task)), m, nil); err != nil {
			return &storageError{fmt.Sprintf("storing payloads of activity %s", task.GetActivityType().GetName()), err}
		}
	}
	if r.options.Check != nil {
		return r.options.Check(ctx, m)
	}
	return nil
}

// preparation is prepare for heartbeats of a task, nil if there is nothing to do.
func (r *Runner) preparation(task *workflowservice.PollActivityTaskQueueResponse) func(context.Context, proto.Message) error {
	if r.options.Storage == nil {
		return r.options.Check
	}
	return func(ctx context.Context, m proto.Message) error { return r.prepare(ctx, task, m) }
}

// target is whom the payloads of an activity are for: the workflow that has asked for it, or
// the activity itself if there is none.
func (r *Runner) target(task *workflowservice.PollActivityTaskQueueResponse) extstore.StorageDriverTargetInfo {
	if workflow := task.GetWorkflowExecution(); workflow.GetWorkflowId() != "" {
		return extstore.StorageDriverWorkflowInfo{
			Namespace:    r.options.Namespace,
			WorkflowType: task.GetWorkflowType().GetName(),
			WorkflowID:   workflow.GetWorkflowId(),
			RunID:        workflow.GetRunId(),
		}
	}
	return extstore.StorageDriverActivityInfo{
		Namespace:    r.options.Namespace,
		ActivityType: task.GetActivityType().GetName(),
		ActivityID:   task.GetActivityId(),
		RunID:        task.GetActivityRunId(),
	}
}
