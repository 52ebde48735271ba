package converter_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/converter"
)

func TestARemoteCodecDoesWhatTheServedOneDoes(t *testing.T) {
	server := httptest.NewServer(converter.NewPayloadCodecHTTPHandler(tag("a"), tag("b")))
	defer server.Close()
	local := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), tag("a"), tag("b"))
	for _, endpoint := range []string{server.URL, server.URL + "/below/"} {
		remote := converter.NewRemoteDataConverter(converter.GetDefaultDataConverter(), converter.RemoteDataConverterOptions{Endpoint: endpoint})
		payloads, err := remote.ToPayloads("x", 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(payloads.GetPayloads()[0].GetData()); got != `ab"x"` {
			t.Errorf("encoded to %s", got)
		}
		var s string
		var n int
		if err := local.FromPayloads(payloads, &s, &n); err != nil || s != "x" || n != 2 {
			t.Errorf("decoded locally to %q, %d, %v", s, n, err)
		}
		if err := remote.FromPayloads(payloads, &s, &n); err != nil || s != "x" || n != 2 {
			t.Errorf("decoded remotely to %q, %d, %v", s, n, err)
		}
	}
}

func TestRequestsToARemoteCodecCanBeModified(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		converter.NewPayloadCodecHTTPHandler(tag("a")).ServeHTTP(w, r)
	}))
	defer server.Close()
	refused := errors.New("no token")
	modify := func(r *http.Request) error { r.Header.Set("Authorization", "Bearer x"); return nil }
	dc := converter.NewRemoteDataConverter(converter.GetDefaultDataConverter(), converter.RemoteDataConverterOptions{
		Endpoint: server.URL, ModifyRequest: func(r *http.Request) error { return modify(r) },
	})
	if _, err := dc.ToPayload("x"); err != nil {
		t.Fatal(err)
	}
	if got.Get("Authorization") != "Bearer x" || got.Get("Content-Type") != "application/json" {
		t.Errorf("headers are %v", got)
	}
	modify = func(*http.Request) error { return refused }
	if _, err := dc.ToPayload("x"); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func TestARemoteCodecThatFailsSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"status":             {http.StatusForbidden, "go away", "Forbidden: go away"},
		"not JSON":           {http.StatusOK, "<html>", "unable to unmarshal payloads"},
		"too few payloads":   {http.StatusOK, "{}", "received 0 payloads from remote codec, expected 1"},
		"error of the codec": {0, "", `Bad Request: "" is not of a`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c.status == 0 {
				r.Body = io.NopCloser(strings.NewReader(`{"payloads":[{}]}`))
				r.URL.Path = "/decode"
				converter.NewPayloadCodecHTTPHandler(tag("a")).ServeHTTP(w, r)
				return
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		dc := converter.NewRemoteDataConverter(converter.GetDefaultDataConverter(), converter.RemoteDataConverterOptions{Endpoint: server.URL})
		if _, err := dc.ToPayload("x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		server.Close()
	}
}

func TestTheCodecHandlerOnlyKnowsItsPaths(t *testing.T) {
	handler := converter.NewPayloadCodecHTTPHandler(tag("a"))
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodPost, "/codec/encode", `{"payloads":[]}`, http.StatusOK},
		{http.MethodGet, "/encode", "", http.StatusNotFound},
		{http.MethodPost, "/elsewhere", "{}", http.StatusNotFound},
		{http.MethodPost, "/decode", "nonsense", http.StatusBadRequest},
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.want {
			t.Errorf("%s %s: %d", c.method, c.path, w.Code)
		}
	}
}

func TestTheCodecHandlerRefusesARequestWithoutABody(t *testing.T) {
	request, err := http.NewRequest(http.MethodPost, "/encode", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	converter.NewPayloadCodecHTTPHandler(tag("a")).ServeHTTP(w, request)
	if w.Code != http.StatusBadRequest {
		t.Fatalf("it answered %d", w.Code)
	}
}
