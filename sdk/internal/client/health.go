package client

import (
	"context"
	"fmt"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// CheckHealthRequest is the request of CheckHealth.
type CheckHealthRequest struct{}

// CheckHealthResponse is the response of CheckHealth.
type CheckHealthResponse struct{}

// workflowServiceName is the name by which gRPC's health checks know the API.
const workflowServiceName = "temporal.api.workflowservice.v1.WorkflowService"

// CheckHealth asks the server whether it is serving.
func (c *Client) CheckHealth(ctx context.Context, _ *CheckHealthRequest) (*CheckHealthResponse, error) {
	// A server that cannot be reached is told from one that is not healthy.
	if _, err := c.conn.Capabilities(ctx); err != nil {
		return nil, err
	}
	response, err := healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: workflowServiceName})
	if err != nil {
		return nil, fmt.Errorf("health check error: %w", err)
	}
	if response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return nil, fmt.Errorf("health check returned unhealthy status: %v", response.GetStatus())
	}
	return &CheckHealthResponse{}, nil
}
