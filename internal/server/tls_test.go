package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/perdure/perdure/internal/auth/authtest"
	"github.com/perdure/perdure/internal/server"
)

// logged is what a server has logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// serve starts a server with a port and returns where it is.
func serve(t testing.TB, options server.Options) string {
	t.Helper()
	if options.Logger == nil {
		options.Logger = new(logged).logger()
	}
	options.Listen = "127.0.0.1:0"
	s, err := server.Start(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	return s.Address()
}

// dialTLS makes a client that speaks TLS.
func dialTLS(t testing.TB, address string, config *tls.Config, options ...grpc.DialOption) workflowservice.WorkflowServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(address, append(options, grpc.WithTransportCredentials(credentials.NewTLS(config)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return workflowservice.NewWorkflowServiceClient(conn)
}

// call makes a call that any client may make.
func call(t testing.TB, client workflowservice.WorkflowServiceClient) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := client.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return err
}

// served is the name in the certificate of the server.
func served(t testing.TB, address string, config *tls.Config) (string, error) {
	t.Helper()
	config = config.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// await waits for a condition.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestThePortSpeaksTLS(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	address := serve(t, server.Options{TLS: server.TLSOptions{CertFile: cert, KeyFile: key}})
	if err := call(t, dialTLS(t, address, authority.ClientConfig(t, ""))); err != nil {
		t.Errorf("a client that trusts the authority: %v", err)
	}
	if err := call(t, dialTLS(t, address, authtest.NewAuthority(t).ClientConfig(t, ""))); err == nil {
		t.Error("a client that trusts another authority took the certificate")
	}
	if err := call(t, workflowservice.NewWorkflowServiceClient(dialNetwork(t, address))); err == nil {
		t.Error("a client without TLS was answered")
	}
	old := authority.ClientConfig(t, "")
	old.MaxVersion = tls.VersionTLS11
	if _, err := served(t, address, old); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestTheLeastVersionCanBeRaised(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	address := serve(t, server.Options{TLS: server.TLSOptions{CertFile: cert, KeyFile: key, MinVersion: tls.VersionTLS13}})
	old := authority.ClientConfig(t, "")
	old.MaxVersion = tls.VersionTLS12
	if _, err := served(t, address, old); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}

func TestClientsHaveToPresentACertificateOfTheirAuthority(t *testing.T) {
	authority, other := authtest.NewAuthority(t), authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	for name, optional := range map[string]bool{"required": false, "optional": true} {
		t.Run(name, func(t *testing.T) {
			address := serve(t, server.Options{TLS: server.TLSOptions{CertFile: cert, KeyFile: key, ClientCAFile: authority.File, ClientCertOptional: optional}})
			if err := call(t, dialTLS(t, address, authority.ClientConfig(t, "worker"))); err != nil {
				t.Errorf("with a certificate: %v", err)
			}
			if err := call(t, dialTLS(t, address, authority.ClientConfig(t, ""))); (err == nil) != optional {
				t.Errorf("without a certificate: %v", err)
			}
			foreign := authority.ClientConfig(t, "")
			foreign.Certificates = other.ClientConfig(t, "worker").Certificates
			// Sent although the server has not asked for one of this authority.
			foreign.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign.Certificates[0], nil }
			if err := call(t, dialTLS(t, address, foreign)); err == nil {
				t.Error("a certificate of another authority was taken")
			}
		})
	}
}

func TestFilesOfTLSAreReadAgainWhenTheyHaveChanged(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "first")
	config := authority.ClientConfig(t, "")
	log := new(logged)
	address := serve(t, server.Options{TLS: server.TLSOptions{CertFile: cert, KeyFile: key, Poll: time.Millisecond}, Logger: log.logger()})
	connected := dialTLS(t, address, config)
	if err := call(t, connected); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		name, err := served(t, address, config)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}

	authority.IssueTo(t, "second", cert, key)
	await(t, "the new certificate", func() bool { return name() == "second" })
	if err := call(t, connected); err != nil {
		t.Errorf("the connection from before: %v", err)
	}

	// A certificate without its key, and one that vanishes, do no harm.
	good, _ := os.ReadFile(cert)
	other, _ := authority.Issue(t, "third")
	stray, _ := os.ReadFile(other)
	if err := os.WriteFile(cert, stray, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "an error about the key", func() bool { return strings.Contains(log.String(), "private key does not match public key") })
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	await(t, "an error about the file", func() bool { return strings.Contains(log.String(), "no such file") })
	if name() != "second" {
		t.Errorf("the certificate is that of %s", name())
	}
	if err := os.WriteFile(cert, good, 0o600); err != nil {
		t.Fatal(err)
	}
	authority.IssueTo(t, "fourth", cert, key)
	await(t, "the certificate after it was put right", func() bool { return name() == "fourth" })
}

func TestAServerDoesNotStartWithFilesThatAreNotRight(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	_, otherKey := authority.Issue(t, "other")
	for says, options := range map[string]server.TLSOptions{
		"no such file":                    {CertFile: cert + ".not", KeyFile: key},
		"one of the two files":            {CertFile: cert},
		"does not match":                  {CertFile: cert, KeyFile: otherKey},
		"no certificate in":               {CertFile: cert, KeyFile: key, ClientCAFile: key},
		"find any PEM data":               {CertFile: os.DevNull, KeyFile: key},
		"a certificate rather than a key": {CertFile: cert, KeyFile: cert},
	} {
		if _, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", TLS: options}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	if _, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", TLS: server.TLSOptions{ClientCAFile: authority.File}}); err == nil {
		t.Error("authorities of clients without a certificate were taken")
	}
}

func TestAnAddressThatOthersCanReachNeedsTLSOrConsent(t *testing.T) {
	var insecure *server.InsecureListenError
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		if _, err := server.Start(t.Context(), server.Options{Listen: address}); !errors.As(err, &insecure) {
			t.Errorf("%s: %v", address, err)
		}
	}
	log := new(logged)
	s, err := server.Start(t.Context(), server.Options{Listen: "0.0.0.0:0", InsecureListen: true, Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Stop(t.Context())
	if !strings.Contains(log.String(), "lets in everyone") {
		t.Errorf("there is no warning:\n%s", log)
	}
}

func TestThePortsForHTTPSpeakTLSToo(t *testing.T) {
	authority := authtest.NewAuthority(t)
	cert, key := authority.Issue(t, "server")
	s, err := server.Start(t.Context(), server.Options{
		HTTP: server.HTTPOptions{Listen: "127.0.0.1:0"}, UI: server.UIOptions{Listen: "127.0.0.1:0"},
		TLS: server.TLSOptions{CertFile: cert, KeyFile: key}, Logger: new(logged).logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: authority.ClientConfig(t, ""), ForceAttemptHTTP2: true}}
	t.Cleanup(client.CloseIdleConnections)
	for _, url := range []string{"https://" + s.HTTPAddress() + "/api/v1/namespaces", strings.Replace(s.UIURL(), "localhost", "127.0.0.1", 1) + "/healthz"} {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
			t.Errorf("%s: %s, %s", url, resp.Status, resp.Proto)
		}
	}
}
