package server_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/server"
)

// uiAddress is the host:port of the UI.
func (b *bench) uiAddress() string {
	b.t.Helper()
	u, err := url.Parse(b.server.UIURL())
	if err != nil || u.Host == "" {
		b.t.Fatalf("the URL of the UI is %q", b.server.UIURL())
	}
	return "127.0.0.1:" + u.Port()
}

func TestTheUIIsServedWithWhatItCalls(t *testing.T) {
	b := start(t, server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0", CodecEndpoint: "https://codec.example.com"}})
	ui := b.uiAddress()
	for _, path := range []string{"/", "/namespaces/default/workflows", "/anything"} {
		if got := request(t, ui, "GET "+path, ""); got.status != 200 || !strings.Contains(got.body, "/_app/immutable/entry/start.") {
			t.Errorf("%s is answered with %d %.100s", path, got.status, got.body)
		}
	}
	page := request(t, ui, "GET /", "").body
	script, _, _ := strings.Cut(page[strings.Index(page, "/_app/immutable/entry/app."):], `"`)
	got := request(t, ui, "GET "+script, "", "Accept-Encoding", "gzip")
	if got.status != 200 || got.header.Get("Content-Encoding") != "gzip" || !strings.Contains(got.header.Get("Cache-Control"), "immutable") ||
		!strings.Contains(got.header.Get("Content-Type"), "javascript") {
		t.Errorf("its script is answered with %d %v", got.status, got.header)
	}
	if got := request(t, ui, "GET /_app/immutable/nothing.js", ""); got.status != 404 {
		t.Errorf("a script that is not there is answered with %d", got.status)
	}
	settings := request(t, ui, "GET /api/v1/settings", "")
	if settings.field(t, "Codec", "Endpoint") != "https://codec.example.com" || settings.field(t, "Version") != "2.55.0" {
		t.Errorf("its settings are %s", settings.body)
	}
	for _, path := range []string{"/api/v1/cluster-info", "/api/v1/system-info", "/api/v1/namespaces", "/api/v1/releases", "/api/v1/ui-extensions", "/healthz"} {
		if got := request(t, ui, "GET "+path, ""); got.status != 200 {
			t.Errorf("%s is answered with %d %s", path, got.status, got.body)
		}
	}
}

func TestTheUIReadsPayloadsAsTheyAreAndDecodesIDsTwice(t *testing.T) {
	b := start(t, server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0"}})
	b.startWorkflow("a/b c")
	id := url.PathEscape(url.PathEscape("a/b c"))
	if got := request(t, b.uiAddress(), "GET /api/v1/namespaces/default/workflows/"+id, ""); got.field(t, "workflowExecutionInfo", "execution", "workflowId") != "a/b c" {
		t.Errorf("it is described as %d %s", got.status, got.body)
	}
	run := b.history("a/b c")[0].GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId()
	got := request(t, b.uiAddress(), "GET /api/v1/namespaces/default/workflows/"+id+"/run/"+run+"/history.json", "")
	if events, _ := got.field(t, "events").([]any); got.status != 200 || len(events) != 2 {
		t.Errorf("its history is %d %s", got.status, got.body)
	}
	if got := request(t, b.uiAddress(), "GET /api/v1/namespaces/default/workflows/none/run/"+run+"/history.json", ""); got.status != 404 {
		t.Errorf("the history of a workflow that is not there is %d %s", got.status, got.body)
	}
}

func TestTheUICanBeUnderAPath(t *testing.T) {
	b := start(t, server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0", PublicPath: "/perdure"}})
	ui := b.uiAddress()
	if !strings.HasSuffix(b.server.UIURL(), "/perdure") {
		t.Errorf("its URL is %s", b.server.UIURL())
	}
	if got := request(t, ui, "GET /perdure/namespaces", ""); got.status != 200 || !strings.Contains(got.body, `"/perdure/_app/`) || strings.Contains(got.body, `"/_app/`) {
		t.Errorf("a page is answered with %d %s", got.status, got.body)
	}
	if got := request(t, ui, "GET /perdure/api/v1/system-info", ""); got.status != 200 {
		t.Errorf("a call is answered with %d %s", got.status, got.body)
	}
	if got := request(t, ui, "GET /namespaces?x=1", ""); got.status != 308 || got.header.Get("Location") != "/perdure/namespaces?x=1" {
		t.Errorf("a page without the path is answered with %d %v", got.status, got.header)
	}
	for _, wrong := range []string{"perdure", "/a b", `/"`, "/../x"} {
		if s, err := server.Start(t.Context(), server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0", PublicPath: wrong}}); err == nil {
			_ = s.Stop(t.Context())
			t.Errorf("the path %q is taken", wrong)
		}
	}
}

func TestMarkdownOfUsersCanDoNothing(t *testing.T) {
	b := start(t, server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0"}})
	text := url.QueryEscape("# Title\n\n**bold** <script>alert(1)</script> [link](javascript:alert(1))")
	got := request(t, b.uiAddress(), `GET /render?theme=%22%3E%3Cscript%3E&content=`+text, "")
	if got.status != 200 || !strings.Contains(got.body, "<strong>bold</strong>") {
		t.Errorf("it is rendered as %d %s", got.status, got.body)
	}
	if strings.Contains(got.body, "<script") || strings.Contains(got.body, "javascript:") {
		t.Errorf("a script is rendered: %s", got.body)
	}
	if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") {
		t.Errorf("the policy is %q", policy)
	}
}
