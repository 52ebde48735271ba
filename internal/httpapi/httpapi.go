// Package httpapi is the API of the server as JSON over HTTP, for whoever cannot or
// will not speak gRPC: scripts, webhooks, browsers.
//
// The routes are those that the descriptors of the services declare, each of them
// with and without the prefix /api/v1: POST /namespaces/{namespace}/workflows/{workflow_id}
// starts a workflow. Requests and replies are the messages of the gRPC API in
// protobuf's JSON form, with one addition: a payload whose encoding is JSON may be
// written as that JSON itself ("shorthand"). Errors are google.rpc.Status messages.
//
// A request becomes a call of the same RPC through a channel inside the process, so
// everything that holds for a call by gRPC holds here: checks, namespaces,
// authorization, limits. This package adds what is peculiar to HTTP: bounds of
// bodies and of the time to send one, which headers go on, and which
// web pages may call (Guard).
//
// Routing and the mapping of paths to fields is done by grpc-gateway, whose generated
// half is part of the API's module.
package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/check"
)

const (
	// maxBody is the largest body of a request, in bytes: that of a gRPC request.
	maxBody = check.MaxRequest
	// bodyTime is how long a client may take to send a body.
	bodyTime = 30 * time.Second
)

// Options of a Handler.
type Options struct {
	// Channel carries the calls. The context of a call has the peer who made the
	// request (peer.FromContext), and its outgoing metadata are the headers.
	Channel grpc.ClientConnInterface
	// Client is what calls say of their client unless the request says it.
	Client Client
	// Plain leaves payloads as the API has them, base64 and all, and indents replies.
	// Paths are decoded twice. This is how the web UI speaks.
	Plain bool
	// Challenge is what callers are told who have to say who they are; "Bearer" if empty.
	Challenge string
	Logger    *slog.Logger // slog.Default if nil
}

// Client is what a client says of itself in the headers client-name and client-version.
type Client struct{ Name, Version string }

// Handler serves the API. It is safe for concurrent use.
type Handler struct {
	mux       *runtime.ServeMux
	client    Client
	plain     bool
	challenge string
	logger    *slog.Logger
}

// New makes a Handler of all routes of the WorkflowService and the OperatorService.
func New(options Options) (*Handler, error) {
	h := &Handler{
		client:    options.Client,
		plain:     options.Plain,
		challenge: cmp.Or(options.Challenge, "Bearer"),
		logger:    cmp.Or(options.Logger, slog.Default()),
	}
	mux := runtime.NewServeMux(h.muxOptions()...)
	ctx := context.Background() // bounds nothing: there is no connection to close
	if err := workflowservice.RegisterWorkflowServiceHandlerClient(ctx, mux, workflowservice.NewWorkflowServiceClient(options.Channel)); err != nil {
		return nil, fmt.Errorf("routes of the WorkflowService: %w", err)
	}
	if err := operatorservice.RegisterOperatorServiceHandlerClient(ctx, mux, operatorservice.NewOperatorServiceClient(options.Channel)); err != nil {
		return nil, fmt.Errorf("routes of the OperatorService: %w", err)
	}
	h.mux = mux
	return h, nil
}

func (h *Handler) muxOptions() []runtime.ServeMuxOption {
	options := []runtime.ServeMuxOption{
		runtime.WithErrorHandler(h.writeError),
		runtime.WithIncomingHeaderMatcher(forwardedHeader),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(h.metadata),
	}
	if h.plain {
		return append(options,
			runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved),
			runtime.WithMarshalerOption(runtime.MIMEWildcard, newJSON("  ", false)))
	}
	options = append(options, runtime.WithMiddlewares(unescapeParameters))
	for accept, marshaler := range marshalers {
		options = append(options, runtime.WithMarshalerOption(accept, marshaler))
	}
	return options
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.recover(w, r)
	body, err := readBody(w, r)
	if err != nil {
		_, marshaler := runtime.MarshalerForRequest(h.mux, r)
		h.writeError(r.Context(), h.mux, marshaler, w, r, err)
		return
	}
	own := withCaller(r)
	own.Body = body
	if !h.plain {
		if accept := acceptOf(r.URL.RawQuery); accept != "" {
			own.Header.Set("Accept", accept)
		}
		own.URL = escaped(r.URL)
	}
	h.mux.ServeHTTP(w, own)
}

// CallContext is the context for a call on behalf of a request: with who has made it and
// the headers that go on.
func (h *Handler) CallContext(r *http.Request) (context.Context, error) {
	own := withCaller(r)
	return runtime.AnnotateContext(own.Context(), h.mux, own, "")
}

// withCaller returns a copy of the request, which is its handler's to read only, with the
// headers that mean something, and its peer in the context.
func withCaller(r *http.Request) *http.Request {
	own := r.WithContext(peer.NewContext(r.Context(), peerOf(r)))
	own.Header = forwardable(r.Header)
	return own
}

// readBody reads the body of a request within its bounds of size and time.
func readBody(w http.ResponseWriter, r *http.Request) (io.ReadCloser, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return http.NoBody, nil
	}
	control := http.NewResponseController(w)
	// Not every writer has deadlines; the server's own timeout holds in any case.
	_ = control.SetReadDeadline(time.Now().Add(bodyTime))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, status.Error(codes.InvalidArgument, "http: request body too large")
	}
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "reading the request: %v", err)
	}
	_ = control.SetReadDeadline(time.Time{})
	return io.NopCloser(bytes.NewReader(data)), nil
}

// peerOf is who has sent a request.
func peerOf(r *http.Request) *peer.Peer {
	p := &peer.Peer{Addr: address(r.RemoteAddr)}
	if r.TLS != nil {
		p.AuthInfo = credentials.TLSInfo{
			State:          *r.TLS,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
	}
	return p
}

// address is the host:port of a connection over TCP.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// escaped returns a URL whose path is as it came over the network, so that a slash that belongs to
// an id, %2F, is told from one between ids. unescapeParameters undoes it where
// the ids have been found.
func escaped(u *url.URL) *url.URL {
	copied := *u
	copied.Path, copied.RawPath = u.EscapedPath(), ""
	return &copied
}

// unescapeParameters decodes what has been taken from an escaped path.
func unescapeParameters(next runtime.HandlerFunc) runtime.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request, parameters map[string]string) {
		for name, value := range parameters {
			if strings.IndexByte(value, '%') < 0 {
				continue
			}
			// It cannot fail: the path was escaped by net/url.
			if decoded, err := url.PathUnescape(value); err == nil {
				parameters[name] = decoded
			}
		}
		next(w, r, parameters)
	}
}

// recover turns a panic into an error of its one request.
func (h *Handler) recover(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	h.logger.ErrorContext(r.Context(), "An HTTP request made the server panic. Please report this as a bug, with the stack.",
		"method", r.Method, "panic", cause, "stack", string(debug.Stack()))
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, `{"code":13,"message":"the server failed; its log says why"}`)
}
