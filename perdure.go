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
	"time"

	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/server"
)

// Version is the version of Perdure.
const Version = server.Version

// Server is a running server. Its methods may be called from many goroutines.
type Server struct{ server *server.Server }

// Start starts a server, which answers calls when Start returns. The context
// bounds the start; it does not stop the server. The error of a directory or a
// port that is in use says so.
func Start(ctx context.Context, options Options) (*Server, error) {
	s, err := server.Start(ctx, options.server())
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

// HTTPAddress is the host:port of the HTTP API, or "" if Options.HTTP has none.
func (s *Server) HTTPAddress() string { return s.server.HTTPAddress() }

// UIURL is where a browser on this machine finds the web UI, or "" if Options.UI has none.
func (s *Server) UIURL() string { return s.server.UIURL() }

// MetricsAddress is the host:port of metrics and health checks, or "" if Options.Metrics has
// none.
func (s *Server) MetricsAddress() string { return s.server.MetricsAddress() }

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
