// Package sso logs users of the web UI in at an OpenID Connect provider: Keycloak, Okta,
// Entra ID, Google, and what else there is.
//
// The pages decide when: where Settings say that there is a login, they send a browser
// that has no token to /auth/sso, and find the tokens in cookies when it is back.
//
//	/auth/sso             to the provider, with state, nonce and a PKCE challenge
//	/auth/sso/callback    back from it: the code becomes tokens, which the pages take
//	/auth/refresh         new tokens, by the refresh token that the browser keeps
//	/auth/logout          the browser forgets
//
// Nothing is kept here: what a login needs between its two requests, and the refresh
// token of a session, are in cookies of the browser that scripts cannot read and nobody but
// this server can (seal.go). All servers with the same client secret take them.
//
// That somebody has logged in gives him no right: each call of the pages carries his token,
// and package auth decides about it as about any other.
package sso

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Options of a Login. The zero value is none.
type Options struct {
	// ProviderURL is where the provider describes itself, less
	// /.well-known/openid-configuration. It is its issuer, unless IssuerURL is another one.
	ProviderURL, IssuerURL string
	// ClientID and ClientSecret are those under which the provider knows the UI. Without a secret
	// (a public client) sessions end with the server.
	ClientID, ClientSecret string
	// Scopes are asked for; openid, profile and email if there are none.
	Scopes []string
	// CallbackURL is that of /auth/sso/callback as browsers reach it.
	CallbackURL string
	// Parameters are added to the address of the provider. A browser that comes with a
	// parameter of such a name has its value passed on.
	Parameters map[string]string
	// MaxSession is how long a session may be renewed; for as long as the provider does if zero.
	MaxSession time.Duration
	// IDToken: calls carry the ID token in place of the access token, for providers whose
	// access tokens are no JSON web tokens.
	IDToken bool
	// Redirect sends browsers to the provider without the page that asks them to log in.
	Redirect bool

	// PublicPath is the path under which browsers find the UI; "" is the root.
	PublicPath string
	// Origins are those besides the UI's own to whose pages a browser may return.
	Origins []string

	// Client makes requests to the provider; one with a time limit if nil.
	Client *http.Client
	// Now is the time; time.Now if nil.
	Now func() time.Time
	// Logger gets what operators should know; slog.Default if nil.
	Logger *slog.Logger
}

// Enabled reports whether users are to log in.
func (o *Options) Enabled() bool { return o.ProviderURL != "" }

const (
	// providerTime bounds a request to the provider.
	providerTime = 10 * time.Second
	// providerRetry is how soon a provider that did not answer is asked to describe itself again.
	providerRetry = 5 * time.Second
	// maxExchanges are the requests for tokens under way at once. Strangers can cause them.
	maxExchanges = 32
)

// Login serves the routes. It is safe for concurrent use.
type Login struct {
	options   Options
	secure    bool // cookies are for HTTPS only
	seal      *sealer
	exchanges chan struct{}

	mu       sync.Mutex // held while the provider describes itself
	provider *provider  // nil until it has
	tried    time.Time
	failed   error
}

// provider is what a provider has told of itself.
type provider struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// New makes a Login. The provider is asked when the first user logs in.
func New(options Options) (*Login, error) {
	callback, err := url.Parse(options.CallbackURL)
	switch {
	case err != nil || callback.Host == "" || callback.Scheme != "http" && callback.Scheme != "https":
		return nil, fmt.Errorf("the callback URL must begin with http:// or https://, not %q", options.CallbackURL)
	case !strings.HasSuffix(callback.Path, "/auth/sso/callback") && !strings.HasSuffix(callback.Path, "/auth/sso_callback"):
		return nil, fmt.Errorf("the callback URL must end with /auth/sso/callback, not %q", options.CallbackURL)
	case options.ClientID == "":
		return nil, errors.New("the client id of the UI at the provider is missing")
	}
	if len(options.Scopes) == 0 {
		options.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if options.Client == nil {
		options.Client = &http.Client{Timeout: providerTime}
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.Logger = cmp.Or(options.Logger, slog.Default())
	seal, err := newSealer(options.ClientSecret)
	if err != nil {
		return nil, err
	}
	return &Login{options: options, secure: callback.Scheme == "https", seal: seal, exchanges: make(chan struct{}, maxExchanges)}, nil
}

// Routes adds the routes to the mux.
func (l *Login) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /auth/sso", l.begin)
	mux.HandleFunc("GET /auth/sso/callback", l.callback)
	mux.HandleFunc("GET /auth/sso_callback", l.callback)
	mux.HandleFunc("GET /auth/refresh", l.refresh)
	mux.HandleFunc("GET /auth/logout", l.logout)
}

// Parameters are the names of those parameters that a browser may bring.
func (l *Login) Parameters() []string { return slices.Sorted(maps.Keys(l.options.Parameters)) }

// Redirects reports whether browsers are sent to the provider without a page before.
func (l *Login) Redirects() bool { return l.options.Redirect }

// Bearer passes calls of the pages on with the token that is to say who makes them.
func (l *Login) Bearer(next http.Handler) http.Handler {
	if !l.options.IDToken {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token := r.Header.Get("Authorization-Extras"); token != "" {
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Del("Authorization-Extras")
		}
		next.ServeHTTP(w, r)
	})
}

// describe returns the provider, which is asked to describe itself if it has not yet.
func (l *Login) describe(ctx context.Context) (*provider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.provider != nil {
		return l.provider, nil
	}
	now := l.options.Now()
	if l.failed != nil && now.Sub(l.tried) < providerRetry {
		return nil, l.failed
	}
	// A browser that goes away must not spoil it for the others.
	ctx, cancel := context.WithTimeout(l.withClient(context.WithoutCancel(ctx)), providerTime)
	defer cancel()
	if l.options.IssuerURL != "" {
		ctx = oidc.InsecureIssuerURLContext(ctx, l.options.IssuerURL)
	}
	described, err := oidc.NewProvider(ctx, l.options.ProviderURL)
	if err != nil {
		l.tried, l.failed = now, fmt.Errorf("the provider of logins cannot be reached: %w", err)
		l.options.Logger.Error("Nobody can log in to the web UI: the provider does not say how.", "provider", l.options.ProviderURL, "error", err)
		return nil, l.failed
	}
	l.failed = nil
	l.provider = &provider{
		oauth: oauth2.Config{
			ClientID:     l.options.ClientID,
			ClientSecret: l.options.ClientSecret,
			Endpoint:     described.Endpoint(),
			RedirectURL:  l.options.CallbackURL,
			Scopes:       l.options.Scopes,
		},
		verifier: described.Verifier(&oidc.Config{ClientID: l.options.ClientID, Now: l.options.Now}),
	}
	return l.provider, nil
}

// withClient has requests made by the client of the options.
func (l *Login) withClient(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, l.options.Client)
}

// errBusy is said when too many ask for tokens at once.
var errBusy = errors.New("too many log in at this moment; try again")

// exchange bounds a request for tokens.
func (l *Login) exchange(ctx context.Context, request func(context.Context) error) error {
	select {
	case l.exchanges <- struct{}{}:
	default:
		return errBusy
	}
	defer func() { <-l.exchanges }()
	ctx, cancel := context.WithTimeout(l.withClient(ctx), providerTime)
	defer cancel()
	return request(ctx)
}
