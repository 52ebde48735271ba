package client

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// StartWorkflowOptions say how to start a workflow. Only TaskQueue is required.
type StartWorkflowOptions struct {
	// ID is the workflow id, by which the workflow is known from then on. At most one
	// workflow of a namespace with the same id is running at any time. The default is
	// a random UUID.
	ID string

	// TaskQueue is where the workers of the workflow poll. It is required.
	TaskQueue string

	// WorkflowExecutionTimeout bounds the whole execution: all runs that retries, cron
	// and continue-as-new make of it. The default is no limit.
	WorkflowExecutionTimeout time.Duration

	// WorkflowRunTimeout bounds one run. The default is WorkflowExecutionTimeout.
	WorkflowRunTimeout time.Duration

	// WorkflowTaskTimeout is how long a worker may take for one workflow task before the
	// server offers it to another. The default is 10 seconds, and the server has a
	// maximum. It rarely needs to be set.
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

	// Memo is stored with the workflow, and returned when it is described and listed.
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
	// workflow.
	StaticSummary string

	// StaticDetails are lines of Markdown that user interfaces show about the workflow.
	StaticDetails string

	// Priority orders the workflow's tasks relative to others in the task queue.
	Priority policy.Priority
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

// start holds what StartWorkflowExecution and SignalWithStartWorkflowExecution have in
// common.
type start struct {
	workflowType     *commonpb.WorkflowType
	taskQueue        *taskqueuepb.TaskQueue
	input            *commonpb.Payloads
	memo             *commonpb.Memo
	searchAttributes *commonpb.SearchAttributes
	header           *commonpb.Header
	userMetadata     *sdkpb.UserMetadata
	startDelay       *durationpb.Duration
}

func (c *Client) encodeStart(ctx context.Context, options *StartWorkflowOptions, workflow any, args []any) (*start, error) {
	name, err := workflowType(workflow, args)
	if err != nil {
		return nil, err
	}
	s := &start{
		workflowType: &commonpb.WorkflowType{Name: name},
		taskQueue:    &taskqueuepb.TaskQueue{Name: options.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
	}
	dc := c.converterFor(ctx, c.workflowPayloads(options.ID))
	if s.input, err = dc.ToPayloads(args...); err != nil {
		return nil, err
	}
	if s.memo, err = encodeMemo(options.Memo, dc); err != nil {
		return nil, err
	}
	if s.searchAttributes, err = searchattr.EncodeForStart(options.SearchAttributes, options.TypedSearchAttributes); err != nil {
		return nil, err
	}
	if s.header, err = header.Inject(ctx, c.propagators, nil); err != nil {
		return nil, err
	}
	if s.userMetadata, err = encodeUserMetadata(options.StaticSummary, options.StaticDetails, dc); err != nil {
		return nil, err
	}
	if options.StartDelay != 0 {
		s.startDelay = durationpb.New(options.StartDelay)
	}
	return s, nil
}

// ExecuteWorkflow starts a workflow and returns at once with the run.
func (c *Client) ExecuteWorkflow(ctx context.Context, options StartWorkflowOptions, workflow any, args ...any) (WorkflowRun, error) {
	if options.ID == "" {
		options.ID = uuid.NewString()
	}
	s, err := c.encodeStart(ctx, &options, workflow, args)
	if err != nil {
		return nil, err
	}
	response, err := c.service.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace:                c.namespace,
		WorkflowId:               options.ID,
		WorkflowType:             s.workflowType,
		TaskQueue:                s.taskQueue,
		Input:                    s.input,
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		Identity:                 c.identity,
		// One id for all attempts: the server starts one workflow however often it gets
		// the request.
		RequestId:                uuid.NewString(),
		WorkflowIdReusePolicy:    options.WorkflowIDReusePolicy,
		WorkflowIdConflictPolicy: options.WorkflowIDConflictPolicy,
		RetryPolicy:              policy.RetryToProto(options.RetryPolicy),
		CronSchedule:             options.CronSchedule,
		Memo:                     s.memo,
		SearchAttributes:         s.searchAttributes,
		Header:                   s.header,
		WorkflowStartDelay:       s.startDelay,
		UserMetadata:             s.userMetadata,
		Priority:                 policy.PriorityToProto(options.Priority),
	})
	runID, firstRunID := response.GetRunId(), response.GetFirstExecutionRunId()
	if err != nil {
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		if options.WorkflowExecutionErrorWhenAlreadyStarted || !errors.As(err, &started) {
			return nil, err
		}
		runID, firstRunID = started.RunId, started.FirstExecutionRunId
	}
	return c.newRun(s.workflowType.GetName(), options.ID, runID, firstRunID), nil
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
	s, err := c.encodeStart(ctx, &options, workflow, workflowArgs)
	if err != nil {
		return nil, err
	}
	signalInput, err := c.converterFor(ctx, c.workflowPayloads(options.ID)).ToPayloads(signalArg)
	if err != nil {
		return nil, err
	}
	response, err := c.service.SignalWithStartWorkflowExecution(ctx, &workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace:                c.namespace,
		WorkflowId:               options.ID,
		WorkflowType:             s.workflowType,
		TaskQueue:                s.taskQueue,
		Input:                    s.input,
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		Identity:                 c.identity,
		RequestId:                uuid.NewString(),
		WorkflowIdReusePolicy:    options.WorkflowIDReusePolicy,
		WorkflowIdConflictPolicy: options.WorkflowIDConflictPolicy,
		SignalName:               signalName,
		SignalInput:              signalInput,
		RetryPolicy:              policy.RetryToProto(options.RetryPolicy),
		CronSchedule:             options.CronSchedule,
		Memo:                     s.memo,
		SearchAttributes:         s.searchAttributes,
		Header:                   s.header,
		WorkflowStartDelay:       s.startDelay,
		UserMetadata:             s.userMetadata,
		Priority:                 policy.PriorityToProto(options.Priority),
	})
	if err != nil {
		return nil, err
	}
	return c.newRun(s.workflowType.GetName(), options.ID, response.GetRunId(), response.GetFirstExecutionRunId()), nil
}
