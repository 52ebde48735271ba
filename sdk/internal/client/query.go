package client

import (
	"context"
	"errors"
	"maps"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/header"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
)

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
	return c.outbound.QueryWorkflow(c.outgoing(ctx), &ClientQueryWorkflowInput{
		WorkflowID: workflowID,
		RunID:      runID,
		QueryType:  queryType,
		Args:       args,
	})
}

// QueryWorkflowWithOptions is QueryWorkflow with all there is to choose.
func (c *Client) QueryWorkflowWithOptions(ctx context.Context, request *QueryWorkflowWithOptionsRequest) (*QueryWorkflowWithOptionsResponse, error) {
	ctx, err := header.Extract(ctx, c.propagators, request.Header)
	if err != nil {
		return nil, err
	}
	ctx = c.outgoing(ctx)
	if given := request.Header.GetFields(); given != nil {
		ctx = header.WithFields(ctx, maps.Clone(given))
	}
	result, err := c.outbound.QueryWorkflow(ctx, &ClientQueryWorkflowInput{
		WorkflowID:           request.WorkflowID,
		RunID:                request.RunID,
		QueryType:            request.QueryType,
		Args:                 request.Args,
		QueryRejectCondition: request.QueryRejectCondition,
	})
	if err != nil {
		var rejected *failure.QueryRejectedError
		if errors.As(err, &rejected) {
			return &QueryWorkflowWithOptionsResponse{QueryRejected: rejected.QueryRejected()}, nil
		}
		return nil, err
	}
	return &QueryWorkflowWithOptionsResponse{QueryResult: result}, nil
}

func (o outbound) QueryWorkflow(ctx context.Context, in *ClientQueryWorkflowInput) (converter.EncodedValue, error) {
	dc, _ := o.resultConverters(in.WorkflowID)
	args, err := dc.ToPayloads(in.Args...)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, o.propagators)
	if err != nil {
		return nil, err
	}
	response, err := o.service.QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
		Namespace:            o.namespace,
		Execution:            &commonpb.WorkflowExecution{WorkflowId: in.WorkflowID, RunId: in.RunID},
		Query:                &querypb.WorkflowQuery{QueryType: in.QueryType, QueryArgs: args, Header: h},
		QueryRejectCondition: in.QueryRejectCondition,
	})
	if err != nil {
		return nil, err
	}
	if response.GetQueryRejected() != nil {
		return nil, failure.NewQueryRejectedError(response.GetQueryRejected())
	}
	return encoded.NewValue(response.GetQueryResult(), dc), nil
}
