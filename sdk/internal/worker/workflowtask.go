package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/log"
)

const (
	slowTask     = 5 * time.Second
	verySlowTask = 10 * time.Second
)

// forceCompleteFraction of the workflow task timeout may pass before a task that
// waits for local activities is completed as it is, to get a new one.
const forceCompleteFraction = 0.8

func forceCompleteAfter(taskTimeout time.Duration) time.Duration {
	if taskTimeout <= 0 {
		taskTimeout = defaultWorkflowTaskTimeout
	}
	return time.Duration(forceCompleteFraction * float64(taskTimeout))
}

// defaultWorkflowTaskTimeout is the server's default, for histories that do not
// tell.
const defaultWorkflowTaskTimeout = 10 * time.Second

// handle handles a polled workflow task, and those that the server hands over in
// its answers, without polling in between.
func (w *workflowWorker) handle(task *workflowTask) {
	if err := w.handleRun(task); err != nil && w.ctx.Err() == nil {
		w.taskLogger(task).Info("Task processing failed with error", logtag.Error, err)
	}
}

func (w *workflowWorker) handleRun(task *workflowTask) (err error) {
	r, err := w.acquire(task)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if p := recover(); p != nil {
			w.taskLogger(task).Error("Workflow task processing panic.",
				logtag.PanicError, fmt.Sprint(p), logtag.PanicStack, string(debug.Stack()))
			err = fmt.Errorf("handling a workflow task: panic: %v", p)
			keep = false
		}
		w.release(r, keep)
	}()
	for task != nil {
		// Until the answer is accepted the instance is ahead of the history.
		keep = false
		var next *workflowTask
		if next, keep, err = w.handleTask(r, task); err != nil {
			return err
		}
		if !keep {
			r.close()
		}
		task = next
	}
	return nil
}

// acquire returns the run that the task belongs to, locked: the cached one if its
// state can be built upon, else one without an instance.
func (w *workflowWorker) acquire(task *workflowTask) (*run, error) {
	id := task.GetWorkflowExecution().GetRunId()
	if id == "" {
		return nil, errors.New("the server sent a workflow task without a run id")
	}
	if found, ok := w.cache.get(id); ok {
		r := found.(*run)
		r.mu.Lock()
		if r.owner == w && r.instance != nil {
			return r, nil
		}
		// It was closed while this task waited, or it is another worker's,
		// whose registry and options are not ours.
		w.cache.remove(id, r)
		r.close()
		r.unlock()
	}
	r := &run{owner: w, id: id}
	r.mu.Lock()
	if task.GetQuery() == nil && w.sticky != nil {
		// Before the task is handled, so that a second task of the run
		// waits for this one.
		w.cache.put(id, r)
	}
	return r, nil
}

// release gives up a run. It stays in memory if keep is set and it is cached.
func (w *workflowWorker) release(r *run, keep bool) {
	if found, ok := w.cache.get(r.id); !ok || found != cached(r) {
		keep = false // a query's run, or evicted meanwhile
	}
	if !keep {
		w.cache.remove(r.id, r)
		r.close()
	}
	r.unlock()
}

// handleTask handles one task and answers it. It returns the next task, if the
// answer brought one, and whether the run can stay cached.
func (w *workflowWorker) handleTask(r *run, task *workflowTask) (next *workflowTask, keep bool, err error) {
	started := time.Now()
	ctx := w.ctx
	outcome, err := w.drive(ctx, r, task)
	if err != nil {
		return nil, false, err
	}
	forced := time.NewTimer(forceCompleteAfter(r.taskTimeout) - time.Since(started))
	defer forced.Stop()
	for outcome.LocalActivities > 0 && !answered(outcome) {
		select {
		case <-r.instance.Ready():
			outcome = r.instance.Continue()
		case <-forced.C:
			// Local activities outlast the task: complete it with what there
			// is so far and go on under a new one.
			outcome = r.instance.Heartbeat()
			if answered(outcome) {
				next, keep, err = w.answer(ctx, r, task, outcome, started)
				if err != nil || outcome.LocalActivities == 0 {
					// The last of them ended just now.
					return next, keep, err
				}
				if next == nil || !keep {
					// Without a task there is no way to report what they do.
					return nil, false, nil
				}
				task, started = next, time.Now()
				if outcome, err = w.drive(ctx, r, task); err != nil {
					return nil, false, err
				}
			}
			forced.Reset(forceCompleteAfter(r.taskTimeout) - time.Since(started))
		case <-ctx.Done():
			return nil, false, fmt.Errorf("waiting for local activities: %w", context.Cause(ctx))
		}
	}
	return w.answer(ctx, r, task, outcome, started)
}

func answered(o *flow.Outcome) bool {
	return o.Completed != nil || o.Failed != nil || o.QueryCompleted != nil
}

