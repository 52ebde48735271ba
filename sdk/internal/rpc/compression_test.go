package rpc_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/perdure/perdure/sdk/internal/rpc"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// compressions notes how each call that arrives at a server is compressed.
type compressions struct {
	mu   sync.Mutex
	seen []string
}

func (c *compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *compressions) HandleConn(context.Context, stats.ConnStats)                       {}

func (c *compressions) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InHeader); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen = append(c.seen, in.Compression)
	}
}

func (c *compressions) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.seen, want) {
		t.Fatalf("calls were compressed %q, want %q", c.seen, want)
	}
}

// dialCompressed connects to a server that answers with refuse, unless that is nil.
func dialCompressed(t *testing.T, hostPort string, compression rpc.GrpcCompression, refuse func(compression string) error) (workflowservice.WorkflowServiceClient, *compressions) {
	t.Helper()
	seen := &compressions{}
	listener := bufconn.Listen(1 << 16)
	grpcServer := grpc.NewServer(grpc.StatsHandler(seen), grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			seen.mu.Lock()
			compression := seen.seen[len(seen.seen)-1]
			seen.mu.Unlock()
			if refuse != nil {
				if err := refuse(compression); err != nil {
					return nil, err
				}
			}
			return handler(ctx, request)
		}))
	workflowservice.RegisterWorkflowServiceServer(grpcServer, realServer{})
	done := make(chan error, 1)
	go func() { done <- grpcServer.Serve(listener) }()
	conn, err := rpc.Connect(rpc.Options{
		HostPort: hostPort,
		Connection: rpc.ConnectionOptions{
			GrpcCompression: compression,
			DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				return listener.DialContext(ctx)
			})},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		grpcServer.Stop()
		<-done
	})
	return workflowservice.NewWorkflowServiceClient(conn), seen
}

func TestRequestsAreCompressedUnlessTheServerIsOnThisMachine(t *testing.T) {
	for _, c := range []struct {
		name, hostPort, want string
		option               rpc.GrpcCompression
	}{
		{"another machine", "passthrough:///temporal.example:7233", "gzip", nil},
		{"this machine", "127.0.0.1:7233", "", nil},
		{"another machine without compression", "passthrough:///temporal.example:7233", "", &rpc.GrpcCompressionNone{}},
		{"this machine with compression", "127.0.0.1:7233", "gzip", &rpc.GrpcCompressionGzip{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			service, seen := dialCompressed(t, c.hostPort, c.option, nil)
			if _, err := service.GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{}); err != nil {
				t.Fatal(err)
			}
			seen.want(t, c.want)
		})
	}
}

func TestAMethodThatTheServerDoesNotTakeCompressedIsCalledWithoutFromThenOn(t *testing.T) {
	service, seen := dialCompressed(t, "passthrough:///buf", nil, func(compression string) error {
		if compression == "gzip" {
			return status.Error(codes.Unimplemented, `grpc: Decompressor is not installed for grpc-encoding "gzip"`)
		}
		return nil
	})
	for range 2 {
		if _, err := service.GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	seen.want(t, "gzip", "identity", "identity")
}

func TestAMethodThatThereIsNotIsNotCalledAgainWithoutCompression(t *testing.T) {
	service, seen := dialCompressed(t, "passthrough:///buf", nil, func(string) error {
		return status.Error(codes.Unimplemented, "gzip feature is not implemented")
	})
	if _, err := service.GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{}); err == nil {
		t.Fatal("the call succeeded")
	}
	seen.want(t, "gzip")
}
