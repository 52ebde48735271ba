package config

import (
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/telemetry"
)

// Metrics is the port of metrics and health checks over HTTP.
type Metrics struct {
	// IP is an address of this machine, or localhost.
	IP string
	// Port is a TCP port; 0 picks a free one, -1 is none.
	Port int
	// TLS encrypts the port, Auth has callers say who they are.
	TLS, Auth bool
	// Pprof serves profiles of the process there as well.
	Pprof bool
	// Namespaces, Types and TaskQueues bound the labels of metrics.
	Namespaces, Types, TaskQueues int
}

func (m *Metrics) declare(s *Schema, _ Kind) {
	s.Text(&m.IP, "metrics.ip", "127.0.0.1", "address of the port of metrics; whoever reaches it may read them, unless metrics.auth is set")
	s.Int(&m.Port, -1, 65535, "metrics.port", -1, "port of metrics (/metrics) and health checks (/healthz, /readyz) over HTTP; 0 picks a free one, -1 is none")
	s.Bool(&m.TLS, "metrics.tls", false, "encrypt the port of metrics with the certificate of the server (tls.certFile). Clients need no certificate there")
	s.Bool(&m.Auth, "metrics.auth", false, "have callers of the port of metrics say who they are, with a token, an API key or a certificate that has the role temporal-system:read. Health checks are open")
	s.Bool(&m.Pprof, "metrics.pprof", false, "serve profiles of the process on the port of metrics, too, below /debug/pprof/").Flag("pprof", "")
	s.Int(&m.Namespaces, 1, math.MaxInt, "metrics.namespaces", telemetry.DefaultNamespaces, "how many namespaces have metrics of their own; what is beyond is counted together")
	s.Int(&m.Types, 1, math.MaxInt, "metrics.types", telemetry.DefaultTypes, "how many types of workflows and activities have metrics of their own")
	s.Int(&m.TaskQueues, 0, math.MaxInt, "metrics.taskQueues", 0, "how many task queues have metrics of their own")
}

func (m *Metrics) check(s *Schema, _ Kind) []error {
	if m.Pprof && m.Port < 0 {
		return []error{s.wrong(&m.Pprof, "needs metrics.port")}
	}
	return nil
}

// Address is the host:port of metrics; "" if they are off.
func (m *Metrics) Address() string {
	if m.Port < 0 {
		return ""
	}
	return net.JoinHostPort(strings.Trim(m.IP, "[]"), strconv.Itoa(m.Port))
}

// Tracing says where traces are sent to.
type Tracing struct {
	// Endpoint is the URL of an OpenTelemetry collector; empty: what the environment says.
	Endpoint string
}

func (t *Tracing) declare(s *Schema, _ Kind) {
	s.Text(&t.Endpoint, "tracing.endpoint", "", "URL of an OpenTelemetry collector that traces are sent to, such as http://127.0.0.1:4317; without it, the variables OTEL_* say whether and where").
		Flag("otlp-endpoint", "")
}

func (t *Tracing) check(s *Schema, _ Kind) []error {
	if t.Endpoint == "" {
		return nil
	}
	if at, err := url.Parse(t.Endpoint); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return []error{s.wrong(&t.Endpoint, "must be a URL such as http://127.0.0.1:4317, not %q", t.Endpoint)}
	}
	return nil
}
