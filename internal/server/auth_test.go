package server_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/auth/authtest"
	"github.com/perdure/perdure/internal/server"
)

// secured are a server that asks who its callers are, and who signs their tokens.
type secured struct {
	server *server.Server
	issuer *authtest.Issuer
	log    *logged
	conn   *grpc.ClientConn
	client workflowservice.WorkflowServiceClient
}

func startSecured(t *testing.T, options server.Options) *secured {
	t.Helper()
	s := &secured{issuer: authtest.NewIssuer(t, "k"), log: new(logged)}
	keys := filepath.Join(t.TempDir(), "keys.json")
	authtest.WriteKeySet(t, keys, s.issuer)
	options.Auth.JWT.KeySources = []string{keys}
	options.Listen, options.Logger = "127.0.0.1:0", s.log.logger()
	var err error
	if s.server, err = server.Start(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.server.Stop(ctx)
	})
	s.conn = dialNetwork(t, s.server.Address())
	s.client = workflowservice.NewWorkflowServiceClient(s.conn)
	return s
}

// as is the context of somebody who has the permissions.
func (s *secured) as(t *testing.T, permissions ...string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+s.issuer.Token(t, permissions, nil))
}

func list(ctx context.Context, client workflowservice.WorkflowServiceClient, namespace string) error {
	_, err := client.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace})
	return err
}

func TestACallerMayDoWhatHisRolesAllow(t *testing.T) {
	s := startSecured(t, server.Options{Namespaces: []string{"orders", "billing"}})
	start := func(ctx context.Context, namespace string) error {
		_, err := s.client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
			Namespace: namespace, WorkflowId: "w-" + namespace, WorkflowType: &commonpb.WorkflowType{Name: "W"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, RequestId: "r",
		})
		return err
	}
	register := func(ctx context.Context, namespace string) error {
		_, err := s.client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
		return err
	}
	listAll := func(ctx context.Context, _ string) error {
		_, err := s.client.ListNamespaces(ctx, &workflowservice.ListNamespacesRequest{})
		return err
	}
	search := func(ctx context.Context, namespace string) error { return list(ctx, s.client, namespace) }
	for name, test := range map[string]struct {
		permissions []string
		call        func(context.Context, string) error
		namespace   string
		may         bool
	}{
		"a reader reads":                     {[]string{"orders:read"}, search, "orders", true},
		"a reader reads elsewhere":           {[]string{"orders:read"}, search, "billing", false},
		"a reader starts":                    {[]string{"orders:read"}, start, "orders", false},
		"a writer starts":                    {[]string{"orders:write"}, start, "orders", true},
		"a writer reads":                     {[]string{"orders:write"}, search, "orders", true},
		"a writer starts elsewhere":          {[]string{"orders:write"}, start, "billing", false},
		"a writer registers":                 {[]string{"orders:write"}, register, "orders", false},
		"an admin registers his own":         {[]string{"mine:admin"}, register, "mine", true},
		"a worker alone reads":               {[]string{"orders:worker"}, search, "orders", false},
		"an admin lists namespaces":          {[]string{"orders:admin"}, listAll, "", false},
		"a reader of all lists namespaces":   {[]string{"temporal-system:read"}, listAll, "", true},
		"a writer of all starts":             {[]string{"temporal-system:write"}, start, "billing", true},
		"nobody knows what there is not":     {[]string{"orders:admin"}, search, "nowhere", false},
		"a reader of all learns what is not": {[]string{"temporal-system:read"}, search, "nowhere", true},
		"somebody without permissions":       {nil, search, "orders", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.call(s.as(t, test.permissions...), test.namespace)
			if denied := status.Code(err) == codes.PermissionDenied; denied == test.may {
				t.Errorf("the answer is %v", err)
			}
			if !test.may && status.Convert(err).Message() != "Request unauthorized." {
				t.Errorf("the answer tells more than it should: %v", err)
			}
			if test.may && test.namespace == "nowhere" && status.Code(err) != codes.NotFound {
				t.Errorf("the answer is %v", err)
			}
		})
	}
}

