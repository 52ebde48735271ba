package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// echo is a service that does what its function says.
type echo struct {
	workflowservice.UnimplementedWorkflowServiceServer
	fn func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error)
}

func (e *echo) DescribeNamespace(ctx context.Context, req *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return e.fn(ctx, req)
}

func local(fn func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error)) (*inProcess, workflowservice.WorkflowServiceClient) {
	p := newInProcess(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(ctx, req)
	}, 1000)
	workflowservice.RegisterWorkflowServiceServer(p, &echo{fn: fn})
	return p, workflowservice.NewWorkflowServiceClient(p)
}

func TestInProcessCallsSeeMetadataBothWays(t *testing.T) {
	_, client := local(func(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if got := md.Get("client-name"); len(got) != 1 || got[0] != "me" || len(md.Get("outer")) != 0 {
			t.Errorf("received %v", md)
		}
		if p, ok := peer.FromContext(ctx); !ok || p.Addr.Network() != "local" {
			t.Errorf("peer is %v", p)
		}
		if err := errors.Join(grpc.SetHeader(ctx, metadata.Pairs("h", "1")), grpc.SetTrailer(ctx, metadata.Pairs("t", "2"))); err != nil {
			t.Error(err)
		}
		return &workflowservice.DescribeNamespaceResponse{}, nil
	})
	// The caller is itself a handler that has received something.
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("outer", "x"))
	ctx = metadata.AppendToOutgoingContext(ctx, "client-name", "me")
	var header, trailer metadata.MD
	if _, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{}, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		t.Fatal(err)
	}
	if header.Get("h")[0] != "1" || trailer.Get("t")[0] != "2" {
		t.Errorf("header %v, trailer %v", header, trailer)
	}
}

func TestInProcessCallsShareNoMemory(t *testing.T) {
	req := &workflowservice.DescribeNamespaceRequest{Namespace: "before"}
	kept := &workflowservice.DescribeNamespaceResponse{FailoverVersion: 1}
	_, client := local(func(_ context.Context, r *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		r.Namespace = "after"
		return kept, nil
	})
	resp, err := client.DescribeNamespace(t.Context(), req)
	if err != nil || req.Namespace != "before" {
		t.Errorf("the request is now %v, %v", req, err)
	}
	resp.FailoverVersion = 2
	if kept.FailoverVersion != 1 {
		t.Error("the caller changed the server's message")
	}
}

func TestInProcessCallsDecodeWhatWasSplicedIn(t *testing.T) {
	_, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		resp := new(workflowservice.DescribeNamespaceResponse)
		field := resp.ProtoReflect().Descriptor().Fields().ByName("failover_version").Number()
		resp.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), 7))
		return resp, nil
	})
	if resp, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{}); err != nil || resp.GetFailoverVersion() != 7 {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestInProcessErrorsKeepCodeAndDetails(t *testing.T) {
	_, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound("ns")).Err()
	})
	_, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{})
	var missing *serviceerror.NamespaceNotFound
	if !errors.As(serviceerror.FromStatus(status.Convert(err)), &missing) || missing.Namespace != "ns" {
		t.Errorf("error is %v", err)
	}
}

func TestInProcessCallsEndWithTheirContext(t *testing.T) {
	_, client := local(func(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the handler sees no deadline")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("error is %v, want DeadlineExceeded", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	cancel()
	if _, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("error is %v, want Canceled", err)
	}
}

func TestInProcessReplyIsDeliveredThoughItsCallerHasGivenUp(t *testing.T) {
	// It may be a task that has been started for the caller.
	ctx, cancel := context.WithCancel(t.Context())
	_, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		cancel()
		return &workflowservice.DescribeNamespaceResponse{FailoverVersion: 7}, nil
	})
	if resp, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{}); err != nil || resp.GetFailoverVersion() != 7 {
		t.Errorf("got %v, %v", resp, err)
	}
}

func TestInProcessRefusals(t *testing.T) {
	p, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		return &workflowservice.DescribeNamespaceResponse{}, nil
	})
	_, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: strings.Repeat("x", 2000)})
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "larger than max") {
		t.Errorf("a large request: %v, want ResourceExhausted", err)
	}
	_, err = client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "\xff"})
	if status.Code(err) != codes.Internal {
		t.Errorf("text that is not UTF-8: %v, want Internal", err)
	}
	if err := p.Invoke(t.Context(), "/no.Such/Method", &workflowservice.DescribeNamespaceRequest{}, nil); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown method: %v, want Unimplemented", err)
	}
	if _, err := p.NewStream(t.Context(), nil, "/grpc.health.v1.Health/Watch"); status.Code(err) != codes.Unimplemented {
		t.Errorf("a stream: %v, want Unimplemented", err)
	}
	if err := p.close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("after the stop: %v, want Unavailable", err)
	}
}

func TestInProcessCloseWaitsForCallsUnderWay(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	p, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		close(entered)
		<-leave
		return &workflowservice.DescribeNamespaceResponse{}, nil
	})
	done := make(chan error, 1)
	go func() {
		_, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{})
		done <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.close(ctx); err == nil {
		t.Error("close did not wait")
	}
	close(leave)
	if err := p.close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func BenchmarkInProcessCall(b *testing.B) {
	_, client := local(func(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
		return &workflowservice.DescribeNamespaceResponse{}, nil
	})
	req := &workflowservice.DescribeNamespaceRequest{Namespace: "default"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.DescribeNamespace(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
