package sso

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/oauth2"
)

const (
	// refreshCookie keeps the session.
	refreshCookie = "refresh"
	// sessionTime is how long a browser keeps the refresh token at most.
	sessionTime = 30 * 24 * time.Hour
	// handOver is how long the pages have to take the tokens out of the cookies.
	handOver = time.Minute
	// chunk is how much of the tokens is in one cookie. Browsers take 4096 bytes with name and
	// attributes.
	chunk = 3800
	// maxCookie is how large a value may be.
	maxCookie = 3900
	// maxChunks bounds the cookies. More is not sent by browsers, or not taken by servers.
	maxChunks = 8
)

// session is what a browser keeps of a login.
type session struct {
	RefreshToken string
	// Subject is whom the tokens are for.
	Subject string
	// Began is when the user logged in, in seconds since 1970.
	Began int64
}

// setUser hands a user's tokens to the pages, and the session to the browser. Began is when he
// has logged in.
func (l *Login) setUser(w http.ResponseWriter, u *user, began time.Time) error {
	// The names of the fields, and of the cookies, are those that the pages read.
	data, err := json.Marshal(struct{ AccessToken, IDToken, Name, Email, Picture string }{
		u.token.AccessToken, u.idToken, u.profile.Name, u.profile.Email, u.profile.Picture,
	})
	if err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(data)
	if len(text) > maxChunks*chunk {
		return fmt.Errorf("the tokens of the provider are too large for cookies: %d bytes", len(text))
	}
	for i := range maxChunks {
		name := "user" + strconv.Itoa(i)
		if text == "" {
			// What is left of another login must not be taken for a part of this one.
			l.setCookie(w, http.Cookie{Name: name, MaxAge: -1, SameSite: http.SameSiteStrictMode})
			continue
		}
		n := min(len(text), chunk)
		// Scripts of the pages read it.
		http.SetCookie(w, &http.Cookie{Name: name, Value: text[:n], Path: "/", MaxAge: int(handOver.Seconds()), Secure: l.secure, SameSite: http.SameSiteStrictMode})
		text = text[n:]
	}
	if u.token.RefreshToken == "" {
		return nil
	}
	left := sessionTime
	if l.options.MaxSession > 0 {
		left = min(left, began.Add(l.options.MaxSession).Sub(l.options.Now()))
	}
	sealed, err := l.seal.seal(refreshCookie, session{u.token.RefreshToken, u.subject, began.Unix()})
	if err != nil {
		return err
	}
	if len(sealed) > maxCookie {
		l.options.Logger.Warn("The refresh token of a login to the web UI is too large for a cookie. Its user has to log in again when his token has expired.", "bytes", len(u.token.RefreshToken))
		return nil
	}
	l.setCookie(w, http.Cookie{Name: refreshCookie, Value: sealed, MaxAge: max(1, int(left.Seconds())), SameSite: http.SameSiteStrictMode})
	return nil
}

var (
	errNoSession = errors.New("there is no session; log in")
	errEnded     = errors.New("the session has ended; log in again")
)

// refresh gives the pages new tokens.
func (l *Login) refresh(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	s, err := l.session(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	provider, err := l.describe(r.Context())
	if err != nil {
		http.Error(w, "the provider of logins cannot be reached", http.StatusBadGateway)
		return
	}
	var u *user
	err = l.exchange(r.Context(), func(ctx context.Context) error {
		token, err := provider.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: s.RefreshToken}).Token()
		if err != nil {
			return err
		}
		if u, err = provider.identify(ctx, token); err != nil {
			return err
		}
		if u.subject != "" && u.subject != s.Subject {
			return errors.New("the new tokens are for somebody else")
		}
		u.subject = s.Subject
		return nil
	})
	if err == nil {
		err = l.setUser(w, u, time.Unix(s.Began, 0))
	}
	switch {
	case errors.Is(err, errBusy):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		l.options.Logger.Warn("A session of the web UI could not be renewed.", "error", reason(err))
		http.Error(w, errEnded.Error(), http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// session is that of a browser.
func (l *Login) session(r *http.Request) (s session, err error) {
	cookie, err := r.Cookie(refreshCookie)
	if err != nil || l.seal.open(refreshCookie, cookie.Value, &s) != nil || s.RefreshToken == "" {
		return s, errNoSession
	}
	if l.options.MaxSession > 0 && l.options.Now().After(time.Unix(s.Began, 0).Add(l.options.MaxSession)) {
		return s, errEnded
	}
	return s, nil
}

// logout has the browser forget. A page of another site may not do it.
func (l *Login) logout(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		http.Error(w, "a page of another site may not log out", http.StatusForbidden)
		return
	}
	l.clearCookie(w, refreshCookie, http.SameSiteStrictMode)
	for i := range maxChunks {
		l.clearCookie(w, "user"+strconv.Itoa(i), http.SameSiteStrictMode)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, l.options.PublicPath+"/", http.StatusSeeOther)
}

// setCookie sets a cookie that scripts cannot read.
func (l *Login) setCookie(w http.ResponseWriter, cookie http.Cookie) {
	cookie.Path, cookie.HttpOnly, cookie.Secure = "/", true, l.secure
	http.SetCookie(w, &cookie)
}

func (l *Login) clearCookie(w http.ResponseWriter, name string, site http.SameSite) {
	l.setCookie(w, http.Cookie{Name: name, MaxAge: -1, SameSite: site})
}
