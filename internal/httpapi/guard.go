package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Guard stands before a handler and keeps out what a browser would send without
// its user wanting it. A server that listens on the user's own machine lets in
// everyone who reaches it, and any web page he opens reaches it by his browser: with
// forms and scripts of other origins, and, after it has pointed a name of its own to
// 127.0.0.1, as an origin of that name.
type Guard struct {
	// Origins are those whose pages may call besides the server's own, such as
	// "https://console.example.com". With "*" every page may.
	Origins []string
	// Loopback: the server listens on an address of the machine itself, so requests
	// are addressed to an IP address or to a name that nobody can register.
	Loopback bool
	// AllowHost reports whether requests addressed to the host are let in. It is asked first; nil,
	// or a nil answer, leaves it to Loopback.
	AllowHost func(host string) (allowed, decided bool)
}

// CheckOrigin says what an origin of Guard.Origins has to be, or nil if it is.
func CheckOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("must be an origin, scheme://host or scheme://host:port, or *, not %q", origin)
	}
	return nil
}

// Wrap returns a handler that is handler behind the guard. The origins must be valid.
func (g Guard) Wrap(handler http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	origins := make(map[string]bool, len(g.Origins))
	for _, origin := range g.Origins {
		origins[origin] = true
		if origin != "*" {
			// What is no origin allows nobody.
			_ = protection.AddTrustedOrigin(origin)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.allowHost(r.Host) {
			refuse(w, http.StatusForbidden, `{"code":7,"message":"Host not allowed"}`)
			return
		}
		origin := r.Header.Get("Origin")
		if len(origins) > 0 {
			w.Header().Add("Vary", "Origin")
		}
		if origin != "" && (origins["*"] || origins[origin]) {
			allowOrigin(w.Header(), origin)
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		} else if protection.Check(r) != nil {
			refuse(w, http.StatusForbidden, `{"code":7,"message":"a page of another origin may not call this server"}`)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// allowOrigin lets the pages of an origin read the reply, and send what they ask to send.
// Credentials that a browser adds by itself, cookies and client certificates, are not
// among it.
func allowOrigin(headers http.Header, origin string) {
	headers.Set("Access-Control-Allow-Origin", origin)
	headers.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	headers.Set("Access-Control-Allow-Headers", "Accept, Authorization, Authorization-Extras, Caller-Type, Client-Name, Client-Version, Content-Type, Grpc-Timeout, X-CSRF-Token")
	headers.Set("Access-Control-Max-Age", "600")
}

func (g Guard) allowHost(host string) bool {
	if g.AllowHost != nil {
		if allowed, decided := g.AllowHost(host); decided {
			return allowed
		}
	}
	return !g.Loopback || local(host)
}

// privateSuffixes end names that nobody can register, and so nobody can point at
// other people's machines: RFC 6761, RFC 6762, RFC 8375, and "internal" by ICANN.
var privateSuffixes = []string{".localhost", ".local", ".test", ".internal", ".home.arpa"}

// local reports whether a host is an IP address or a name that only the machine or its
// network gives a meaning to.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range privateSuffixes {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
