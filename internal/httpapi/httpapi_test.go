package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/httpapi"
)

// channel is one that notes the last call, and answers with nothing.
type channel struct {
	method  string
	request proto.Message
	headers metadata.MD
	caller  *peer.Peer
	err     error
}

func (c *channel) Invoke(ctx context.Context, method string, request, _ any, _ ...grpc.CallOption) error {
	c.method, c.request = method, request.(proto.Message)
	c.headers, _ = metadata.FromOutgoingContext(ctx)
	c.caller, _ = peer.FromContext(ctx)
	return c.err
}

func (c *channel) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func newHandler(t testing.TB, options httpapi.Options) (*channel, http.Handler) {
	t.Helper()
	c := &channel{}
	options.Channel = c
	handler, err := httpapi.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return c, handler
}

func TestOnlyHeadersThatMeanSomethingGoOn(t *testing.T) {
	c, handler := newHandler(t, httpapi.Options{Client: httpapi.Client{Name: "http", Version: "1.2.3"}})
	r := httptest.NewRequest("GET", "/system-info", nil)
	for name, value := range map[string]string{
		"Authorization": "Bearer x", "Authorization-Extras": "y", "Grpc-Metadata-Tenant": "z", "X-Forwarded-For": "10.0.0.1",
		"Cookie": "secret", "User-Agent": "browser", "Accept-Language": "de", "Caller-Type": "caf\xe9",
	} {
		r.Header.Set(name, value)
	}
	handler.ServeHTTP(httptest.NewRecorder(), r)
	want := map[string]string{
		"authorization": "Bearer x", "authorization-extras": "y", "tenant": "z", "x-forwarded-for": "10.0.0.1, 192.0.2.1",
		"x-forwarded-host": "example.com", "client-name": "http", "client-version": "1.2.3",
	}
	for name, values := range c.headers {
		if strings.Join(values, "|") != want[name] {
			t.Errorf("%s is %q", name, values)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("there is no %v", want)
	}
	if c.caller.Addr.String() != "192.0.2.1:1234" || c.caller.AuthInfo != nil {
		t.Errorf("the caller is %v", c.caller)
	}
}

func TestAClientThatSaysWhoItIsIsNotOverruled(t *testing.T) {
	c, handler := newHandler(t, httpapi.Options{Client: httpapi.Client{Name: "http", Version: "1.2.3"}})
	r := httptest.NewRequest("GET", "/system-info", nil)
	r.Header.Set("Client-Name", "mine")
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if got := c.headers.Get("client-name"); len(got) != 1 || got[0] != "mine" {
		t.Errorf("the client is %q", got)
	}
}

func TestCodesHaveTheirHTTPStatus(t *testing.T) {
	c, handler := newHandler(t, httpapi.Options{})
	for code, want := range map[codes.Code]int{
		codes.InvalidArgument: 400, codes.NotFound: 404, codes.AlreadyExists: 409, codes.PermissionDenied: 403, codes.Unauthenticated: 401,
		codes.ResourceExhausted: 429, codes.FailedPrecondition: 400, codes.Unimplemented: 501, codes.Unavailable: 503, codes.DeadlineExceeded: 504,
	} {
		c.err = status.Error(code, "no")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/system-info", nil))
		if w.Code != want || !strings.Contains(w.Body.String(), `"message":"no"`) {
			t.Errorf("%v: %d %s", code, w.Code, w.Body)
		}
	}
}

func TestFieldsOfARequestComeFromPathQueryAndBody(t *testing.T) {
	c, handler := newHandler(t, httpapi.Options{})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/v1/namespaces/n/workflows?query=WorkflowType%3D%22T%22&pageSize=7&nextPageToken=AAE%3D", nil))
	list, _ := c.request.(*workflowservice.ListWorkflowExecutionsRequest)
	if list.GetNamespace() != "n" || list.GetQuery() != `WorkflowType="T"` || list.GetPageSize() != 7 || string(list.GetNextPageToken()) != "\x00\x01" {
		t.Errorf("the request is %v", c.request)
	}
	body := `{"signalName":"other","input":[1,"two"],"identity":"me"}`
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/namespaces/n/workflows/w/signal/s", strings.NewReader(body)))
	signal, _ := c.request.(*workflowservice.SignalWorkflowExecutionRequest)
	if signal.GetSignalName() != "s" || signal.GetWorkflowExecution().GetWorkflowId() != "w" || signal.GetIdentity() != "me" || len(signal.GetInput().GetPayloads()) != 2 {
		t.Errorf("the request is %v", c.request)
	}
}

func TestAPanicIsAnErrorOfItsRequest(t *testing.T) {
	_, handler := newHandler(t, httpapi.Options{Channel: nil})
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/namespaces/n/workflows/w", panics{})
	handler.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"code":13`) {
		t.Errorf("it is answered with %d %s", w.Code, w.Body)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("on purpose") }

// FuzzRequests: whatever is sent, the answer is JSON or one of the documents, and a call that is
// made is of the method that its path says.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"POST", "/namespaces/n/workflows/w", `{"workflowType":{"name":"T"},"input":[{"a":[1,2,{"b":null}]}]}`},
		{"POST", "/api/v1/namespaces/n/workflows/a%2Fb/signal/s", `{"input":{"payloads":[{"data":"AA==","metadata":{"encoding":"AA=="}}]}}`},
		{"GET", "/namespaces/n/workflows?query=x&pageSize=-1&execution.runId=%00", ""},
		{"GET", "/cluster/namespaces/n/search-attributes?pretty&noPayloadShorthand", ""},
		{"PUT", "/../%2e%2e/%", "["},
		{"POST", "/namespaces/n/schedules/s", `{"schedule":{"spec":{"interval":[{"interval":"1s"}]},"action":{"startWorkflow":{"input":"x"}}}}`},
	} {
		f.Add(seed[0], seed[1], seed[2], "application/json")
	}
	_, api := newHandler(f, httpapi.Options{})
	_, plain := newHandler(f, httpapi.Options{Plain: true})
	f.Fuzz(func(t *testing.T, method, target, body, accept string) {
		if !strings.HasPrefix(target, "/") {
			target = "/" + target
		}
		for _, handler := range []http.Handler{api, plain} {
			r, err := http.NewRequest(method, "http://localhost"+target, strings.NewReader(body))
			if err != nil {
				t.Skip()
			}
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header.Set("Accept", accept)
			r.Header.Set("Content-Type", accept)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code == http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s %q with %q is answered with %d %q", method, target, body, w.Code, w.Body)
			}
		}
	})
}
