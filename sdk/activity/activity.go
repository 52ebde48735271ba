// Package activity is what activity code sees of the SDK.
//
// An activity is a Go function that does what a workflow must not do itself: call
// services, read clocks and files, wait for people. It takes a [context.Context] and
// any number of encodable arguments, and returns an error, or a result and an error:
//
//	func Charge(ctx context.Context, card string, cents int64) (receipt string, err error)
//
// Register it with a worker, and run it from a workflow with
// workflow.ExecuteActivity. What fails is tried again as the retry policy in the
// activity's options says; an error made by temporal.NewNonRetryableApplicationError
// ends that.
//
// # The context
//
// The context ends when the activity runs out of time, when its cancellation is
// requested and a heartbeat brought the news, when the server no longer knows the
// attempt, or when the worker stops. [context.Cause] tells which: a
// temporal.CanceledError, [ErrActivityPaused], [ErrActivityReset], the error of the
// server, or worker.ErrWorkerShutdown.
//
// # Heartbeats
//
// An activity that takes long should have a heartbeat timeout and call
// [RecordHeartbeat] more often than that: the server then notices soon when its worker
// is gone, the activity learns of cancellation, and the next attempt finds with
// [GetHeartbeatDetails] how far this one got.
//
// # Completing later
//
// An activity that waits for something outside returns [ErrResultPending] and hands
// on the task token in its [Info]. Whoever has the answer passes both to
// Client.CompleteActivity.
package activity

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

type (
	// Type names a kind of activity.
	Type = execution.ActivityType

	// Info describes a running activity.
	Info = activities.Info

	// RegisterOptions say how an activity is registered with a worker.
	RegisterOptions = registry.ActivityOptions
)

// DynamicRegisterOptions are for Worker.RegisterDynamicActivity. There are none yet.
type DynamicRegisterOptions = registry.DynamicActivityOptions

var (
	// ErrResultPending is what an activity returns that is to be completed later,
	// through the client.
	ErrResultPending = activities.ErrResultPending

	// ErrActivityPaused is the cause of the context's end when the activity was
	// paused.
	ErrActivityPaused = activities.ErrPaused

	// ErrActivityReset is the cause of the context's end when the activity was
	// reset.
	ErrActivityReset = activities.ErrReset
)

// IsActivity says whether ctx is the context of an activity. The other functions of this
// package panic with any other context, that of a workflow included.
func IsActivity(ctx context.Context) bool { return activities.FromContext(ctx) != nil }

// GetInfo describes the activity that ctx belongs to.
func GetInfo(ctx context.Context) Info { return activities.Calls(ctx).GetInfo(ctx) }

// GetLogger returns the worker's logger, which names the activity, its attempt and its
// workflow with every message.
func GetLogger(ctx context.Context) log.Logger { return activities.Calls(ctx).GetLogger(ctx) }

// GetMetricsHandler returns a handler for metrics of the activity's own, with the tags
// that the SDK's metrics of the activity have.
func GetMetricsHandler(ctx context.Context) client.MetricsHandler {
	return activities.Calls(ctx).GetMetricsHandler(ctx)
}

// RecordHeartbeat tells the server that the activity is alive. The details reach the
// next attempt, should this one fail.
//
// Call it as often as convenient: calls are gathered and at most one is sent in 80% of
// the heartbeat timeout (30 seconds if there is none, 60 seconds at most; both are options
// of the worker). It does not wait for the server, and has no error: if the server says
// that the activity is to stop, its context ends. It panics if the details cannot be
// encoded. In a local activity it does nothing.
func RecordHeartbeat(ctx context.Context, details ...any) {
	activities.Calls(ctx).RecordHeartbeat(ctx, details...)
}

// HasHeartbeatDetails says whether an earlier attempt left details.
func HasHeartbeatDetails(ctx context.Context) bool {
	return activities.Calls(ctx).HasHeartbeatDetails(ctx)
}

// GetHeartbeatDetails decodes the details that the last heartbeat of an earlier
// attempt had into what d point to, one pointer for each. It fails with temporal.ErrNoData
// if there are none, and if there are fewer of them than pointers.
func GetHeartbeatDetails(ctx context.Context, d ...any) error {
	return activities.Calls(ctx).GetHeartbeatDetails(ctx, d...)
}

// GetWorkerStopChannel returns a channel that is closed when the worker begins to
// stop. The activity then has the WorkerStopTimeout of the worker to finish, after
// which its context ends.
func GetWorkerStopChannel(ctx context.Context) <-chan struct{} {
	return activities.Calls(ctx).GetWorkerStopChannel(ctx)
}

// GetClient returns the client that the worker was made with, to start or signal
// workflows. It is the worker's: do not close it. In tests without a server it is nil.
func GetClient(ctx context.Context) client.Client {
	return activities.Calls(ctx).GetClient(ctx)
}
