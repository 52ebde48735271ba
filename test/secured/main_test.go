// Package secured runs workflows and commands, those of the public SDK and of Perdure's command
// line, against a server with all there is to secure one: TLS, API keys, certificates, tokens.
// And it looks whether anything of what users trust the server with can be read where others
// look: in its log, its metrics, its traces, its errors.
package secured

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/perdure/perdure/test/launch"
)

// world is the server, and what its clients need.
var world struct {
	binary, dir     string
	address         string // of the gRPC API
	metrics, http   string
	authority       *authority
	issuer          *issuer
	log, traces     *recorder
	worker, foreign string // API keys: for the namespace orders, and for another one
	operator        string // an API key for everything
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	w := &world
	if w.dir, err = os.MkdirTemp("", "perdure-secured"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(w.dir)
	if w.binary, err = launch.Build(w.dir); err != nil {
		return 0, err
	}
	if err := prepare(); err != nil {
		return 0, err
	}
	w.traces = &recorder{}
	collector := httptest.NewServer(w.traces)
	defer collector.Close()

	w.log = &recorder{}
	cmd := exec.Command(w.binary, "server", "start", "--data-dir", path("data"), "--port", "0", "--http-port", "0", "--metrics-port", "0", "--output", "json",
		"--namespace", "orders", "--namespace", "others", "--log-level", "debug", "--otlp-endpoint", collector.URL,
		"--tls-cert-file", path("server.pem"), "--tls-key-file", path("server.key"), "--tls-client-ca-file", path("ca.pem"), "--tls-client-cert", "optional",
		"--auth-file", path("access.yaml"), "--auth-jwt-keys", path("keys.json"), "--auth-jwt-audience", "perdure", "--auth-jwt-issuer", "https://id.example.com",
		"--metrics-tls", "--metrics-auth")
	cmd.Env = append(os.Environ(), "OTEL_BSP_SCHEDULE_DELAY=100")
	cmd.Stderr = w.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return 0, fmt.Errorf("the server does not start: %w\n%s", err, w.log.text())
	}
	var started struct{ Address, HTTPAddress, Metrics string }
	if err := json.Unmarshal(line, &started); err != nil {
		return 0, err
	}
	w.address, w.http, w.metrics = started.Address, started.HTTPAddress, started.Metrics
	return m.Run(), nil
}

// path is that of a file in the directory of the tests.
func path(name string) string { return filepath.Join(world.dir, name) }

// prepare makes certificates, keys and the access file.
func prepare() (err error) {
	w := &world
	if w.authority, err = newAuthority(path("ca.pem")); err != nil {
		return err
	}
	if err := w.authority.issue("localhost", path("server.pem"), path("server.key")); err != nil {
		return err
	}
	if err := w.authority.issue("orders-worker", path("client.pem"), path("client.key")); err != nil {
		return err
	}
	if w.issuer, err = newIssuer(path("keys.json")); err != nil {
		return err
	}
	access := "certificates:\n  - name: orders-worker\n    roles: [orders:write]\n"
	if err := os.WriteFile(path("access.yaml"), []byte(access), 0o600); err != nil {
		return err
	}
	for name, key := range map[string]struct {
		to   *string
		role string
	}{"worker": {&w.worker, "orders:write"}, "foreign": {&w.foreign, "others:admin"}, "operator": {&w.operator, "temporal-system:admin"}} {
		out, err := exec.Command(w.binary, "admin", "api-key", "create", name, "--auth-file", path("access.yaml"), "--role", key.role).Output()
		if err != nil {
			return fmt.Errorf("making an API key: %w", err)
		}
		*key.to = strings.TrimSpace(string(out))
	}
	return nil
}

// recorder keeps what is written to it, or sent to it over HTTP.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(p)
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		if unpacked, err := gzip.NewReader(request.Body); err == nil {
			body = unpacked
		}
	}
	_, _ = io.Copy(r, body)
	w.WriteHeader(http.StatusOK)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.String()
}

// scrape reads the metrics, as the operator.
func scrape(t *testing.T, key string) (status int, text string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: world.authority.pool}}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+world.metrics+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}
