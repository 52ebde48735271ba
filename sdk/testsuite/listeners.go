package testsuite

import (
	"context"
	"time"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/workflow"
)

// SetOnActivityStartedListener has listener called before an activity runs, real or
// mocked, at each attempt. The activity waits for it.
func (e *TestWorkflowEnvironment) SetOnActivityStartedListener(
	listener func(activityInfo *activity.Info, ctx context.Context, args converter.EncodedValues)) *TestWorkflowEnvironment {
	e.activityStarted = listener
	return e
}

// SetOnActivityCompletedListener has listener called when an activity has ended, with its
// result or its error, and when one has left its completion to others
// (activity.ErrResultPending).
func (e *TestWorkflowEnvironment) SetOnActivityCompletedListener(
	listener func(activityInfo *activity.Info, result converter.EncodedValue, err error)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.ActivityCompleted = listener
	return e
}

// SetOnActivityCanceledListener has listener called when the workflow cancels an
// activity.
func (e *TestWorkflowEnvironment) SetOnActivityCanceledListener(
	listener func(activityInfo *activity.Info)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.ActivityCanceled = listener
	return e
}

// SetOnActivityHeartbeatListener has listener called for heartbeats that would be sent to
// the server. As with one, heartbeats that come close together are gathered.
func (e *TestWorkflowEnvironment) SetOnActivityHeartbeatListener(
	listener func(activityInfo *activity.Info, details converter.EncodedValues)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.ActivityHeartbeat = listener
	return e
}

// SetOnChildWorkflowStartedListener has listener called before a child workflow, or its
// mock, runs. It is called by workflow code and must not block.
func (e *TestWorkflowEnvironment) SetOnChildWorkflowStartedListener(
	listener func(workflowInfo *workflow.Info, ctx workflow.Context, args converter.EncodedValues)) *TestWorkflowEnvironment {
	e.childStarted = listener
	return e
}

// SetOnChildWorkflowCompletedListener has listener called when a child workflow has ended,
// with all its runs.
func (e *TestWorkflowEnvironment) SetOnChildWorkflowCompletedListener(
	listener func(workflowInfo *workflow.Info, result converter.EncodedValue, err error)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.ChildCompleted = listener
	return e
}

// SetOnChildWorkflowCanceledListener has listener called when a child workflow is asked to
// cancel.
func (e *TestWorkflowEnvironment) SetOnChildWorkflowCanceledListener(
	listener func(workflowInfo *workflow.Info)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.ChildCanceled = listener
	return e
}

// SetOnTimerScheduledListener has listener called when a workflow starts a timer.
func (e *TestWorkflowEnvironment) SetOnTimerScheduledListener(
	listener func(timerID string, duration time.Duration)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.TimerScheduled = listener
	return e
}

// SetOnTimerFiredListener has listener called when a timer has fired.
func (e *TestWorkflowEnvironment) SetOnTimerFiredListener(listener func(timerID string)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.TimerFired = listener
	return e
}

// SetOnTimerCanceledListener has listener called when a workflow cancels a timer.
func (e *TestWorkflowEnvironment) SetOnTimerCanceledListener(listener func(timerID string)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.TimerCanceled = listener
	return e
}

// SetOnLocalActivityStartedListener has listener called before a local activity runs, real
// or mocked, at each attempt. The activity waits for it.
func (e *TestWorkflowEnvironment) SetOnLocalActivityStartedListener(
	listener func(activityInfo *activity.Info, ctx context.Context, args []any)) *TestWorkflowEnvironment {
	e.localActivityStarted = listener
	return e
}

// SetOnLocalActivityCompletedListener has listener called when a local activity has
// ended, with its result or its error.
func (e *TestWorkflowEnvironment) SetOnLocalActivityCompletedListener(
	listener func(activityInfo *activity.Info, result converter.EncodedValue, err error)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.LocalActivityCompleted = listener
	return e
}

// SetOnLocalActivityCanceledListener has listener called when a local activity is
// cancelled.
func (e *TestWorkflowEnvironment) SetOnLocalActivityCanceledListener(
	listener func(activityInfo *activity.Info)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.LocalActivityCanceled = listener
	return e
}

// SetOnNexusOperationStartedListener has listener called before a Nexus operation is started,
// really or by a mock. The operation waits for it.
func (e *TestWorkflowEnvironment) SetOnNexusOperationStartedListener(
	listener func(service string, operation string, input converter.EncodedValue)) *TestWorkflowEnvironment {
	e.nexus.startedListener = listener
	return e
}

// SetOnNexusOperationCompletedListener has listener called when a Nexus operation has ended.
func (e *TestWorkflowEnvironment) SetOnNexusOperationCompletedListener(
	listener func(service string, operation string, result converter.EncodedValue, err error)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.NexusCompleted = listener
	return e
}

// SetOnNexusOperationCanceledListener has listener called when the handler of a Nexus operation
// is told to cancel it.
func (e *TestWorkflowEnvironment) SetOnNexusOperationCanceledListener(
	listener func(service string, operation string)) *TestWorkflowEnvironment {
	e.engine.Options.Listeners.NexusCanceled = listener
	return e
}
