package client

import (
	"context"

	iclient "github.com/perdure/perdure/sdk/internal/client"
)

// Dial connects to a server and returns when it has answered. It fails if the server
// does not answer within [ConnectionOptions].GetSystemInfoTimeout, by default 5 seconds,
// and if options contradict each other. That the namespace does not exist is found out by
// the first call that is about it.
func Dial(options Options) (Client, error) {
	return DialContext(context.Background(), options)
}

// DialContext is [Dial], bounded by ctx. The client is not: it lives until it is closed.
func DialContext(ctx context.Context, options Options) (Client, error) {
	return orNil(iclient.Dial(ctx, options))
}

// NewLazyClient returns a client that connects when it is first used: for programs that
// start before their server. It fails only for options that make no sense.
func NewLazyClient(options Options) (Client, error) {
	return orNil(iclient.NewLazy(options))
}

// NewClient connects to a server.
//
// Deprecated: use [Dial] or [NewLazyClient].
func NewClient(options Options) (Client, error) {
	return Dial(options)
}

// NewClientFromExisting returns a client for another namespace, or with other converters,
// that shares the connection of existingClient. Of options, those that say how to connect
// are not used: HostPort, ConnectionOptions, Credentials, HeadersProvider and
// TrafficController are those of existingClient, whose MetricsHandler records the calls if
// options have none. The connection ends when the last of the
// clients that share it is closed. It fails if existingClient was not made by this package,
// a mock for instance.
func NewClientFromExisting(existingClient Client, options Options) (Client, error) {
	return NewClientFromExistingWithContext(context.Background(), existingClient, options)
}

// NewClientFromExistingWithContext is [NewClientFromExisting], bounded by ctx.
func NewClientFromExistingWithContext(ctx context.Context, existingClient Client, options Options) (Client, error) {
	existing, err := iclient.Existing(existingClient)
	if err != nil {
		return nil, err
	}
	return orNil(iclient.NewFromExisting(ctx, existing, options))
}

// NewNamespaceClient returns a client for namespaces. It connects when it is first used.
// Of options, those that say how to connect and Logger are used.
func NewNamespaceClient(options Options) (NamespaceClient, error) {
	c, err := iclient.NewNamespaceClient(options)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// orNil keeps a nil pointer from becoming a Client that is not nil.
func orNil(c *iclient.Client, err error) (Client, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}
