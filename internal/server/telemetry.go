package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"golang.org/x/net/netutil"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/perdure/perdure/internal/callback"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/oversize"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/telemetry"
	"github.com/perdure/perdure/internal/visibility"
)

// TelemetryOptions are what operators see of the server. The zero value is nothing.
type TelemetryOptions struct {
	// Listen is the host:port of metrics and health checks over HTTP; port 0 picks a free one. Empty:
	// no port, and nothing is counted. Whoever reaches it may read it, unless Auth is set.
	Listen string
	// TLS encrypts the port with the certificate of the server. Clients need none there: those
	// who look at its health seldom have one.
	TLS bool
	// Auth has callers say who they are, as those of the API do, and asks for the role read of all
	// namespaces. Health checks are open.
	Auth bool
	// Pprof serves profiles of the process there as well, below /debug/pprof/.
	Pprof bool
	// Namespaces, Types and TaskQueues bound the labels of metrics; see telemetry.Options.
	Namespaces, Types, TaskQueues int
	// Tracing has the server make spans of calls, and send them where the options or the
	// environment say.
	Tracing bool
	// TraceEndpoint is the URL of a collector; see telemetry.TracingOptions.
	TraceEndpoint string
}

// Bounds of the port of metrics.
const (
	maxMetricsConnections = 100
	metricsHeaderTimeout  = 5 * time.Second
	// metricsWriteTimeout leaves time for a profile of a minute.
	metricsWriteTimeout = 2 * time.Minute
	metricsIdleTimeout  = time.Minute
	maxMetricsHeaders   = 16 << 10
)

// observability is what there is of telemetry in a server; nil if there is none. The methods that
// return observers return nil then, or if there is nothing for them to do.
type observability struct {
	logger   *slog.Logger
	metrics  *telemetry.Telemetry
	tracer   *telemetry.Tracer // nil: no traces
	listener net.Listener      // nil: no port
	http     *http.Server
	served   chan struct{}
	// server is nil until it answers.
	server atomic.Pointer[Server]
}

// startTelemetry opens the port, which says from now on that the server is alive and not ready.
func (s *Server) startTelemetry(ctx context.Context, options TelemetryOptions) (err error) {
	o := &observability{logger: s.logger}
	if options.Tracing {
		o.tracer, err = telemetry.StartTracing(ctx, telemetry.TracingOptions{Endpoint: options.TraceEndpoint, Version: Version})
		if err != nil {
			return err
		}
	}
	if o.tracer == nil && options.Listen == "" {
		return nil
	}
	if o.tracer != nil {
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
			s.logger.Warn("Traces could not be sent; they are lost. Check the collector.", "error", err)
		}))
	}
	o.metrics = telemetry.New(telemetry.Options{
		Version:    Version,
		Namespaces: options.Namespaces,
		Types:      options.Types,
		TaskQueues: options.TaskQueues,
		// It must not wait: steps are told of by those who write to the store.
		NamespaceName: s.namespaces.NameOf,
	})
	s.telemetry = o
	if options.Listen == "" {
		return nil
	}
	if o.listener, err = s.openPort(ctx, "metrics", options.Listen); err != nil {
		return fmt.Errorf("listen on %s for metrics: %w", options.Listen, err)
	}
	config, err := s.metricsTLS(options)
	if err != nil {
		return err
	}
	protect, err := s.protectMetrics(options)
	if err != nil {
		return err
	}
	o.http = &http.Server{
		Handler:           o.handler(options.Pprof, protect),
		TLSConfig:         config,
		ReadHeaderTimeout: metricsHeaderTimeout,
		ReadTimeout:       metricsHeaderTimeout,
		WriteTimeout:      metricsWriteTimeout,
		IdleTimeout:       metricsIdleTimeout,
		MaxHeaderBytes:    maxMetricsHeaders,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	o.served = make(chan struct{})
	go func() {
		defer close(o.served)
		serve := o.http.Serve
		if config != nil {
			serve = func(l net.Listener) error { return o.http.ServeTLS(l, "", "") }
		}
		if err := serve(netutil.LimitListener(o.listener, maxMetricsConnections)); !errors.Is(err, http.ErrServerClosed) {
			s.logger.Error("The metrics are no longer served.", "address", o.listener.Addr().String(), "error", err)
		}
	}()
	return nil
}

