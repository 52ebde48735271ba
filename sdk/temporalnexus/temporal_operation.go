package temporalnexus

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	internalclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/workflow"
)

// ErrCannotCancelWorkflowUpdate is returned for the cancellation of an operation that an update
// carries out, unless TemporalOperationOptions.CancelWorkflowUpdate knows how.
var ErrCannotCancelWorkflowUpdate = &nexus.HandlerError{
	Type:  nexus.HandlerErrorTypeNotImplemented,
	Cause: errors.New("cannot cancel an UpdateWorkflow operation"),
}

// StartTemporalOperationOptions are those of the request to start, a nexus.StartOperationOptions.
type StartTemporalOperationOptions struct {
	// Header of the request, without what is about its content.
	Header nexus.Header
	// CallbackURL is told of the end of an operation that goes on.
	CallbackURL string
	// CallbackHeader goes there with it.
	CallbackHeader nexus.Header
	// RequestID is the same when the request is tried again. It is never empty.
	RequestID string
	// Links name the caller.
	Links []nexus.Link
}

// CancelTemporalWorkflowRunOptions say which workflow carries out an operation.
type CancelTemporalWorkflowRunOptions struct {
	// WorkflowID names the workflow that carries the operation out.
	WorkflowID string
}

// CancelTemporalUpdateWorkflowOptions say which update carries out an operation.
type CancelTemporalUpdateWorkflowOptions struct {
	// WorkflowID of the workflow that was updated.
	WorkflowID string
	// UpdateID names the update that carries the operation out.
	UpdateID string
	// RunID of the run that was updated.
	RunID string
}

// CancelTemporalActivityExecutionOptions say which activity carries out an operation.
type CancelTemporalActivityExecutionOptions struct {
	// ActivityID names the activity that carries the operation out.
	ActivityID string
	// RunID of the activity, empty if it was not known when the token was made.
	RunID string
}

// TemporalOperationResult is a result, or the token of an operation that goes on.
type TemporalOperationResult[R any] struct {
	value *R
	token string
}

// NewSyncResult is the result of an operation that is over.
func NewSyncResult[R any](value R) TemporalOperationResult[R] {
	return TemporalOperationResult[R]{value: &value}
}

// NewAsyncResult is the token of an operation that goes on.
func NewAsyncResult[R any](token string) TemporalOperationResult[R] {
	return TemporalOperationResult[R]{token: token}
}

func (r TemporalOperationResult[R]) forHandler() (nexus.HandlerStartOperationResult[R], error) {
	switch {
	case r.value != nil && r.token != "":
		return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "invalid TemporalOperationResult: both sync and token are set")
	case r.value != nil:
		return &nexus.HandlerStartOperationResultSync[R]{Value: *r.value}, nil
	case r.token != "":
		return &nexus.HandlerStartOperationResultAsync{OperationToken: r.token}, nil
	}
	return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "invalid TemporalOperationResult: neither sync nor token is set")
}

// NexusClient is what TemporalOperationOptions.Start starts something with: one workflow, update or
// activity that carries out the operation. It is for that call only.
type NexusClient struct {
	client  client.Client
	options nexus.StartOperationOptions
	// started is shared by copies.
	started *atomic.Bool
}

// GetWorkflowClient returns the client behind it. What is started with that does not carry out the
// operation.
func (nc NexusClient) GetWorkflowClient() client.Client { return nc.client }

// begin notes that something carries out the operation; the function it returns takes that back
// if the error is not nil.
func (nc NexusClient) begin() (undo func(error), err error) {
	if nc.started == nil {
		return nil, errNotInOperation()
	}
	if !nc.started.CompareAndSwap(false, true) {
		return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "only one async operation can be started per operation invocation")
	}
	return func(err error) {
		if err != nil {
			nc.started.Store(false)
		}
	}, nil
}

// StartWorkflow starts a workflow that carries out the operation. See
// WorkflowRunOperationOptions.GetOptions for the options.
func StartWorkflow[I, O any, WF func(workflow.Context, I) (O, error)](
	ctx context.Context,
	nc NexusClient,
	workflowOpts client.StartWorkflowOptions,
	workflow WF,
	arg I,
) (TemporalOperationResult[O], error) {
	return StartUntypedWorkflow[O](ctx, nc, workflowOpts, workflow, arg)
}