func TestWhoSaysNothingMayDoNothingButAskForHealth(t *testing.T) {
	s := startSecured(t, server.Options{HTTP: server.HTTPOptions{Listen: "127.0.0.1:0"}})
	if err := list(t.Context(), s.client, "default"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a search: %v", err)
	}
	if err := list(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer nonsense"), s.client, "default"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a search with a token that is none: %v", err)
	}
	if err := call(t, s.client); err != nil {
		t.Errorf("GetSystemInfo: %v", err)
	}
	if health, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || health.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	stream, err := reflectionpb.NewServerReflectionClient(s.conn).ServerReflectionInfo(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("reflection: %v", err)
	}
	for header, want := range map[string]int{"": http.StatusForbidden, "Bearer nonsense": http.StatusUnauthorized, "Bearer " + s.issuer.Token(t, []string{"default:read"}, nil): http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.server.HTTPAddress()+"/api/v1/namespaces/default/workflows", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", header)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("by HTTP, with %.10s: %s", header, response.Status)
		}
	}
}

func TestTheProgramItselfIsTrusted(t *testing.T) {
	s := startSecured(t, server.Options{})
	local := workflowservice.NewWorkflowServiceClient(s.server.ClientConn())
	if err := list(t.Context(), local, "default"); err != nil {
		t.Errorf("without claims: %v", err)
	}
	if err := list(auth.WithClaims(t.Context(), &auth.Claims{Namespaces: map[string]auth.Role{"else": auth.Admin}}), local, "default"); status.Code(err) != codes.PermissionDenied {
		t.Errorf("with claims of somebody else: %v", err)
	}
}

func TestATaskIsAnsweredByThoseOfItsNamespaceOnly(t *testing.T) {
	s := startSecured(t, server.Options{Namespaces: []string{"orders", "billing"}})
	orders, billing := s.as(t, "orders:write"), s.as(t, "billing:write")
	if _, err := s.client.StartWorkflowExecution(orders, &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "orders", WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "W"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, RequestId: "r",
	}); err != nil {
		t.Fatal(err)
	}
	poll, err := s.client.PollWorkflowTaskQueue(orders, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: "orders", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"billing", ""} {
		_, err = s.client.RespondWorkflowTaskCompleted(billing, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: namespace, TaskToken: poll.GetTaskToken()})
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("somebody else, who names the namespace %q: %v", namespace, err)
		}
	}
	if _, err = s.client.RespondWorkflowTaskCompleted(orders, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: "orders", TaskToken: poll.GetTaskToken()}); err != nil {
		t.Errorf("the worker: %v", err)
	}
}

func TestAClientIsKnownByItsCertificate(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	access := filepath.Join(t.TempDir(), "access.yaml")
	if err := os.WriteFile(access, []byte("certificates: [{name: reader, roles: [default:read]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := serve(t, server.Options{
		TLS:  server.TLSOptions{CertFile: cert, KeyFile: key, ClientCAFile: authority.File, ClientCertOptional: true, MinVersion: tls.VersionTLS13},
		Auth: auth.Options{File: access},
	})
	for name, may := range map[string]bool{"reader": true, "else": false, "": false} {
		if err := list(t.Context(), dialTLS(t, address, authority.ClientConfig(t, name)), "default"); (err == nil) != may || err != nil && status.Code(err) != codes.PermissionDenied {
			t.Errorf("the certificate of %q: %v", name, err)
		}
	}
}

func TestRefusalsAreLoggedWithoutTokens(t *testing.T) {
	s := startSecured(t, server.Options{})
	token := s.issuer.Token(t, []string{"orders:read"}, nil)
	if err := list(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token), s.client, "default"); status.Code(err) != codes.PermissionDenied {
		t.Fatal(err)
	}
	if text := s.log.String(); !strings.Contains(text, "subject=\"jwt someone\"") || !strings.Contains(text, "method=ListWorkflowExecutions") || strings.Contains(text, token) {
		t.Errorf("the log is\n%s", text)
	}
}
