package webui_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/httpapi"
	"github.com/perdure/perdure/internal/webui"
)

// channel knows one token.
type channel struct{}

func (channel) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	headers, _ := metadata.FromOutgoingContext(ctx)
	if got := headers.Get("authorization"); len(got) != 1 || got[0] != "Bearer good" {
		return status.Error(codes.Unauthenticated, "no")
	}
	return nil
}

func (channel) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func newUI(t *testing.T, login bool) http.Handler {
	t.Helper()
	api, err := httpapi.New(webui.APIOptions(channel{}, login, nil))
	if err != nil {
		t.Fatal(err)
	}
	ui, err := webui.New(webui.Options{API: api, Channel: channel{}, Login: login})
	if err != nil {
		t.Fatal(err)
	}
	return ui
}

func TestABrowserAsksForATokenWhereOneIsNeeded(t *testing.T) {
	ui := newUI(t, true)
	for _, c := range []struct {
		name   string
		path   string
		change func(r *http.Request)
		status int
		asks   bool
	}{
		{"a page, without", "/", func(*http.Request) {}, 401, true},
		{"a page, with a token as the password", "/", func(r *http.Request) { r.SetBasicAuth("me", "good") }, 200, false},
		{"a page, with a name only", "/", func(r *http.Request) { r.SetBasicAuth("me", "") }, 401, true},
		{"a page, with a certificate", "/", func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}
		}, 200, false},
		{"a call, with a token as the password", "/api/v1/system-info", func(r *http.Request) { r.SetBasicAuth("", "good") }, 200, false},
		{"a call, with a token by a proxy", "/api/v1/system-info", func(r *http.Request) { r.Header.Set("Authorization", "Bearer good") }, 200, false},
		{"a call, with a token that is refused", "/api/v1/system-info", func(r *http.Request) { r.SetBasicAuth("", "bad") }, 401, true},
		{"the look for its health", "/healthz", func(*http.Request) {}, 200, false},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		c.change(r)
		w := httptest.NewRecorder()
		ui.ServeHTTP(w, r)
		if asks := w.Header().Get("WWW-Authenticate") != ""; w.Code != c.status || asks != c.asks {
			t.Errorf("%s: %d, %q", c.name, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	w := httptest.NewRecorder()
	newUI(t, false).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 {
		t.Errorf("where nobody has to say who he is, a page is answered with %d", w.Code)
	}
}

func TestTheVersionIsThatOfThePages(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`github.com/temporalio/ui-server/v2 v(\S+)`).FindSubmatch(data)
	if found == nil || string(found[1]) != webui.Version {
		t.Errorf("Version is %s, go.mod has %q", webui.Version, found)
	}
}
