package flow

import (
	"cmp"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// childFuture implements ChildWorkflowFuture.
type childFuture struct {
	*future
	execution *future
}

func newChildFuture() *childFuture {
	return &childFuture{future: &future{}, execution: &future{}}
}

func (f *childFuture) GetChildWorkflowExecution() Future { return f.execution }

func (f *childFuture) SignalChildWorkflow(ctx Context, signalName string, data any) Future {
	enterMutable(ctx)
	var child execution.Workflow
	if err := f.execution.Get(ctx, &child); err != nil {
		return f.execution
	}
	r := runOf(ctx)
	return r.outbound.SignalChildWorkflow(r.outgoing(ctx), child.ID, signalName, data)
}

// NewFailedChildWorkflow returns the future of a child that is not started because of err.
func NewFailedChildWorkflow(err error) ChildWorkflowFuture { return newChildFuture().fail(err) }

func (f *childFuture) fail(err error) *childFuture {
	f.execution.Set(nil, err)
	f.Set(nil, err)
	return f
}

// ExecuteChildWorkflow asks for a child workflow, by function or by name, and
// returns the future of its result. Errors are the future's: a
// ChildWorkflowExecutionError, or a CanceledError if ctx was cancelled before
// the call.
//
// A function only stands for its name. The arguments are not compared with its
// parameters: what counts is whether the child can decode them.
func ExecuteChildWorkflow(ctx Context, childWorkflow any, args ...any) ChildWorkflowFuture {
	r := enterMutable(ctx).run
	name, err := r.options.Registry.WorkflowName(childWorkflow)
	if err != nil {
		panic(err)
	}
	return r.outbound.ExecuteChildWorkflow(r.outgoing(ctx), name, args...)
}

func (o outbound) ExecuteChildWorkflow(ctx Context, name string, args ...any) ChildWorkflowFuture {
	r := o.mutable()
	f := newChildFuture()
	if err := ctx.Err(); err != nil {
		return f.fail(err)
	}
	options := workflowOptionsOf(ctx)
	id := options.WorkflowID
	if id == "" {
		id = r.machine.NextChildID()
	}
	serialization := converter.WorkflowSerializationContext{
		Namespace:  cmp.Or(options.Namespace, r.info.Namespace),
		WorkflowID: id,
	}
	f.converter = converterFor(ctx, serialization)
	input, err := f.converter.ToPayloads(args...)
	if err != nil {
		return f.fail(err)
	}
	header, err := r.headerFrom(ctx)
	if err != nil {
		return f.fail(err)
	}
	c := &childCall{
		ctx:       ctx,
		run:       r,
		future:    f,
		id:        id,
		converter: f.converter,
		failures:  converter.WithFailureConverterSerializationContext(r.rootFailures, serialization),
	}
	attributes, metadata, err := r.childCommand(options, id, name)
	if err != nil {
		c.refused(err)
		return f
	}
	attributes.Input, attributes.Header = input, header
	if tell := r.options.ChildConverter; tell != nil {
		tell(id, unboundConverter(ctx))
	}
	c.child, err = r.machine.StartChildWorkflow(attributes, metadata, replay.ChildCallbacks{
		Started:     c.started,
		StartFailed: c.startFailed,
		Closed:      c.closed,
	})
	if err != nil {
		c.refused(&failure.ChildWorkflowExecutionAlreadyStartedError{})
	}
	return f
}

// childCommand is the command that starts a child, without its input.
func (r *run) childCommand(options *workflowOptions, id, name string) (*commandpb.StartChildWorkflowExecutionCommandAttributes, *sdkpb.UserMetadata, error) {
	memo, err := r.encodeMemo(options.Memo)
	if err != nil {
		return nil, nil, err
	}
	attributes, err := searchattr.EncodeForStart(options.SearchAttributes, options.TypedSearchAttributes)
	if err != nil {
		return nil, nil, err
	}
	metadata, err := encoded.UserMetadata(options.StaticSummary, options.StaticDetails, r.converter)
	if err != nil {
		return nil, nil, err
	}
	return &commandpb.StartChildWorkflowExecutionCommandAttributes{
		//lint:ignore SA1019 the field is how a child in another namespace is named
		Namespace:                options.Namespace,
		WorkflowId:               id,
		WorkflowType:             &commonpb.WorkflowType{Name: name},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: options.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		ParentClosePolicy:        options.ParentClosePolicy,
		WorkflowIdReusePolicy:    options.WorkflowIDReusePolicy,
		RetryPolicy:              policy.RetryToProto(options.RetryPolicy),
		CronSchedule:             options.CronSchedule,
		Memo:                     memo,
		SearchAttributes:         attributes,
		//lint:ignore SA1019 programs that set an intent keep working
		InheritBuildId:     policy.InheritBuildID(options.VersioningIntent, r.info.TaskQueueName, options.TaskQueue),
		Priority:           policy.PriorityToProto(options.Priority),
		VersioningOverride: policy.VersioningOverrideToProto(options.VersioningOverride),
	}, metadata, nil
}

// childCall is a child workflow whose futures wait.
type childCall struct {
	ctx       Context
	run       *run
	future    *childFuture
	child     *replay.ChildWorkflow
	id        string
	converter DataConverter
	failures  FailureConverter
	hook      *cancelHook
}

// refused ends a child that was not asked for.
func (c *childCall) refused(err error) {
	if c.run.machine.UseFlag(replay.FlagChildWorkflowErrorExecution) {
		c.future.execution.Set(nil, &failure.ChildWorkflowExecutionAlreadyStartedError{})
	}
	c.future.Set(nil, err)
}

func (c *childCall) started(runID string) {
	// A child can be cancelled from here on.
	c.hook = onCancel(c.ctx, func() {
		if !c.future.ready {
			c.run.machine.CancelChildWorkflow(c.child)
		}
	})
	c.hook.arm()
	c.future.execution.Set(execution.Workflow{ID: c.id, RunID: runID}, nil)
}

func (c *childCall) startFailed(e *historypb.StartChildWorkflowExecutionFailedEventAttributes) {
	var cause error
	switch e.GetCause() {
	case enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS:
		cause = &failure.ChildWorkflowExecutionAlreadyStartedError{}
	case enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND:
		cause = &failure.NamespaceNotFoundError{}
	case enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_INVALID_VERSIONING_OVERRIDE:
		cause = &failure.InvalidVersioningOverrideError{}
	default:
		cause = fmt.Errorf("unable to start child workflow for unknown cause: %v", e.GetCause())
	}
	err := failure.NewChildWorkflowExecutionError(e.GetNamespace(), e.GetWorkflowId(), "", e.GetWorkflowType().GetName(),
		e.GetInitiatedEventId(), 0, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE, cause)
	c.future.Set(nil, err)
	c.future.execution.Set(nil, err)
}

func (c *childCall) closed(result replay.ChildResult) {
	c.hook.remove()
	var cause error
	switch result.Closing {
	case replay.Completed:
		c.future.setPayloads(result.Result, nil)
		return
	case replay.Canceled:
		cause = failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{encoded.NewValues(result.Result, c.converter)}})
	case replay.TimedOut:
		cause = failure.NewTimeoutError("Child workflow timeout", enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
	case replay.Terminated:
		cause = failure.NewTerminatedError()
	default:
		cause = c.failures.FailureToError(result.Failure)
	}
	c.future.Set(nil, failure.NewChildWorkflowExecutionError(
		result.Namespace, result.Execution.GetWorkflowId(), result.Execution.GetRunId(), result.WorkflowType,
		result.InitiatedEventID, result.StartedEventID, result.RetryState, cause))
}
