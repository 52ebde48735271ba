package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"

	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/header"
)

// WorkflowUpdateStage is how far an update has come.
type WorkflowUpdateStage int

const (
	// WorkflowUpdateStageUnspecified is no choice, which UpdateWorkflow refuses.
	WorkflowUpdateStageUnspecified WorkflowUpdateStage = iota
	// WorkflowUpdateStageAdmitted means that the server has the update, which may still be
	// lost. It cannot be waited for.
	WorkflowUpdateStageAdmitted
	// WorkflowUpdateStageAccepted means that a worker's validator let the update pass and
	// that it is in the history.
	WorkflowUpdateStageAccepted
	// WorkflowUpdateStageCompleted means that the update's handler has returned.
	WorkflowUpdateStageCompleted
)

// UpdateWorkflowOptions say which update to send to which workflow, and how long to wait.
type UpdateWorkflowOptions struct {
	// UpdateID makes the update happen once, however often it is sent with this id. The
	// default is a random UUID.
	UpdateID string
	// WorkflowID is required, except for UpdateWithStartWorkflow, where it is the one that
	// is started.
	WorkflowID string
	// RunID is the run to update. The default is the current one. It must be empty for
	// UpdateWithStartWorkflow.
	RunID string
	// UpdateName is the name of the handler. It is required.
	UpdateName string
	// Args are the handler's arguments.
	Args []any
	// WaitForStage is what to wait for before the call returns. It is required, and must be
	// WorkflowUpdateStageAccepted or WorkflowUpdateStageCompleted.
	WaitForStage WorkflowUpdateStage
	// FirstExecutionRunID guards against updating a workflow that took over the id: the
	// update fails if the run does not belong to the chain that this run began. It must be
	// empty for UpdateWithStartWorkflow.
	FirstExecutionRunID string

	nexus *NexusStart // nil unless a Nexus operation is what sends it
}

// GetWorkflowUpdateHandleOptions name an update.
type GetWorkflowUpdateHandleOptions struct {
	// WorkflowID is required.
	WorkflowID string
	// RunID is the run that was updated. The default is the current one.
	RunID string
	// UpdateID is required.
	UpdateID string
}

// WorkflowUpdateHandle is an update that was sent, or that is assumed to have been. It is
// safe for concurrent use.
type WorkflowUpdateHandle interface {
	// WorkflowID returns the id of the workflow that was updated.
	WorkflowID() string
	// RunID returns the id of the run that got the update. It is empty if the handle was
	// made without it.
	RunID() string
	// UpdateID returns the id that the sender chose, or the random one that was made for it.
	UpdateID() string
	// Get waits for the update to complete and decodes its result into what valuePtr points
	// to; nil only waits. It returns the error of the handler or of its validator, or a
	// [*WorkflowUpdateServiceTimeoutOrCanceledError] if the wait, not the update, ended.
	Get(ctx context.Context, valuePtr any) error
}

// WorkflowUpdateServiceTimeoutOrCanceledError says that a call about an update ended
// because its context did or the server was too slow. What became of the update is open.
type WorkflowUpdateServiceTimeoutOrCanceledError struct {
	cause error
}

// NewWorkflowUpdateServiceTimeoutOrCanceledError returns the error for a call that ended
// with err.
func NewWorkflowUpdateServiceTimeoutOrCanceledError(err error) *WorkflowUpdateServiceTimeoutOrCanceledError {
	return &WorkflowUpdateServiceTimeoutOrCanceledError{cause: err}
}

// Error says what the call ended with.
func (e *WorkflowUpdateServiceTimeoutOrCanceledError) Error() string {
	return fmt.Sprintf("Timeout or cancellation waiting for update: %v", e.cause)
}

// Unwrap returns what the call ended with.
func (e *WorkflowUpdateServiceTimeoutOrCanceledError) Unwrap() error { return e.cause }

// updateCallError returns what a call about an update that ended with err fails with.
func updateCallError(ctx context.Context, err error) error {
	code := serviceerror.ToStatus(err).Code()
	if ctx.Err() != nil || code == codes.Canceled || code == codes.DeadlineExceeded {
		return NewWorkflowUpdateServiceTimeoutOrCanceledError(err)
	}
	return err
}

// workflowUpdate is a WorkflowUpdateHandle. The outcome is known from the start, or asked
// for by every Get.
type workflowUpdate struct {
	client  *Client
	ref     *updatepb.UpdateRef
	outcome *ClientPollWorkflowUpdateOutput // nil while not known
}

func (u *workflowUpdate) WorkflowID() string { return u.ref.GetWorkflowExecution().GetWorkflowId() }
func (u *workflowUpdate) RunID() string      { return u.ref.GetWorkflowExecution().GetRunId() }
func (u *workflowUpdate) UpdateID() string   { return u.ref.GetUpdateId() }

func (u *workflowUpdate) Get(ctx context.Context, valuePtr any) error {
	outcome := u.outcome
	if outcome == nil {
		var err error
		if outcome, err = u.client.pollUpdate(ctx, u.ref); err != nil {
			return err
		}
	}
	if outcome.Error != nil || valuePtr == nil {
		return outcome.Error
	}
	return outcome.Result.Get(valuePtr)
}

// GetWorkflowUpdateHandle returns the handle of an update, without asking the server.
func (c *Client) GetWorkflowUpdateHandle(options GetWorkflowUpdateHandleOptions) WorkflowUpdateHandle {
	return &workflowUpdate{client: c, ref: &updatepb.UpdateRef{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: options.WorkflowID, RunId: options.RunID},
		UpdateId:          options.UpdateID,
	}}
}