// StartUntypedWorkflow is StartWorkflow for a workflow by name, or with another number of arguments.
func StartUntypedWorkflow[R any](
	ctx context.Context,
	nc NexusClient,
	workflowOpts client.StartWorkflowOptions,
	workflow any,
	args ...any,
) (result TemporalOperationResult[R], err error) {
	undo, err := nc.begin()
	if err != nil {
		return result, err
	}
	defer func() { undo(err) }()
	handle, err := ExecuteUntypedWorkflow[R](ctx, nc.options, workflowOpts, workflow, args...)
	if err != nil {
		return result, err
	}
	nexus.AddHandlerLinks(ctx, handle.link())
	return NewAsyncResult[R](handle.token()), nil
}

// StartUpdateWorkflow sends an update that carries out the operation. WaitForStage must be
// client.WorkflowUpdateStageAccepted. UpdateID defaults to the id of the request, so that an update
// that is sent again is the same. An update that is over already is the operation's result.
func StartUpdateWorkflow[R any](
	ctx context.Context,
	nc NexusClient,
	updateWorkflowOptions client.UpdateWorkflowOptions,
) (result TemporalOperationResult[R], err error) {
	if updateWorkflowOptions.UpdateID == "" {
		updateWorkflowOptions.UpdateID = nc.options.RequestID
	}
	if err := checkUpdate(updateWorkflowOptions); err != nil {
		return result, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "invalid update request: %w", err)
	}
	operation, ok := nexusop.OperationOf(ctx)
	if !ok {
		return result, errNotInOperation()
	}
	if nc.options.CallbackURL == "" {
		return result, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "callback URL required for async UpdateWorkflow operation invocations")
	}
	undo, err := nc.begin()
	if err != nil {
		return result, err
	}
	defer func() { undo(err) }()
	token := operationToken{
		Type: tokenOfUpdate, Namespace: operation.Namespace, WorkflowID: updateWorkflowOptions.WorkflowID,
		RunID: &updateWorkflowOptions.RunID, UpdateID: updateWorkflowOptions.UpdateID,
	}
	encoded, err := encodeToken(token)
	if err != nil {
		return result, err
	}
	start, err := nexusStart(ctx, nc.options, encoded)
	if err != nil {
		return result, err
	}
	internalclient.SetNexusUpdate(&updateWorkflowOptions, start)
	update, err := GetClient(ctx).UpdateWorkflow(ctx, updateWorkflowOptions)
	if err != nil {
		return result, err
	}
	if link := start.Link(); link != nil {
		nexus.AddHandlerLinks(ctx, ConvertCommonLinkToNexusLink(link))
	}
	if internalclient.UpdateOutcomeKnown(update) {
		nc.started.Store(false)
		return updateResult[R](ctx, update)
	}
	// Now the run is known.
	runID := update.RunID()
	token.RunID = &runID
	if encoded, err = encodeToken(token); err != nil {
		return result, err
	}
	return NewAsyncResult[R](encoded), nil
}

func updateResult[R any](ctx context.Context, update client.WorkflowUpdateHandle) (TemporalOperationResult[R], error) {
	var value R
	if err := update.Get(ctx, &value); err != nil {
		return TemporalOperationResult[R]{}, &nexus.OperationError{State: nexus.OperationStateFailed, Message: err.Error(), Cause: err}
	}
	return NewSyncResult(value), nil
}

func checkUpdate(options client.UpdateWorkflowOptions) error {
	switch {
	case options.WorkflowID == "":
		return errors.New("workflow ID cannot be empty")
	case options.UpdateName == "":
		return errors.New("update name cannot be empty")
	case options.WaitForStage != client.WorkflowUpdateStageAccepted:
		return errors.New("nexus op workflow updates only support WorkflowUpdateStageAccepted for async updates")
	}
	return nil
}

// TemporalOperationOptions are options of NewTemporalOperation. Name and Start are required.
type TemporalOperationOptions[I, O any] struct {
	// Name by which callers ask for the operation. It is required.
	Name string
	// Start starts what carries out the operation, by StartWorkflow, StartUpdateWorkflow or
	// StartActivity, and returns what that returned; or it returns a NewSyncResult.
	Start func(ctx context.Context, nc NexusClient, input I, options StartTemporalOperationOptions) (TemporalOperationResult[O], error)
	// CancelWorkflowRun cancels an operation that a workflow carries out. The default cancels the
	// workflow.
	CancelWorkflowRun func(ctx context.Context, c client.Client, options CancelTemporalWorkflowRunOptions, cancelOptions nexus.CancelOperationOptions) error
	// CancelWorkflowUpdate cancels an operation that an update carries out. The default returns
	// ErrCannotCancelWorkflowUpdate.
	CancelWorkflowUpdate func(ctx context.Context, c client.Client, options CancelTemporalUpdateWorkflowOptions, cancelOptions nexus.CancelOperationOptions) error
	// CancelActivityExecution cancels an operation that an activity carries out. The default cancels
	// the activity.
	CancelActivityExecution func(ctx context.Context, c client.Client, options CancelTemporalActivityExecutionOptions, cancelOptions nexus.CancelOperationOptions) error
}

