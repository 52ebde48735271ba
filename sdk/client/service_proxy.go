package client

import (
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
)

// WorkflowServiceProxyOptions are the options of [NewWorkflowServiceProxyServer].
type WorkflowServiceProxyOptions struct {
	// Client is where requests go: Client.WorkflowService, for instance.
	Client workflowservice.WorkflowServiceClient
	// DisableHeaderForwarding keeps the headers of requests from going with them.
	DisableHeaderForwarding bool
}

// NewWorkflowServiceProxyServer returns a server of the API that passes all requests on, to
// be registered with a gRPC server. Interceptors of that server or of the client can change
// requests and responses: encrypt payloads, for instance, with
// converter.NewPayloadCodecGRPCClientInterceptor.
func NewWorkflowServiceProxyServer(options WorkflowServiceProxyOptions) (workflowservice.WorkflowServiceServer, error) {
	return proxy.NewWorkflowServiceProxyServer(proxy.WorkflowServiceProxyOptions(options))
}
