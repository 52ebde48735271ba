package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// Options of a Runner. All but those with a stated default are required.
type Options struct {
	Service   workflowservice.WorkflowServiceClient
	Namespace string
	TaskQueue string
	Identity  string
	Registry  *registry.Registry

	DataConverter      converter.DataConverter
	FailureConverter   converter.FailureConverter
	ContextPropagators []flow.ContextPropagator
	Logger             log.Logger
	// Metrics has the tags of the worker. Default metrics.NopHandler.
	Metrics metrics.Handler
	// Client is the worker's, for activity.GetClient.
	Client client.Client
	// Interceptors of activities, the first outermost.
	Interceptors []ActivityInterceptor

	// Context is the parent of every activity's context.
	Context context.Context
	// Stopping ends when the worker begins to stop.
	Stopping context.Context

	// DefaultHeartbeatThrottle and MaxHeartbeatThrottle default to the
	// constants of those names.
	DefaultHeartbeatThrottle time.Duration
	MaxHeartbeatThrottle     time.Duration

	// Check measures what is about to be sent, and fails if the server would refuse it
	// for its size. Nil for not at all.
	Check func(context.Context, proto.Message) error

	// Storage retrieves payloads of tasks, and stores those of outcomes and heartbeats that
	// are large, before Check measures them. Nil for none.
	Storage *extstore.Storage

	// Cancellable lets others cancel the activity of a task until forget is called. Nil for
	// nobody but the server, in its answers to heartbeats.
	Cancellable func(taskToken []byte, cancel context.CancelCauseFunc) (forget func())

	// Failed is called for each attempt that failed, unless it is marked as benign. Nil
	// for nothing.
	Failed func(Failure)

	// Stamp adds to a response what the worker tells about its build. Nil for
	// nothing.
	Stamp func(response any)
}

// Failure is an attempt that failed.
type Failure struct {
	ActivityType string
	// Workflow is zero for an activity that belongs to none.
	Workflow execution.Workflow
	Err      error
}

// Runner runs activity tasks and answers them.
type Runner struct {
	options Options
	metrics *metrics.Cache[key, *typeMetrics]
}

// NewRunner returns a Runner.
func NewRunner(options Options) *Runner {
	return &Runner{options: options, metrics: newTypeMetrics(options.Metrics, options.TaskQueue)}
}

// ErrAfterDeadline is what Run returns for a result that the server would not take:
// it has timed the attempt out.
var ErrAfterDeadline = errors.New("the activity returned after its deadline; the server has timed it out")

// Run runs one task to its end and reports the outcome to the server. It
// returns an error if the outcome could not be reported: the attempt then times
// out.
func (r *Runner) Run(task *workflowservice.PollActivityTaskQueueResponse) error {
	measured := r.metrics.Get(key{task.GetWorkflowType().GetName(), task.GetActivityType().GetName()})
	begun := time.Now()
	response, err := r.execute(task, measured)
	if err != nil {
		r.failed(task, measured, err)
		return err
	}
	measured.execution.Record(time.Since(begun))
	if response == nil {
		return nil
	}
	if err := r.report(response); err != nil {
		return err
	}
	if _, ok := response.(*workflowservice.RespondActivityTaskCompletedRequest); ok {
		measured.endToEnd.Record(time.Since(task.GetScheduledTime().AsTime()))
	}
	return nil
}

func (r *Runner) failed(task *workflowservice.PollActivityTaskQueueResponse, measured *typeMetrics, err error) {
	measured.failed.Get(failureReason(err)).Inc(1)
	if r.options.Failed != nil {
		r.options.Failed(Failure{ActivityType: task.GetActivityType().GetName(), Workflow: execution.WorkflowFromProto(task.GetWorkflowExecution()), Err: err})
	}
}