// NewTemporalOperation returns an operation that its function starts as it likes:
//
//	temporalnexus.NewTemporalOperation(temporalnexus.TemporalOperationOptions[Order, Receipt]{
//		Name: "charge",
//		Start: func(ctx context.Context, nc temporalnexus.NexusClient, order Order, _ temporalnexus.StartTemporalOperationOptions) (temporalnexus.TemporalOperationResult[Receipt], error) {
//			if order.Total == 0 {
//				return temporalnexus.NewSyncResult(Receipt{}), nil
//			}
//			return temporalnexus.StartWorkflow(ctx, nc, client.StartWorkflowOptions{ID: "charge-" + order.ID}, ChargeWorkflow, order)
//		},
//	})
func NewTemporalOperation[I, O any](opts TemporalOperationOptions[I, O]) (nexus.Operation[I, O], error) {
	if err := checkName(opts.Name); err != nil {
		return nil, err
	}
	if opts.Start == nil {
		return nil, errors.New("invalid options: Start is required")
	}
	if opts.CancelWorkflowRun == nil {
		opts.CancelWorkflowRun = func(ctx context.Context, c client.Client, options CancelTemporalWorkflowRunOptions, _ nexus.CancelOperationOptions) error {
			return c.CancelWorkflow(ctx, options.WorkflowID, "")
		}
	}
	if opts.CancelWorkflowUpdate == nil {
		opts.CancelWorkflowUpdate = func(context.Context, client.Client, CancelTemporalUpdateWorkflowOptions, nexus.CancelOperationOptions) error {
			return ErrCannotCancelWorkflowUpdate
		}
	}
	if opts.CancelActivityExecution == nil {
		opts.CancelActivityExecution = cancelActivity
	}
	return &temporalOperation[I, O]{options: opts}, nil
}

// MustNewTemporalOperation is NewTemporalOperation, and panics where that fails.
func MustNewTemporalOperation[I, O any](opts TemporalOperationOptions[I, O]) nexus.Operation[I, O] {
	operation, err := NewTemporalOperation(opts)
	if err != nil {
		panic(err)
	}
	return operation
}

type temporalOperation[I, O any] struct {
	nexus.UnimplementedOperation[I, O]
	options TemporalOperationOptions[I, O]
}

func (o *temporalOperation[I, O]) Name() string { return o.options.Name }

func (o *temporalOperation[I, O]) Start(ctx context.Context, input I, options nexus.StartOperationOptions) (nexus.HandlerStartOperationResult[O], error) {
	if !IsNexusOperation(ctx) {
		return nil, errNotInOperation()
	}
	if options.RequestID == "" {
		options.RequestID = uuid.NewString()
	}
	nc := NexusClient{client: GetClient(ctx), options: options, started: &atomic.Bool{}}
	result, err := o.options.Start(ctx, nc, input, StartTemporalOperationOptions{
		Header:         options.Header,
		CallbackURL:    options.CallbackURL,
		CallbackHeader: options.CallbackHeader,
		RequestID:      options.RequestID,
		Links:          options.Links,
	})
	if err != nil {
		return nil, err
	}
	return result.forHandler()
}

func (o *temporalOperation[I, O]) Cancel(ctx context.Context, token string, options nexus.CancelOperationOptions) error {
	decoded, err := decodeToken(token, 0)
	if err != nil {
		return err
	}
	switch c := GetClient(ctx); decoded.Type {
	case tokenOfWorkflowRun:
		return o.options.CancelWorkflowRun(ctx, c, CancelTemporalWorkflowRunOptions{WorkflowID: decoded.WorkflowID}, options)
	case tokenOfUpdate:
		return o.options.CancelWorkflowUpdate(ctx, c, CancelTemporalUpdateWorkflowOptions{WorkflowID: decoded.WorkflowID, RunID: decoded.runID(), UpdateID: decoded.UpdateID}, options)
	default:
		return o.options.CancelActivityExecution(ctx, c, CancelTemporalActivityExecutionOptions{ActivityID: decoded.ActivityID, RunID: decoded.runID()}, options)
	}
}
