package rpc

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Capabilities returns what the server can do, which it is asked for once. Callers
// that race for the first answer may each ask.
func (c *Conn) Capabilities(ctx context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error) {
	if err := c.loadCapabilities(ctx); err != nil {
		return nil, c.unreachable(err)
	}
	return c.capabilities.Load(), nil
}

// unreachable is what the first call to a server fails with.
func (c *Conn) unreachable(err error) error {
	err = convertError(err)
	if c.isLocal() && strings.Contains(err.Error(), "connection refused") {
		return fmt.Errorf("failed reaching server: %w (no server is running at %s; `perdure server start-dev` starts one)",
			err, c.options.hostPort())
	}
	return fmt.Errorf("failed reaching server: %w", err)
}

func (o Options) hostPort() string { return cmp.Or(o.HostPort, DefaultHostPort) }

// isLocal tells whether the server is dialed on this machine.
func (c *Conn) isLocal() bool {
	return c.options.Connection.Conn == nil && isThisMachine(c.options.hostPort())
}

func isThisMachine(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
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
	request := &workflowservice.GetSystemInfoRequest{}
	m := c.options.Metrics.of(ctx, workflowservice.WorkflowService_GetSystemInfo_FullMethodName, request)
	call, attempt := m.beginCall(), m.beginAttempt()
	err := c.invoke(ctx, workflowservice.WorkflowService_GetSystemInfo_FullMethodName, request, response, nil)
	m.endAttempt(attempt, err)
	m.endCall(call, err)
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
