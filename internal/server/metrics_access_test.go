package server_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/auth/authtest"
	"github.com/perdure/perdure/internal/server"
)

func TestMetricsAreForThoseWhoMayReadAll(t *testing.T) {
	authority, issuer := authtest.NewAuthority(t), authtest.NewIssuer(t, "one")
	cert, key := authority.Issue(t, "server")
	dir := t.TempDir()
	authtest.WriteKeySet(t, filepath.Join(dir, "keys.json"), issuer)
	access := "certificates:\n  - name: prometheus\n    roles: [temporal-system:read]\n"
	if err := os.WriteFile(filepath.Join(dir, "access.yaml"), []byte(access), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), server.Options{
		Logger:    new(logged).logger(),
		TLS:       server.TLSOptions{CertFile: cert, KeyFile: key, ClientCAFile: authority.File},
		Auth:      auth.Options{File: filepath.Join(dir, "access.yaml"), JWT: auth.JWTOptions{KeySources: []string{filepath.Join(dir, "keys.json")}}},
		Telemetry: server.TelemetryOptions{Listen: "127.0.0.1:0", TLS: true, Auth: true, Pprof: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	get := func(path, certificate, token string) int {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientConfig(t, certificate)}}
		defer client.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.MetricsAddress()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		who, certificate, token string
		status                  int
	}{
		{"nobody", "", "", 401},
		{"one with a certificate that has the role", "prometheus", "", 200},
		{"one with a certificate that nobody knows", "stranger", "", 401},
		{"one with a token that has the role", "", issuer.Token(t, []string{"temporal-system:read"}, nil), 200},
		{"one with a token for a namespace", "", issuer.Token(t, []string{"default:admin"}, nil), 403},
		{"one with a token that is none", "", "none", 401},
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline"} {
			if status := get(path, c.certificate, c.token); status != c.status {
				t.Errorf("%s is answered with %d at %s", c.who, status, path)
			}
		}
		if status := get("/healthz", c.certificate, c.token); status != 200 {
			t.Errorf("%s is answered with %d at /healthz", c.who, status)
		}
	}
}

func TestThePortOfMetricsIsNotSecuredByHalves(t *testing.T) {
	for says, options := range map[string]server.TelemetryOptions{
		"has no certificate":      {Listen: "127.0.0.1:0", TLS: true},
		"cannot be asked who the": {Listen: "127.0.0.1:0", Auth: true},
	} {
		if _, err := server.Start(t.Context(), server.Options{Telemetry: options}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
