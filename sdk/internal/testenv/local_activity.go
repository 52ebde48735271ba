package testenv

import (
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
)

// localActivities runs the local activities of a run. It is called while the loop waits
// for the instance.
type localActivities struct{ x *Execution }

func (e *Engine) newLocalRunner() *activities.LocalRunner {
	o := &e.Options
	return activities.NewLocalRunner(activities.LocalOptions{
		Registry:      o.Registry,
		DataConverter: o.DataConverter,
		Logger:        o.Logger,
		Metrics:       metrics.OrNop(o.Metrics),
		Interceptors:  o.ActivityInterceptors,
		Context:       e.background,
		Stopping:      stopping{Context: e.background, stop: o.WorkerStop},
		Deliver:       e.localActivityDone,
	})
}

// RunLocalActivity implements flow.LocalActivities.
func (l localActivities) RunLocalActivity(task *flow.LocalActivityTask) {
	e := l.x.engine
	// Waits for retries are the workflow's, by timers: they pass in virtual time.
	task.WorkflowTaskTimeout = 0
	// Its deadline is by the real clock.
	task.ScheduledTime = time.Now().Add(-e.clock.now.Sub(task.ScheduledTime))
	e.busy++
	e.local.RunLocalActivity(task)
}

// CancelLocalActivity implements flow.LocalActivities: no outcome will come.
func (l localActivities) CancelLocalActivity(task *flow.LocalActivityTask) {
	e := l.x.engine
	e.local.CancelLocalActivity(task)
	e.busy--
	if listener := e.Options.Listeners.LocalActivityCanceled; listener != nil {
		info := localInfo(task, task.Attempt)
		e.later(func() { listener(info) })
	}
}

func localInfo(task *flow.LocalActivityTask, attempt int32) *activities.Info {
	return &activities.Info{
		ActivityID: task.ActivityID, ActivityType: execution.ActivityType{Name: task.ActivityType}, TaskToken: []byte(task.ActivityID),
		WorkflowExecution: task.Info.WorkflowExecution, WorkflowType: &task.Info.WorkflowType, Namespace: task.Info.Namespace,
		//lint:ignore SA1019 activities that read it keep working
		WorkflowNamespace: task.Info.Namespace, TaskQueue: task.Info.TaskQueueName, Attempt: attempt, IsLocalActivity: true,
	}
}

// localActivityDone takes an outcome from the runner, on any goroutine.
func (e *Engine) localActivityDone(result *flow.LocalActivityResult) {
	e.Post(func() {
		e.busy--
		x := e.ByRunID(result.Task.Info.WorkflowExecution.RunID)
		if x == nil || x.closed {
			return
		}
		if listener := e.Options.Listeners.LocalActivityCompleted; listener != nil && result.Backoff == 0 {
			info, task := localInfo(result.Task, result.Attempt), result.Task
			err := wrapLocal(task, result.Err)
			if canceled := e.Options.Listeners.LocalActivityCanceled; isCanceled(result.Err) && canceled != nil {
				e.later(func() { canceled(info) })
			} else {
				e.later(func() { listener(info, newValue(result.Result, task.DataConverter), err) })
			}
		}
		result.Task.Instance.LocalActivityDone(result)
		x.goOn()
	})
}

func isCanceled(err error) bool {
	var canceled *failure.CanceledError
	return errors.As(err, &canceled)
}

func wrapLocal(task *flow.LocalActivityTask, err error) error {
	if err == nil {
		return nil
	}
	return failure.NewActivityError(0, 0, "", &commonpb.ActivityType{Name: task.ActivityType}, task.ActivityID, enumspb.RETRY_STATE_UNSPECIFIED, err)
}
