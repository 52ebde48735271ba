package server

import (
	"crypto/tls"
	"errors"
	"net/http"

	"github.com/perdure/perdure/internal/api/methods"
)

// readMetrics is what callers of the port of metrics do, for those who decide whether they may.
var readMetrics = &methods.Method{Name: "metrics", Scope: methods.ScopeCluster, Access: methods.Read}

// metricsTLS is how the port of metrics is encrypted; nil if it is not.
func (s *Server) metricsTLS(options TelemetryOptions) (*tls.Config, error) {
	if !options.TLS {
		return nil, nil
	}
	config := s.tlsConfig()
	if config == nil {
		return nil, errors.New("the port of metrics cannot be encrypted: the server has no certificate")
	}
	all := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config, err := all(hello)
		if err == nil && config.ClientAuth == tls.RequireAndVerifyClientCert {
			config = config.Clone()
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
		return config, err
	}
	return config, nil
}

// protectMetrics makes what stands before handlers that not everybody may call.
func (s *Server) protectMetrics(options TelemetryOptions) (func(http.Handler) http.Handler, error) {
	if !options.Auth {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	if s.auth == nil {
		return nil, errors.New("callers of the port of metrics cannot be asked who they are: there are neither keys of tokens nor an access file")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, err := s.auth.AuthenticateHTTP(r)
			switch {
			case err != nil || claims == nil:
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w, "say who you are, with a token or an API key", http.StatusUnauthorized)
			case s.auth.Authorize(r.Context(), claims, readMetrics, "") != nil:
				http.Error(w, "this needs the role read of all namespaces", http.StatusForbidden)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}, nil
}
