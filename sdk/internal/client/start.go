package client

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/links"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// StartWorkflowOptions say how to start a workflow. Only TaskQueue is required.
type StartWorkflowOptions struct {
	// ID is the workflow id, by which the workflow is known from then on. At most one
	// workflow of a namespace with the same id is running at any time, so one that follows
	// from what the workflow is about keeps it from being started twice. At most 1,000
	// bytes. The default is a random UUID.
	ID string

	// TaskQueue is where the workers of the workflow poll. It is required.
	TaskQueue string

	// WorkflowExecutionTimeout bounds the whole execution: all runs that retries, cron
	// and continue-as-new make of it. The default is no limit.
	WorkflowExecutionTimeout time.Duration

	// WorkflowRunTimeout bounds one run. The default is WorkflowExecutionTimeout.
	WorkflowRunTimeout time.Duration

	// WorkflowTaskTimeout is how long a worker may take for one workflow task before the
	// server offers it to another. The default is 10 seconds, and more than 2 minutes are
	// taken for 2 minutes. It rarely needs to be set.
	WorkflowTaskTimeout time.Duration

	// WorkflowIDConflictPolicy says what happens if a workflow with the id is running.
	// The default is to fail, or, for SignalWithStartWorkflow, to use the one that is
	// there.
	WorkflowIDConflictPolicy enumspb.WorkflowIdConflictPolicy

	// WorkflowIDReusePolicy says what happens if a workflow with the id has closed. The
	// default is to allow a new one.
	WorkflowIDReusePolicy enumspb.WorkflowIdReusePolicy

	// WorkflowExecutionErrorWhenAlreadyStarted makes ExecuteWorkflow return
	// [*serviceerror.WorkflowExecutionAlreadyStarted] if the id is taken, where it would
	// return the run that has it.
	WorkflowExecutionErrorWhenAlreadyStarted bool

	// RetryPolicy starts the workflow again if it fails. The default, nil, is not to.
	RetryPolicy *policy.Retry

	// CronSchedule starts the workflow again and again, at the times that the cron
	// expression gives, in UTC unless it begins with CRON_TZ=. For new programs,
	// schedules are the better choice.
	CronSchedule string

	// Memo is stored with the workflow, and returned when it is described and listed, but
	// cannot be searched for. At most 2 MiB; above 2 KiB there is a warning.
	Memo map[string]any

	// SearchAttributes are attributes by which the workflow can be found, without types.
	//
	// Deprecated: use TypedSearchAttributes. Only one of both can be set.
	SearchAttributes map[string]any

	// TypedSearchAttributes are attributes by which the workflow can be found. They must
	// be registered with the server.
	TypedSearchAttributes searchattr.SearchAttributes

	// StartDelay is the wait before the first workflow task. A signal ends it. It cannot
	// be set with CronSchedule.
	StartDelay time.Duration

	// StaticSummary is one line of Markdown that user interfaces show about the
	// workflow. At most 400 bytes.
	StaticSummary string

	// StaticDetails are lines of Markdown that user interfaces show about the workflow. At
	// most 20,000 bytes.
	StaticDetails string

	// VersioningOverride says on which version of a worker deployment the workflow runs,
	// whatever its type and its workers say. The default, nil, is to let them.
	VersioningOverride policy.VersioningOverride

	// Priority orders the workflow's tasks relative to others in the task queue.
	Priority policy.Priority

	// EnableEagerStart hands the first task to a worker of this process that uses the same
	// client and has a slot free, with the response to the start, which saves the way
	// through the task queue. The version of a worker deployment that the workflow should
	// begin on is not looked at. Without such a worker, or with a server that cannot do it,
	// the workflow starts as always. Only ExecuteWorkflow heeds it.
	EnableEagerStart bool

	nexus *NexusStart // nil unless a Nexus operation is what starts it
}

