package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/rpc"
)

// answer sends the outcome. It returns the next task, if the server had one at
// once, and whether the run can stay cached.
func (w *workflowWorker) answer(ctx context.Context, r *run, task *workflowTask, outcome *flow.Outcome, started time.Time) (next *workflowTask, keep bool, err error) {
	measured := w.metrics.byType.Get(task.GetWorkflowType().GetName())
	took := time.Since(started)
	measured.execution.Record(took)
	// Before the answer: who learns of what it does finds the task counted.
	w.tasks.slots.processed.Add(1)
	w.logDuration(task, took)
	// What was done is worth reporting even while the worker stops.
	ctx = context.WithoutCancel(ctx)
	if outcome.Err != nil {
		w.logFailure(task, outcome)
	}
	switch {
	case outcome.QueryCompleted != nil:
		if outcome.Err != nil {
			measured.failed.Get(failureReason(outcome.QueryCompleted.GetCause())).Inc(1)
		}
		return nil, !outcome.Evict, w.answerQuery(ctx, r, task, outcome.QueryCompleted)
	case outcome.Failed != nil:
		measured.failed.Get(failureReason(outcome.Failed.GetCause())).Inc(1)
		return nil, false, w.fail(ctx, r, task, outcome.Failed)
	case outcome.Completed != nil:
		completed, err := stored(ctx, w, r, task, outcome.Completed)
		if err != nil {
			measured.failed.Get(metrics.FailureWorkflowError).Inc(1)
			w.logUnstored(task, err)
			return nil, false, w.fail(ctx, r, task, w.failureOf(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE))
		}
		if err := w.sizes.Check(ctx, completed); err != nil {
			measured.failed.Get(metrics.FailurePayloadsTooLarge).Inc(1)
			w.logTooLarge(task, completed, err)
			return nil, false, w.fail(ctx, r, task, w.failureOf(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_PAYLOADS_TOO_LARGE))
		}
		response, err := w.complete(ctx, task, completed)
		if rpc.IsMessageTooLarge(err) {
			measured.failed.Get(metrics.FailureGRPCMessageTooLarge).Inc(1)
			w.logTooLarge(task, completed, err)
			return nil, false, w.fail(ctx, r, task, w.failureOf(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE))
		}
		if err != nil {
			// What the instance did did not happen.
			w.logRefused(task, completed, took, err)
			return nil, false, nil
		}
		if outcome.Closed {
			measured.ended(closeCounter(completed), r.started)
		}
		if outcome.Closed || outcome.Evict {
			return nil, false, nil
		}
		if event := response.GetResetHistoryEventId(); event != 0 {
			// The task was speculative and has left no trace in the history.
			r.instance.Rewind(event)
		}
		return response.GetWorkflowTask(), true, nil
	}
	return nil, false, errors.New("the workflow task was handled without an outcome")
}

// answerQuery sends the answer to a task that is only a query.
func (w *workflowWorker) answerQuery(ctx context.Context, r *run, task *workflowTask, request *workflowservice.RespondQueryTaskCompletedRequest) error {
	request, err := stored(ctx, w, r, task, request)
	if err != nil {
		w.logUnstored(task, err)
		request = w.queryFailed(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE)
	}
	// A result that is too large becomes a failure, in the request.
	_ = w.sizes.Check(ctx, request)
	_, err = w.service.RespondQueryTaskCompleted(ctx, request)
	if rpc.IsMessageTooLarge(err) {
		_, err = w.service.RespondQueryTaskCompleted(ctx, w.queryFailed(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE))
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		// Whoever asked has waited too long.
		return nil
	}
	return wrapAnswer(err)
}

func wrapAnswer(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("answering a workflow task: %w", err)
}

// complete sends a completion, with what only the worker knows added.
func (w *workflowWorker) complete(ctx context.Context, task *workflowTask, request *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error) {
	request.StickyAttributes = w.sticky
	w.version.stampCompleted(request)
	request.WorkerControlTaskQueue = w.commandQueue
	request.ResourceId = execution.ResourceID(task.GetWorkflowExecution().GetWorkflowId(), "")
	if w.version.versioned {
		behavior, err := w.registry.VersioningBehavior(task.GetWorkflowType().GetName())
		if err != nil {
			return nil, fmt.Errorf("choosing the versioning behavior of workflow type %q: %w", task.GetWorkflowType().GetName(), err)
		}
		if behavior == policy.VersioningBehaviorUnspecified {
			behavior = w.versioning
		}
		request.VersioningBehavior = policy.VersioningBehaviorToProto(behavior)
	}
	reserved := w.eager.prepare(request)
	response, err := w.service.RespondWorkflowTaskCompleted(ctx, request)
	w.eager.begin(response, reserved)
	return response, err
}

// fail reports a failed task. Only the first failure of a task is reported: the
// attempts after it are left to time out, so that a broken workflow does not spin.
func (w *workflowWorker) fail(ctx context.Context, r *run, task *workflowTask, request *workflowservice.RespondWorkflowTaskFailedRequest) error {
	w.tasks.slots.failed.Add(1)
	if task.GetAttempt() > 1 {
		return nil
	}
	request, err := stored(ctx, w, r, task, request)
	if err != nil {
		w.logUnstored(task, err)
		request = w.failureOf(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE)
	}
	w.version.stampFailed(request)
	request.ResourceId = execution.ResourceID(task.GetWorkflowExecution().GetWorkflowId(), "")
	_, err = w.service.RespondWorkflowTaskFailed(ctx, request)
	return wrapAnswer(err)
}

func (w *workflowWorker) failureOf(task *workflowTask, err error, cause enumspb.WorkflowTaskFailedCause) *workflowservice.RespondWorkflowTaskFailedRequest {
	return &workflowservice.RespondWorkflowTaskFailedRequest{
		TaskToken: task.GetTaskToken(),
		Cause:     cause,
		Failure:   w.failureConverter.ErrorToFailure(err),
		Identity:  w.identity,
		Namespace: w.namespace,
	}
}
