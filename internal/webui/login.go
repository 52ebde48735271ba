package webui

import "net/http"

// challenge has a browser ask its user for a name and a password.
const challenge = `Basic realm="Perdure", charset="UTF-8"`

// login has the browser ask for a token where callers have to say who they are: an
// API key or a JWT, in the field for the password; the name is ignored. Who has said who he is
// otherwise, by a proxy that sets Authorization or by a certificate, is not asked.
func login(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, basic := r.BasicAuth()
		certificate := r.TLS != nil && len(r.TLS.PeerCertificates) > 0
		switch {
		case basic && token != "":
			// The request is only read; its header is changed in a copy.
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+token)
		case basic, r.Header.Get("Authorization") == "" && !certificate && r.URL.Path != "/healthz":
			w.Header().Set("WWW-Authenticate", challenge)
			http.Error(w, "Log in with an API key or a token as the password.", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
