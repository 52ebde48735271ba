package perdure_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure"
)

func TestManyServersRunSideBySide(t *testing.T) {
	for range 5 {
		server, err := perdure.Start(t.Context(), perdure.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if server.Address() != "" || server.Err() != nil {
			t.Errorf("address %q, error %v", server.Address(), server.Err())
		}
		if _, err := workflowservice.NewWorkflowServiceClient(server.ClientConn()).GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{}); err != nil {
			t.Error(err)
		}
	}
}

func TestTheContextOfStartDoesNotStopTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := perdure.Start(ctx, perdure.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	client := workflowservice.NewWorkflowServiceClient(server.ClientConn())
	describe := func() error {
		_, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
		return err
	}
	if err := describe(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(server.Close(), server.Close()); err != nil {
		t.Error(err)
	}
	if err := describe(); status.Code(err) != codes.Unavailable {
		t.Errorf("a call after Close: %v, want Unavailable", err)
	}
}

func TestOptionsReachTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for range 2 {
		server, err := perdure.Start(t.Context(), perdure.Options{DataDir: dir, UnsafeNoSync: true, Listen: "127.0.0.1:0", Namespaces: []string{"orders"}, Retention: 2 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := workflowservice.NewWorkflowServiceClient(server.ClientConn()).DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "orders"})
		if err != nil || resp.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != 2*time.Hour || server.Address() == "" {
			t.Errorf("%v, %v, address %q", resp, err, server.Address())
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	if _, err := perdure.Start(t.Context(), perdure.Options{Listen: "nonsense"}); err == nil {
		t.Error("a malformed address was accepted")
	}
	if _, err := perdure.Start(t.Context(), perdure.Options{Retention: time.Minute}); err == nil {
		t.Error("a retention that is too short was accepted")
	}
}
