package perdure_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure"
	"github.com/perdure/perdure/internal/auth/authtest"
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

func TestALibraryHasThePortsOfTheBinary(t *testing.T) {
	authority, issuer := authtest.NewAuthority(t), authtest.NewIssuer(t, "one")
	cert, key := authority.Issue(t, "server")
	keys := filepath.Join(t.TempDir(), "keys.json")
	authtest.WriteKeySet(t, keys, issuer)
	server, err := perdure.Start(t.Context(), perdure.Options{
		Listen:  "127.0.0.1:0",
		TLS:     perdure.TLS{CertFile: cert, KeyFile: key, ClientCAFile: authority.File, ClientCertOptional: true, MinVersion: tls.VersionTLS13},
		Auth:    perdure.Auth{JWT: perdure.JWT{Keys: []string{keys}, Audiences: []string{"us"}, PermissionsClaim: "roles"}},
		HTTP:    perdure.HTTP{Listen: "127.0.0.1:0"},
		UI:      perdure.UI{Listen: "127.0.0.1:0", PublicPath: "/ui"},
		Metrics: perdure.Metrics{Listen: "127.0.0.1:0", TLS: true, Auth: true},
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientConfig(t, "")}}
	defer client.CloseIdleConnections()
	token := issuer.Token(t, nil, map[string]any{"aud": "us", "roles": []string{"temporal-system:read"}})
	for _, url := range []string{
		"https://" + server.HTTPAddress() + "/cluster/namespaces/default", strings.Replace(server.UIURL(), "localhost", "127.0.0.1", 1) + "/api/v1/namespaces/default",
		"https://" + server.MetricsAddress() + "/metrics",
	} {
		for authorization, want := range map[string]bool{"": false, "Bearer " + token: true} {
			r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", authorization)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if (resp.StatusCode == http.StatusOK) != want || resp.TLS.Version != tls.VersionTLS13 {
				t.Errorf("%s with %d characters of authorization: %s", url, len(authorization), resp.Status)
			}
		}
	}
	// The program itself is trusted.
	if _, err := workflowservice.NewWorkflowServiceClient(server.ClientConn()).DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"}); err != nil {
		t.Error(err)
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
