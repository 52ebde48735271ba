// Package webui serves the Temporal Web UI, whose pages are embedded in the module
// github.com/temporalio/ui-server.
//
// Of that module only the pages are used. Its server would reach the API by a
// connection of its own; here it is the same process, so what the pages ask for under
// /api/v1 becomes a call inside it (package httpapi), as whoever the browser's headers
// say. The few things the pages want besides, their settings, histories to download and
// rendered Markdown, are in this package.
package webui

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/temporalio/ui-server/v2/ui"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/httpapi"
	"github.com/perdure/perdure/internal/webui/sso"
)

// Version is that of the pages. They ask for it, and behave by it.
const Version = "2.55.0"

// APIOptions are those of the handler that carries out what the pages call. With login, a
// browser asks its user for a token where one is needed.
func APIOptions(channel grpc.ClientConnInterface, login bool, logger *slog.Logger) httpapi.Options {
	options := httpapi.Options{Channel: channel, Client: client, Plain: true, Logger: logger}
	if login {
		options.Challenge = challenge
	}
	return options
}

// client is what calls made by the pages say of their client.
var client = httpapi.Client{Name: "temporal-ui", Version: Version}

// Options of the UI.
type Options struct {
	// API carries out what the pages call under /api/v1; it is made with APIOptions.
	API *httpapi.Handler
	// Channel carries the calls by which histories to download are read.
	Channel grpc.ClientConnInterface
	// PublicPath is the path under which a browser finds the UI, such as "/perdure"; ""
	// is the root.
	PublicPath string
	// AssetPath is a directory with pages to be used in place of the embedded ones; "" for
	// those.
	AssetPath string
	// CodecEndpoint is the URL of a server that decodes payloads, which browsers ask; ""
	// for none.
	CodecEndpoint string
	// Login has browsers ask their users for a token: callers have to say who they are.
	Login bool
	// SSO has users log in at a provider, in place of Login; nil if they do not.
	SSO *sso.Login
	// DefaultNamespace is the one that the UI opens; "default" if empty.
	DefaultNamespace string
}

// New returns the handler of the UI.
func New(options Options) (http.Handler, error) {
	if err := CheckPublicPath(options.PublicPath); err != nil {
		return nil, fmt.Errorf("the public path of the UI %w", err)
	}
	publicPath := cleanPublicPath(options.PublicPath)
	assets, err := openAssets(options.AssetPath)
	if err != nil {
		return nil, err
	}
	index, err := indexPage(assets, publicPath)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/settings", settings(options))
	mux.Handle("GET /api/v1/releases", fixedJSON(map[string]any{"Releases": map[string]string{}}))
	mux.Handle("GET /api/v1/ui-extensions", fixedJSON(map[string]any{"Enabled": false, "IframeExtensions": []string{}}))
	mux.Handle("GET /api/v1/namespaces/{namespace}/workflows/{workflow}/run/{run}/history.json", history(options.API, workflowservice.NewWorkflowServiceClient(options.Channel)))
	mux.Handle("/api/v1/", options.API)
	mux.Handle("GET /healthz", fixedJSON(map[string]string{"status": "OK"}))
	mux.Handle("GET /render", http.HandlerFunc(render))
	mux.Handle("/", pages(assets, index, publicPath))

	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(2048), gzhttp.CompressionLevel(1))
	if err != nil {
		return nil, fmt.Errorf("compression of replies: %w", err)
	}
	handler := http.Handler(compress(mux))
	if options.SSO != nil {
		options.SSO.Routes(mux)
		handler = options.SSO.Bearer(handler)
	}
	handler = stripPublicPath(publicPath, handler)
	if options.Login && options.SSO == nil {
		handler = login(handler)
	}
	return secure(handler), nil
}

var publicPathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// CheckPublicPath says what Options.PublicPath has to be, or nil if it is.
func CheckPublicPath(publicPath string) error {
	cleaned := cleanPublicPath(publicPath)
	if cleaned != "" && (!publicPathForm.MatchString(cleaned) || path.Clean(cleaned) != cleaned) {
		return fmt.Errorf("must be a path like /perdure, not %q", publicPath)
	}
	return nil
}

// cleanPublicPath returns the path without a slash at its end.
func cleanPublicPath(publicPath string) string { return strings.TrimRight(publicPath, "/") }

// openAssets opens the directory, or the pages that are embedded.
func openAssets(directory string) (fs.FS, error) {
	if directory != "" {
		return os.DirFS(directory), nil
	}
	assets, err := ui.Assets()
	if err != nil {
		return nil, fmt.Errorf("the embedded pages of the UI: %w", err)
	}
	return fs.Sub(assets, "local")
}

var contentSecurityPolicy = regexp.MustCompile(`(?i)<meta[^>]*http-equiv\s*=\s*["']content-security-policy["'][^>]*>`)

// indexPage is the page that all addresses of the UI begin with. Under a public path its links are
// changed; then the hash of its script, by which it is allowed to run, is no longer
// right, and goes.
func indexPage(assets fs.FS, publicPath string) ([]byte, error) {
	page, err := fs.ReadFile(assets, "index.html")
	if err != nil {
		return nil, fmt.Errorf("the pages of the UI: %w", err)
	}
	if publicPath == "" {
		return page, nil
	}
	text := strings.ReplaceAll(string(page), `base: ""`, `base: "`+publicPath+`"`)
	text = strings.ReplaceAll(text, `"/_app/`, `"`+publicPath+`/_app/`)
	return []byte(contentSecurityPolicy.ReplaceAllString(text, "")), nil
}

// pages serves files that are there, and the index page for everything else: the pages
// know the addresses. What is in _app/immutable has its hash in its name.
func pages(assets fs.FS, index []byte, publicPath string) http.HandlerFunc {
	files := http.FileServerFS(assets)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		if strings.HasPrefix(name, "_app/") || isFile(assets, name) {
			if strings.HasPrefix(name, "_app/immutable/") && isFile(assets, name) {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			files.ServeHTTP(w, r)
			return
		}
		if publicPath != "" && !under(r.Context()) {
			target := *r.URL
			target.Path, target.RawPath = publicPath+path.Clean(r.URL.Path), ""
			http.Redirect(w, r, target.RequestURI(), http.StatusPermanentRedirect)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "frame-src 'self'; frame-ancestors 'self'")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = io.Copy(w, bytes.NewReader(index))
	}
}

func isFile(assets fs.FS, name string) bool {
	if name == "index.html" || !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Stat(assets, name)
	return err == nil && info.Mode().IsRegular()
}

// secure sets headers that a browser protects its user by.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := w.Header()
		headers.Set("X-Content-Type-Options", "nosniff")
		headers.Set("X-Frame-Options", "SAMEORIGIN")
		headers.Set("Referrer-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
