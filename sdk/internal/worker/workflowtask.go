package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
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
	// It may be a query's run, or evicted meanwhile.
	if !keep || !w.cache.resize(r.id, r, r.instance.Bytes()) {
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

// drive lets the run's instance handle the task. A task of which payloads cannot be
// retrieved has failed.
func (w *workflowWorker) drive(ctx context.Context, r *run, task *workflowTask) (*flow.Outcome, error) {
	if err := w.retrieve(ctx, task); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return w.unretrieved(task, err), nil
	}
	outcome, err := w.advance(ctx, r, task)
	if err != nil && isStorageError(err) && ctx.Err() == nil {
		r.close() // it has seen a part of the history
		return w.unretrieved(task, err), nil
	}
	return outcome, err
}

// advance lets the run's instance handle the task, made from the full history if
// there is none that the task continues.
func (w *workflowWorker) advance(ctx context.Context, r *run, task *workflowTask) (*flow.Outcome, error) {
	measured := w.metrics.byType.Get(task.GetWorkflowType().GetName())
	defer func() { measured.cacheSize.Update(float64(w.cache.len())) }()
	if r.instance != nil {
		outcome, err := r.instance.HandleTask(ctx, w.flowTask(task))
		if !errors.Is(err, flow.ErrStale) {
			measured.cacheHit.Inc(1)
			w.hits.Add(1)
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
		w.misses.Add(1)
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
