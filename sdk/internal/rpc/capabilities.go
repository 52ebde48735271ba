package rpc

import (
	"context"
	"fmt"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Capabilities returns what the server can do, which it is asked for once. Callers
// that race for the first answer may each ask.
func (c *Conn) Capabilities(ctx context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error) {
	if err := c.loadCapabilities(ctx); err != nil {
		return nil, unreachable(err)
	}
	return c.capabilities.Load(), nil
}

// unreachable is what the first call to a server fails with.
func unreachable(err error) error {
	return fmt.Errorf("failed reaching server: %w", convertError(err))
}

// loadCapabilities asks for the capabilities if they are not known, once, and returns
// the status of the call as it came.
func (c *Conn) loadCapabilities(ctx context.Context) error {
	if c.capabilities.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(c.options.Connection.GetSystemInfoTimeout, DefaultGetSystemInfoTimeout))
	defer cancel()
	response := &workflowservice.GetSystemInfoResponse{}
	err := c.invoke(ctx, workflowservice.WorkflowService_GetSystemInfo_FullMethodName, &workflowservice.GetSystemInfoRequest{}, response, nil)
	if err != nil && !isUnknownMethod(statusOf(err)) {
		return err
	}
	capabilities := response.GetCapabilities()
	if capabilities == nil {
		// A server from before the question was thought of.
		capabilities = &workflowservice.GetSystemInfoResponse_Capabilities{}
	}
	c.capabilities.Store(capabilities)
	return nil
}

func (c *Conn) internalDiffers() bool {
	return c.capabilities.Load().GetInternalErrorDifferentiation()
}

// isUnknownMethod tells the answer of a server that does not have the method from that
// of a proxy that cannot reach one.
func isUnknownMethod(s *status.Status) bool {
	message := strings.ToLower(s.Message())
	return s.Code() == codes.Unimplemented &&
		(strings.Contains(message, "unknown method") || strings.Contains(message, "not implemented"))
}
