package client

import (
	"context"
	"errors"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// Backend is the server as a worker sees it, through the client that the worker was made
// with. The connection is the client's: the worker does not close it.
type Backend struct {
	// Service bounds and retries calls, except polls for tasks.
	Service   workflowservice.WorkflowServiceClient
	Namespace string
	// Identity is the client's; IdentityIsDefault says that the user did not choose it,
	// so that the worker may add its task queue.
	Identity          string
	IdentityIsDefault bool

	Logger             log.Logger
	Metrics            metrics.Handler // with the client's tags
	DataConverter      converter.DataConverter
	FailureConverter   converter.FailureConverter
	ContextPropagators []flow.ContextPropagator
	// Interceptors are the client's.
	Interceptors []ClientInterceptor

	// Capabilities asks the server what it can do.
	Capabilities func(context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error)
}

// errForeignClient is returned for a client of another make, a mock for instance.
var errForeignClient = errors.New("the client must have been created directly by a function of package client")

// BackendOf returns what a worker needs of c, which is a client.Client.
func BackendOf(c any) (*Backend, error) {
	own, ok := c.(*Client)
	if !ok {
		return nil, errForeignClient
	}
	return &Backend{
		Service:            own.service,
		Namespace:          own.namespace,
		Identity:           own.identity,
		IdentityIsDefault:  own.identity == defaultIdentity(),
		Logger:             own.logger,
		Metrics:            own.metrics,
		DataConverter:      own.dataConverter,
		FailureConverter:   own.failureConverter,
		ContextPropagators: own.propagators,
		Interceptors:       own.interceptors,
		Capabilities:       own.conn.Capabilities,
	}, nil
}

// Existing returns c, which is a client.Client, as the Client that it is.
func Existing(c any) (*Client, error) {
	own, ok := c.(*Client)
	if !ok {
		return nil, errForeignClient
	}
	return own, nil
}
