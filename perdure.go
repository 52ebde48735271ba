// Package perdure is the Perdure server as a library: durable execution inside a
// Go program, without a process beside it and, if you like, without a port.
//
//	server, err := perdure.Start(ctx, perdure.Options{DataDir: "data"})
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//
// Clients in the same program call it through ClientConn, which crosses no
// network: a call is little more than a function call. It behaves like the
// network otherwise (deadlines, metadata, error details, limits), so what works
// against an embedded server works against any. Clients elsewhere, whatever
// Temporal SDK they use, connect to Address if Options.Listen is set.
//
// Without DataDir the server is in memory, which is what tests want: it starts
// in about a millisecond, and any number of them run side by side.
//
// A program is as durable as its directory: what a client has been told is done
// survives a kill of the program and a power cut. Only one program at a time can
// have a directory open.
package perdure

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/server"
)

// Version is the version of Perdure.
const Version = server.Version

// Options are the settings of an embedded server. The zero value is a server in
// memory, without a port, with the one namespace "default".
type Options struct {
	// DataDir is the directory the data are kept in; it is made if it is not
	// there. Empty: the data are in memory, and gone with the server.
	DataDir string
	// UnsafeNoSync leaves it to the operating system when writes reach the disk.
	// It is faster, and a power cut or a crash of the machine then loses
	// acknowledged writes and may damage the store. For data you can lose.
	UnsafeNoSync bool
	// Listen is the host:port the gRPC API is served on, for clients outside the
	// program; port 0 picks a free one, which Address tells. Empty: no port.
	Listen string
	// TLS encrypts the port. Without it, Start refuses an address that other machines
	// can reach, unless InsecureListen is set.
	TLS TLS
	// InsecureListen allows such an address without TLS: behind a firewall, or a proxy.
	InsecureListen bool
	// Namespaces are registered if they do not exist. "default" always does.
	Namespaces []string
	// Retention is how long the namespaces registered at start keep closed
	// workflows; at least one hour. Default: three days.
	Retention time.Duration
	// CacheBytes is about how much memory the server uses for workflows that are
	// idle. More is faster, less is slower, and neither is wrong. Default: 12 MiB.
	CacheBytes int64
	// DynamicConfigFile is a YAML file of settings that can change while the server
	// runs, which docs/configuration.md lists. Empty: all have their defaults.
	DynamicConfigFile string
	// Logger gets what an operator should know. Default: slog.Default().
	Logger *slog.Logger
}

// TLS are the PEM files by which a port is encrypted. They are read again when they have
// changed. The zero value is no TLS.
type TLS struct {
	// CertFile and KeyFile are the certificate, with those that lead to its authority
	// after it, and its key.
	CertFile, KeyFile string
	// ClientCAFile are the authorities whose certificates clients have to present.
	// Empty: they need none.
	ClientCAFile string
}

// Server is a running server. Its methods may be called from many goroutines.
type Server struct{ server *server.Server }

// Start starts a server, which answers calls when Start returns. The context
// bounds the start; it does not stop the server. The error of a directory or a
// port that is in use says so.
func Start(ctx context.Context, options Options) (*Server, error) {
	s, err := server.Start(ctx, server.Options{
		DataDir:      options.DataDir,
		UnsafeNoSync: options.UnsafeNoSync,
		Listen:       options.Listen,
		TLS: server.TLSOptions{
			CertFile:     options.TLS.CertFile,
			KeyFile:      options.TLS.KeyFile,
			ClientCAFile: options.TLS.ClientCAFile,
		},
		InsecureListen: options.InsecureListen,
		Namespaces:     options.Namespaces,
		Retention:      options.Retention,
		CacheBytes:     options.CacheBytes,
		Logger:         options.Logger,

		DynamicConfigFile: options.DynamicConfigFile,
	})
	if err != nil {
		return nil, err
	}
	return &Server{s}, nil
}

// ClientConn is the way in from inside the program, for a client or for the
// generated stubs. It can be used by any number of clients, and needs no closing.
// After the server has stopped, calls fail with Unavailable.
func (s *Server) ClientConn() grpc.ClientConnInterface { return s.server.ClientConn() }

// Address is the host:port of the gRPC API, or "" if Options.Listen was empty.
func (s *Server) Address() string { return s.server.Address() }

// Err is why the server accepts no more writes: a full disk, an I/O error. A
// server that has failed so answers Unavailable and has to be started anew. Nil
// as long as all is well.
func (s *Server) Err() error { return s.server.Failed() }

// Stop stops the server in order: polls that wait end with empty replies, calls
// under way finish. When the context ends first, they are broken off. Either way
// nothing that was acknowledged is lost.
func (s *Server) Stop(ctx context.Context) error { return s.server.Stop(ctx) }

// Close is Stop with ten seconds' time.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Stop(ctx)
}