// drive lets the run's instance handle the task, made from the full history if
// there is none that the task continues.
func (w *workflowWorker) drive(ctx context.Context, r *run, task *workflowTask) (*flow.Outcome, error) {
	measured := w.metrics.byType.Get(task.GetWorkflowType().GetName())
	defer func() { measured.cacheSize.Update(float64(w.cache.len())) }()
	if r.instance != nil {
		outcome, err := r.instance.HandleTask(ctx, w.flowTask(task))
		if !errors.Is(err, flow.ErrStale) {
			measured.cacheHit.Inc(1)
			return outcome, err
		}
		w.taskLogger(task).Debug("Cached state staled, new task has unexpected events",
			logtag.CachedPreviousStartedEventID, r.instance.PreviousStartedEventID(),
			logtag.TaskStartedEventID, task.GetStartedEventId(),
			logtag.PreviousStartedEventID, task.GetPreviousStartedEventId())
		r.close()
	}
	if !isFullHistory(task.GetHistory()) {
		measured.cacheMiss.Inc(1)
	}
	if err := w.withFullHistory(ctx, task); err != nil {
		return nil, err
	}
	event := task.GetHistory().GetEvents()[0]
	first := event.GetWorkflowExecutionStartedEventAttributes()
	if first == nil {
		return nil, errors.New("first history event is not WorkflowExecutionStarted")
	}
	r.taskTimeout = first.GetWorkflowTaskTimeout().AsDuration()
	r.started = event.GetEventTime().AsTime()
	r.instance = flow.NewInstance(&w.options)
	outcome, err := r.instance.HandleTask(ctx, w.flowTask(task))
	if err == nil && !outcome.Evict {
		measured.replay.Record(r.instance.ReplayTook())
	}
	return outcome, err
}

func (w *workflowWorker) flowTask(task *workflowTask) *flow.Task {
	return &flow.Task{Poll: task, NextPage: w.pager(task)}
}

// answer sends the outcome. It returns the next task, if the server had one at
// once, and whether the run can stay cached.
func (w *workflowWorker) answer(ctx context.Context, r *run, task *workflowTask, outcome *flow.Outcome, started time.Time) (next *workflowTask, keep bool, err error) {
	measured := w.metrics.byType.Get(task.GetWorkflowType().GetName())
	took := time.Since(started)
	measured.execution.Record(took)
	w.logDuration(task, took)
	// What was done is worth reporting even while the worker stops.
	ctx = context.WithoutCancel(ctx)
	switch {
	case outcome.QueryCompleted != nil:
		_, err = w.service.RespondQueryTaskCompleted(ctx, outcome.QueryCompleted)
		if rpc.IsMessageTooLarge(err) {
			_, err = w.service.RespondQueryTaskCompleted(ctx, &workflowservice.RespondQueryTaskCompletedRequest{
				TaskToken:     task.GetTaskToken(),
				CompletedType: enumspb.QUERY_RESULT_TYPE_FAILED,
				ErrorMessage:  err.Error(),
				Namespace:     w.namespace,
				Failure:       w.failureConverter.ErrorToFailure(err),
				Cause:         enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE,
			})
		}
		return nil, !outcome.Evict, wrapAnswer(err)
	case outcome.Failed != nil:
		w.logFailure(task, outcome)
		measured.failed.Get(failureReason(outcome.Failed.GetCause())).Inc(1)
		return nil, false, w.fail(ctx, task, outcome.Failed)
	case outcome.Completed != nil:
		if outcome.Err != nil {
			w.logFailure(task, outcome)
		}
		response, err := w.complete(ctx, task, outcome.Completed)
		if rpc.IsMessageTooLarge(err) {
			measured.failed.Get(metrics.FailureGRPCMessageTooLarge).Inc(1)
			return nil, false, w.fail(ctx, task, w.failureOf(task, err, enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE))
		}
		if err != nil {
			// Not accepted, for instance because the task timed out: what
			// the instance did did not happen.
			return nil, false, wrapAnswer(err)
		}
		if outcome.Closed {
			measured.ended(closeCounter(outcome.Completed), r.started)
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
func (w *workflowWorker) fail(ctx context.Context, task *workflowTask, request *workflowservice.RespondWorkflowTaskFailedRequest) error {
	if task.GetAttempt() > 1 {
		return nil
	}
	w.version.stampFailed(request)
	_, err := w.service.RespondWorkflowTaskFailed(ctx, request)
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

func (w *workflowWorker) logFailure(task *workflowTask, outcome *flow.Outcome) {
	w.taskLogger(task).Warn("Failed to process workflow task.", logtag.Error, outcome.Err)
}

// logDuration tells of tasks that took so long that a person should know.
func (w *workflowWorker) logDuration(task *workflowTask, took time.Duration) {
	if took < slowTask {
		return
	}
	logger := w.taskLogger(task)
	id := fmt.Sprintf("%s:%d:%d", task.GetWorkflowExecution().GetRunId(), task.GetStartedEventId()+1, task.GetAttempt())
	if took >= verySlowTask {
		logger.Warn("[TMPRL1104] "+id+" Workflow task exceeded 10 seconds.", logtag.WorkflowTaskDuration, took)
		return
	}
	logger.Info("[TMPRL1104] "+id+" Workflow task exceeded 5 seconds.", logtag.WorkflowTaskDuration, took)
}

func (w *workflowWorker) taskLogger(task *workflowTask) log.Logger {
	return log.With(w.logger,
		logtag.WorkflowType, task.GetWorkflowType().GetName(),
		logtag.WorkflowID, task.GetWorkflowExecution().GetWorkflowId(),
		logtag.RunID, task.GetWorkflowExecution().GetRunId(),
		logtag.Attempt, task.GetAttempt())
}
