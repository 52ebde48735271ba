// Package client is the implementation of the public package client, apart from the
// interface and the documentation, which are there.
//
// A [Client] is a namespace on a connection of package rpc, which does the retrying and
// the bounding of calls; what is left here is to make requests of Go values, and Go
// values of replies. Files are by what the calls are about: start and signal-with-start,
// run, message, history, describe, activity, visibility, namespace.
package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/log"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// DefaultNamespace is the namespace of a client that was given none.
const DefaultNamespace = "default"

// Options of a client. The zero value connects to a server on this machine.
type Options struct {
	// HostPort is the address of the server, as host:port or in any other form that
	// gRPC understands. The default is localhost:7233.
	HostPort string

	// Namespace is where the client's workflows are. The default is "default".
	Namespace string

	// Credentials prove the client's identity to the server. The default is none.
	Credentials rpc.Credentials

	// Logger is where the client, and the workers that use it, log. The default writes
	// everything to standard output.
	Logger log.Logger

	// Identity is what the server records as the one who did something. The default is
	// made of the process id and the host name.
	Identity string

	// DataConverter converts arguments and results to payloads. The workers that run the
	// workflows must have one that understands them. The default is
	// converter.GetDefaultDataConverter().
	DataConverter converter.DataConverter

	// FailureConverter converts errors to failures. The default is
	// temporal.GetDefaultFailureConverter().
	FailureConverter converter.FailureConverter

	// ContextPropagators carry values of the contexts given to the client's methods to
	// the workflows and activities that follow from them. They are called in order.
	ContextPropagators []flow.ContextPropagator

	// ConnectionOptions say how to connect.
	ConnectionOptions rpc.ConnectionOptions

	// HeadersProvider adds gRPC headers to every call.
	HeadersProvider rpc.HeadersProvider

	// TrafficController can refuse calls before they are sent, to test how a program
	// takes failures.
	TrafficController rpc.TrafficController
}

// Client talks to a server about one namespace.
type Client struct {
	conn     *rpc.Conn
	service  workflowservice.WorkflowServiceClient // bounded and retried
	raw      workflowservice.WorkflowServiceClient // as the caller says
	operator operatorservice.OperatorServiceClient
	closed   atomic.Bool

	namespace        string
	identity         string
	logger           log.Logger
	dataConverter    converter.DataConverter
	failureConverter converter.FailureConverter
	propagators      []flow.ContextPropagator
}

// Dial returns a client whose server has answered.
func Dial(ctx context.Context, options Options) (*Client, error) {
	c, err := NewLazy(options)
	if err != nil {
		return nil, err
	}
	if _, err := c.conn.Capabilities(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// NewLazy returns a client that connects when it is first used.
func NewLazy(options Options) (*Client, error) {
	conn, err := connect(options)
	if err != nil {
		return nil, err
	}
	return newClient(conn, options), nil
}

// NewFromExisting returns a client that shares the connection of existing.
func NewFromExisting(ctx context.Context, existing *Client, options Options) (*Client, error) {
	if err := existing.conn.Retain(); err != nil {
		return nil, err
	}
	c := newClient(existing.conn, options)
	if _, err := c.conn.Capabilities(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func connect(options Options) (*rpc.Conn, error) {
	return rpc.Connect(rpc.Options{
		HostPort:          options.HostPort,
		Connection:        options.ConnectionOptions,
		Credentials:       options.Credentials,
		HeadersProvider:   options.HeadersProvider,
		TrafficController: options.TrafficController,
	})
}

func newClient(conn *rpc.Conn, options Options) *Client {
	c := &Client{
		conn:             conn,
		service:          workflowservice.NewWorkflowServiceClient(conn.Reliable()),
		raw:              workflowservice.NewWorkflowServiceClient(conn),
		operator:         operatorservice.NewOperatorServiceClient(conn),
		namespace:        options.Namespace,
		identity:         options.Identity,
		logger:           options.Logger,
		dataConverter:    options.DataConverter,
		failureConverter: options.FailureConverter,
		propagators:      options.ContextPropagators,
	}
	if c.namespace == "" {
		c.namespace = DefaultNamespace
	}
	if c.identity == "" {
		c.identity = defaultIdentity()
	}
	if c.logger == nil {
		c.logger = logger.NewDefault()
	}
	if c.dataConverter == nil {
		c.dataConverter = converter.GetDefaultDataConverter()
	}
	if c.failureConverter == nil {
		c.failureConverter = failure.DefaultConverter()
	}
	return c
}

// defaultIdentity names the process. What a worker adds to it is its task queue.
func defaultIdentity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "Unknown"
	}
	return fmt.Sprintf("%d@%s@", os.Getpid(), host)
}

// Close gives up the client's share of the connection. The last client to be closed
// closes it.
func (c *Client) Close() {
	if c.closed.Swap(true) {
		return
	}
	if err := c.conn.Close(); err != nil {
		c.logger.Warn("unable to close connection", logtag.Error, err)
	}
}

// WorkflowService returns the server's API as it is, with the client's headers.
func (c *Client) WorkflowService() workflowservice.WorkflowServiceClient { return c.raw }

// OperatorService returns the server's operator API as it is, with the client's
// headers.
func (c *Client) OperatorService() operatorservice.OperatorServiceClient { return c.operator }

// CheckHealthRequest is the request of CheckHealth.
type CheckHealthRequest struct{}

// CheckHealthResponse is the response of CheckHealth.
type CheckHealthResponse struct{}

// workflowServiceName is the name by which gRPC's health checks know the API.
const workflowServiceName = "temporal.api.workflowservice.v1.WorkflowService"

// CheckHealth asks the server whether it is serving.
func (c *Client) CheckHealth(ctx context.Context, _ *CheckHealthRequest) (*CheckHealthResponse, error) {
	response, err := healthpb.NewHealthClient(c.conn).Check(ctx, &healthpb.HealthCheckRequest{Service: workflowServiceName})
	if err != nil {
		return nil, fmt.Errorf("health check error: %w", err)
	}
	if response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return nil, fmt.Errorf("health check returned unhealthy status: %v", response.GetStatus())
	}
	return &CheckHealthResponse{}, nil
}

// Backend is what a worker needs of the client it was made with.
type Backend struct {
	// Conn is the connection. It is the client's: the worker does not close it.
	Conn *rpc.Conn
	// Service bounds and retries calls, except polls for tasks.
	Service   workflowservice.WorkflowServiceClient
	Namespace string
	// Identity is the client's; IdentityIsDefault says that the user did not choose it,
	// so that the worker may add its task queue.
	Identity          string
	IdentityIsDefault bool

	Logger             log.Logger
	DataConverter      converter.DataConverter
	FailureConverter   converter.FailureConverter
	ContextPropagators []flow.ContextPropagator
	// Capabilities returns what the server can do.
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
		Conn:               own.conn,
		Service:            own.service,
		Namespace:          own.namespace,
		Identity:           own.identity,
		IdentityIsDefault:  own.identity == defaultIdentity(),
		Logger:             own.logger,
		DataConverter:      own.dataConverter,
		FailureConverter:   own.failureConverter,
		ContextPropagators: own.propagators,
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
