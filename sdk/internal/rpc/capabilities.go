package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// Capabilities returns what the server can do, which it is asked for once. Callers
// that race for the first answer may each ask.
func (c *Conn) Capabilities(ctx context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error) {
	if capabilities := c.capabilities.Load(); capabilities != nil {
		return capabilities, nil
	}
	callCtx, cancel := context.WithTimeout(ctx, orDefault(c.options.Connection.GetSystemInfoTimeout, DefaultGetSystemInfoTimeout))
	defer cancel()
	response, err := workflowservice.NewWorkflowServiceClient(c).GetSystemInfo(callCtx, &workflowservice.GetSystemInfoRequest{})
	if err != nil && !isUnknownMethod(err) {
		return nil, fmt.Errorf("failed reaching server: %w", err)
	}
	capabilities := response.GetCapabilities()
	if capabilities == nil {
		// A server from before the question was thought of.
		capabilities = &workflowservice.GetSystemInfoResponse_Capabilities{}
	}
	c.capabilities.Store(capabilities)
	return capabilities, nil
}

func (c *Conn) internalDiffers() bool {
	return c.capabilities.Load().GetInternalErrorDifferentiation()
}

// isUnknownMethod tells the answer of a server that does not have the method from that
// of a proxy that cannot reach one.
func isUnknownMethod(err error) bool {
	var unimplemented *serviceerror.Unimplemented
	if !errors.As(err, &unimplemented) {
		return false
	}
	message := strings.ToLower(err.Error())
	return strings.Contains(message, "unknown method") || strings.Contains(message, "not implemented")
}
