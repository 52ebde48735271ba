package nexushttp

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	nexuspb "go.temporal.io/api/nexus/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// door takes calls and answers all with the error.
type door struct {
	grpc.ClientConnInterface
	calls []proto.Message
	err   error
}

func (d *door) Invoke(_ context.Context, _ string, req, _ any, _ ...grpc.CallOption) error {
	d.calls = append(d.calls, req.(proto.Message))
	return d.err
}

func newHandler(d *door) *Handler {
	return New(Options{
		Door:      nexusdoor.Client{Conn: d},
		Context:   func(r *http.Request) (context.Context, error) { return r.Context(), nil },
		Endpoints: new(endpoint.Registry),
		Namespace: func(id string) (string, bool) { return "space", id == "space-id" },
		Logger:    slog.New(slog.DiscardHandler),
	})
}

func post(h *Handler, path, body string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

const toQueue = "/namespaces/space/task-queues/q%2F1/nexus-services/shop/"

var completion = &records.NexusCompletion{NamespaceId: "space-id", WorkflowId: "w", RunId: "r", RequestId: "id"}

func TestPathsAreReadPartByPart(t *testing.T) {
	for path, want := range map[string]bool{
		"/nexus/callback":                                    true,
		"/namespaces/space/nexus/callback":                   true,
		"/nexus/endpoints/e/services/s/o":                    true,
		"/namespaces/space/task-queues/q/nexus-services/s/o": true,
		"/nexus/callback/more":                               false,
		"/nexus":                                             false,
		"/":                                                  false,
		"/api/v1/namespaces":                                 false,
		"/namespaces/space/nexus":                            false,
	} {
		if got := newHandler(new(door)).Serves(httptest.NewRequest(http.MethodPost, path, nil)); got != want {
			t.Errorf("%s is served: %v, want %v", path, got, want)
		}
	}
}

func TestAnOperationIsAskedForWithItsNamesUnescaped(t *testing.T) {
	d := &door{err: status.Error(codes.Unavailable, "later")}
	post(newHandler(d), toQueue+"buy%20it", `"a car"`, "Content-Type", "application/json", "X-Own", "header")
	if len(d.calls) != 1 {
		t.Fatalf("there were %d calls", len(d.calls))
	}
	call, request := d.calls[0].(*nexusdoor.DispatchNexusTaskRequest), new(nexuspb.Request)
	if err := proto.Unmarshal(call.Request, request); err != nil {
		t.Fatal(err)
	}
	start := request.GetStartOperation()
	if call.Namespace != "space" || call.TaskQueue != "q/1" || start.GetService() != "shop" || start.GetOperation() != "buy it" ||
		string(start.GetPayload().GetData()) != `"a car"` || request.GetHeader()["x-own"] != "header" {
		t.Errorf("the call is %v, %v", call, request)
	}
}

func TestACancellationNeedsTheTokenOfTheOperation(t *testing.T) {
	d := &door{err: status.Error(codes.Unavailable, "later")}
	h := newHandler(d)
	if resp := post(h, toQueue+"buy/cancel", ""); resp.StatusCode != http.StatusBadRequest || len(d.calls) != 0 {
		t.Errorf("without a token: %d, %d calls", resp.StatusCode, len(d.calls))
	}
	post(h, toQueue+"buy/cancel", "", nexus.OperationTokenHeader, "token")
	request := new(nexuspb.Request)
	if len(d.calls) != 1 || proto.Unmarshal(d.calls[0].(*nexusdoor.DispatchNexusTaskRequest).Request, request) != nil || request.GetCancelOperation().GetOperationToken() != "token" {
		t.Errorf("the calls are %v", d.calls)
	}
}

func TestRequestsThatMakeNoSenseAreRefusedAtOnce(t *testing.T) {
	token := nexus.EncodeToken(completion)
	elsewhere := nexus.EncodeToken(&records.NexusCompletion{NamespaceId: "gone", WorkflowId: "w", RunId: "r", RequestId: "id"})
	for name, c := range map[string]struct {
		path, body string
		header     []string
		want       int
	}{
		"an endpoint that is not there":     {"/nexus/endpoints/none/services/s/o", "", nil, http.StatusNotFound},
		"no operation":                      {"/namespaces/space/task-queues/q/nexus-services/shop", "", nil, http.StatusNotFound},
		"a timeout that is none":            {toQueue + "buy", "", []string{nexusrpc.HeaderRequestTimeout, "soon"}, http.StatusBadRequest},
		"a timeout that is negative":        {toQueue + "buy", "", []string{nexusrpc.HeaderRequestTimeout, "-1s"}, http.StatusBadRequest},
		"a body that is too large":          {toQueue + "buy", strings.Repeat("x", nexus.MaxBody+1), nil, http.StatusBadRequest},
		"a callback without a token":        {"/nexus/callback", "", []string{"Nexus-Operation-State", "succeeded"}, http.StatusBadRequest},
		"a callback with a forged token":    {"/nexus/callback", "", []string{"Nexus-Operation-State", "succeeded", nexus.TokenHeader, `{"v":1,"d":"AAAA"}`}, http.StatusBadRequest},
		"a callback in no state":            {"/nexus/callback", "", []string{"Nexus-Operation-State", "unsure", nexus.TokenHeader, token}, http.StatusBadRequest},
		"a failure that is no JSON":         {"/nexus/callback", "{", []string{"Nexus-Operation-State", "failed", "Content-Type", "application/json", nexus.TokenHeader, token}, http.StatusBadRequest},
		"a failure of another content":      {"/nexus/callback", "x", []string{"Nexus-Operation-State", "failed", "Content-Type", "text/plain", nexus.TokenHeader, token}, http.StatusBadRequest},
		"a namespace that is gone":          {"/nexus/callback", "", []string{"Nexus-Operation-State", "succeeded", nexus.TokenHeader, elsewhere}, http.StatusNotFound},
		"the callback of another namespace": {"/namespaces/other/nexus/callback", "", []string{"Nexus-Operation-State", "succeeded", nexus.TokenHeader, token}, http.StatusBadRequest},
		"a start time that is none":         {"/nexus/callback", "", []string{"Nexus-Operation-State", "succeeded", "Nexus-Operation-Start-Time", "noon", nexus.TokenHeader, token}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			d := new(door)
			resp := post(newHandler(d), c.path, c.body, c.header...)
			if resp.StatusCode != c.want || len(d.calls) != 0 {
				t.Errorf("the status is %d, want %d, and there were %d calls", resp.StatusCode, c.want, len(d.calls))
			}
			var document nexusrpc.Failure
			if err := json.NewDecoder(resp.Body).Decode(&document); err != nil || document.Message == "" {
				t.Errorf("the answer says %v, %v", document, err)
			}
		})
	}
}

