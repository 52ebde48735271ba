package flow

import (
	"cmp"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// ExecuteActivity asks for an activity, by function or by name, and returns the
// future of its result. Errors are the future's: an ActivityError, or a
// CanceledError if ctx is cancelled.
//
// A function only stands for its name. The arguments are not compared with its
// parameters: what counts is whether the activity can decode them.
func ExecuteActivity(ctx Context, activity any, args ...any) Future {
	r := enterMutable(ctx).run
	name, err := r.options.Registry.ActivityName(activity)
	if err != nil {
		return failed(err)
	}
	return r.outbound.ExecuteActivity(r.outgoing(ctx), name, args...)
}

func (o outbound) ExecuteActivity(ctx Context, name string, args ...any) Future {
	r := o.mutable()
	f := &future{}
	header, err := r.headerFrom(ctx)
	if err != nil {
		f.SetError(err)
		return f
	}
	options := activityOptionsOf(ctx)
	if queue, err := r.sessionQueue(ctx, name); err != nil {
		f.Set(nil, err)
		return f
	} else if queue != "" {
		inSession := *options
		inSession.TaskQueue = queue
		options = &inSession
	}
	serialization := converter.ActivitySerializationContext{
		Namespace:    r.info.Namespace,
		WorkflowID:   r.info.WorkflowExecution.ID,
		WorkflowType: r.info.WorkflowType.Name,
		ActivityType: name,
		TaskQueue:    cmp.Or(options.TaskQueue, r.info.TaskQueueName),
	}
	f.converter = converterFor(ctx, serialization)
	input, err := f.converter.ToPayloads(args...)
	if err != nil {
		panic(err)
	}
	metadata, err := encoded.UserMetadata(options.Summary, "", r.converter)
	if err != nil {
		f.SetError(err)
		return f
	}
	a := &activityCall{
		future:    f,
		name:      name,
		converter: f.converter,
		failures:  converter.WithFailureConverterSerializationContext(r.rootFailures, serialization),
	}
	var hook *cancelHook
	a.activity = r.machine.ScheduleActivity(replay.ActivityOptions{
		Attributes: &commandpb.ScheduleActivityTaskCommandAttributes{
			ActivityId:             options.ActivityID,
			ActivityType:           &commonpb.ActivityType{Name: name},
			TaskQueue:              &taskqueuepb.TaskQueue{Name: options.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
			Header:                 header,
			Input:                  input,
			ScheduleToCloseTimeout: durationpb.New(options.ScheduleToCloseTimeout),
			ScheduleToStartTimeout: durationpb.New(options.ScheduleToStartTimeout),
			StartToCloseTimeout:    durationpb.New(options.StartToCloseTimeout),
			HeartbeatTimeout:       durationpb.New(options.HeartbeatTimeout),
			RetryPolicy:            policy.RetryToProto(options.RetryPolicy),
			RequestEagerExecution:  !options.DisableEagerExecution,
			UseWorkflowBuildId:     policy.InheritBuildID(options.VersioningIntent, r.info.TaskQueueName, options.TaskQueue),
			Priority:               policy.PriorityToProto(options.Priority),
		},
		Metadata:            metadata,
		WaitForCancellation: options.WaitForCancellation,
	}, func(result replay.ActivityResult) {
		a.end(result)
		hook.remove()
	})
	if tell := r.options.ActivityConverter; tell != nil {
		tell(a.activity.ID, unboundConverter(ctx))
	}
	hook = onCancel(ctx, func() { r.machine.CancelActivity(a.activity) })
	hook.arm()
	return f
}

// activityCall is an activity whose future waits.
type activityCall struct {
	future    *future
	activity  *replay.Activity
	name      string
	converter DataConverter
	failures  FailureConverter
}

func (a *activityCall) end(result replay.ActivityResult) {
	var cause error
	switch result.Closing {
	case replay.Completed:
		a.future.setPayloads(result.Result, nil)
		return
	case replay.Abandoned:
		a.future.Set(nil, ErrCanceled)
		return
	case replay.Canceled:
		cause = failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{encoded.NewValues(result.Result, a.converter)}})
	default:
		cause = a.failures.FailureToError(result.Failure)
	}
	a.future.Set(nil, failure.NewActivityError(
		result.ScheduledEventID,
		result.StartedEventID,
		result.Identity,
		&commonpb.ActivityType{Name: a.name},
		a.activity.ID,
		result.RetryState,
		cause,
	))
}
