// Package ssotest is an OpenID Connect provider for tests: whoever comes is logged in at
// once.
package ssotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/auth/authtest"
)

// The client that the provider knows.
const (
	ClientID     = "perdure-ui"
	ClientSecret = "the secret of the UI"
)

// Provider is a provider with one user. Its fields may be changed between requests.
type Provider struct {
	URL string
	// Subject and Name are those of the user, Permissions what his access tokens allow.
	Subject, Name string
	Permissions   []string
	// Refuse has logins refused with the error.
	Refuse string
	// Nonce takes the place of the nonce in ID tokens, if it is not empty.
	Nonce string

	t      testing.TB
	issuer *authtest.Issuer

	mu      sync.Mutex
	codes   map[string]url.Values // what was asked for, by code
	refresh string                // the refresh token that holds
}

// New starts a provider, which ends with the test.
func New(t testing.TB) *Provider {
	p := &Provider{Subject: "ada", Name: "Ada", Permissions: []string{"temporal-system:admin"}, t: t,
		issuer: authtest.NewIssuer(t, "provider"), codes: make(map[string]url.Values)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.KeysURL(),
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(authtest.KeySet(t, p.issuer)) })
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// KeysURL is that of the keys by which its tokens are known.
func (p *Provider) KeysURL() string { return p.URL + "/keys" }

// Revoke ends the session that the provider keeps.
func (p *Provider) Revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh = ""
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	back, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil || asked.Get("client_id") != ClientID || asked.Get("response_type") != "code" || asked.Get("code_challenge_method") != "S256" {
		http.Error(w, "not a request for a login", http.StatusBadRequest)
		return
	}
	query := url.Values{"state": {asked.Get("state")}}
	if p.Refuse != "" {
		query.Set("error", p.Refuse)
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = asked
		p.mu.Unlock()
		query.Set("code", code)
	}
	back.RawQuery = query.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	unescaped, _ := url.QueryUnescape(secret)
	if id != ClientID || unescaped != ClientSecret {
		refuse(w, "invalid_client")
		return
	}
	nonce := ""
	switch r.FormValue("grant_type") {
	case "authorization_code":
		asked, ok := p.codes[r.FormValue("code")]
		delete(p.codes, r.FormValue("code"))
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) || asked.Get("redirect_uri") != r.FormValue("redirect_uri") {
			refuse(w, "invalid_grant")
			return
		}
		nonce = asked.Get("nonce")
	case "refresh_token":
		if p.refresh == "" || r.FormValue("refresh_token") != p.refresh {
			refuse(w, "invalid_grant")
			return
		}
	}
	if p.Nonce != "" {
		nonce = p.Nonce
	}
	p.refresh = rand.Text() // each is good for once
	now := time.Now()
	reply(w, map[string]any{
		"token_type": "Bearer", "expires_in": 300, "refresh_token": p.refresh,
		"access_token": p.issuer.Token(p.t, p.Permissions, map[string]any{"iss": p.URL, "sub": p.Subject, "jti": rand.Text()}),
		"id_token": p.issuer.Token(p.t, nil, map[string]any{"iss": p.URL, "aud": ClientID, "sub": p.Subject, "iat": now.Unix(), "nonce": nonce,
			"name": p.Name, "email": "ada@example.com", "permissions": p.Permissions}),
	})
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}
