// Package rpc is the SDK's way to the server: a connection that introduces the client
// with the headers servers expect, turns statuses into the errors of package
// serviceerror, and, for those who want it, bounds and retries calls.
//
// All of it is done around a [grpc.ClientConnInterface], not in gRPC interceptors, so
// that it works the same over the network and over a channel inside the process.
//
// There are two doors. [Conn] itself makes each call once, as the caller says.
// [Conn.Reliable] is the same connection with a time limit and retries, chosen by the
// kind of request; the generated service clients are made on top of it:
//
//	service := workflowservice.NewWorkflowServiceClient(conn.Reliable())
package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/perdure/perdure/sdk/internal/version"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Headers that the SDK sends with every call.
const (
	headerClientName              = "client-name"
	headerClientVersion           = "client-version"
	headerSupportedServerVersions = "supported-server-versions"
	headerNamespace               = "temporal-namespace"
	headerAuthorization           = "authorization"
)

// introduction is what every call carries.
var introduction = []string{
	headerClientName, version.SDKName,
	headerClientVersion, version.SDKVersion,
	headerSupportedServerVersions, version.SupportedServerVersions,
}

// HeadersProvider adds headers to every call.
type HeadersProvider interface {
	// GetHeaders returns the headers of one call. It is called again for every retry.
	// An error fails the call.
	GetHeaders(ctx context.Context) (map[string]string, error)
}

// TrafficController can refuse calls before they are sent. It is meant for tests of how
// a program takes failures.
type TrafficController interface {
	// CheckCallAllowed is called before every call, retries included, with the full
	// name of the method. An error stands for the call's outcome: a status of gRPC for one of
	// the server, anything else for a failure on the way, which is tried again like those.
	CheckCallAllowed(ctx context.Context, method string, req, reply any) error
}

// Options of a connection.
type Options struct {
	// HostPort is the address to dial, in gRPC's syntax.
	HostPort string
	// Connection says how to dial, or holds a connection made by someone else.
	Connection ConnectionOptions
	// Credentials, HeadersProvider and TrafficController may be nil.
	Credentials       Credentials
	HeadersProvider   HeadersProvider
	TrafficController TrafficController
	// Metrics are those of the question for the server's capabilities, or nil.
	Metrics *Metrics
}

// Conn is a connection to a server. It is shared: every user beyond the first calls
// Retain, and every user calls Close once.
type Conn struct {
	cc       grpc.ClientConnInterface
	closer   func() error
	gzip     *compressed // nil for a connection that does not compress
	refs     atomic.Int64
	options  Options
	provider func(context.Context) (string, error) // of the API key, nil if none

	capabilities atomic.Pointer[workflowservice.GetSystemInfoResponse_Capabilities]
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// ErrClosed is returned by calls on a connection that all its users have closed.
var ErrClosed = errors.New("the client is closed")

// Connect makes a connection. It does not wait for the server to answer; the first
// call does.
func Connect(options Options) (*Conn, error) {
	c := &Conn{options: options}
	c.refs.Store(1)
	if options.Credentials != nil {
		c.provider = options.Credentials.apiKey()
	}
	if options.Connection.Conn != nil {
		if err := options.checkNothingToDial(); err != nil {
			return nil, err
		}
		c.cc = options.Connection.Conn
		// It belongs to the one who made it.
		c.closer = func() error { return nil }
		return c, nil
	}
	cc, err := dial(options)
	if err != nil {
		return nil, err
	}
	c.cc, c.closer = cc, cc.Close
	if options.compression().compressor() != "" {
		c.gzip = &compressed{}
	}
	return c, nil
}

// Retain adds a user. It fails if there is none left: the connection is closed.
func (c *Conn) Retain() error {
	for {
		refs := c.refs.Load()
		if refs == 0 {
			return ErrClosed
		}
		if c.refs.CompareAndSwap(refs, refs+1) {
			return nil
		}
	}
}

// Close removes a user. The last one to leave closes the connection, unless it was
// made by someone else.
func (c *Conn) Close() error {
	if c.refs.Add(-1) != 0 {
		return nil
	}
	return c.closer()
}

// Invoke makes one call, once. Errors are those of package serviceerror, or
// [*MessageTooLargeError].
func (c *Conn) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	return convertError(c.invoke(ctx, method, request, reply, opts))
}

// NewStream opens a stream with the same headers as Invoke.
func (c *Conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := c.addHeaders(ctx, nil)
	if err != nil {
		return nil, err
	}
	stream, err := c.cc.NewStream(ctx, desc, method, opts...)
	return stream, convertError(err)
}

// localError is an error of this process, not of the call: it is neither retried nor
// converted.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// invoke makes one call and returns its status as it came.
func (c *Conn) invoke(ctx context.Context, method string, request, reply any, opts []grpc.CallOption) error {
	if c.refs.Load() <= 0 {
		return localError{ErrClosed}
	}
	ctx, err := c.addHeaders(ctx, request)
	if err != nil {
		return localError{err}
	}
	if t := c.options.TrafficController; t != nil {
		if err := t.CheckCallAllowed(ctx, method, request, reply); err != nil {
			return standIn(err)
		}
	}
	if c.gzip != nil {
		return c.gzip.invoke(ctx, c.cc, method, request, reply, opts)
	}
	return c.cc.Invoke(ctx, method, request, reply, opts...)
}

// standIn is the outcome of a call that a TrafficController refused with err: the status that err is
// made of, or an unknown one.
func standIn(err error) error {
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	return status.Error(codes.Unknown, err.Error())
}

// addHeaders returns ctx with all headers that the call is to carry: among them the
// namespace and the name of what the request is about, by which proxies find the way. What
// the caller put there itself has precedence over these and the API key, but not over the
// rest, which is added.
func (c *Conn) addHeaders(ctx context.Context, request any) (context.Context, error) {
	headers := make([]string, 0, len(introduction)+4)
	headers = append(headers, introduction...)

	given, _ := metadata.FromOutgoingContext(ctx)
	hasNamespace := len(given.Get(headerNamespace)) != 0
	hasAuthorization := len(given.Get(headerAuthorization)) != 0

	if p := c.options.HeadersProvider; p != nil {
		provided, err := p.GetHeaders(ctx)
		if err != nil {
			return nil, fmt.Errorf("get headers from the headers provider: %w", err)
		}
		for key, value := range metadata.New(provided) {
			hasNamespace = hasNamespace || key == headerNamespace
			hasAuthorization = hasAuthorization || key == headerAuthorization
			headers = append(headers, key, value[0])
		}
	}
	if c.provider != nil && !hasAuthorization {
		key, err := c.provider(ctx)
		if err != nil {
			return nil, fmt.Errorf("get the API key: %w", err)
		}
		if key != "" {
			headers = append(headers, headerAuthorization, "Bearer "+key)
		}
	}
	if hasNamespace {
		// So that it is not added once more.
		given = metadata.Join(given, metadata.Pairs(headerNamespace, ""))
	}
	if m, ok := request.(proto.Message); ok {
		routing, err := proxy.ExtractTemporalRequestHeaders(ctx, proxy.ExtractHeadersOptions{Request: m, ExistingMetadata: given})
		if err != nil {
			return nil, fmt.Errorf("find the headers of the request: %w", err)
		}
		headers = append(headers, routing...)
	}
	return metadata.AppendToOutgoingContext(ctx, headers...), nil
}
