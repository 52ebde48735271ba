package sso

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// loginTime is how long a user may take at the provider.
const loginTime = 10 * time.Minute

// attempt is what a login has to know when the browser is back from the provider.
type attempt struct {
	State, Nonce, Verifier string
	// Return is where the browser goes then.
	Return string
	// Expires is when it is too late, in seconds since 1970.
	Expires int64
}

// attemptCookie names the cookie of an attempt. Each has its own, as somebody may log in in
// several tabs at once.
func attemptCookie(state string) string { return "perdure_login_" + state }

// begin sends a browser to the provider.
func (l *Login) begin(w http.ResponseWriter, r *http.Request) {
	target := r.URL.Query().Get("returnUrl")
	if !l.mayReturn(target, r.Host) {
		http.Error(w, "returnUrl is an address of another site", http.StatusBadRequest)
		return
	}
	provider, err := l.describe(r.Context())
	if err != nil {
		l.fail(w, r, "The provider of logins cannot be reached. Try again later.")
		return
	}
	a := attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: target, Expires: l.options.Now().Add(loginTime).Unix()}
	sealed, err := l.seal.seal(attemptCookie(a.State), a)
	if err != nil {
		l.fail(w, r, "The login could not be begun.")
		return
	}
	// Lax: the browser comes back by a link of another site.
	l.setCookie(w, http.Cookie{Name: attemptCookie(a.State), Value: sealed, MaxAge: int(loginTime.Seconds()), SameSite: http.SameSiteLaxMode})
	parameters := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	for name, value := range l.options.Parameters {
		if brought := r.URL.Query().Get(name); brought != "" {
			value = brought
		}
		parameters = append(parameters, oauth2.SetAuthURLParam(name, value))
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, provider.oauth.AuthCodeURL(a.State, parameters...), http.StatusFound)
}

// mayReturn reports whether a browser may be sent to the address after a login: to a path here,
// to the host it has asked, and to allowed origins.
func (l *Login) mayReturn(target, host string) bool {
	if target == "" {
		return true
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || strings.ContainsAny(target, "\\\t\r\n") {
		return false
	}
	if u.Host == "" {
		return u.Scheme == "" && u.Opaque == "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return u.Host == host || slices.Contains(l.options.Origins, u.Scheme+"://"+u.Host)
}

// callback takes in a browser that is back from the provider.
func (l *Login) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	a, err := l.attempted(r, query.Get("state"))
	if err != nil {
		l.fail(w, r, err.Error())
		return
	}
	l.clearCookie(w, attemptCookie(a.State), http.SameSiteLaxMode)
	if refused := query.Get("error"); refused != "" {
		l.fail(w, r, "The provider has refused the login: "+strings.TrimSpace(refused+" "+query.Get("error_description")))
		return
	}
	provider, err := l.describe(r.Context())
	if err != nil {
		l.fail(w, r, "The provider of logins cannot be reached. Try again later.")
		return
	}
	var user *user
	err = l.exchange(r.Context(), func(ctx context.Context) (err error) {
		user, err = provider.redeem(ctx, query.Get("code"), a)
		return err
	})
	if err != nil {
		l.options.Logger.Warn("A login to the web UI has failed.", "error", reason(err))
		l.fail(w, r, "The login has failed. The log of the server says why.")
		return
	}
	if err := l.setUser(w, user, l.options.Now()); err != nil {
		l.options.Logger.Warn("A login to the web UI has failed.", "error", err)
		l.fail(w, r, err.Error())
		return
	}
	target := a.Return
	if target == "" {
		target = l.options.PublicPath + "/"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target, http.StatusSeeOther)
}

var errAttempt = errors.New("the login took too long, or was begun in another browser; log in again")

// attempted is the attempt that the state belongs to.
func (l *Login) attempted(r *http.Request, state string) (a attempt, err error) {
	cookie, err := r.Cookie(attemptCookie(state))
	if state == "" || err != nil {
		return a, errAttempt
	}
	if l.seal.open(attemptCookie(state), cookie.Value, &a) != nil || a.State != state || l.options.Now().Unix() > a.Expires {
		return a, errAttempt
	}
	return a, nil
}

// user is who has logged in.
type user struct {
	token   *oauth2.Token
	idToken string // as it came
	nonce   string // of the ID token
	// subject is the provider's id of the user.
	subject string
	profile profile
}

// profile is what the pages show of a user.
type profile struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Picture string `json:"picture"`
}

// redeem makes a user of a code.
func (p *provider) redeem(ctx context.Context, code string, a attempt) (*user, error) {
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return nil, fmt.Errorf("the code could not be exchanged for tokens: %w", err)
	}
	u, err := p.identify(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case u.idToken == "":
		return nil, errors.New("the provider has sent no ID token")
	case u.nonce != a.Nonce:
		return nil, errors.New("the ID token belongs to another login")
	}
	return u, nil
}

// identify reads the ID token among the tokens, if there is one.
func (p *provider) identify(ctx context.Context, token *oauth2.Token) (*user, error) {
	u := &user{token: token}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return u, nil
	}
	idToken, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("the ID token is not right: %w", err)
	}
	if err := idToken.Claims(&u.profile); err != nil {
		return nil, fmt.Errorf("the claims of the ID token: %w", err)
	}
	u.idToken, u.subject, u.nonce = raw, idToken.Subject, idToken.Nonce
	return u, nil
}

// reason is an error without what a provider sends with it, which may be anything.
func reason(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("the provider answers %s %s", refused.Response.Status, refused.ErrorCode)
	}
	return err
}

// fail shows the page on which one logs in, with what went wrong.
func (l *Login) fail(w http.ResponseWriter, r *http.Request, message string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, l.options.PublicPath+"/login?error="+url.QueryEscape(message), http.StatusSeeOther)
}