// UpdateWorkflow sends an update and waits for the stage that options ask for.
func (c *Client) UpdateWorkflow(ctx context.Context, options UpdateWorkflowOptions) (WorkflowUpdateHandle, error) {
	in, err := updateInput(options)
	if err != nil {
		return nil, err
	}
	return c.outbound.UpdateWorkflow(c.outgoing(ctx), in)
}

func (o outbound) UpdateWorkflow(ctx context.Context, in *ClientUpdateWorkflowInput) (WorkflowUpdateHandle, error) {
	request, err := o.updateRequest(ctx, in)
	if err != nil {
		return nil, err
	}
	for {
		response, err := o.service.UpdateWorkflowExecution(ctx, request)
		if err != nil {
			return nil, updateCallError(ctx, err)
		}
		if isDurable(response) {
			in.nexus.answered(response.GetLink())
			return o.newUpdate(ctx, in.WaitForStage, response)
		}
	}
}

// updateInput checks options, and names the update if they do not.
func updateInput(options UpdateWorkflowOptions) (*ClientUpdateWorkflowInput, error) {
	switch options.WaitForStage {
	case WorkflowUpdateStageUnspecified:
		return nil, errors.New("WaitForStage must be specified")
	case WorkflowUpdateStageAdmitted:
		return nil, errors.New("WaitForStage WorkflowUpdateStageAdmitted is not supported")
	}
	if options.UpdateID == "" {
		options.UpdateID = uuid.NewString()
	}
	return &ClientUpdateWorkflowInput{
		UpdateID:            options.UpdateID,
		WorkflowID:          options.WorkflowID,
		UpdateName:          options.UpdateName,
		Args:                options.Args,
		RunID:               options.RunID,
		FirstExecutionRunID: options.FirstExecutionRunID,
		WaitForStage:        options.WaitForStage,
		nexus:               options.nexus,
	}, nil
}

func (c *Client) updateRequest(ctx context.Context, in *ClientUpdateWorkflowInput) (*workflowservice.UpdateWorkflowExecutionRequest, error) {
	args, err := c.converterFor(ctx, c.workflowPayloads(in.WorkflowID)).ToPayloads(in.Args...)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, c.propagators)
	if err != nil {
		return nil, err
	}
	request := &workflowservice.UpdateWorkflowExecutionRequest{
		Namespace:           c.namespace,
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: in.WorkflowID, RunId: in.RunID},
		FirstExecutionRunId: in.FirstExecutionRunID,
		WaitPolicy:          &updatepb.WaitPolicy{LifecycleStage: enumspb.UpdateWorkflowExecutionLifecycleStage(in.WaitForStage)},
		Request: &updatepb.Request{
			Meta:  &updatepb.Meta{UpdateId: in.UpdateID, Identity: c.identity},
			Input: &updatepb.Input{Header: h, Name: in.UpdateName, Args: args},
		},
	}
	in.nexus.applyToUpdate(request.Request)
	return request, nil
}

// isDurable says whether an update will happen even if the server restarts. Until then it
// is sent again. Old servers say nothing about an update that has not come far enough.
func isDurable(response *workflowservice.UpdateWorkflowExecutionResponse) bool {
	return response.GetStage() >= enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
}

// newUpdate is the handle of an update that was answered with response. A server ends a
// long wait for completion with an update that is accepted; the wait goes on here.
func (c *Client) newUpdate(ctx context.Context, waitFor WorkflowUpdateStage, response *workflowservice.UpdateWorkflowExecutionResponse) (WorkflowUpdateHandle, error) {
	update := &workflowUpdate{client: c, ref: response.GetUpdateRef()}
	var err error
	switch {
	case response.GetOutcome() != nil:
		update.outcome, err = c.updateOutcome(update.WorkflowID(), response.GetOutcome())
	case waitFor == WorkflowUpdateStageCompleted:
		update.outcome, err = c.pollUpdate(ctx, update.ref)
	}
	if err != nil {
		return nil, err
	}
	return update, nil
}

func (c *Client) updateOutcome(workflowID string, outcome *updatepb.Outcome) (*ClientPollWorkflowUpdateOutput, error) {
	dc, fc := c.resultConverters(workflowID)
	switch value := outcome.GetValue().(type) {
	case *updatepb.Outcome_Failure:
		return &ClientPollWorkflowUpdateOutput{Error: fc.FailureToError(value.Failure)}, nil
	case *updatepb.Outcome_Success:
		return &ClientPollWorkflowUpdateOutput{Result: encoded.NewValue(value.Success, dc)}, nil
	default:
		return nil, fmt.Errorf("unsupported outcome type %T", value)
	}
}

func (c *Client) pollUpdate(ctx context.Context, ref *updatepb.UpdateRef) (*ClientPollWorkflowUpdateOutput, error) {
	return c.outbound.PollWorkflowUpdate(c.outgoing(ctx), &ClientPollWorkflowUpdateInput{UpdateRef: ref})
}

func (o outbound) PollWorkflowUpdate(ctx context.Context, in *ClientPollWorkflowUpdateInput) (*ClientPollWorkflowUpdateOutput, error) {
	request := &workflowservice.PollWorkflowExecutionUpdateRequest{
		Namespace:  o.namespace,
		UpdateRef:  in.UpdateRef,
		Identity:   o.identity,
		WaitPolicy: &updatepb.WaitPolicy{LifecycleStage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED},
	}
	for {
		response, err := o.service.PollWorkflowExecutionUpdate(ctx, request)
		if err != nil {
			return nil, updateCallError(ctx, err)
		}
		if response.GetOutcome() != nil {
			return o.updateOutcome(in.UpdateRef.GetWorkflowExecution().GetWorkflowId(), response.GetOutcome())
		}
	}
}
