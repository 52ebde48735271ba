package perdure

import (
	"log/slog"
	"time"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/webui/sso"
)

// Options are the settings of an embedded server. The zero value is a server in
// memory, without a port, with the one namespace "default".
type Options struct {
	// DataDir is the directory the data are kept in; it is made if it is not
	// there. Empty: the data are in memory, and gone with the server.
	DataDir string
	// UnsafeNoSync leaves it to the operating system when writes reach the disk.
	// It is faster, and a power cut or a crash of the machine then loses
	// acknowledged writes and may damage the store. For data you can lose.
	UnsafeNoSync bool
	// Listen is the host:port the gRPC API is served on, for clients outside the
	// program; port 0 picks a free one, which Address tells. Empty: no port.
	Listen string
	// TLS encrypts all ports. Without it, Start refuses an address that other machines
	// can reach, unless InsecureListen is set.
	TLS TLS
	// InsecureListen allows such an address without TLS: behind a firewall, or a proxy.
	InsecureListen bool
	// Auth says who may make calls by the ports. The zero value lets in everybody.
	// Calls by ClientConn are the program's own, and always allowed.
	Auth Auth
	// HTTP is the API as JSON over HTTP, UI the web UI. Their zero values have no port.
	HTTP HTTP
	UI   UI
	// Metrics is the port of metrics and health checks, Tracing where traces are sent. The zero
	// values are none.
	Metrics Metrics
	Tracing Tracing
	// Namespaces are registered if they do not exist. "default" always does.
	Namespaces []string
	// Retention is how long the namespaces registered at start keep closed
	// workflows; at least one hour. Default: three days.
	Retention time.Duration
	// CacheBytes is about how much memory the server uses for workflows that are
	// idle. More is faster, less is slower, and neither is wrong. Default: 8 MiB.
	CacheBytes int64
	// DynamicConfigFile is a YAML file of settings that can change while the server
	// runs, which docs/configuration.md lists. Empty: all have their defaults.
	DynamicConfigFile string
	// Logger gets what an operator should know. Default: slog.Default().
	Logger *slog.Logger
}

// TLS are the PEM files by which ports are encrypted. They are read again when they have
// changed. The zero value is no TLS.
type TLS struct {
	// CertFile and KeyFile are the certificate, with those that lead to its authority
	// after it, and its key.
	CertFile, KeyFile string
	// ClientCAFile are the authorities whose certificates clients have to present.
	// Empty: they need none.
	ClientCAFile string
	// ClientCertOptional lets clients in that present none; those that are presented are checked.
	ClientCertOptional bool
	// MinVersion is the least version of TLS, such as tls.VersionTLS13. Default: TLS 1.2.
	MinVersion uint16
}

// Auth says who may make calls. Callers have to say who they are if there is a File or
// there are JWT keys; docs/security.md has the roles.
type Auth struct {
	// File is a YAML file of API keys, and of the roles of certificates, which
	// "perdure admin api-key create" writes. It is read again when it has changed.
	File string
	// JWT says which JSON web tokens are accepted.
	JWT JWT
}

// JWT says which JSON web tokens are accepted. The zero value accepts none.
type JWT struct {
	// Keys are files and URLs of JSON web key sets.
	Keys []string
	// Refresh is how often sets are fetched from URLs. Default: five minutes.
	Refresh time.Duration
	// Audiences are those of which a token must have one. None: any token is accepted.
	Audiences []string
	// Issuer is that of the tokens. Empty: any.
	Issuer string
	// PermissionsClaim is the claim with the roles, NAMESPACE:ROLE. Default: "permissions".
	PermissionsClaim string
	// PermissionsPattern is a regular expression with the groups namespace and role that
	// finds both in permissions of another form.
	PermissionsPattern string
}

// HTTP is the API as JSON over HTTP.
type HTTP struct {
	// Listen is its host:port; port 0 picks a free one, which HTTPAddress tells. Empty: no port.
	Listen string
	// AllowedOrigins are those, as scheme://host:port, whose pages may call it and what the web
	// UI calls; "*" is any. Default: only the pages of the UI may.
	AllowedOrigins []string
}

// UI is the web UI.
type UI struct {
	// Listen is its host:port; port 0 picks a free one, which UIURL tells. Empty: no UI.
	Listen string
	// PublicPath is the path under which browsers find it, such as "/perdure". Empty: the root.
	PublicPath string
	// AssetPath is a directory with pages in place of the built-in ones.
	AssetPath string
	// CodecEndpoint is the URL of a codec server, by which browsers decode payloads.
	CodecEndpoint string
	// SSO has its users log in at an OpenID Connect provider. Without it, and with Auth, browsers
	// ask for an API key or a token.
	SSO SSO
}

