package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/httpapi"
)

// HTTPOptions are the settings of the HTTP API.
type HTTPOptions struct {
	// Listen is the host:port of the HTTP API; port 0 picks a free one. Empty: no port.
	Listen string
	// AllowedOrigins are those whose pages may call the HTTP API and what the UI calls, as
	// scheme://host:port; "*" is any. By default no page but the UI may.
	AllowedOrigins []string
}

const (
	// httpHeaderTime is how long a client may take to send the headers of a request.
	httpHeaderTime = 10 * time.Second
	// httpTime bounds a request, from its first byte to the last of its reply. Long polls
	// are shorter.
	httpTime = 2 * time.Minute
	// httpIdle is how long a connection is kept between requests.
	httpIdle = 2 * time.Minute
)

// httpClient is what calls by HTTP say of their client.
var httpClient = httpapi.Client{Name: "temporal-server-http", Version: frontend.CompatibleVersion}

// listenHTTP opens the ports for HTTP, without serving them yet.
func (s *Server) listenHTTP(ctx context.Context, options Options) (err error) {
	for _, origin := range options.HTTP.AllowedOrigins {
		if err := httpapi.CheckOrigin(origin); err != nil {
			return fmt.Errorf("an allowed origin %w", err)
		}
	}
	if s.http, err = s.listenForHTTP(ctx, "http", options.HTTP.Listen); err != nil {
		return err
	}
	s.ui, err = s.listenForHTTP(ctx, "ui", options.UI.Listen)
	return err
}

// serveHTTP serves the ports for HTTP.
func (s *Server) serveHTTP(options Options) error {
	if err := s.serveAPI(options); err != nil {
		return err
	}
	return s.serveUI(options)
}

// closeHTTP closes the ports for HTTP once their requests have finished, or the context ends.
func (s *Server) closeHTTP(ctx context.Context) {
	s.http.close(ctx)
	s.ui.close(ctx)
}

// serveAPI serves the HTTP API, if it has a port.
func (s *Server) serveAPI(options Options) error {
	if s.http == nil {
		return nil
	}
	api, err := httpapi.New(httpapi.Options{Channel: outside{s.local}, Client: httpClient, Logger: s.logger})
	if err != nil {
		return err
	}
	s.http.serve(s.guard(options, s.http).Wrap(s.nexusRoutes(api, routes(s.httpHandlers(), api))))
	return nil
}

// httpHandlers are what the port of the HTTP API has besides the API, by routes that go before those
// of the API. Who handles a request has to find out who makes it: there is no interceptor.
func (s *Server) httpHandlers() *http.ServeMux {
	mux := http.NewServeMux()
	httpapi.OpenAPI(mux)
	return mux
}

// routes sends requests to the handlers of the mux, and those for which it has none to the API.
// Those never pass through the mux itself: it would redirect ids with dots and slashes to what it
// takes for the same path.
func routes(mux *http.ServeMux, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// guard keeps out of a port what web pages send that may not.
func (s *Server) guard(options Options, port *httpPort) httpapi.Guard {
	config := s.settings.Config()
	return httpapi.Guard{
		Origins:  options.HTTP.AllowedOrigins,
		Loopback: port.loopback(),
		AllowHost: func(host string) (allowed, decided bool) {
			hosts := dynamicconfig.HTTPHosts.Get(config)
			if len(hosts) == 0 {
				return false, false
			}
			return hosts.Match(host), true
		},
	}
}

// HTTPAddress is the host:port of the HTTP API, or "" without one.
func (s *Server) HTTPAddress() string { return s.http.address() }

// PortError is why a port for HTTP could not be opened.
type PortError struct {
	// Name is that of the port: "http" or "ui".
	Name string
	// Address is its host:port.
	Address string
	Err     error
}

// Error implements error.
func (e *PortError) Error() string {
	return fmt.Sprintf("listen on %s (%s): %v", e.Address, e.Name, e.Err)
}

// Unwrap returns what the operating system says.
func (e *PortError) Unwrap() error { return e.Err }

// httpPort is a port where HTTP is spoken. A nil one is none.
type httpPort struct {
	name     string // "http" or "ui"
	listener net.Listener
	logger   *slog.Logger
	tls      *tls.Config // nil: none

	path    string       // under which browsers find what is served; "" is the root
	server  *http.Server // nil until it is served
	serving sync.WaitGroup
}

// listenForHTTP opens a port, or returns nil if the address is empty.
func (s *Server) listenForHTTP(ctx context.Context, name, address string) (*httpPort, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := s.openPort(ctx, name, address)
	if err != nil {
		return nil, &PortError{name, address, err}
	}
	return &httpPort{name: name, listener: listener, logger: s.logger, tls: s.tlsConfig()}, nil
}

// serve answers requests by the handler until the port is closed.
func (p *httpPort) serve(handler http.Handler) {
	p.server = &http.Server{
		Handler:           handler,
		TLSConfig:         p.tls,
		ReadHeaderTimeout: httpHeaderTime,
		ReadTimeout:       httpTime,
		WriteTimeout:      httpTime,
		IdleTimeout:       httpIdle,
		MaxHeaderBytes:    maxHeaders,
		// What it says is about clients, which can make it say much.
		ErrorLog: slog.NewLogLogger(p.logger.Handler(), slog.LevelDebug),
	}
	p.serving.Go(func() {
		serve := p.server.Serve
		if p.tls != nil {
			serve = func(l net.Listener) error { return p.server.ServeTLS(l, "", "") }
		}
		if err := serve(limitConnections(p.listener)); !errors.Is(err, http.ErrServerClosed) {
			p.logger.Error("The server no longer accepts connections by HTTP; restart it.", "port", p.name, "address", p.address(), "error", err)
		}
	})
}

func (p *httpPort) address() string {
	if p == nil {
		return ""
	}
	return p.listener.Addr().String()
}

// loopback reports whether only the machine itself reaches the port.
func (p *httpPort) loopback() bool {
	address, ok := p.listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// close lets requests under way finish, and breaks off what is left when the context ends.
func (p *httpPort) close(ctx context.Context) {
	if p == nil {
		return
	}
	if p.server == nil {
		_ = p.listener.Close()
		return
	}
	if err := p.server.Shutdown(ctx); err != nil {
		_ = p.server.Close()
	}
	p.serving.Wait()
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
