package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/frontend"
)

const (
	// handshakeTimeout is how long a connection may take to become one: a client
	// that connects and says nothing, or garbage, is cut off.
	handshakeTimeout = 10 * time.Second
	// maxStreams bounds the calls one connection may have open. A process with
	// many workers holds all its long polls on one.
	maxStreams = 8192
	// streamWorkers are goroutines kept for calls. A goroutine of its own for each
	// call spends more time growing its stack than the call needs; calls beyond
	// this number, such as long polls, get one all the same.
	streamWorkers = 128
	// answerTime is how long a server that hands over waits for workers to answer the workflow tasks that they have.
	answerTime = 2 * time.Second
	// goAwayTime is how long it may take until clients have heard that they are to connect anew.
	goAwayTime = 250 * time.Millisecond
	// maxHeaders bounds the headers of a call, in bytes.
	maxHeaders = 64 << 10
)

// openPorts reads what the ports need, and opens them. The first error ends it, so that it
// is the one that is told.
func (s *Server) openPorts(ctx context.Context, options Options) error {
	if err := s.openTLS(options); err != nil {
		return err
	}
	if err := s.openAuth(ctx, options); err != nil {
		return err
	}
	if err := s.listen(ctx, options); err != nil {
		return err
	}
	return s.listenHTTP(ctx, options)
}

// listen opens the port, if there is one. What clients send before openDoors waits.
func (s *Server) listen(ctx context.Context, options Options) (err error) {
	if err := options.CheckListen(); err != nil {
		return err
	}
	if options.Listen == "" {
		return nil
	}
	if !loopback(options.Listen) && s.auth == nil && options.TLS.ClientCAFile == "" {
		s.logger.Warn("The server can be reached from other machines, and lets in everyone who reaches it.", "address", options.Listen)
	}
	if s.listener, err = s.openPort(ctx, "grpc", options.Listen); err != nil {
		return fmt.Errorf("listen on %s: %w", options.Listen, err)
	}
	return nil
}

// openDoors lets calls in: from inside the process, and by the port if there is
// one.
func (s *Server) openDoors(options Options) {
	s.local = newInProcess(s.frontend.Intercept, check.MaxRequest)
	s.frontend.Register(s.local)
	s.health.register(s.local)
	if s.listener == nil {
		s.health.set(true)
		return
	}
	serverOptions := grpcOptions(s.frontend, cmp.Or(options.handshakeTimeout, handshakeTimeout))
	if config := s.tlsConfig(); config != nil {
		serverOptions = append(serverOptions, grpc.Creds(credentials.NewTLS(config)))
	}
	s.grpc = grpc.NewServer(serverOptions...)
	s.frontend.Register(s.grpc)
	s.health.register(s.grpc)
	if s.auth == nil { // what the API looks like is for everybody only if everything is
		reflection.Register(s.grpc)
	}
	s.health.set(true)
	s.serving.Go(func() {
		if err := s.grpc.Serve(limitConnections(s.listener)); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			s.logger.Error("The server no longer accepts connections; restart it.", "address", s.Address(), "error", err)
		}
	})
}

// sendAway has clients make a new connection for their next calls, which is not accepted by this server any more. Those that
// are under way go on. It returns once clients have heard of it, as far as that can be told.
func (s *Server) sendAway(ctx context.Context) {
	if s.grpc == nil {
		return
	}
	s.serving.Go(s.grpc.GracefulStop)
	timer := time.NewTimer(goAwayTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stopPort stops the port in order, and waits for the calls under way. When the context
// ends first, they are broken off.
func (s *Server) stopPort(ctx context.Context) {
	if s.grpc == nil {
		return
	}
	graceful := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(graceful)
	}()
	select {
	case <-graceful:
	case <-ctx.Done():
		s.grpc.Stop()
		<-graceful
	}
	s.serving.Wait()
}

// Address is the host:port of the gRPC API, or "" without a port.
func (s *Server) Address() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// grpcOptions are the rules for connections. The numbers are those that SDKs are
// made for: a connection lives for five minutes so that load spreads anew over
// servers, and its polls, a minute long, may end in the grace that follows.
func grpcOptions(service *frontend.Service, handshake time.Duration) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle:     2 * time.Minute,
			MaxConnectionAge:      5 * time.Minute,
			MaxConnectionAgeGrace: 70 * time.Second,
			Time:                  time.Minute,
			Timeout:               10 * time.Second,
		}),
		grpc.MaxRecvMsgSize(check.MaxRequest),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(handshake),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.ChainUnaryInterceptor(replyPlainly),
		grpc.UnaryInterceptor(service.Intercept),
		grpc.StreamInterceptor(service.InterceptStream),
	}
}
