package client

import (
	"context"

	"go.temporal.io/api/workflowservice/v1"
)

// The requests of this file are passed on as they are, except that an empty namespace
// becomes the client's.

// ListClosedWorkflow lists workflows that have closed.
func (c *Client) ListClosedWorkflow(ctx context.Context, request *workflowservice.ListClosedWorkflowExecutionsRequest) (*workflowservice.ListClosedWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	return c.service.ListClosedWorkflowExecutions(ctx, request)
}

// ListOpenWorkflow lists workflows that are running.
func (c *Client) ListOpenWorkflow(ctx context.Context, request *workflowservice.ListOpenWorkflowExecutionsRequest) (*workflowservice.ListOpenWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	return c.service.ListOpenWorkflowExecutions(ctx, request)
}

// ListWorkflow lists the workflows that a query selects.
func (c *Client) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	return c.service.ListWorkflowExecutions(ctx, request)
}

// ListArchivedWorkflow lists workflows in the archive.
func (c *Client) ListArchivedWorkflow(ctx context.Context, request *workflowservice.ListArchivedWorkflowExecutionsRequest) (*workflowservice.ListArchivedWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	return c.service.ListArchivedWorkflowExecutions(ctx, request)
}

// ScanWorkflow lists workflows in no order.
//
//lint:ignore SA1019 the API keeps it, so the client does
func (c *Client) ScanWorkflow(ctx context.Context, request *workflowservice.ScanWorkflowExecutionsRequest) (*workflowservice.ScanWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	//lint:ignore SA1019 the API keeps it, so the client does
	return c.service.ScanWorkflowExecutions(ctx, request)
}

// CountWorkflow counts the workflows that a query selects.
func (c *Client) CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	if request.GetNamespace() == "" {
		request.Namespace = c.namespace
	}
	return c.service.CountWorkflowExecutions(ctx, request)
}

// GetSearchAttributes returns the search attributes that the server knows.
func (c *Client) GetSearchAttributes(ctx context.Context) (*workflowservice.GetSearchAttributesResponse, error) {
	return c.service.GetSearchAttributes(ctx, &workflowservice.GetSearchAttributesRequest{})
}
