package client

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/workergroup"
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

	// Storage stores large payloads, or is nil.
	Storage *extstore.Storage
	// Plugins are the client's.
	Plugins []Plugin
	// PayloadLimits say from which sizes on to warn.
	PayloadLimits payloadlimits.Options
	// Workers are the client's options for workers.
	Workers WorkerOptions
	// RegisterEager makes a worker known that can be given the first tasks of workflows
	// that the client starts, until deregister is called.
	RegisterEager func(taskQueue string, worker EagerWorker) (deregister func())

	// Capabilities asks the server what it can do.
	Capabilities func(context.Context) (*workflowservice.GetSystemInfoResponse_Capabilities, error)
}

// WorkerOptions are options of a client that only workers need.
type WorkerOptions struct {
	// HeartbeatInterval is how often workers tell the server how they are. Zero is never.
	HeartbeatInterval time.Duration
	// SDKName and SDKVersion are what they say they are.
	SDKName, SDKVersion string
	// DisableEnvironmentInfo leaves out what they run on.
	DisableEnvironmentInfo bool
	// Group is what all workers of the client belong to, and no others.
	Group *workergroup.Group
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
		Service:            own.tasks,
		Namespace:          own.namespace,
		Identity:           own.identity,
		IdentityIsDefault:  own.identity == defaultIdentity(),
		Logger:             own.logger,
		Metrics:            own.metrics,
		DataConverter:      own.dataConverter,
		FailureConverter:   own.failureConverter,
		ContextPropagators: own.propagators,
		Interceptors:       own.interceptors,
		Storage:            own.storage,
		Plugins:            own.plugins,
		PayloadLimits:      own.payloadLimits,
		Workers:            own.workers,
		RegisterEager:      own.eager.register,
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