func TestOnlyPostIsTaken(t *testing.T) {
	for _, path := range []string{"/nexus/callback", toQueue + "buy"} {
		d, w := new(door), httptest.NewRecorder()
		newHandler(d).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusBadRequest || len(d.calls) != 0 {
			t.Errorf("GET %s: %d, %d calls", path, w.Code, len(d.calls))
		}
	}
}

func TestTheEndOfAnOperationIsPassedOn(t *testing.T) {
	token := nexus.EncodeToken(completion)
	for name, c := range map[string]struct {
		state, contentType, body string
		check                    func(*records.NexusResult) bool
	}{
		"a result": {"succeeded", "application/json", `"done"`, func(r *records.NexusResult) bool {
			return string(r.GetResult().GetData()) == `"done"` && r.Failure == nil
		}},
		"a failure":      {"failed", "application/json", `{"message":"broken"}`, func(r *records.NexusResult) bool { return r.Failure != nil && !r.Canceled }},
		"a cancellation": {"canceled", "application/json", `{"message":"stopped"}`, func(r *records.NexusResult) bool { return r.Failure != nil && r.Canceled }},
	} {
		d := new(door)
		resp := post(newHandler(d), "/nexus/callback", c.body, "Nexus-Operation-State", c.state, "Content-Type", c.contentType, nexus.TokenHeader, token, nexus.OperationTokenHeader, "t")
		if resp.StatusCode != http.StatusOK || len(d.calls) != 1 {
			t.Fatalf("%s: %d, %d calls", name, resp.StatusCode, len(d.calls))
		}
		call, result := d.calls[0].(*nexusdoor.CompleteNexusOperationRequest), new(records.NexusResult)
		if err := proto.Unmarshal(call.Result, result); err != nil || call.Namespace != "space" || call.WorkflowId != "w" || result.OperationToken != "t" || !proto.Equal(result.Completion, completion) || !c.check(result) {
			t.Errorf("%s: the call is %v, %v, %v", name, call, result, err)
		}
	}
}

func TestWhoMayNotCallIsTold(t *testing.T) {
	h := newHandler(new(door))
	h.Context = func(*http.Request) (context.Context, error) { return nil, errors.New("nobody") }
	if resp := post(h, toQueue+"buy", ""); resp.StatusCode < 400 {
		t.Errorf("the status is %d", resp.StatusCode)
	}
	d := &door{err: status.Error(codes.PermissionDenied, "not you")}
	if resp := post(newHandler(d), "/nexus/callback", "", "Nexus-Operation-State", "succeeded", nexus.TokenHeader, nexus.EncodeToken(completion)); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the status of a call that is refused is %d", resp.StatusCode)
	}
}
