package temporalnexus

import (
	"context"
	"errors"
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/client"
	internalclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/workflow"
)

// WorkflowRunOperationOptions are options of NewWorkflowRunOperationWithOptions: either
// Workflow and GetOptions, or Handler.
type WorkflowRunOperationOptions[I, O any] struct {
	// Name by which callers ask for the operation. It is required.
	Name string
	// Workflow is started with the operation's input, and its result is the operation's.
	Workflow func(workflow.Context, I) (O, error)
	// GetOptions says how to start Workflow. ID is required, and should be made from the input,
	// so that a start that is tried again finds the first one. TaskQueue defaults to that of the
	// worker. A workflow that is running already is an error, unless WorkflowIDConflictPolicy is
	// USE_EXISTING: then the caller is told of its end, too.
	// WorkflowExecutionErrorWhenAlreadyStarted is always taken as true.
	GetOptions func(context.Context, I, nexus.StartOperationOptions) (client.StartWorkflowOptions, error)
	// Handler starts a workflow with ExecuteWorkflow or ExecuteUntypedWorkflow, with what input
	// it likes.
	Handler func(context.Context, I, nexus.StartOperationOptions) (WorkflowHandle[O], error)
}

// NewWorkflowRunOperation returns an operation that starts a workflow and ends when it does. See
// WorkflowRunOperationOptions for getOptions. It panics if the name is reserved.
func NewWorkflowRunOperation[I, O any](
	name string,
	workflow func(workflow.Context, I) (O, error),
	getOptions func(context.Context, I, nexus.StartOperationOptions) (client.StartWorkflowOptions, error),
) nexus.Operation[I, O] {
	if strings.HasPrefix(name, registry.ReservedPrefix) {
		panic(errors.New("temporalnexus NewWorkflowRunOperation " + registry.ReservedPrefix + " is an invalid name"))
	}
	return &workflowRunOperation[I, O]{options: WorkflowRunOperationOptions[I, O]{Name: name, Workflow: workflow, GetOptions: getOptions}}
}

// NewWorkflowRunOperationWithOptions returns an operation that starts a workflow and ends when it
// does. It fails if the options are not complete.
func NewWorkflowRunOperationWithOptions[I, O any](options WorkflowRunOperationOptions[I, O]) (nexus.Operation[I, O], error) {
	if err := checkName(options.Name); err != nil {
		return nil, err
	}
	switch {
	case options.Workflow == nil && options.GetOptions == nil && options.Handler == nil:
		return nil, errors.New("invalid options: either GetOptions and Workflow, or Handler are required")
	case (options.Workflow == nil) != (options.GetOptions == nil):
		return nil, errors.New("invalid options: must provide both Workflow and GetOptions")
	case options.Handler != nil && options.Workflow != nil:
		return nil, errors.New("invalid options: Workflow is mutually exclusive with Handler")
	}
	return &workflowRunOperation[I, O]{options: options}, nil
}

// MustNewWorkflowRunOperationWithOptions is NewWorkflowRunOperationWithOptions, and panics where
// that fails.
func MustNewWorkflowRunOperationWithOptions[I, O any](options WorkflowRunOperationOptions[I, O]) nexus.Operation[I, O] {
	operation, err := NewWorkflowRunOperationWithOptions(options)
	if err != nil {
		panic(err)
	}
	return operation
}

func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("invalid options: Name is required")
	case strings.HasPrefix(name, registry.ReservedPrefix):
		return errors.New("invalid options: " + registry.ReservedPrefix + " is a reserved prefix")
	}
	return nil
}

type workflowRunOperation[I, O any] struct {
	nexus.UnimplementedOperation[I, O]
	options WorkflowRunOperationOptions[I, O]
}

func (o *workflowRunOperation[I, O]) Name() string { return o.options.Name }

func (o *workflowRunOperation[I, O]) Start(ctx context.Context, input I, options nexus.StartOperationOptions) (nexus.HandlerStartOperationResult[O], error) {
	handle, err := o.start(ctx, input, options)
	if err != nil {
		return nil, err
	}
	nexus.AddHandlerLinks(ctx, handle.link())
	return &nexus.HandlerStartOperationResultAsync{OperationToken: handle.token()}, nil
}

