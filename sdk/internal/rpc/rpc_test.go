package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/sdk/internal/rpc"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// call is one call that a server got.
type call struct {
	method   string
	at       time.Time
	timeLeft time.Duration // 0 without a deadline
	md       metadata.MD
}

// server is a connection whose calls are answered by a function.
type server struct {
	calls  []call // GetSystemInfo is not among them
	infos  int
	info   func() (*workflowservice.GetSystemInfoResponse, error)
	answer func(n int) error
}

func (s *server) Invoke(ctx context.Context, method string, _, reply any, _ ...grpc.CallOption) error {
	if method == workflowservice.WorkflowService_GetSystemInfo_FullMethodName {
		s.infos++
		if s.info == nil {
			return nil
		}
		response, err := s.info()
		if response != nil {
			reply.(*workflowservice.GetSystemInfoResponse).Capabilities = response.Capabilities
		}
		return err
	}
	c := call{method: method[strings.LastIndex(method, "/")+1:], at: time.Now()}
	if deadline, ok := ctx.Deadline(); ok {
		c.timeLeft = time.Until(deadline)
	}
	c.md, _ = metadata.FromOutgoingContext(ctx)
	s.calls = append(s.calls, c)
	if s.answer == nil {
		return nil
	}
	return s.answer(len(s.calls))
}

func (s *server) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func connect(t *testing.T, s *server, options rpc.Options) *rpc.Conn {
	t.Helper()
	options.Connection.Conn = s
	conn, err := rpc.Connect(options)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func reliable(t *testing.T, s *server) workflowservice.WorkflowServiceClient {
	return workflowservice.NewWorkflowServiceClient(connect(t, s, rpc.Options{}).Reliable())
}

func signal(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
	_, err := c.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{Namespace: "ns"})
	return err
}

type headers map[string]string

func (h headers) GetHeaders(context.Context) (map[string]string, error) {
	if h == nil {
		return nil, errors.New("no headers today")
	}
	return h, nil
}

func TestEveryCallIntroducesTheClient(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{
		Credentials:     rpc.NewAPIKeyStaticCredentials("secret"),
		HeadersProvider: headers{"X-Mine": "1"},
	})
	if err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"client-name":               "temporal-go",
		"client-version":            "1.50.0",
		"supported-server-versions": ">=1.0.0 <2.0.0",
		"temporal-namespace":        "ns",
		"authorization":             "Bearer secret",
		"x-mine":                    "1",
	}
	got := map[string]string{}
	for key, values := range s.calls[0].md {
		got[key] = strings.Join(values, "|")
	}
	if !maps.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestHeadersOfTheCallerHavePrecedence(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{Credentials: rpc.NewAPIKeyStaticCredentials("secret")})
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "mine", "temporal-namespace", "other")
	if err := signal(ctx, workflowservice.NewWorkflowServiceClient(conn)); err != nil {
		t.Fatal(err)
	}
	md := s.calls[0].md
	if got := md.Get("authorization"); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("authorization is %v", got)
	}
	if got := md.Get("temporal-namespace"); !slices.Equal(got, []string{"other"}) {
		t.Errorf("namespace is %v", got)
	}
}

func TestAnEmptyAPIKeyIsNotSent(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{Credentials: rpc.NewAPIKeyStaticCredentials("")})
	if err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn)); err != nil {
		t.Fatal(err)
	}
	if got := s.calls[0].md.Get("authorization"); len(got) != 0 {
		t.Fatalf("authorization is %v", got)
	}
}

func TestErrorsOfProvidersFailTheCallWithoutRetries(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{HeadersProvider: headers(nil)})
	err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn.Reliable()))
	if err == nil || !strings.Contains(err.Error(), "no headers today") || len(s.calls) != 0 {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}

	boom := errors.New("vault is sealed")
	conn = connect(t, s, rpc.Options{Credentials: rpc.NewAPIKeyDynamicCredentials(func(context.Context) (string, error) { return "", boom })})
	if err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn.Reliable())); !errors.Is(err, boom) {
		t.Fatalf("error %v", err)
	}
}

type refuse struct{ err error }

