package client

import (
	"fmt"
	"os"
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/log"
)

// DefaultNamespace is the namespace of a client that was given none.
const DefaultNamespace = "default"

// Options of a client. The zero value connects to a server on this machine.
type Options struct {
	// HostPort is the address of the server, as host:port or in any other form that
	// gRPC understands, such as dns:///host:port. The default is localhost:7233.
	HostPort string

	// Namespace is where the client's workflows are. It must exist. The default is
	// "default".
	Namespace string

	// Credentials prove the client's identity to the server. The default is none.
	Credentials rpc.Credentials

	// Logger is where the client, and the workers that use it, log. The default writes
	// everything to standard output.
	Logger log.Logger

	// Plugins configure the client, and are called when it connects, the first outermost.
	// Those that are plugins of workers as well are used by the workers of the client, too.
	Plugins []Plugin

	// MetricsHandler is where the client, and the workers that use it, count and
	// measure. The default, MetricsNopHandler, does nothing.
	MetricsHandler metrics.Handler

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

	// HeadersProvider adds gRPC headers to every call. It is asked each time, so it should
	// be fast; an error fails the call. The default is none.
	HeadersProvider rpc.HeadersProvider

	// TrafficController can refuse calls before they are sent, to test how a program
	// takes failures.
	TrafficController rpc.TrafficController

	// Interceptors of the client's calls, the first outermost. Those that implement
	// worker interceptors as well intercept the workers that use the client, too, outside
	// of the workers' own.
	Interceptors []ClientInterceptor

	// DisableErrorCodeMetricTags leaves the code of errors out of the tags of metrics about
	// failed calls.
	DisableErrorCodeMetricTags bool

	// WorkerHeartbeatInterval is how often workers tell the server how they are, from 1 to 60
	// seconds; making a client with another fails. All workers of a client and namespace
	// share one call. The default is 60 seconds; a negative interval is never. It has
	// nothing to do with heartbeats of activities.
	WorkerHeartbeatInterval time.Duration

	// SdkName is what workers say that they are made with. The default is "temporal-go". It
	// is for SDKs of other languages that are made on this one.
	SdkName string

	// SdkVersion is the version of SdkName. The default is temporal.SDKVersion.
	SdkVersion string

	// DisableWorkerEnvironmentInfo keeps workers from telling the server what they run on:
	// the version of Go, the operating system, containers and clouds.
	DisableWorkerEnvironmentInfo bool

	// ExternalStorage says which payloads, of those that are large, are stored elsewhere, so
	// that only references to them are in histories. The workers that run the workflows must
	// be able to retrieve them.
	ExternalStorage extstore.ExternalStorage

	// PayloadLimits say from which sizes on to warn of arguments, results and memos that are
	// large. What is larger than the namespace allows is refused before it is sent.
	PayloadLimits payloadlimits.Options
}

// Bounds of WorkerHeartbeatInterval.
const (
	minHeartbeatInterval = time.Second
	maxHeartbeatInterval = time.Minute
)

// heartbeatInterval returns the interval of workers' heartbeats, zero for none.
func (o Options) heartbeatInterval() (time.Duration, error) {
	switch d := o.WorkerHeartbeatInterval; {
	case d < 0:
		return 0, nil
	case d == 0:
		return maxHeartbeatInterval, nil
	case d < minHeartbeatInterval || d > maxHeartbeatInterval:
		return 0, fmt.Errorf("WorkerHeartbeatInterval must be between %v and %v", minHeartbeatInterval, maxHeartbeatInterval)
	default:
		return d, nil
	}
}

// defaultIdentity names the process. What a worker adds to it is its task queue.
func defaultIdentity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "Unknown"
	}
	return fmt.Sprintf("%d@%s@", os.Getpid(), host)
}
