package client

import (
	"context"
	"crypto/tls"

	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/rpc"
)

const (
	// DefaultHostPort is where a server is looked for if no address is given: "localhost:7233".
	DefaultHostPort = rpc.DefaultHostPort

	// DefaultNamespace is the namespace of a client that was given none: "default".
	DefaultNamespace = iclient.DefaultNamespace

	// QueryTypeStackTrace is the query that every workflow answers with the stacks of its
	// coroutines, as a string: "__stack_trace".
	QueryTypeStackTrace string = flow.QueryTypeStackTrace

	// QueryTypeOpenSessions is the query that every workflow answers with its open
	// sessions, a list of workflow.SessionInfo: "__open_sessions".
	QueryTypeOpenSessions string = flow.QueryTypeOpenSessions

	// QueryTypeWorkflowMetadata is the query that every workflow answers with what it says
	// about itself, its handlers and current details, as a message WorkflowMetadata of
	// go.temporal.io/api/sdk/v1: "__temporal_workflow_metadata".
	QueryTypeWorkflowMetadata string = flow.QueryTypeWorkflowMetadata
)

type (
	// Options of a client. The zero value connects to a server on this machine.
	Options = iclient.Options

	// PayloadLimitOptions say from which sizes on to warn of payloads and memos: by default
	// 512 KiB and 2 KiB.
	PayloadLimitOptions = payloadlimits.Options

	// ConnectionOptions say how to connect to a server, or hand over a connection that is
	// already there. The zero value is a connection without TLS.
	ConnectionOptions = rpc.ConnectionOptions

	// GrpcCompression is how requests are compressed: [*GrpcCompressionGzip] or
	// [*GrpcCompressionNone].
	GrpcCompression = rpc.GrpcCompression

	// GrpcCompressionGzip compresses requests with gzip. It is the default for servers
	// on other machines. A server that does not understand it is sent the requests as
	// they are.
	GrpcCompressionGzip = rpc.GrpcCompressionGzip

	// GrpcCompressionNone sends requests as they are. It is the default for a server on
	// the same machine.
	GrpcCompressionNone = rpc.GrpcCompressionNone

	// Credentials prove a client's identity to the server. Make them with
	// [NewAPIKeyStaticCredentials], [NewAPIKeyDynamicCredentials] or
	// [NewMTLSCredentials].
	Credentials = rpc.Credentials

	// StartWorkflowOptions say how to start a workflow. Only TaskQueue is required.
	StartWorkflowOptions = iclient.StartWorkflowOptions

	// CancelWorkflowOptions are the options of Client.CancelWorkflowWithOptions.
	CancelWorkflowOptions = iclient.CancelWorkflowOptions

	// TerminateWorkflowOptions are the options of Client.TerminateWorkflowWithOptions.
	TerminateWorkflowOptions = iclient.TerminateWorkflowOptions

	// CompleteActivityOptions are the options of Client.CompleteActivityWithOptions.
	CompleteActivityOptions = iclient.CompleteActivityOptions

	// CompleteActivityByIDOptions are the options of
	// Client.CompleteActivityByIDWithOptions.
	CompleteActivityByIDOptions = iclient.CompleteActivityByIDOptions

	// CompleteActivityByActivityIDOptions are the options of
	// Client.CompleteActivityByActivityIDWithOptions.
	CompleteActivityByActivityIDOptions = iclient.CompleteActivityByActivityIDOptions

	// RecordActivityHeartbeatOptions are the options of
	// Client.RecordActivityHeartbeatWithOptions.
	RecordActivityHeartbeatOptions = iclient.RecordActivityHeartbeatOptions

	// RecordActivityHeartbeatByIDOptions are the options of
	// Client.RecordActivityHeartbeatByIDWithOptions.
	RecordActivityHeartbeatByIDOptions = iclient.RecordActivityHeartbeatByIDOptions

	// WorkflowRun is a workflow that was started. Its Get method waits for the result.
	WorkflowRun = iclient.WorkflowRun

	// WorkflowRunGetOptions are the options of WorkflowRun.GetWithOptions.
	WorkflowRunGetOptions = iclient.WorkflowRunGetOptions

	// HistoryEventIterator goes through a workflow's history.
	HistoryEventIterator = iclient.HistoryEventIterator

	// QueryWorkflowWithOptionsRequest is the request of Client.QueryWorkflowWithOptions.
	QueryWorkflowWithOptionsRequest = iclient.QueryWorkflowWithOptionsRequest

	// QueryWorkflowWithOptionsResponse is the response of Client.QueryWorkflowWithOptions.
	QueryWorkflowWithOptionsResponse = iclient.QueryWorkflowWithOptionsResponse

	// WorkflowExecutionDescription is the response of Client.DescribeWorkflow.
	WorkflowExecutionDescription = iclient.WorkflowExecutionDescription

	// WorkflowExecutionMetadata is what the server knows about every workflow.
	WorkflowExecutionMetadata = iclient.WorkflowExecutionMetadata

	// CheckHealthRequest is the request of Client.CheckHealth.
	CheckHealthRequest = iclient.CheckHealthRequest

	// CheckHealthResponse is the response of Client.CheckHealth.
	CheckHealthResponse = iclient.CheckHealthResponse
)

// NewAPIKeyStaticCredentials returns credentials that send apiKey with every call. TLS is
// on with them, unless [ConnectionOptions].TLSDisabled turns it off.
func NewAPIKeyStaticCredentials(apiKey string) Credentials {
	return rpc.NewAPIKeyStaticCredentials(apiKey)
}

// NewAPIKeyDynamicCredentials returns credentials that ask apiKeyCallback for the API key
// of every call, so it should be fast. No key is sent if it is empty; an error fails the
// call. TLS is on with them, unless [ConnectionOptions].TLSDisabled turns it off.
func NewAPIKeyDynamicCredentials(apiKeyCallback func(context.Context) (string, error)) Credentials {
	return rpc.NewAPIKeyDynamicCredentials(apiKeyCallback)
}

// NewMTLSCredentials returns credentials that present certificate when connecting. TLS is
// on with them. [ConnectionOptions].TLS may be set besides, without certificates.
func NewMTLSCredentials(certificate tls.Certificate) Credentials {
	return rpc.NewMTLSCredentials(certificate)
}