// SSO has users of the web UI log in at an OpenID Connect provider, whose tokens Auth.JWT
// has to accept. The zero value does not.
type SSO struct {
	// ProviderURL is that of the provider: below it, /.well-known/openid-configuration describes
	// it. IssuerURL is its issuer, if it is another one.
	ProviderURL, IssuerURL string
	// ClientID and ClientSecret are those of the UI at the provider. Without a secret, sessions end
	// with the server.
	ClientID, ClientSecret string
	// CallbackURL is that of /auth/sso/callback of the UI, as browsers reach it.
	CallbackURL string
	// Scopes are asked for. Default: openid, profile, email.
	Scopes []string
	// Parameters are added to the address of the provider.
	Parameters map[string]string
	// MaxSession is how long after a login new tokens are fetched without another one. Default: as
	// long as the provider gives some.
	MaxSession time.Duration
	// IDToken has the calls of the UI carry the ID token in place of the access token.
	IDToken bool
	// Redirect sends browsers to the provider without a page before.
	Redirect bool
}

// Metrics is the port of metrics and health checks over HTTP; docs/metrics.md has them.
type Metrics struct {
	// Listen is its host:port; port 0 picks a free one, which MetricsAddress tells. Empty: no port,
	// and nothing is counted.
	Listen string
	// TLS encrypts it with the server's certificate. Clients need none there.
	TLS bool
	// Auth has callers say who they are; they need the role read of all namespaces. Health
	// checks are open.
	Auth bool
	// Pprof serves profiles of the process as well, below /debug/pprof/.
	Pprof bool
	// Namespaces, Types and TaskQueues are how many of each have metrics of their own. Default: 100
	// namespaces, 200 types of workflows and activities, no task queues.
	Namespaces, Types, TaskQueues int
}

// Tracing says where traces are sent, in the protocol of OpenTelemetry.
type Tracing struct {
	// Enabled has traces sent where the variables OTEL_* of the environment say. Endpoint does so
	// as well.
	Enabled bool
	// Endpoint is the URL of a collector, such as http://127.0.0.1:4317.
	Endpoint string
}

// server are the options as the server takes them.
func (o *Options) server() server.Options {
	return server.Options{
		DataDir:      o.DataDir,
		UnsafeNoSync: o.UnsafeNoSync,
		Listen:       o.Listen,
		TLS: server.TLSOptions{
			CertFile:           o.TLS.CertFile,
			KeyFile:            o.TLS.KeyFile,
			ClientCAFile:       o.TLS.ClientCAFile,
			ClientCertOptional: o.TLS.ClientCertOptional,
			MinVersion:         o.TLS.MinVersion,
		},
		InsecureListen: o.InsecureListen,
		Auth: auth.Options{File: o.Auth.File, JWT: auth.JWTOptions{
			KeySources:         o.Auth.JWT.Keys,
			Refresh:            o.Auth.JWT.Refresh,
			Audiences:          o.Auth.JWT.Audiences,
			Issuer:             o.Auth.JWT.Issuer,
			PermissionsClaim:   o.Auth.JWT.PermissionsClaim,
			PermissionsPattern: o.Auth.JWT.PermissionsPattern,
		}},
		HTTP: server.HTTPOptions{Listen: o.HTTP.Listen, AllowedOrigins: o.HTTP.AllowedOrigins},
		UI: server.UIOptions{
			Listen:        o.UI.Listen,
			PublicPath:    o.UI.PublicPath,
			AssetPath:     o.UI.AssetPath,
			CodecEndpoint: o.UI.CodecEndpoint,
			SSO: sso.Options{
				ProviderURL:  o.UI.SSO.ProviderURL,
				IssuerURL:    o.UI.SSO.IssuerURL,
				ClientID:     o.UI.SSO.ClientID,
				ClientSecret: o.UI.SSO.ClientSecret,
				CallbackURL:  o.UI.SSO.CallbackURL,
				Scopes:       o.UI.SSO.Scopes,
				Parameters:   o.UI.SSO.Parameters,
				MaxSession:   o.UI.SSO.MaxSession,
				IDToken:      o.UI.SSO.IDToken,
				Redirect:     o.UI.SSO.Redirect,
			},
		},
		Telemetry: server.TelemetryOptions{
			Listen:        o.Metrics.Listen,
			TLS:           o.Metrics.TLS,
			Auth:          o.Metrics.Auth,
			Pprof:         o.Metrics.Pprof,
			Namespaces:    o.Metrics.Namespaces,
			Types:         o.Metrics.Types,
			TaskQueues:    o.Metrics.TaskQueues,
			Tracing:       o.Tracing.Enabled || o.Tracing.Endpoint != "",
			TraceEndpoint: o.Tracing.Endpoint,
		},
		Namespaces:        o.Namespaces,
		Retention:         o.Retention,
		CacheBytes:        o.CacheBytes,
		DynamicConfigFile: o.DynamicConfigFile,
		Logger:            o.Logger,
	}
}
