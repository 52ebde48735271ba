package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

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
	// maxHeaders bounds the headers of a call, in bytes.
	maxHeaders = 64 << 10
)

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
