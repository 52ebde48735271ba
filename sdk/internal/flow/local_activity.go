package flow

import (
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
)

var errNoLocalActivityOptions = errors.New("missing local activity parameters through context, check LocalActivityOptions")

// ExecuteLocalActivity runs an activity in this process, within the workflow
// task, and returns the future of its result. It is cheaper than an activity,
// for short calls that need no queue of their own. Errors are the future's,
// as the activity returned them.
func ExecuteLocalActivity(ctx Context, activity any, args ...any) Future {
	r := enterMutable(ctx).run
	name, err := r.options.Registry.ActivityName(activity)
	if err != nil {
		return failed(err)
	}
	if _, byName := activity.(string); byName {
		activity = nil
	}
	if activity != nil || r.intercepted() {
		ctx = WithValue(ctx, localFunctionKey{}, localFunction{activity})
	}
	return r.outbound.ExecuteLocalActivity(r.outgoing(ctx), name, args...)
}

// localFunction is the function that workflow code passed to
// ExecuteLocalActivity, nil if it passed a name. It goes along in the context:
// interceptors see the name.
type localFunction struct{ function any }

type localFunctionKey struct{}

func (o outbound) ExecuteLocalActivity(ctx Context, name string, args ...any) Future {
	r := o.mutable()
	call, err := r.newLocalActivityCall(ctx, name, args)
	if err != nil {
		return failed(err)
	}
	f := &future{converter: call.task.DataConverter}
	// A coroutine of its own waits for the result, and with timers for
	// retries that are far away.
	r.outbound.Go(ctx, "", func(ctx Context) {
		for {
			result := call.attempt(ctx, r)
			if result.backoff > 0 {
				_ = Sleep(ctx, result.backoff)
				call.task.Attempt = result.attempt + 1
				continue
			}
			f.setPayloads(result.value, result.err)
			return
		}
	})
	return f
}

// localActivityCall is a local activity with all its attempts.
type localActivityCall struct {
	task     LocalActivityTask
	failures FailureConverter
}

func (r *run) newLocalActivityCall(ctx Context, name string, args []any) (*localActivityCall, error) {
	header, err := r.headerFrom(ctx)
	if err != nil {
		return nil, err
	}
	passed, _ := ctx.Value(localFunctionKey{}).(localFunction)
	function := passed.function
	registered, known := r.options.Registry.Activity(name)
	if function == nil {
		if !known && r.instance != nil {
			return nil, fmt.Errorf("local activity %s is not registered by the worker. Supported types: %v", name, r.options.Registry.ActivityTypes())
		}
	} else if err := registry.CheckActivityArgs(function, args); err != nil {
		return nil, err
	} else if known && !registered.Dynamic && registry.IsMethod(function) {
		// A method passed by a nil receiver stands for the one registered
		// with a real receiver.
		function = nil
	}
	options, err := validLocalActivityOptions(ctx)
	if err != nil {
		return nil, err
	}
	serialization := converter.ActivitySerializationContext{
		Namespace:    r.info.Namespace,
		WorkflowID:   r.info.WorkflowExecution.ID,
		WorkflowType: r.info.WorkflowType.Name,
		ActivityType: name,
		TaskQueue:    r.info.TaskQueueName,
		IsLocal:      true,
	}
	return &localActivityCall{
		failures: converter.WithFailureConverterSerializationContext(r.rootFailures, serialization),
		task: LocalActivityTask{
			Instance:            r.instance,
			ActivityType:        name,
			Function:            function,
			Args:                args,
			DataConverter:       converterFor(ctx, serialization),
			ContextPropagators:  r.options.ContextPropagators,
			Header:              header,
			Info:                r.info,
			Options:             options,
			Attempt:             1,
			ScheduledTime:       r.machine.Now().UTC(),
			WorkflowTaskTimeout: r.info.WorkflowTaskTimeout,
		},
	}, nil
}

func validLocalActivityOptions(ctx Context) (LocalActivityOptions, error) {
	given := localActivityOptionsOf(ctx)
	if given == nil {
		return LocalActivityOptions{}, errNoLocalActivityOptions
	}
	options := *given
	switch {
	case options.ScheduleToCloseTimeout < 0:
		return options, errors.New("negative ScheduleToCloseTimeout")
	case options.StartToCloseTimeout < 0:
		return options, errors.New("negative StartToCloseTimeout")
	case options.ScheduleToCloseTimeout == 0 && options.StartToCloseTimeout == 0:
		return options, errors.New("at least one of ScheduleToCloseTimeout and StartToCloseTimeout is required")
	case options.ScheduleToCloseTimeout == 0:
		options.ScheduleToCloseTimeout = options.StartToCloseTimeout
	case options.StartToCloseTimeout == 0:
		options.StartToCloseTimeout = options.ScheduleToCloseTimeout
	}
	return options, nil
}

// localActivityEnd is how one stretch of attempts ended.
type localActivityEnd struct {
	value   *commonpb.Payloads
	err     error
	attempt int32
	backoff time.Duration
}

// attempt runs the activity until it ends, or its next retry is far away.
func (c *localActivityCall) attempt(ctx Context, r *run) localActivityEnd {
	var end localActivityEnd
	done := &future{}
	var hook *cancelHook
	metadata, err := encoded.UserMetadata(c.task.Options.Summary, "", r.converter)
	if err != nil {
		return localActivityEnd{err: err}
	}
	task := c.task
	pending := &pendingLocalActivity{task: &task, failures: c.failures}
	activity := r.machine.ScheduleLocalActivity(task.ActivityType, metadata, pending, func(result replay.LocalActivityResult) {
		hook.remove()
		end.attempt = result.Attempt
		end.value = result.Result
		if result.Failure != nil {
			end.err = c.failures.FailureToError(result.Failure)
			var canceled *failure.CanceledError
			if result.Backoff > 0 && !errors.As(end.err, &canceled) {
				end.backoff = result.Backoff
			}
		}
		done.Set(nil, nil)
	})
	task.ActivityID = activity.ID
	hook = onCancel(ctx, func() { pending.canceled = true; r.cancelLocalActivity(activity) })
	hook.arm()
	_ = done.Get(ctx, nil)
	return end
}

// pendingLocalActivity is what the machine keeps for a local activity.
type pendingLocalActivity struct {
	task     *LocalActivityTask
	failures FailureConverter
	running  bool
	canceled bool
}