func (o *workflowRunOperation[I, O]) start(ctx context.Context, input I, options nexus.StartOperationOptions) (WorkflowHandle[O], error) {
	if o.options.Handler != nil {
		return o.options.Handler(ctx, input, options)
	}
	start, err := o.options.GetOptions(ctx, input, options)
	if err != nil {
		return nil, err
	}
	return ExecuteWorkflow(ctx, options, start, o.options.Workflow, input)
}

func (*workflowRunOperation[I, O]) Cancel(ctx context.Context, token string, _ nexus.CancelOperationOptions) error {
	decoded, err := decodeToken(token, tokenOfWorkflowRun)
	if err != nil {
		return err
	}
	return GetClient(ctx).CancelWorkflow(ctx, decoded.WorkflowID, "")
}

// WorkflowHandle is the workflow that a Nexus operation has started. Only ExecuteWorkflow and
// ExecuteUntypedWorkflow make one.
type WorkflowHandle[T any] interface {
	// ID returns the id of the workflow that was started.
	ID() string
	// RunID returns the run that was started, or found running.
	RunID() string

	// link leads to the workflow, token is the operation's.
	link() nexus.Link
	token() string
	// resultType ties the handle to the type of the result.
	resultType(T)
}

type workflowHandle[T any] struct {
	id, runID      string
	operationToken string
	started        *commonpb.Link_WorkflowEvent
}

func (h workflowHandle[T]) ID() string       { return h.id }
func (h workflowHandle[T]) RunID() string    { return h.runID }
func (h workflowHandle[T]) token() string    { return h.operationToken }
func (h workflowHandle[T]) link() nexus.Link { return ConvertLinkWorkflowEventToNexusLink(h.started) }
func (h workflowHandle[T]) resultType(T)     {}

// ExecuteWorkflow starts a workflow for a WorkflowRunOperationOptions.Handler: the operation ends
// when the workflow does, retries and runs by continue-as-new included.
func ExecuteWorkflow[I, O any, WF func(workflow.Context, I) (O, error)](
	ctx context.Context,
	nexusOptions nexus.StartOperationOptions,
	startWorkflowOptions client.StartWorkflowOptions,
	workflow WF,
	arg I,
) (WorkflowHandle[O], error) {
	return ExecuteUntypedWorkflow[O](ctx, nexusOptions, startWorkflowOptions, workflow, arg)
}

var errNoWorkflowID = errors.New("workflow ID is unset for Nexus operation")

// ExecuteUntypedWorkflow is ExecuteWorkflow for a workflow by name, or with another number of
// arguments.
func ExecuteUntypedWorkflow[R any](
	ctx context.Context,
	nexusOptions nexus.StartOperationOptions,
	startWorkflowOptions client.StartWorkflowOptions,
	workflow any,
	args ...any,
) (WorkflowHandle[R], error) {
	operation, ok := nexusop.OperationOf(ctx)
	if !ok {
		return nil, errNotInOperation()
	}
	workflowType, err := operation.Registry.WorkflowName(workflow)
	if err != nil {
		panic(err)
	}
	if startWorkflowOptions.TaskQueue == "" {
		startWorkflowOptions.TaskQueue = operation.TaskQueue
	}
	if startWorkflowOptions.ID == "" {
		return nil, errNoWorkflowID
	}
	token, err := encodeToken(operationToken{Type: tokenOfWorkflowRun, Namespace: operation.Namespace, WorkflowID: startWorkflowOptions.ID})
	if err != nil {
		return nil, err
	}
	start, err := nexusStart(ctx, nexusOptions, token)
	if err != nil {
		return nil, err
	}
	internalclient.SetNexusStart(&startWorkflowOptions, start)
	// The operation is only started when its callback is at the workflow: one that runs already
	// without the callback is an error.
	startWorkflowOptions.WorkflowExecutionErrorWhenAlreadyStarted = true
	run, err := GetClient(ctx).ExecuteWorkflow(ctx, startWorkflowOptions, workflowType, args...)
	if err != nil {
		return nil, err
	}
	started := start.Link().GetWorkflowEvent()
	if started == nil {
		started = &commonpb.Link_WorkflowEvent{
			Namespace: operation.Namespace, WorkflowId: run.GetID(), RunId: run.GetRunID(),
			Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{
				EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
			}},
		}
	}
	return workflowHandle[R]{id: run.GetID(), runID: run.GetRunID(), operationToken: token, started: started}, nil
}
