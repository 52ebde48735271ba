package flow

import (
	"errors"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// ContinueAsNewErrorOptions are options of NewContinueAsNewErrorWithOptions.
type ContinueAsNewErrorOptions struct {
	// RetryPolicy of the next run. Defaults to that of the current one.
	RetryPolicy *policy.Retry
	// BackoffStartInterval delays the first workflow task of the next run.
	BackoffStartInterval time.Duration
	// InitialVersioningBehavior says on which deployment version the next
	// run starts.
	InitialVersioningBehavior policy.ContinueAsNewVersioningBehavior
}

// NewContinueAsNewError returns the error with which a workflow function ends
// its run and starts another, of the same workflow id, with a fresh history.
// The context's options for child workflows apply to it.
func NewContinueAsNewError(ctx Context, wfn any, args ...any) error {
	r := runOf(ctx)
	return r.outbound.NewContinueAsNewError(r.outgoing(ctx), wfn, args...)
}

func (o outbound) NewContinueAsNewError(ctx Context, wfn any, args ...any) error {
	r := o.run
	options := workflowOptionsOf(ctx)
	name, err := r.options.Registry.WorkflowName(wfn)
	if err == nil {
		err = registry.CheckArgs(wfn, args, workflowContextType)
	}
	if err != nil {
		panic(err)
	}
	input, err := dataConverterOf(ctx).ToPayloads(args...)
	if err != nil {
		panic(err)
	}
	header, err := r.headerFrom(ctx)
	if err != nil {
		return err
	}
	return &failure.ContinueAsNewError{
		WorkflowType:  &execution.WorkflowType{Name: name},
		Input:         input,
		Header:        header,
		TaskQueueName: options.TaskQueue,
		//lint:ignore SA1019 programs that set it keep working
		WorkflowExecutionTimeout: options.WorkflowExecutionTimeout,
		WorkflowRunTimeout:       options.WorkflowRunTimeout,
		WorkflowTaskTimeout:      options.WorkflowTaskTimeout,
		//lint:ignore SA1019 programs that set it keep working
		VersioningIntent: options.VersioningIntent,
	}
}

// NewContinueAsNewErrorWithOptions is NewContinueAsNewError with options.
func NewContinueAsNewErrorWithOptions(ctx Context, options ContinueAsNewErrorOptions, wfn any, args ...any) error {
	err := NewContinueAsNewError(ctx, wfn, args...)
	if next, ok := errors.AsType[*failure.ContinueAsNewError](err); ok {
		if options.RetryPolicy != nil {
			next.RetryPolicy = options.RetryPolicy
		}
		next.BackoffStartInterval = options.BackoffStartInterval
		next.InitialVersioningBehavior = options.InitialVersioningBehavior
	}
	return err
}

// closingCommand is what the end of the workflow function comes to.
func (r *run) closingCommand() *commandpb.Command {
	if r.err == nil {
		return &commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
				CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{Result: r.result},
			},
		}
	}
	if canceled, ok := errors.AsType[*failure.CanceledError](r.err); ok {
		return &commandpb.Command{
			CommandType: enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_CancelWorkflowExecutionCommandAttributes{
				CancelWorkflowExecutionCommandAttributes: &commandpb.CancelWorkflowExecutionCommandAttributes{
					Details: r.failures.ErrorToFailure(canceled).GetCanceledFailureInfo().GetDetails(),
				},
			},
		}
	}
	if next, ok := errors.AsType[*failure.ContinueAsNewError](r.err); ok {
		return r.continueAsNewCommand(next)
	}
	return r.failCommand(r.err)
}

func (r *run) failCommand(err error) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_FailWorkflowExecutionCommandAttributes{
			FailWorkflowExecutionCommandAttributes: &commandpb.FailWorkflowExecutionCommandAttributes{Failure: r.failures.ErrorToFailure(err)},
		},
	}
}

func (r *run) continueAsNewCommand(next *failure.ContinueAsNewError) *commandpb.Command {
	retry := next.RetryPolicy
	if retry == nil {
		retry = r.info.RetryPolicy
	}
	attributes := &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{
		WorkflowType:        &commonpb.WorkflowType{Name: next.WorkflowType.Name},
		TaskQueue:           &taskqueuepb.TaskQueue{Name: next.TaskQueueName, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:               next.Input,
		WorkflowRunTimeout:  durationpb.New(next.WorkflowRunTimeout),
		WorkflowTaskTimeout: durationpb.New(next.WorkflowTaskTimeout),
		RetryPolicy:         policy.RetryToProto(retry),
		Header:              next.Header,
		Memo:                r.info.Memo,
		SearchAttributes:    withoutUnset(r.info.SearchAttributes),
		//lint:ignore SA1019 programs that set it keep working
		InheritBuildId:            policy.InheritBuildID(next.VersioningIntent, r.info.TaskQueueName, next.TaskQueueName),
		InitialVersioningBehavior: policy.ContinueAsNewVersioningBehaviorToProto(next.InitialVersioningBehavior),
	}
	if next.BackoffStartInterval != 0 {
		attributes.BackoffStartInterval = durationpb.New(next.BackoffStartInterval)
	}
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{ContinueAsNewWorkflowExecutionCommandAttributes: attributes},
	}
}

// withoutUnset leaves out attributes that the run has unset: a new run has
// nothing to unset.
func withoutUnset(attributes *commonpb.SearchAttributes) *commonpb.SearchAttributes {
	if len(attributes.GetIndexedFields()) == 0 {
		return attributes
	}
	fields := make(map[string]*commonpb.Payload, len(attributes.IndexedFields))
	for name, payload := range attributes.IndexedFields {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != converter.MetadataEncodingNil {
			fields[name] = payload
		}
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}
}