// report sends a response built by execute.
func (r *Runner) report(response any) error {
	// The outcome of work that was done is worth reporting even while the
	// worker stops; the service bounds the call.
	ctx := context.WithoutCancel(r.options.Context)
	if r.options.Stamp != nil {
		r.options.Stamp(response)
	}
	var err error
	switch response := response.(type) {
	case *workflowservice.RespondActivityTaskCompletedRequest:
		_, err = r.options.Service.RespondActivityTaskCompleted(ctx, response)
	case *workflowservice.RespondActivityTaskFailedRequest:
		_, err = r.options.Service.RespondActivityTaskFailed(ctx, response)
	case *workflowservice.RespondActivityTaskCanceledRequest:
		_, err = r.options.Service.RespondActivityTaskCanceled(ctx, response)
	}
	if err != nil {
		return fmt.Errorf("reporting the outcome of an activity: %w", err)
	}
	return nil
}

// execute runs one task and returns the response to send, nil for none.
func (r *Runner) execute(task *workflowservice.PollActivityTaskQueueResponse, measured *typeMetrics) (response any, err error) {
	o := &r.options
	cancelled, cancel := context.WithCancelCause(o.Context)
	defer cancel(nil)
	if o.Cancellable != nil {
		defer o.Cancellable(task.GetTaskToken(), cancel)()
	}

	unretrieved := r.retrieve(cancelled, task)
	env := r.newEnv(task)
	env.heartbeat = &heartbeat{
		service:   o.Service,
		token:     task.GetTaskToken(),
		resource:  resourceOf(task),
		namespace: o.Namespace,
		identity:  o.Identity,
		interval:  heartbeatInterval(env.Info.HeartbeatTimeout, o.DefaultHeartbeatThrottle, o.MaxHeartbeatThrottle),
		logger:    env.Logger,
		stopping:  o.Stopping,
		ctx:       o.Context,
		cancel:    cancel,
		check:     r.preparation(task),
		fail:      func(err error) { r.failEarly(task, env, err, measured) },
	}
	defer func() {
		// After a success nobody will ask for details.
		_, completed := response.(*workflowservice.RespondActivityTaskCompletedRequest)
		env.heartbeat.close(!completed)
	}()

	if unretrieved != nil {
		logFailure(env.Logger(), "Activity error.", unretrieved)
		return r.respond(task, env, nil, unretrieved, false, measured), nil
	}
	ctx := WithEnv(cancelled, env)
	ctx, err = env.incoming(ctx, o.ContextPropagators, task.GetHeader())
	if err != nil {
		return nil, fmt.Errorf("reading the header of activity %s: %w", env.Info.ActivityType.Name, err)
	}
	ctx, stop := context.WithDeadline(ctx, env.Info.Deadline)
	defer stop()

	name := env.Info.ActivityType.Name
	fn, ok := o.Registry.Activity(name)
	if !ok {
		// A failure, not silence: the server retries it, perhaps on a worker
		// that knows the type.
		measured.unregistered.Inc(1)
		err := failure.NewActivityNotRegisteredError(name, o.Registry.ActivityTypes())
		logFailure(env.Logger(), "Activity error.", err)
		return r.respond(task, env, nil, err, false, measured), nil
	}

	result, err := invoke(ctx, env, fn, func() ([]any, error) {
		if fn.Dynamic {
			return []any{encoded.NewValues(task.GetInput(), env.converterFor(ctx))}, nil
		}
		args, err := fn.DecodeArgs(env.converterFor(ctx), task.GetInput())
		if err != nil {
			return nil, fmt.Errorf("unable to decode the activity function input payload with error: %w for function name: %v", err, name)
		}
		return args, nil
	})
	cancelRequested := ctx.Err() == context.Canceled && failure.IsCanceledError(context.Cause(ctx))
	if _, reported := errors.AsType[*reportedError](context.Cause(ctx)); reported {
		return nil, nil
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		env.Logger().Info("Activity complete after timeout.", logtag.Result, result, logtag.Error, err)
		return nil, ErrAfterDeadline
	}
	if err != nil && err != ErrResultPending {
		logFailure(env.Logger(), "Activity error.", err)
	}
	if _, ok := err.(*failure.PanicError); ok {
		measured.taskError.Inc(1)
	}
	response = r.respond(task, env, result, err, cancelRequested, measured)
	if m, ok := response.(proto.Message); ok {
		if err := r.prepare(context.WithoutCancel(ctx), task, m); err != nil {
			env.Logger().Warn("The outcome of the activity cannot be sent: the activity fails.", logtag.Error, err)
			return r.respond(task, env, nil, err, false, measured), nil
		}
	}
	return response, nil
}

