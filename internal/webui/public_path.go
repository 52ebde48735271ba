package webui

import (
	"context"
	"net/http"
	"strings"
)

type publicPathKey struct{}

// stripPublicPath takes the public path off the addresses of requests. Without it they are
// served as well: a proxy in front may have taken it off.
func stripPublicPath(publicPath string, next http.Handler) http.Handler {
	if publicPath == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		escaped, found := strings.CutPrefix(r.URL.EscapedPath(), publicPath)
		if !found || escaped != "" && escaped[0] != '/' {
			next.ServeHTTP(w, r)
			return
		}
		stripped := r.WithContext(context.WithValue(r.Context(), publicPathKey{}, true))
		u := *r.URL
		// The path has only characters that stand for themselves, so it is the same
		// whether the rest is escaped or not.
		u.Path = "/" + strings.TrimPrefix(strings.TrimPrefix(u.Path, publicPath), "/")
		if u.RawPath != "" {
			u.RawPath = "/" + strings.TrimPrefix(escaped, "/")
		}
		stripped.URL = &u
		next.ServeHTTP(w, stripped)
	})
}

// under reports whether a request came with the public path.
func under(ctx context.Context) bool {
	is, _ := ctx.Value(publicPathKey{}).(bool)
	return is
}
