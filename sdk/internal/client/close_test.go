package client_test

import (
	"context"
	"net"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
)

type emptyServer struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (emptyServer) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func TestNothingIsLeftOfAClientThatIsClosed(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, emptyServer{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	options := client.Options{Logger: logger.Discard{}, HostPort: "passthrough:///server"}
	options.ConnectionOptions.DialOptions = []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}
	first, err := client.Dial(options)
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.NewClientFromExisting(first, client.Options{Namespace: "other", Logger: logger.Discard{}})
	if err != nil {
		t.Fatal(err)
	}
	lazy, err := client.NewLazyClient(options)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	second.Close()
	lazy.Close()
	server.Stop()
	<-served
}
