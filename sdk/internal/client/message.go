package client

import (
	"context"

	"github.com/google/uuid"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/links"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// CancelWorkflowOptions are the options of CancelWorkflowWithOptions.
type CancelWorkflowOptions struct {
	// WorkflowID is required.
	WorkflowID string
	// RunID is the run to cancel. The default is the current one.
	RunID string
	// FirstExecutionRunID guards against canceling a workflow that took over the id: the
	// request fails if the run does not belong to the chain that this run began.
	FirstExecutionRunID string
	// Reason is recorded in the history.
	Reason string
}

// TerminateWorkflowOptions are the options of TerminateWorkflowWithOptions.
type TerminateWorkflowOptions struct {
	// WorkflowID is required.
	WorkflowID string
	// RunID is the run to terminate. The default is the current one.
	RunID string
	// FirstExecutionRunID guards against terminating a workflow that took over the id:
	// the request fails if the run does not belong to the chain that this run began.
	FirstExecutionRunID string
	// Reason is recorded in the history.
	Reason string
	// Details are recorded in the history.
	Details []any
}

// SignalWorkflow sends a signal.
func (c *Client) SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error {
	return c.outbound.SignalWorkflow(c.outgoing(ctx), &ClientSignalWorkflowInput{
		WorkflowID: workflowID,
		RunID:      runID,
		SignalName: signalName,
		Arg:        arg,
	})
}

func (o outbound) SignalWorkflow(ctx context.Context, in *ClientSignalWorkflowInput) error {
	input, err := o.converterFor(ctx, o.workflowPayloads(in.WorkflowID)).ToPayloads(in.Arg)
	if err != nil {
		return err
	}
	h, err := header.Inject(ctx, o.propagators)
	if err != nil {
		return err
	}
	response, err := o.service.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
		Namespace:         o.namespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: in.WorkflowID, RunId: in.RunID},
		SignalName:        in.SignalName,
		Input:             input,
		Identity:          o.identity,
		RequestId:         uuid.NewString(),
		Header:            h,
		Links:             links.Requested(ctx),
	})
	links.Answered(ctx, response.GetLink())
	return err
}

// CancelWorkflow asks a workflow to stop.
func (c *Client) CancelWorkflow(ctx context.Context, workflowID, runID string) error {
	return c.CancelWorkflowWithOptions(ctx, CancelWorkflowOptions{WorkflowID: workflowID, RunID: runID})
}

// CancelWorkflowWithOptions is CancelWorkflow with all there is to choose.
func (c *Client) CancelWorkflowWithOptions(ctx context.Context, options CancelWorkflowOptions) error {
	in := ClientCancelWorkflowInput(options)
	return c.outbound.CancelWorkflow(header.WithoutFields(ctx), &in)
}

func (o outbound) CancelWorkflow(ctx context.Context, in *ClientCancelWorkflowInput) error {
	_, err := o.service.RequestCancelWorkflowExecution(ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace:           o.namespace,
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: in.WorkflowID, RunId: in.RunID},
		Identity:            o.identity,
		RequestId:           uuid.NewString(),
		FirstExecutionRunId: in.FirstExecutionRunID,
		Reason:              in.Reason,
	})
	return err
}

// TerminateWorkflow stops a workflow without asking it.
func (c *Client) TerminateWorkflow(ctx context.Context, workflowID, runID, reason string, details ...any) error {
	return c.TerminateWorkflowWithOptions(ctx, TerminateWorkflowOptions{
		WorkflowID: workflowID,
		RunID:      runID,
		Reason:     reason,
		Details:    details,
	})
}

// TerminateWorkflowWithOptions is TerminateWorkflow with all there is to choose.
func (c *Client) TerminateWorkflowWithOptions(ctx context.Context, options TerminateWorkflowOptions) error {
	in := ClientTerminateWorkflowInput(options)
	return c.outbound.TerminateWorkflow(header.WithoutFields(ctx), &in)
}

func (o outbound) TerminateWorkflow(ctx context.Context, in *ClientTerminateWorkflowInput) error {
	dc, _ := o.resultConverters(in.WorkflowID)
	details, err := dc.ToPayloads(in.Details...)
	if err != nil {
		return err
	}
	_, err = o.service.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{
		Namespace:           o.namespace,
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: in.WorkflowID, RunId: in.RunID},
		Reason:              in.Reason,
		Details:             details,
		Identity:            o.identity,
		FirstExecutionRunId: in.FirstExecutionRunID,
	})
	return err
}