// workflowType returns the name of workflow, a function or a name, and fails if args
// are not what the function takes. A function goes by its Go name: the client does not
// know what workers may have registered it as.
func workflowType(workflow any, args []any) (string, error) {
	name, err := (*registry.Registry)(nil).WorkflowName(workflow)
	if err != nil {
		return "", err
	}
	return name, registry.CheckArgs(workflow, args, reflect.TypeFor[flow.Context]())
}

// ExecuteWorkflow starts a workflow and returns at once with the run.
func (c *Client) ExecuteWorkflow(ctx context.Context, options StartWorkflowOptions, workflow any, args ...any) (WorkflowRun, error) {
	name, err := workflowType(workflow, args)
	if err != nil {
		return nil, err
	}
	if options.ID == "" {
		options.ID = uuid.NewString()
	}
	return c.outbound.ExecuteWorkflow(c.outgoing(ctx), &ClientExecuteWorkflowInput{
		Options:      &options,
		WorkflowType: name,
		Args:         args,
	})
}

func (o outbound) ExecuteWorkflow(ctx context.Context, in *ClientExecuteWorkflowInput) (WorkflowRun, error) {
	request, err := o.startRequest(ctx, in.Options, in.WorkflowType, in.Args)
	if err != nil {
		return nil, err
	}
	var slot EagerSlot
	if in.Options.EnableEagerStart {
		slot = o.reserveEager(ctx, request)
	}
	response, err := o.service.StartWorkflowExecution(o.measured(ctx, in.WorkflowType, in.Options.TaskQueue), request)
	in.Options.nexus.answered(response.GetLink())
	if slot != nil {
		if task := response.GetEagerWorkflowTask(); err == nil && task != nil {
			slot.Run(task)
		} else {
			slot.Release()
		}
	}
	runID, firstRunID := response.GetRunId(), response.GetFirstExecutionRunId()
	if err != nil {
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		if in.Options.WorkflowExecutionErrorWhenAlreadyStarted || !errors.As(err, &started) {
			return nil, err
		}
		runID, firstRunID = started.RunId, started.FirstExecutionRunId
	}
	return o.newRun(in.WorkflowType, in.Options.TaskQueue, in.Options.ID, runID, firstRunID), nil
}

// measured returns ctx whose calls are recorded with what they are about.
func (c *Client) measured(ctx context.Context, workflowType, taskQueue string) context.Context {
	if c.calls == nil {
		return ctx
	}
	return rpc.About(ctx, workflowType, taskQueue)
}

// SignalWithStartWorkflow signals a workflow, and starts it first if it is not running.
func (c *Client) SignalWithStartWorkflow(
	ctx context.Context,
	workflowID, signalName string,
	signalArg any,
	options StartWorkflowOptions,
	workflow any,
	workflowArgs ...any,
) (WorkflowRun, error) {
	if options.ID != "" && options.ID != workflowID {
		return nil, errors.New("workflow ID from options not used, must be unset or match workflow ID parameter")
	}
	options.ID = workflowID
	if options.ID == "" {
		options.ID = uuid.NewString()
	}
	name, err := workflowType(workflow, workflowArgs)
	if err != nil {
		return nil, err
	}
	return c.outbound.SignalWithStartWorkflow(c.outgoing(ctx), &ClientSignalWithStartWorkflowInput{
		SignalName:   signalName,
		SignalArg:    signalArg,
		Options:      &options,
		WorkflowType: name,
		Args:         workflowArgs,
	})
}

func (o outbound) SignalWithStartWorkflow(ctx context.Context, in *ClientSignalWithStartWorkflowInput) (WorkflowRun, error) {
	start, err := o.startRequest(ctx, in.Options, in.WorkflowType, in.Args)
	if err != nil {
		return nil, err
	}
	input, err := o.converterFor(ctx, o.workflowPayloads(in.Options.ID)).ToPayloads(in.SignalArg)
	if err != nil {
		return nil, err
	}
	request := signalWithStart(start, in.SignalName, input)
	request.Links = links.Requested(ctx)
	response, err := o.service.SignalWithStartWorkflowExecution(o.measured(ctx, in.WorkflowType, in.Options.TaskQueue), request)
	if err != nil {
		return nil, err
	}
	links.Answered(ctx, response.GetSignalLink())
	return o.newRun(in.WorkflowType, in.Options.TaskQueue, in.Options.ID, response.GetRunId(), response.GetFirstExecutionRunId()), nil
}

