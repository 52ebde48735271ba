// Package client is the implementation of the public package client, apart from the
// interface and the documentation, which are there.
//
// A [Client] is a namespace on a connection of package rpc; what is left here is to make
// requests of Go values, and Go values of replies. Files are by what the calls are about:
// start and signal-with-start, run, message, query, history, describe, activity,
// visibility, namespace.
//
// # Calls
//
// Retries, time limits and headers are done in package rpc around a
// grpc.ClientConnInterface, not in gRPC interceptors, so they are the same over the
// network and on a connection that the caller brought along. Request ids are made once
// for each call, before the retries, so that the server does a thing once however often
// the request arrives.
//
// # Interceptors
//
// Methods that interceptors see check what needs the caller's own values, such as the
// workflow's function, and call the chain (chain.go), whose end makes the request.
// To add one: the method of ClientOutboundInterceptor with its input and its Base
// (interceptor.go, interceptor_base.go), the method of Client that calls the chain, and
// the method of outbound beside it.
//
// # Workers
//
// What a worker needs of its client is a [Backend].
package client

import (
	"cmp"
	"context"
	"sync/atomic"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/internal/version"
	"github.com/perdure/perdure/sdk/internal/workergroup"
	"github.com/perdure/perdure/sdk/log"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// Client talks to a server about one namespace.
type Client struct {
	conn     *rpc.Conn
	service  workflowservice.WorkflowServiceClient // bounded and retried, payloads measured
	tasks    workflowservice.WorkflowServiceClient // bounded and retried, for workers
	raw      workflowservice.WorkflowServiceClient // as the caller says
	operator operatorservice.OperatorServiceClient
	once     grpc.ClientConnInterface // what raw and operator call
	closed   atomic.Bool

	namespace        string
	identity         string
	logger           log.Logger
	metrics          metrics.Handler // with the root tags
	calls            *rpc.Metrics    // of calls
	dataConverter    converter.DataConverter
	failureConverter converter.FailureConverter
	propagators      []flow.ContextPropagator

	storage       *extstore.Storage // nil if there is none
	payloadLimits payloadlimits.Options
	workers       WorkerOptions
	eager         eagerWorkers

	interceptors []ClientInterceptor
	plugins      []Plugin
	outbound     ClientOutboundInterceptor // the chain of interceptors
}

// Dial returns a client whose server has answered.
func Dial(ctx context.Context, options Options) (*Client, error) {
	return makeThrough(ctx, PluginNewClientOptions{ClientOptions: options}, build)
}

// NewLazy returns a client that connects when it is first used.
func NewLazy(options Options) (*Client, error) {
	return makeThrough(context.Background(), PluginNewClientOptions{ClientOptions: options, Lazy: true}, build)
}

// NewFromExisting returns a client that shares the connection of existing.
func NewFromExisting(ctx context.Context, existing *Client, options Options) (*Client, error) {
	return makeThrough(ctx, PluginNewClientOptions{ClientOptions: options, FromExisting: existing}, build)
}

// build makes a client, after its plugins have had their say.
func build(ctx context.Context, options PluginNewClientOptions) (*Client, error) {
	if options.FromExisting != nil {
		existing, err := Existing(options.FromExisting)
		if err != nil {
			return nil, err
		}
		return newFromExisting(ctx, existing, options.ClientOptions)
	}
	if options.Lazy {
		return newLazy(options.ClientOptions)
	}
	return dial(ctx, options.ClientOptions)
}

func dial(ctx context.Context, options Options) (*Client, error) {
	c, err := newLazy(options)
	if err != nil {
		return nil, err
	}
	if _, err := c.conn.Capabilities(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newLazy(options Options) (*Client, error) {
	conn, err := connect(options)
	if err != nil {
		return nil, err
	}
	c, err := newClient(conn, options, nil)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func newFromExisting(ctx context.Context, existing *Client, options Options) (*Client, error) {
	if err := existing.conn.Retain(); err != nil {
		return nil, err
	}
	calls := existing.calls
	if options.MetricsHandler != nil {
		calls = nil
	}
	c, err := newClient(existing.conn, options, calls)
	if err != nil {
		_ = existing.conn.Close()
		return nil, err
	}
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
		Metrics:           rpc.NewMetrics(rootMetrics(options), options.DisableErrorCodeMetricTags),
	})
}

// rootMetrics are the metrics of a client, with its tags.
func rootMetrics(options Options) metrics.Handler {
	namespace := cmp.Or(options.Namespace, DefaultNamespace)
	return metrics.OrNop(options.MetricsHandler).WithTags(metrics.RootTags(namespace))
}

// newClient makes a client of a connection. Its calls are recorded by calls, or, if that is nil, by metrics of
// its own.
func newClient(conn *rpc.Conn, options Options, calls *rpc.Metrics) (*Client, error) {
	c := &Client{
		conn:             conn,
		namespace:        cmp.Or(options.Namespace, DefaultNamespace),
		identity:         cmp.Or(options.Identity, defaultIdentity()),
		logger:           options.Logger,
		metrics:          rootMetrics(options),
		dataConverter:    options.DataConverter,
		failureConverter: options.FailureConverter,
		propagators:      options.ContextPropagators,
		interceptors:     options.Interceptors,
		plugins:          options.Plugins,
		payloadLimits:    options.PayloadLimits,
		workers: WorkerOptions{
			SDKName:                cmp.Or(options.SdkName, version.SDKName),
			SDKVersion:             cmp.Or(options.SdkVersion, version.SDKVersion),
			DisableEnvironmentInfo: options.DisableWorkerEnvironmentInfo,
			Group:                  workergroup.New(),
		},
	}
	if c.logger == nil {
		c.logger = logger.NewDefault()
	}
	c.dataConverter = converter.MakeTransferAware(c.dataConverter)
	if c.failureConverter == nil {
		c.failureConverter = failure.DefaultConverter()
	}
	var err error
	if c.workers.HeartbeatInterval, err = options.heartbeatInterval(); err != nil {
		return nil, err
	}
	if c.storage, err = extstore.New(options.ExternalStorage, c.logger); err != nil {
		return nil, err
	}
	sizes, err := payloadlimits.New(options.PayloadLimits, c.logger, c.fetchPayloadLimits)
	if err != nil {
		return nil, err
	}
	if c.calls = calls; calls == nil {
		c.calls = rpc.NewMetrics(c.metrics, options.DisableErrorCodeMetricTags)
	}
	reliably, once := conn.Measured(c.calls)
	c.service = workflowservice.NewWorkflowServiceClient(payloadConn{
		ClientConnInterface: reliably, storage: c.storage, sizes: sizes,
	})
	c.tasks = workflowservice.NewWorkflowServiceClient(reliably)
	c.once = once
	c.raw = workflowservice.NewWorkflowServiceClient(once)
	c.operator = operatorservice.NewOperatorServiceClient(once)
	c.intercept()
	return c, nil
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

// Conn is the connection itself, with the client's headers, for services that the client
// knows nothing of.
func (c *Client) Conn() grpc.ClientConnInterface { return c.once }