func (r refuse) CheckCallAllowed(context.Context, string, any, any) error { return r.err }

func TestTheTrafficControllerStandsInForTheServer(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{TrafficController: refuse{status.Error(codes.PermissionDenied, "not today")}})
	err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn))
	var denied *serviceerror.PermissionDenied
	if !errors.As(err, &denied) || len(s.calls) != 0 {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}
}

func TestCallsThatMayPassAreRetriedWithGrowingPauses(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Unknown, codes.Internal} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{answer: func(n int) error {
				if n < 4 {
					return status.Error(code, "not now")
				}
				return nil
			}}
			if err := signal(context.Background(), reliable(t, s)); err != nil {
				t.Fatal(err)
			}
			for i, want := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond} {
				got := s.calls[i+1].at.Sub(s.calls[i].at)
				if got < want*8/10 || got > want*12/10 {
					t.Errorf("%v: pause %d is %v, want %v give or take a fifth", code, i, got, want)
				}
			}
		})
	}
}

func TestCallsThatFailForGoodAreMadeOnce(t *testing.T) {
	for _, code := range []codes.Code{codes.NotFound, codes.InvalidArgument, codes.DeadlineExceeded, codes.Canceled, codes.Unimplemented, codes.AlreadyExists} {
		s := &server{answer: func(int) error { return status.Error(code, "no") }}
		err := signal(context.Background(), reliable(t, s))
		if got := serviceerror.ToStatus(err).Code(); got != code || len(s.calls) != 1 {
			t.Errorf("%v: got %v after %d calls", code, got, len(s.calls))
		}
	}
}

func TestAnErrorThatIsTheServersAlreadyIsLeftAsItIs(t *testing.T) {
	// Interceptors in the dial options return such ones.
	s := &server{answer: func(int) error { return serviceerror.NewNamespaceNotFound("shop") }}
	err := signal(context.Background(), reliable(t, s))
	var notFound *serviceerror.NamespaceNotFound
	if !errors.As(err, &notFound) || len(s.calls) != 1 {
		t.Errorf("got %v after %d calls", err, len(s.calls))
	}
	passes := &server{answer: func(call int) error {
		if call == 1 {
			return serviceerror.NewUnavailable("not yet")
		}
		return nil
	}}
	if err := signal(context.Background(), reliable(t, passes)); err != nil || len(passes.calls) != 2 {
		t.Errorf("got %v after %d calls", err, len(passes.calls))
	}
}

func TestInternalErrorsAreFinalIfTheServerTellsThemApart(t *testing.T) {
	s := &server{
		info: func() (*workflowservice.GetSystemInfoResponse, error) {
			return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{InternalErrorDifferentiation: true}}, nil
		},
		answer: func(int) error { return status.Error(codes.Internal, "bug") },
	}
	err := signal(context.Background(), reliable(t, s))
	var internal *serviceerror.Internal
	if !errors.As(err, &internal) || len(s.calls) != 1 {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}
}

func TestMessagesThatAreTooLargeAreNotRetried(t *testing.T) {
	s := &server{answer: func(int) error {
		return status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)")
	}}
	err := signal(context.Background(), reliable(t, s))
	if !rpc.IsMessageTooLarge(err) || rpc.IsRetryable(err) || len(s.calls) != 1 {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}
}

func TestRetriesEndWithTheServersLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(int) error { return status.Error(codes.Unavailable, "restarting") }}
		start := time.Now()
		err := signal(context.Background(), reliable(t, s))
		var unavailable *serviceerror.Unavailable
		if !errors.As(err, &unavailable) || !rpc.IsRetryable(err) {
			t.Fatalf("error %v", err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}

func TestAnAttemptThatRunsOutOfTimeDoesNotHideTheErrorBeforeIt(t *testing.T) {
	s := &server{answer: func(n int) error {
		if n == 1 {
			return status.Error(codes.Unavailable, "connection refused")
		}
		return status.Error(codes.DeadlineExceeded, "too late")
	}}
	err := signal(context.Background(), reliable(t, s))
	if err == nil || err.Error() != "context deadline exceeded: connection refused" || len(s.calls) != 2 ||
		!errors.As(err, new(*serviceerror.Unavailable)) || !errors.As(err, new(*serviceerror.DeadlineExceeded)) {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}
}

func TestRetriesOfAnErrorWithoutANameEndAsTheTimeRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		conn := connect(t, s, rpc.Options{TrafficController: refuse{serviceerror.NewInternal("no status of gRPC")}})
		err := signal(context.Background(), workflowservice.NewWorkflowServiceClient(conn.Reliable()))
		if err == nil || err.Error() != "context deadline exceeded" || !errors.As(err, new(*serviceerror.DeadlineExceeded)) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestCallsAreBoundedByTheirKind(t *testing.T) {
	signal := func(ctx context.Context, c workflowservice.WorkflowServiceClient) { _ = signal(ctx, c) }
	for _, c := range []struct {
		name     string
		deadline time.Duration // of the caller, 0 for none
		make     func(context.Context, workflowservice.WorkflowServiceClient)
		want     time.Duration
	}{
		{"10 seconds by default", 0, signal, 10 * time.Second},
		{"10 seconds under a long deadline", time.Minute, signal, 10 * time.Second},
		{"half of a short deadline", 6 * time.Second, signal, 3 * time.Second},
		{"a second of a very short deadline", 1500 * time.Millisecond, signal, time.Second},
		{"all of what is less than a second", time.Millisecond, signal, time.Millisecond},
		{"history", 0, func(ctx context.Context, c workflowservice.WorkflowServiceClient) {
			_, _ = c.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{})
		}, 10 * time.Second},
		{"history to come", 0, func(ctx context.Context, c workflowservice.WorkflowServiceClient) {
			_, _ = c.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{WaitNewEvent: true})
		}, 65 * time.Second},
		{"outcome of an update", 0, func(ctx context.Context, c workflowservice.WorkflowServiceClient) {
			_, _ = c.PollWorkflowExecutionUpdate(ctx, &workflowservice.PollWorkflowExecutionUpdateRequest{})
		}, 60 * time.Second},
		{"archive", 0, func(ctx context.Context, c workflowservice.WorkflowServiceClient) {
			_, _ = c.ListArchivedWorkflowExecutions(ctx, &workflowservice.ListArchivedWorkflowExecutionsRequest{})
		}, 3 * time.Minute},
		{"poll for tasks", 0, func(ctx context.Context, c workflowservice.WorkflowServiceClient) {
			_, _ = c.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{})
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := context.Background()
				if c.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				s := &server{}
				c.make(ctx, reliable(t, s))
				if got := s.calls[0].timeLeft; got != c.want {
					t.Fatalf("bounded to %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestPollsForTasksAreNotRetried(t *testing.T) {
	s := &server{answer: func(int) error { return status.Error(codes.Unavailable, "restarting") }}
	_, err := reliable(t, s).PollActivityTaskQueue(context.Background(), &workflowservice.PollActivityTaskQueueRequest{})
	if !rpc.IsRetryable(err) || len(s.calls) != 1 {
		t.Fatalf("error %v after %d calls", err, len(s.calls))
	}
}

func TestCapabilitiesAreAskedForOnce(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{})
	service := workflowservice.NewWorkflowServiceClient(conn.Reliable())
	for range 3 {
		if err := signal(context.Background(), service); err != nil {
			t.Fatal(err)
		}
	}
	if s.infos != 1 {
		t.Fatalf("asked %d times", s.infos)
	}
}

func TestAServerThatDoesNotKnowCapabilitiesHasNone(t *testing.T) {
	s := &server{info: func() (*workflowservice.GetSystemInfoResponse, error) {
		return nil, status.Error(codes.Unimplemented, "unknown method GetSystemInfo for service x")
	}}
	capabilities, err := connect(t, s, rpc.Options{}).Capabilities(context.Background())
	if err != nil || capabilities == nil || capabilities.GetSdkMetadata() {
		t.Fatalf("got %v, %v", capabilities, err)
	}
}

func TestAProxyWithoutServerIsNotAServer(t *testing.T) {
	s := &server{info: func() (*workflowservice.GetSystemInfoResponse, error) {
		return nil, status.Error(codes.Unimplemented, "unexpected HTTP status code 404")
	}}
	if _, err := connect(t, s, rpc.Options{}).Capabilities(context.Background()); err == nil {
		t.Fatal("no error")
	}
}

func TestTheFirstCallWaitsForAServerThatIsStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.info = func() (*workflowservice.GetSystemInfoResponse, error) {
			if s.infos < 3 {
				return nil, status.Error(codes.Unavailable, "connection refused")
			}
			return nil, nil
		}
		if err := signal(context.Background(), reliable(t, s)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheLastUserClosesTheConnection(t *testing.T) {
	s := &server{}
	conn := connect(t, s, rpc.Options{})
	if err := conn.Retain(); err != nil {
		t.Fatal(err)
	}
	service := workflowservice.NewWorkflowServiceClient(conn)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := signal(context.Background(), service); err != nil {
		t.Fatalf("with a user left: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := signal(context.Background(), service); !errors.Is(err, rpc.ErrClosed) {
		t.Fatalf("with no user left: %v", err)
	}
	if err := conn.Retain(); !errors.Is(err, rpc.ErrClosed) {
		t.Fatalf("retain: %v", err)
	}
}

func TestOptionsThatWouldHaveNoEffectAreRefused(t *testing.T) {
	for name, options := range map[string]rpc.Options{
		"address with connection":     {HostPort: "x:1", Connection: rpc.ConnectionOptions{Conn: &server{}}},
		"TLS with connection":         {Connection: rpc.ConnectionOptions{Conn: &server{}, TLS: &tls.Config{}}},
		"certificate with connection": {Connection: rpc.ConnectionOptions{Conn: &server{}}, Credentials: rpc.NewMTLSCredentials(tls.Certificate{})},
		"TLS on and off":              {Connection: rpc.ConnectionOptions{TLS: &tls.Config{}, TLSDisabled: true}},
		"certificate without TLS":     {Connection: rpc.ConnectionOptions{TLSDisabled: true}, Credentials: rpc.NewMTLSCredentials(tls.Certificate{})},
		"two certificates": {
			Connection:  rpc.ConnectionOptions{TLS: &tls.Config{Certificates: []tls.Certificate{{}}}},
			Credentials: rpc.NewMTLSCredentials(tls.Certificate{}),
		},
	} {
		if _, err := rpc.Connect(options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMTLSCredentialsLeaveTheUsersConfigurationAlone(t *testing.T) {
	config := &tls.Config{ServerName: "x"}
	conn, err := rpc.Connect(rpc.Options{Connection: rpc.ConnectionOptions{TLS: config}, Credentials: rpc.NewMTLSCredentials(tls.Certificate{})})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if len(config.Certificates) != 0 {
		t.Fatal("it was changed")
	}
}

// realServer answers over gRPC.
type realServer struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (realServer) GetSystemInfo(ctx context.Context, _ *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get("client-name"); !slices.Equal(got, []string{"temporal-go"}) {
		return nil, status.Errorf(codes.InvalidArgument, "client-name is %v", got)
	}
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{SdkMetadata: true}}, nil
}

func TestConnectionsAreDialedOverGRPC(t *testing.T) {
	for name, compression := range map[string]rpc.GrpcCompression{"default": nil, "none": &rpc.GrpcCompressionNone{}, "gzip": &rpc.GrpcCompressionGzip{}} {
		t.Run(name, func(t *testing.T) {
			listener := bufconn.Listen(1 << 16)
			grpcServer := grpc.NewServer()
			workflowservice.RegisterWorkflowServiceServer(grpcServer, realServer{})
			done := make(chan error, 1)
			go func() { done <- grpcServer.Serve(listener) }()
			defer func() {
				grpcServer.Stop()
				<-done
			}()
			conn, err := rpc.Connect(rpc.Options{
				HostPort: "passthrough:///buf",
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
			defer func() { _ = conn.Close() }()
			capabilities, err := conn.Capabilities(t.Context())
			if err != nil || !capabilities.GetSdkMetadata() {
				t.Fatalf("got %v, %v", capabilities, err)
			}
		})
	}
}