// startRequest is the request to start a workflow. All that starts one is made of it.
func (c *Client) startRequest(ctx context.Context, options *StartWorkflowOptions, workflowType string, args []any) (*workflowservice.StartWorkflowExecutionRequest, error) {
	dc := c.converterFor(ctx, c.workflowPayloads(options.ID))
	input, err := dc.ToPayloads(args...)
	if err != nil {
		return nil, err
	}
	memo, err := encoded.Memo(options.Memo, dc)
	if err != nil {
		return nil, err
	}
	attributes, err := searchattr.EncodeForStart(options.SearchAttributes, options.TypedSearchAttributes)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, c.propagators)
	if err != nil {
		return nil, err
	}
	metadata, err := encoded.UserMetadata(options.StaticSummary, options.StaticDetails, dc)
	if err != nil {
		return nil, err
	}
	request := &workflowservice.StartWorkflowExecutionRequest{
		Namespace:                c.namespace,
		RequestId:                uuid.NewString(),
		WorkflowId:               options.ID,
		WorkflowType:             &commonpb.WorkflowType{Name: workflowType},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: options.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    input,
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		Identity:                 c.identity,
		WorkflowIdReusePolicy:    options.WorkflowIDReusePolicy,
		WorkflowIdConflictPolicy: options.WorkflowIDConflictPolicy,
		RetryPolicy:              policy.RetryToProto(options.RetryPolicy),
		CronSchedule:             options.CronSchedule,
		Memo:                     memo,
		SearchAttributes:         attributes,
		Header:                   h,
		UserMetadata:             metadata,
		VersioningOverride:       policy.VersioningOverrideToProto(options.VersioningOverride),
		Priority:                 policy.PriorityToProto(options.Priority),
	}
	if options.StartDelay != 0 {
		request.WorkflowStartDelay = durationpb.New(options.StartDelay)
	}
	options.nexus.apply(request)
	return request, nil
}

// signalWithStart adds a signal to the request to start a workflow.
func signalWithStart(start *workflowservice.StartWorkflowExecutionRequest, name string, input *commonpb.Payloads) *workflowservice.SignalWithStartWorkflowExecutionRequest {
	return &workflowservice.SignalWithStartWorkflowExecutionRequest{
		SignalName:  name,
		SignalInput: input,

		Namespace:                start.Namespace,
		RequestId:                start.RequestId,
		WorkflowId:               start.WorkflowId,
		WorkflowType:             start.WorkflowType,
		TaskQueue:                start.TaskQueue,
		Input:                    start.Input,
		WorkflowExecutionTimeout: start.WorkflowExecutionTimeout,
		WorkflowRunTimeout:       start.WorkflowRunTimeout,
		WorkflowTaskTimeout:      start.WorkflowTaskTimeout,
		Identity:                 start.Identity,
		WorkflowIdReusePolicy:    start.WorkflowIdReusePolicy,
		WorkflowIdConflictPolicy: start.WorkflowIdConflictPolicy,
		RetryPolicy:              start.RetryPolicy,
		CronSchedule:             start.CronSchedule,
		Memo:                     start.Memo,
		SearchAttributes:         start.SearchAttributes,
		Header:                   start.Header,
		WorkflowStartDelay:       start.WorkflowStartDelay,
		UserMetadata:             start.UserMetadata,
		VersioningOverride:       start.VersioningOverride,
		Priority:                 start.Priority,
	}
}