// handler is what the port serves; what not everybody may read is protected.
func (o *observability) handler(profiles bool, protect func(http.Handler) http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", protect(o.metrics.Handler()))
	mux.HandleFunc("GET /healthz", o.answer(o.alive))
	mux.HandleFunc("GET /readyz", o.answer(o.ready))
	if profiles {
		for path, handler := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			mux.Handle("GET /debug/pprof/"+path, protect(handler))
		}
	}
	return mux
}

// answer serves a check: 200 and "ok", or 503 and why not.
func (o *observability) answer(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := check(); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

var (
	errStarting = errors.New("the server is starting")
	errStopping = errors.New("the server is shutting down")
)

// alive is nil unless only a new start of the server helps: its store has failed.
func (o *observability) alive() error {
	if s := o.server.Load(); s != nil {
		return s.Failed()
	}
	return nil
}

// ready is nil if calls are answered.
func (o *observability) ready() error {
	s := o.server.Load()
	if s == nil {
		return errStarting
	}
	if err := s.unfit(); err != nil {
		return err
	}
	if state, stopping, _ := s.health.state(); state != healthpb.HealthCheckResponse_SERVING {
		if stopping {
			return errStopping
		}
		return errStarting
	}
	return nil
}

// watch begins to tell of the state of the server, which answers calls from now on.
func (o *observability) watch(s *Server, options Options) {
	if o == nil {
		return
	}
	state := telemetry.State{
		Ready:      o.ready,
		Failed:     s.Failed,
		Namespaces: s.namespaces.Count,
		LongPolls:  s.frontend.LongPolls,
		Runtime:    s.runtime.Stats,
		Queues:     s.matching.Stats,
		Flows:      func(visit func(namespaceID, policy string, n int64)) { s.flows.Waiting(s.runtime.Holds, visit) },
		Index:      s.visibility.Stats,
	}
	if s.node != nil {
		state.Cluster = s.node.Stats
	}
	if store, ok := s.store.(*pebble.Store); ok {
		state.Store = store.Stats
		dir := filepath.Join(options.DataDir, visibility.Dir)
		state.IndexBytes = func() int64 { return sizeOf(dir) }
	}
	o.metrics.Watch(state)
	o.server.Store(s)
}

// sizeOf is what the files of a directory take.
func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // files come and go
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// close stops the port, the last thing of the server to go, and sends what is left of traces.
func (o *observability) close(ctx context.Context) {
	if o == nil {
		return
	}
	if o.http != nil {
		_ = o.http.Close()
		<-o.served
	} else if o.listener != nil {
		_ = o.listener.Close()
	}
	if o.tracer != nil {
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		if err := o.tracer.Close(ctx); err != nil {
			o.logger.Warn("The last traces could not be sent; they are lost.", "error", err)
		}
	}
}

func (o *observability) calls() frontend.CallObserver {
	if o == nil {
		return nil
	}
	return o.metrics.Calls(o.tracer)
}

func (o *observability) polls() matching.Observer {
	if o == nil {
		return nil
	}
	return o.metrics.Polls()
}

func (o *observability) steps() runtime.Observer {
	if o == nil {
		return nil
	}
	return o.metrics.Steps()
}

// stepObserver is told of what steps note: it warns of large workflows, and has the rest counted, if anything is.
func (s *Server) stepObserver() runtime.Observer {
	o := &oversize.Observer{Logger: s.logger, Next: s.telemetry.steps()}
	if s.telemetry != nil {
		o.Count = s.telemetry.metrics.GrownLarge
	}
	return o
}

// outbound is told of the calls that the server itself makes.
func (o *observability) outbound() interface {
	nexus.Observer
	callback.Observer
} {
	if o == nil {
		return noOutbound{}
	}
	return o.metrics.Outbound()
}

// noOutbound drops what it is told.
type noOutbound struct{}

func (noOutbound) NexusCalled(string, string, bool, string, time.Duration) {}
func (noOutbound) CallbackCalled(string, string, string, time.Duration)    {}

func (o *observability) traces() runtime.Tracer {
	if o == nil || o.tracer == nil {
		return nil
	}
	return o.tracer
}

func (o *observability) commits() storage.Observer {
	if o == nil {
		return nil
	}
	return o.metrics.Commits()
}

// MetricsAddress is the host:port of metrics and health checks, or "" without one.
func (s *Server) MetricsAddress() string {
	if s.telemetry == nil || s.telemetry.listener == nil {
		return ""
	}
	return s.telemetry.listener.Addr().String()
}
