package client

import (
	"context"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/log"
	"go.temporal.io/api/workflowservice/v1"
)

// NamespaceClient registers, describes and updates namespaces.
type NamespaceClient struct {
	conn    *rpc.Conn
	service workflowservice.WorkflowServiceClient
	logger  log.Logger
}

// NewNamespaceClient returns a NamespaceClient, which connects when it is first used.
func NewNamespaceClient(options Options) (*NamespaceClient, error) {
	conn, err := connect(options)
	if err != nil {
		return nil, err
	}
	m := rpc.NewMetrics(metrics.OrNop(options.MetricsHandler).WithTags(metrics.RootTags("")), options.DisableErrorCodeMetricTags)
	reliably, _ := conn.Measured(m)
	c := &NamespaceClient{
		conn:    conn,
		service: workflowservice.NewWorkflowServiceClient(reliably),
		logger:  options.Logger,
	}
	if c.logger == nil {
		c.logger = logger.NewDefault()
	}
	return c, nil
}

// Register creates a namespace.
func (c *NamespaceClient) Register(ctx context.Context, request *workflowservice.RegisterNamespaceRequest) error {
	_, err := c.service.RegisterNamespace(ctx, request)
	return err
}

// Describe returns what the server knows about a namespace.
func (c *NamespaceClient) Describe(ctx context.Context, name string) (*workflowservice.DescribeNamespaceResponse, error) {
	return c.service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
}

// Update changes a namespace.
func (c *NamespaceClient) Update(ctx context.Context, request *workflowservice.UpdateNamespaceRequest) error {
	_, err := c.service.UpdateNamespace(ctx, request)
	return err
}

// Close closes the connection. It must be called once.
func (c *NamespaceClient) Close() {
	if err := c.conn.Close(); err != nil {
		c.logger.Warn("unable to close connection", logtag.Error, err)
	}
}