// failEarly reports an activity as failed while its code still runs. If that fails, the
// attempt times out.
func (r *Runner) failEarly(task *workflowservice.PollActivityTaskQueueResponse, env *Env, err error, measured *typeMetrics) {
	if err := r.report(r.respond(task, env, nil, err, false, measured)); err != nil {
		env.Logger().Warn("The activity could not be reported as failed.", logtag.Error, err)
	}
}

func resourceOf(task *workflowservice.PollActivityTaskQueueResponse) string {
	return execution.ResourceID(task.GetWorkflowExecution().GetWorkflowId(), task.GetActivityId())
}

// respond builds the response for what an activity returned.
func (r *Runner) respond(task *workflowservice.PollActivityTaskQueueResponse, env *Env, result *commonpb.Payloads, err error, cancelRequested bool, measured *typeMetrics) any {
	o := &r.options
	resource := resourceOf(task)
	if err == nil {
		return &workflowservice.RespondActivityTaskCompletedRequest{
			TaskToken:  task.GetTaskToken(),
			ResourceId: resource,
			Result:     result,
			Identity:   o.Identity,
			Namespace:  o.Namespace,
		}
	}
	if err == ErrResultPending {
		return nil
	}
	if cancelRequested {
		var canceled *failure.CanceledError
		if errors.As(err, &canceled) {
			return &workflowservice.RespondActivityTaskCanceledRequest{
				TaskToken:  task.GetTaskToken(),
				ResourceId: resource,
				Details:    env.failures.ErrorToFailure(canceled).GetCanceledFailureInfo().GetDetails(),
				Identity:   o.Identity,
				Namespace:  o.Namespace,
			}
		}
		if errors.Is(err, context.Canceled) {
			return &workflowservice.RespondActivityTaskCanceledRequest{
				TaskToken:  task.GetTaskToken(),
				ResourceId: resource,
				Identity:   o.Identity,
				Namespace:  o.Namespace,
			}
		}
	}
	if _, ok := err.(*failure.CanceledError); ok {
		// Nobody asked for a cancellation, so this is a failure like any other.
		err = fmt.Errorf("unexpected activity cancel error: %w", err)
	}
	if !failure.IsBenign(err) {
		r.failed(task, measured, err)
	}
	return &workflowservice.RespondActivityTaskFailedRequest{
		TaskToken:  task.GetTaskToken(),
		ResourceId: resource,
		Failure:    env.failures.ErrorToFailure(err),
		Cause:      failureCause(err),
		Identity:   o.Identity,
		Namespace:  o.Namespace,
	}
}

