package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// reply is an answer by HTTP.
type reply struct {
	status int
	header http.Header
	body   string
}

// field is a field of the body, which is JSON, by the names on the way to it.
func (r reply) field(t testing.TB, names ...string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(r.body), &value); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, r.body)
	}
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// request makes a request by HTTP. What is called is in the form "GET /path".
func request(t testing.TB, address, what, body string, header ...string) reply {
	t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(data)}
}

var onHTTP = server.Options{HTTP: server.HTTPOptions{Listen: "127.0.0.1:0"}}

const startBody = `{"workflowType":{"name":"T"},"taskQueue":{"name":"q"},"input":[{"amount":7}]}`

func TestAWorkflowIsStartedAndReadByHTTP(t *testing.T) {
	b := start(t, onHTTP)
	for _, prefix := range []string{"", "/api/v1"} {
		id := "w" + strings.ReplaceAll(prefix, "/", "-")
		started := request(t, b.server.HTTPAddress(), "POST "+prefix+"/namespaces/default/workflows/"+id, startBody)
		if started.status != http.StatusOK || started.field(t, "runId") == nil {
			t.Fatalf("the start is answered with %+v", started)
		}
		if got := started.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("the content type is %q", got)
		}
		described := request(t, b.server.HTTPAddress(), "GET "+prefix+"/namespaces/default/workflows/"+id, "")
		if got := described.field(t, "workflowExecutionInfo", "type", "name"); got != "T" {
			t.Errorf("it is described as %+v", described)
		}
	}
}

func TestPayloadsOfJSONAreWrittenAsThemselvesOrAsPayloads(t *testing.T) {
	b := start(t, onHTTP)
	request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/w", startBody)
	for query, want := range map[string]string{
		"":                           `"input":[{"amount":7}]`,
		"?pretty":                    "\n          \"input\": [",
		"?noPayloadShorthand":        `"data":"eyJhbW91bnQiOjd9"`,
		"?pretty&noPayloadShorthand": `"data": "eyJhbW91bnQiOjd9"`,
	} {
		got := request(t, b.server.HTTPAddress(), "GET /namespaces/default/workflows/w/history"+query, "")
		if !strings.Contains(got.body, want) {
			t.Errorf("%q: there is no %s in %s", query, want, got.body)
		}
	}
	if got := string(b.history("w")[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0].GetData()); got != `{"amount":7}` {
		t.Errorf("the input is %s", got)
	}
	plain := `{"workflowType":{"name":"T"},"taskQueue":{"name":"q"},"input":{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"OA=="}]}}`
	request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/plain", plain)
	if got := string(b.history("plain")[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0].GetData()); got != "8" {
		t.Errorf("the input is %s", got)
	}
}

func TestErrorsByHTTPAreThoseOfTheAPI(t *testing.T) {
	b := start(t, onHTTP)
	request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/twice", startBody)
	for _, c := range []struct {
		what, body string
		status     int
		code       float64
		message    string
	}{
		{"GET /namespaces/default/workflows/none", "", 404, 5, "workflow not found for ID: none"},
		{"GET /namespaces/nowhere/workflows/w", "", 404, 5, "Namespace nowhere is not found."},
		{"POST /namespaces/default/workflows/twice", startBody, 409, 6, "Workflow execution is already running"},
		{"POST /namespaces/default/workflows/w", "", 400, 3, "WorkflowType is not set on request."},
		{"POST /namespaces/default/workflows/w", "{", 400, 3, "unexpected EOF"},
		{"POST /namespaces/default/workflows/w", `{"nothing":1}`, 400, 3, "unknown field"},
		{"POST /namespaces/default/workflows/w", "[" + strings.Repeat("[", 10_000), 400, 3, "exceeded max depth"},
		{"POST /namespaces/default/workflows/w", `{"x":"` + strings.Repeat("x", 20<<20) + `"}`, 400, 3, "request body too large"},
		{"GET /nothing/at/all", "", 404, 5, "Not Found"},
		{"PUT /namespaces/default/workflows/w", "", 501, 12, "Method Not Allowed"},
	} {
		got := request(t, b.server.HTTPAddress(), c.what, c.body)
		message, _ := got.field(t, "message").(string)
		if got.status != c.status || got.field(t, "code") != c.code || !strings.Contains(message, c.message) {
			t.Errorf("%s is answered with %d %s", c.what, got.status, got.body)
		}
	}
	got := request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/twice", startBody)
	details, _ := got.field(t, "details").([]any)
	if len(details) != 1 || details[0].(map[string]any)["@type"] != "type.googleapis.com/temporal.api.errordetails.v1.WorkflowExecutionAlreadyStartedFailure" {
		t.Errorf("the details are %v", details)
	}
}

