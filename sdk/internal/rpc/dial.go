package rpc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// DefaultHostPort is where a server is looked for if no address is given.
const DefaultHostPort = "localhost:7233"

const (
	// serviceConfig spreads calls over all addresses that the name resolves to.
	serviceConfig = `{"loadBalancingConfig": [{"round_robin":{}}]}`

	minConnectTimeout       = 20 * time.Second
	reconnectBaseDelay      = 200 * time.Millisecond
	reconnectMaxDelay       = 10 * time.Second
	defaultMaxPayloadSize   = 128 << 20
	defaultKeepAliveTime    = 30 * time.Second
	defaultKeepAliveTimeout = 15 * time.Second

	// DefaultGetSystemInfoTimeout bounds the first call to a server.
	DefaultGetSystemInfoTimeout = 5 * time.Second
)

// ConnectionOptions say how to connect to a server. The zero value is a connection
// without TLS.
type ConnectionOptions struct {
	// Conn is a connection to use in place of dialing one: to a server inside the same
	// process, for instance, or one that other code shares. The client does not close
	// it. With it, only GetSystemInfoTimeout may be set besides, and no HostPort.
	Conn grpc.ClientConnInterface

	// TLS turns on TLS, with this configuration. It is on by default if the client has
	// an API key or a client certificate.
	TLS *tls.Config

	// TLSDisabled leaves TLS off for a client that has an API key. It cannot be set
	// together with TLS.
	TLSDisabled bool

	// Authority is sent as the authority of requests, in place of the address dialed.
	Authority string

	// DisableKeepAliveCheck turns off the pings that find out whether the connection is
	// dead.
	DisableKeepAliveCheck bool

	// KeepAliveTime is how long the connection may be silent before a ping is sent. The
	// default is 30 seconds.
	KeepAliveTime time.Duration

	// KeepAliveTimeout is how long to wait for the answer to a ping before the
	// connection is given up. The default is 15 seconds.
	KeepAliveTimeout time.Duration

	// GetSystemInfoTimeout bounds the call by which a client finds out what the server
	// can do: the one that Dial waits for. The default is 5 seconds.
	GetSystemInfoTimeout time.Duration

	// DisableKeepAlivePermitWithoutStream sends pings only while there are calls under
	// way.
	DisableKeepAlivePermitWithoutStream bool

	// MaxPayloadSize is the largest message to send and to accept, in bytes. The default
	// is 128 MiB; servers usually accept much less.
	MaxPayloadSize int

	// GrpcCompression is how requests are compressed. The default is gzip, and nothing
	// for a server on this machine, where there is no network to relieve.
	GrpcCompression GrpcCompression

	// DialOptions are passed to gRPC after the ones that follow from the fields above.
	DialOptions []grpc.DialOption
}

// checkNothingToDial fails for options that a connection that is already there would
// leave without effect.
func (o Options) checkNothingToDial() error {
	c := o.Connection
	if o.HostPort != "" {
		return errors.New("cannot set both HostPort and ConnectionOptions.Conn")
	}
	if c.TLS != nil || c.TLSDisabled || c.Authority != "" || c.DisableKeepAliveCheck ||
		c.KeepAliveTime != 0 || c.KeepAliveTimeout != 0 || c.DisableKeepAlivePermitWithoutStream ||
		c.MaxPayloadSize != 0 || c.GrpcCompression != nil || len(c.DialOptions) != 0 {
		return errors.New("ConnectionOptions.Conn is already connected: options that say how to dial cannot be set with it")
	}
	if _, ok := o.Credentials.(mTLSCredentials); ok {
		return errors.New("ConnectionOptions.Conn is already connected: mTLS credentials cannot be set with it")
	}
	return nil
}

func dial(o Options) (*grpc.ClientConn, error) {
	c := o.Connection
	if c.TLS != nil && c.TLSDisabled {
		return nil, errors.New("cannot set both TLS and TLSDisabled in ConnectionOptions")
	}
	if o.Credentials != nil {
		var err error
		if c.TLS, err = o.Credentials.tls(c.TLS, c.TLSDisabled); err != nil {
			return nil, err
		}
	}
	if o.HostPort == "" {
		o.HostPort = DefaultHostPort
	}
	maxSize := c.MaxPayloadSize
	if maxSize == 0 {
		maxSize = defaultMaxPayloadSize
	}
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay = reconnectBaseDelay
	// gRPC's own limit of two minutes is longer than people wait for a server to come
	// back.
	reconnect.MaxDelay = reconnectMaxDelay

	opts := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: minConnectTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(maxSize), grpc.MaxCallRecvMsgSize(maxSize)),
	}
	if c.TLS != nil {
		opts = append(opts, grpc.WithTransportCredentials(credentials.NewTLS(c.TLS)))
	} else {
		opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if c.Authority != "" {
		opts = append(opts, grpc.WithAuthority(c.Authority))
	}
	if name := o.compression().compressor(); name != "" {
		opts = append(opts, grpc.WithDefaultCallOptions(grpc.UseCompressor(name)))
	}
	if !c.DisableKeepAliveCheck {
		opts = append(opts, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time:                orDefault(c.KeepAliveTime, defaultKeepAliveTime),
			Timeout:             orDefault(c.KeepAliveTimeout, defaultKeepAliveTimeout),
			PermitWithoutStream: !c.DisableKeepAlivePermitWithoutStream,
		}))
	}
	cc, err := grpc.NewClient(o.HostPort, append(opts, c.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", o.HostPort, err)
	}
	return cc, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}
