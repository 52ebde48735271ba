// Package nexushttp is the Nexus part of the HTTP port:
//
//	POST /nexus/endpoints/{id}/services/{service}/{operation}                  starts an operation
//	POST /nexus/endpoints/{id}/services/{service}/{operation}/cancel           cancels one
//	POST /namespaces/{namespace}/task-queues/{queue}/nexus-services/...        the same, without an endpoint
//	POST /nexus/callback, /namespaces/{namespace}/nexus/callback               reports the end of one
//
// Requests become calls of package nexusdoor, which pass the same door as all others. What
// goes wrong is answered in the words of Nexus: a failure as JSON, with the status of its
// type.
package nexushttp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/nexus"
)

// Options are what a Handler is made of. All are required.
type Options struct {
	// Door takes the calls.
	Door nexusdoor.Client
	// Context is the context for a call on behalf of a request: with who has made it.
	Context func(r *http.Request) (context.Context, error)
	// Endpoints are the endpoints.
	Endpoints *endpoint.Registry
	// Namespace is the name of a namespace; ok is false if there is none, or not any more.
	Namespace func(id string) (name string, ok bool)
	Logger    *slog.Logger
}

// Handler serves the routes. It is safe for concurrent use.
type Handler struct{ Options }

// New returns a Handler.
func New(options Options) *Handler { return &Handler{options} }

// route is what a path asks for.
type route struct {
	callback             bool
	endpoint             string // its id
	namespace, taskQueue string
	// rest are the parts of the path after services, unescaped.
	rest []string
}

// Serves reports whether the path of the request is one of the Handler's.
func (h *Handler) Serves(r *http.Request) bool {
	_, ok := parse(r.URL)
	return ok
}

func parse(u *url.URL) (route, bool) {
	parts := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, part := range parts {
		var err error
		if parts[i], err = url.PathUnescape(part); err != nil {
			return route{}, false
		}
	}
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	switch {
	case at(0) == "nexus" && at(1) == "callback" && len(parts) == 2:
		return route{callback: true}, true
	case at(0) == "namespaces" && at(2) == "nexus" && at(3) == "callback" && len(parts) == 4:
		return route{callback: true, namespace: parts[1]}, true
	case at(0) == "nexus" && at(1) == "endpoints" && at(3) == "services":
		return route{endpoint: parts[2], rest: parts[4:]}, true
	case at(0) == "namespaces" && at(2) == "task-queues" && at(4) == "nexus-services":
		return route{namespace: parts[1], taskQueue: parts[3], rest: parts[5:]}, true
	}
	return route{}, false
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, ok := parse(r.URL)
	if !ok {
		http.NotFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, nexus.MaxBody)
	ctx, err := h.Context(r)
	if err != nil {
		writeFailure(w, r, nexus.ErrorFailure(err, true))
		return
	}
	timeout, ok := requestTimeout(r.Header.Get(nexusrpc.HeaderRequestTimeout))
	if !ok {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, "invalid request timeout header"))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if to.callback {
		h.complete(ctx, w, r, to)
		return
	}
	h.operate(ctx, w, r, to)
}

// maxTimeout is how long a request may take that does not say.
const maxTimeout = time.Minute

// requestTimeout reads how long the request may take.
func requestTimeout(text string) (time.Duration, bool) {
	if text == "" {
		return maxTimeout, true
	}
	for _, unit := range []struct {
		suffix string
		of     time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}} {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil || value < 0 || strings.ContainsAny(number, "eExXnN+-_") {
			return 0, false
		}
		return min(maxTimeout, time.Duration(min(value*float64(unit.of), float64(maxTimeout)))), true
	}
	return 0, false
}

func refusal(kind nexusrpc.HandlerErrorType, message string) *failurepb.Failure {
	return nexus.HandlerFailure(kind, message, enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED)
}

// writeFailure answers with a failure of a handler.
func writeFailure(w http.ResponseWriter, r *http.Request, failure *failurepb.Failure) {
	document, err := nexus.FromTemporal(failure)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeHandlerDocument(w, r, failure, document)
}

// writeHandlerDocument answers with a failure of a handler, which the document says.
func writeHandlerDocument(w http.ResponseWriter, r *http.Request, failure *failurepb.Failure, document nexusrpc.Failure) {
	// Those who do not know failures in this form get the cause alone.
	if r.Header.Get(nexus.FailureSupportHeader) != "true" && document.Cause != nil {
		document = *document.Cause
	}
	info := failure.GetNexusHandlerFailureInfo()
	switch info.GetRetryBehavior() {
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE:
		w.Header().Set("Nexus-Request-Retryable", "true")
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE:
		w.Header().Set("Nexus-Request-Retryable", "false")
	}
	writeDocument(w, nexus.Status(nexusrpc.HandlerErrorType(info.GetType())), document)
}

func writeDocument(w http.ResponseWriter, status int, document nexusrpc.Failure) {
	body, err := json.Marshal(document)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// readBody reads the body of the request. It answers a request whose body is too large, or
// does not come.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, true
	}
	message := "invalid input"
	if errors.As(err, new(*http.MaxBytesError)) {
		message = "input exceeds size limit"
	}
	writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, message))
	return nil, false
}