func TestAnyWorkflowIDCanBeInAPath(t *testing.T) {
	b := start(t, onHTTP)
	for _, id := range []string{"a/b", "100%", "a b+c", "a%2Fb", "ä", "a?b#c", "orders:1", "..."} {
		escaped := url.PathEscape(id)
		started := request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/"+escaped, startBody)
		if started.status != http.StatusOK {
			t.Fatalf("%q: the start is answered with %+v", id, started)
		}
		_, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns,
			Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
		if err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestTheOperatorServiceAndTheDocumentsAreServedByHTTP(t *testing.T) {
	b := start(t, onHTTP)
	got := request(t, b.server.HTTPAddress(), "GET /cluster/namespaces/default/search-attributes", "")
	if got.status != http.StatusOK || got.field(t, "systemAttributes", "WorkflowId") == nil {
		t.Errorf("search attributes: %d %.300s", got.status, got.body)
	}
	for path, begin := range map[string]string{"/swagger.json": "{", "/openapi.yaml": "# Generated", "/api/v1/swagger.json": "{", "/api/v1/openapi.yaml": "# Generated"} {
		got := request(t, b.server.HTTPAddress(), "GET "+path, "")
		if got.status != http.StatusOK || !strings.HasPrefix(got.body, begin) || !strings.Contains(got.body, "/api/v1/namespaces") {
			t.Errorf("%s: %d %.100q", path, got.status, got.body)
		}
	}
}

func TestPagesOfOtherOriginsMayNotCall(t *testing.T) {
	options := onHTTP
	options.HTTP.AllowedOrigins = []string{"https://console.example.com"}
	b := start(t, options)
	address := b.server.HTTPAddress()
	post := "POST /namespaces/default/workflows/w"
	for _, c := range []struct {
		name   string
		header []string
		status int
	}{
		{"a program", nil, 200},
		{"a page of another origin", []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain"}, 403},
		{"a page of another origin in an old browser", []string{"Origin", "https://evil.example.com"}, 403},
		{"a page whose origin is hidden", []string{"Origin", "null"}, 403},
		{"a page of the server", []string{"Origin", "http://" + address, "Sec-Fetch-Site", "same-origin"}, 200},
		{"a page that is allowed", []string{"Origin", "https://console.example.com", "Sec-Fetch-Site", "cross-site"}, 200},
	} {
		got := request(t, address, post+strings.ReplaceAll(c.name, " ", "-"), startBody, c.header...)
		if got.status != c.status {
			t.Errorf("%s is answered with %d %s", c.name, got.status, got.body)
		}
	}
	preflight := func(origin string) reply {
		return request(t, address, "OPTIONS /namespaces/default/workflows/w", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	}
	if got := preflight("https://console.example.com"); got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != "https://console.example.com" || got.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("a page that is allowed may ask: %+v", got)
	}
	if got := preflight("https://evil.example.com"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page that is not allowed may ask: %+v", got)
	}
}

func TestAnOriginThatIsNoneIsRefusedAtTheStart(t *testing.T) {
	options := onHTTP
	for _, origin := range []string{"console.example.com", "https://console.example.com/", "https://a/b", ""} {
		options.HTTP.AllowedOrigins = []string{origin}
		if s, err := server.Start(t.Context(), options); err == nil {
			_ = s.Stop(t.Context())
			t.Errorf("%q is taken", origin)
		}
	}
}

func TestANameThatCouldBePointedAtTheMachineByOthersIsNoHost(t *testing.T) {
	b := start(t, onHTTP)
	for host, status := range map[string]int{
		"evil.example.com:7243": 403, "evil.example.com": 403, "localhost.example.com": 403,
		"localhost:7243": 200, "127.0.0.1": 200, "[::1]:80": 200, "perdure": 200, "app.localhost": 200, "host.docker.internal:7243": 200,
	} {
		if got := request(t, b.server.HTTPAddress(), "GET /system-info", "", "Host", host); got.status != status {
			t.Errorf("%s is answered with %d %s", host, got.status, got.body)
		}
	}
	options := onHTTP
	options.DynamicConfig = []dynamicconfig.Override{{Key: "frontend.httpAllowedHosts", Value: `["*.example.com"]`}}
	b = start(t, options)
	for host, status := range map[string]int{"api.example.com": 200, "localhost": 403} {
		if got := request(t, b.server.HTTPAddress(), "GET /system-info", "", "Host", host); got.status != status {
			t.Errorf("with a list of hosts, %s is answered with %d %s", host, got.status, got.body)
		}
	}
}

func TestHeadersOfARequestReachTheCall(t *testing.T) {
	b := start(t, onHTTP)
	got := request(t, b.server.HTTPAddress(), "GET /system-info", "", "Client-Name", "temporal-go", "Client-Version", "2.0.0")
	if got.status != 400 || !strings.Contains(got.body, "ClientVersionNotSupported") {
		t.Errorf("a client that is too new is answered with %d %s", got.status, got.body)
	}
	got = request(t, b.server.HTTPAddress(), "GET /system-info", "", "Grpc-Timeout", "x")
	if got.status != 400 {
		t.Errorf("a timeout that is none is answered with %d %s", got.status, got.body)
	}
}

func TestAClientThatNeverEndsItsHeadersHoldsUpNobody(t *testing.T) {
	b := start(t, onHTTP)
	conn, err := net.Dial("tcp", b.server.HTTPAddress())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := request(t, b.server.HTTPAddress(), "GET /system-info", ""); got.status != 200 {
		t.Errorf("others are answered with %d", got.status)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Errorf("the server does not stop: %v", err)
	}
}

func TestAWaitByHTTPEndsWithTheServer(t *testing.T) {
	b := start(t, onHTTP)
	request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/w", startBody)
	answered := make(chan reply, 1)
	waiting := make(chan struct{})
	go func() {
		close(waiting)
		answered <- request(t, b.server.HTTPAddress(), "GET /namespaces/default/workflows/w/history?waitNewEvent=true&historyEventFilterType=HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT", "")
	}()
	<-waiting
	request(t, b.server.HTTPAddress(), "POST /namespaces/default/workflows/w/terminate", `{"reason":"enough"}`)
	got := <-answered
	if got.status != 200 || !bytes.Contains([]byte(got.body), []byte("EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED")) {
		t.Errorf("the wait is answered with %d %s", got.status, got.body)
	}
}