func (r *Runner) newEnv(task *workflowservice.PollActivityTaskQueueResponse) *Env {
	o := &r.options
	now := time.Now()
	info := Info{
		TaskToken:              task.GetTaskToken(),
		ActivityID:             task.GetActivityId(),
		ActivityType:           execution.ActivityType{Name: task.GetActivityType().GetName()},
		TaskQueue:              o.TaskQueue,
		Namespace:              task.GetWorkflowNamespace(),
		HeartbeatTimeout:       task.GetHeartbeatTimeout().AsDuration(),
		ScheduleToCloseTimeout: task.GetScheduleToCloseTimeout().AsDuration(),
		StartToCloseTimeout:    task.GetStartToCloseTimeout().AsDuration(),
		ScheduledTime:          task.GetScheduledTime().AsTime(),
		StartedTime:            task.GetStartedTime().AsTime(),
		Attempt:                task.GetAttempt(),
		Priority:               policy.PriorityFromProto(task.GetPriority()),
		RetryPolicy:            policy.RetryFromProto(task.GetRetryPolicy()),
	}
	info.Deadline = deadline(info.ScheduledTime, now, info.ScheduleToCloseTimeout, info.StartToCloseTimeout)
	if info.Namespace == "" {
		info.Namespace = o.Namespace
	}
	if run := task.GetWorkflowExecution(); run.GetWorkflowId() != "" {
		info.WorkflowExecution = execution.Workflow{ID: run.GetWorkflowId(), RunID: run.GetRunId()}
		info.WorkflowType = &execution.WorkflowType{Name: task.GetWorkflowType().GetName()}
		info.WorkflowNamespace = info.Namespace
	} else {
		info.ActivityRunID = task.GetActivityRunId()
	}
	serialization := converter.ActivitySerializationContext{
		Namespace:    info.Namespace,
		WorkflowID:   task.GetWorkflowExecution().GetWorkflowId(),
		WorkflowType: task.GetWorkflowType().GetName(),
		ActivityType: info.ActivityType.Name,
		TaskQueue:    o.TaskQueue,
	}
	return &Env{
		Info:        info,
		BaseLogger:  o.Logger,
		BaseMetrics: o.Metrics,
		Converter:   converter.WithDataConverterSerializationContext(o.DataConverter, serialization),
		failures:    converter.WithFailureConverterSerializationContext(o.FailureConverter, serialization),
		Details:     task.GetHeartbeatDetails(),
		Stopping:    o.Stopping.Done(),
		Client:      o.Client,

		interceptors: o.Interceptors,
	}
}

// invoke calls the activity, through the interceptors, and encodes its result. A
// panic becomes a PanicError.
func invoke(ctx context.Context, env *Env, fn *registry.Function, arguments func() ([]any, error)) (result *commonpb.Payloads, err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := string(debug.Stack())
			env.Logger().Error("Activity panic.", logtag.PanicError, fmt.Sprint(p), logtag.PanicStack, stack)
			result, err = nil, failure.NewPanicError(p, stack)
		}
	}()
	env.function = fn
	if env.input.Args, err = arguments(); err != nil {
		return nil, err
	}
	inbound, err := env.intercept(ctx)
	if err != nil {
		return nil, err
	}
	value, err := inbound.ExecuteActivity(ctx, &env.input)
	if value == nil || err != nil {
		return nil, err
	}
	if payloads, ok := value.(*commonpb.Payloads); ok {
		return payloads, nil
	}
	result, encodeErr := env.converterFor(ctx).ToPayloads(value)
	if encodeErr != nil {
		return nil, fmt.Errorf("encoding the result of activity %s: %w", env.Info.ActivityType.Name, encodeErr)
	}
	return result, nil
}

// incoming is ctx with the header of a task: propagated, and for interceptors to
// look at.
func (e *Env) incoming(ctx context.Context, propagators []flow.ContextPropagator, h *commonpb.Header) (context.Context, error) {
	ctx, err := header.Extract(ctx, propagators, h)
	if err != nil || len(e.interceptors) == 0 {
		return ctx, err
	}
	fields := h.GetFields()
	if fields == nil {
		fields = make(map[string]*commonpb.Payload)
	}
	return header.WithFields(ctx, fields), nil
}

// logFailure logs an activity's error, quietly if the error is marked benign.
func logFailure(logger log.Logger, message string, err error) {
	if failure.IsBenign(err) {
		logger.Debug(message, logtag.Error, err)
		return
	}
	logger.Error(message, logtag.Error, err)
}
