package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/flow"
)

// storageError says that payloads of a workflow task could not be stored or retrieved.
type storageError struct {
	doing string
	cause error
}

func (e *storageError) Error() string { return e.doing + ": " + e.cause.Error() }
func (e *storageError) Unwrap() error { return e.cause }

func isStorageError(err error) bool {
	_, ok := errors.AsType[*storageError](err)
	return ok
}

// retrieve puts payloads that were stored into their places in m: a task, or a page of its history.
func (w *workflowWorker) retrieve(ctx context.Context, m proto.Message) error {
	if err := w.storage.Retrieve(ctx, m); err != nil {
		return &storageError{"retrieving payloads of a workflow task", err}
	}
	return nil
}

// stored returns the answer to a task with its large payloads stored. The answer itself
// does not change: the run still has what is in it.
func stored[M proto.Message](ctx context.Context, w *workflowWorker, r *run, task *workflowTask, answer M) (M, error) {
	if w.storage == nil {
		return answer, nil
	}
	var retarget extstore.Retarget
	if info := r.instance.Info(); info != nil {
		retarget = func(part proto.Message) extstore.StorageDriverTargetInfo { return targetOf(part, info) }
	}
	ctx = extstore.WithTarget(ctx, extstore.StorageDriverWorkflowInfo{
		Namespace:    w.namespace,
		WorkflowType: task.GetWorkflowType().GetName(),
		WorkflowID:   task.GetWorkflowExecution().GetWorkflowId(),
		RunID:        task.GetWorkflowExecution().GetRunId(),
	})
	result, err := extstore.Stored(ctx, w.storage, answer, retarget)
	if err != nil {
		return answer, &storageError{"storing payloads of the answer to a workflow task", err}
	}
	return result, nil
}

// targetOf is whom the payloads of a command are for, nil if they are the workflow's own.
func targetOf(part proto.Message, info *flow.WorkflowInfo) extstore.StorageDriverTargetInfo {
	switch command := part.(type) {
	case *commandpb.StartChildWorkflowExecutionCommandAttributes:
		return extstore.StorageDriverWorkflowInfo{
			//lint:ignore SA1019 the field is how a child in another namespace is named
			Namespace:    cmp.Or(command.GetNamespace(), info.Namespace),
			WorkflowType: command.GetWorkflowType().GetName(),
			WorkflowID:   command.GetWorkflowId(),
		}
	case *commandpb.SignalExternalWorkflowExecutionCommandAttributes:
		return extstore.StorageDriverWorkflowInfo{
			//lint:ignore SA1019 the field is how a workflow in another namespace is named
			Namespace:  cmp.Or(command.GetNamespace(), info.Namespace),
			WorkflowID: command.GetExecution().GetWorkflowId(),
			RunID:      command.GetExecution().GetRunId(),
		}
	case *commandpb.ContinueAsNewWorkflowExecutionCommandAttributes:
		// The run is not known yet.
		return extstore.StorageDriverWorkflowInfo{
			Namespace:    info.Namespace,
			WorkflowType: cmp.Or(command.GetWorkflowType().GetName(), info.WorkflowType.Name),
			WorkflowID:   info.WorkflowExecution.ID,
		}
	case *commandpb.CompleteWorkflowExecutionCommandAttributes:
		if parent := info.ParentWorkflowExecution; parent != nil && info.ContinuedExecutionRunID == "" {
			return extstore.StorageDriverWorkflowInfo{
				Namespace:  cmp.Or(info.ParentWorkflowNamespace, info.Namespace),
				WorkflowID: parent.ID,
				RunID:      parent.RunID,
			}
		}
	}
	return nil
}

// unretrieved is the outcome of a task of which payloads could not be retrieved.
func (w *workflowWorker) unretrieved(task *workflowTask, err error) *flow.Outcome {
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE
	if task.GetQuery() != nil {
		return &flow.Outcome{Err: err, QueryCompleted: w.queryFailed(task, err, cause)}
	}
	return &flow.Outcome{Err: err, Failed: w.failureOf(task, err, cause), Evict: true}
}

// queryFailed is the answer to a task that is only a query, if there is no result.
func (w *workflowWorker) queryFailed(task *workflowTask, err error, cause enumspb.WorkflowTaskFailedCause) *workflowservice.RespondQueryTaskCompletedRequest {
	return &workflowservice.RespondQueryTaskCompletedRequest{
		TaskToken:     task.GetTaskToken(),
		CompletedType: enumspb.QUERY_RESULT_TYPE_FAILED,
		ErrorMessage:  err.Error(),
		Namespace:     w.namespace,
		Failure:       w.failureConverter.ErrorToFailure(err),
		Cause:         cause,
	}
}

// RetrieveHistory returns a replayer's history with payloads that were stored in their
// places. A nil storage leaves it as it is.
func RetrieveHistory[M proto.Message](ctx context.Context, storage *extstore.Storage, history M) (M, error) {
	if storage == nil {
		return history, nil
	}
	history = proto.CloneOf(history)
	if err := storage.Retrieve(ctx, history); err != nil {
		return history, fmt.Errorf("retrieving payloads of a history: %w", err)
	}
	return history, nil
}
