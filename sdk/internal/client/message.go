package client

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/header"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// Types of queries that every workflow answers.
const (
	// QueryTypeStackTrace is answered with the stacks of the workflow's coroutines, as a
	// string.
	QueryTypeStackTrace = "__stack_trace"

	// QueryTypeOpenSessions is answered with the workflow's open sessions.
	QueryTypeOpenSessions = "__open_sessions"

	// QueryTypeWorkflowMetadata is answered with what the workflow says about itself: its
	// handlers and current details.
	QueryTypeWorkflowMetadata = "__temporal_workflow_metadata"
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
	input, err := c.converterFor(ctx, c.workflowPayloads(workflowID)).ToPayloads(arg)
	if err != nil {
		return err
	}
	h, err := header.Inject(ctx, c.propagators, nil)
	if err != nil {
		return err
	}
	_, err = c.service.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
		Namespace:         c.namespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
		SignalName:        signalName,
		Input:             input,
		Identity:          c.identity,
		RequestId:         uuid.NewString(),
		Header:            h,
	})
	return err
}

// CancelWorkflow asks a workflow to stop.
func (c *Client) CancelWorkflow(ctx context.Context, workflowID, runID string) error {
	return c.CancelWorkflowWithOptions(ctx, CancelWorkflowOptions{WorkflowID: workflowID, RunID: runID})
}

// CancelWorkflowWithOptions is CancelWorkflow with all there is to choose.
func (c *Client) CancelWorkflowWithOptions(ctx context.Context, options CancelWorkflowOptions) error {
	_, err := c.service.RequestCancelWorkflowExecution(ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace:           c.namespace,
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: options.WorkflowID, RunId: options.RunID},
		Identity:            c.identity,
		RequestId:           uuid.NewString(),
		FirstExecutionRunId: options.FirstExecutionRunID,
		Reason:              options.Reason,
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
	dc, _ := c.resultConverters(options.WorkflowID)
	details, err := dc.ToPayloads(options.Details...)
	if err != nil {
		return err
	}
	_, err = c.service.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{
		Namespace:           c.namespace,
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: options.WorkflowID, RunId: options.RunID},
		Reason:              options.Reason,
		Details:             details,
		Identity:            c.identity,
		FirstExecutionRunId: options.FirstExecutionRunID,
	})
	return err
}

// QueryWorkflowWithOptionsRequest is the request of QueryWorkflowWithOptions.
type QueryWorkflowWithOptionsRequest struct {
	// WorkflowID is required.
	WorkflowID string
	// RunID is the run to query. The default is the current one.
	RunID string
	// QueryType is the name of the query. It is required.
	QueryType string
	// Args are the query's arguments.
	Args []any
	// QueryRejectCondition is the state of the workflow in which the query is rejected.
	// The default is none.
	QueryRejectCondition enumspb.QueryRejectCondition
	// Header is sent with the query, besides what context propagators write.
	Header *commonpb.Header
}

// QueryWorkflowWithOptionsResponse is the response of QueryWorkflowWithOptions.
type QueryWorkflowWithOptionsResponse struct {
	// QueryResult is the answer, or nil if the query was rejected.
	QueryResult converter.EncodedValue
	// QueryRejected says why the query was rejected, or is nil.
	QueryRejected *querypb.QueryRejected
}

// QueryWorkflow asks a workflow something.
func (c *Client) QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error) {
	return c.query(ctx, &QueryWorkflowWithOptionsRequest{WorkflowID: workflowID, RunID: runID, QueryType: queryType, Args: args})
}

// QueryWorkflowWithOptions is QueryWorkflow with all there is to choose.
func (c *Client) QueryWorkflowWithOptions(ctx context.Context, request *QueryWorkflowWithOptionsRequest) (*QueryWorkflowWithOptionsResponse, error) {
	ctx, err := header.Extract(ctx, c.propagators, request.Header)
	if err != nil {
		return nil, err
	}
	result, err := c.query(ctx, request)
	if err != nil {
		var rejected *failure.QueryRejectedError
		if errors.As(err, &rejected) {
			return &QueryWorkflowWithOptionsResponse{QueryRejected: rejected.QueryRejected()}, nil
		}
		return nil, err
	}
	return &QueryWorkflowWithOptionsResponse{QueryResult: result}, nil
}

func (c *Client) query(ctx context.Context, request *QueryWorkflowWithOptionsRequest) (converter.EncodedValue, error) {
	dc, _ := c.resultConverters(request.WorkflowID)
	args, err := dc.ToPayloads(request.Args...)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, c.propagators, request.Header)
	if err != nil {
		return nil, err
	}
	response, err := c.service.QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
		Namespace:            c.namespace,
		Execution:            &commonpb.WorkflowExecution{WorkflowId: request.WorkflowID, RunId: request.RunID},
		Query:                &querypb.WorkflowQuery{QueryType: request.QueryType, QueryArgs: args, Header: h},
		QueryRejectCondition: request.QueryRejectCondition,
	})
	if err != nil {
		return nil, err
	}
	if response.GetQueryRejected() != nil {
		return nil, failure.NewQueryRejectedError(response.GetQueryRejected())
	}
	return encoded.NewValue(response.GetQueryResult(), dc), nil
}
