package frontend

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
)

// interceptor is what every call passes on its way in and out.
type interceptor struct {
	namespaces *namespace.Registry
	settings   *settings
	store      interface{ Failed() error }
	auth       *auth.Authenticator // nil: everybody may do everything
	failure    func(error)         // may be nil
	observer   CallObserver        // may be nil
	logger     *slog.Logger
	limits     rateLimits
	// elsewhere carries out calls whose owner is not here; nil if all are.
	elsewhere Elsewhere

	// lastClient is the last client version that was accepted: the next call most
	// likely says the same.
	lastClient atomic.Pointer[clientVersion]
	// failed: the owner of the service has been told that the store has failed.
	failed atomic.Bool
}

// call is what the interceptor has found out about a request. Handlers get it from their
// context.
type call struct {
	// method is the row of the method in the table of the API.
	method *methods.Method
	// namespace is the one that the request is about; nil if there is none.
	namespace *namespace.Namespace
	// token is the task token of the request; nil if it has none.
	token *records.TaskToken
	// settings are those of the server.
	settings *settings
	// request is the request, if polls may have to be answered by other nodes.
	request proto.Message
}

type callKey struct{}

// callOf returns what Intercept has put in the context.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("frontend: handler called without its interceptor")
	}
	return c
}

// grpcServices begins the names of the services that gRPC itself defines, such as
// health checking: they have no rows and no namespaces.
const grpcServices = "/grpc."

// Intercept is what every unary call passes through, whether it comes from the
// network or from inside the process: a method that is in the table, a client of a
// supported version, a caller who may make the call, a namespace that exists and is in a state to be used, and at
// the end an error that says what the API promises and nothing about the inside of
// the server.
//
// It is one interceptor, not a chain of them, so that a call costs no closures.
func (i *interceptor) Intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	row := methods.Lookup(info.FullMethod)
	ctx, observed := i.observe(ctx, row)
	var c *call
	defer func() {
		cause := recover()
		if cause != nil {
			resp, err = nil, i.recovered(ctx, logged{info.FullMethod, row, c, req}, cause)
		}
		found := err
		if err != nil {
			resp, err = nil, i.convertError(ctx, logged{info.FullMethod, row, c, req}, err)
		}
		observed.end(ctx, c, req, found, err, cause != nil)
	}()
	if row == nil && !strings.HasPrefix(info.FullMethod, grpcServices) {
		return nil, status.Errorf(codes.Unimplemented, "unknown method %s", info.FullMethod)
	}
	if err := i.checkClientVersion(ctx); err != nil {
		return nil, err
	}
	if row == nil {
		return handler(ctx, req)
	}
	var claims *auth.Claims
	judged := i.auth != nil && !IsForwarded(ctx) // else it was, where it came in
	if judged {
		if claims, err = i.auth.Authenticate(ctx); err != nil {
			return nil, err
		}
		ctx = auth.WithClaims(ctx, claims)
	}
	c = &call{method: row, settings: i.settings}
	err = i.resolveNamespace(c, req)
	if judged {
		// First of all: who may not is not told what there is.
		if err := i.auth.Authorize(ctx, claims, row, namespaceOf(c, req)); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	held, err := i.limits.admit(ctx, c, req)
	if err != nil {
		return nil, err
	}
	if held {
		defer i.limits.release(c)
	}
	ctx = context.WithValue(ctx, callKey{}, c)
	if i.elsewhere != nil {
		return i.carryOut(ctx, c, req, handler)
	}
	return handler(ctx, req)
}

// InterceptStream is Intercept for the streaming calls, which are those of
// health checking and reflection only.
func (i *interceptor) InterceptStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = i.recovered(stream.Context(), logged{name: info.FullMethod}, cause)
		}
		if err != nil {
			err = i.convertError(stream.Context(), logged{name: info.FullMethod}, err)
		}
	}()
	return handler(srv, stream)
}

// recovered turns a panic of a handler into an error of its one request. The
// stack goes to the log; the client learns only that something went wrong.
func (i *interceptor) recovered(ctx context.Context, call logged, cause any) error {
	i.logger.ErrorContext(ctx, "A request made the server panic. Please report this as a bug, with the stack.",
		call.about("panic", cause, "stack", string(debug.Stack()))...)
	return serviceerror.NewInternal(fmt.Sprintf("panic: %v", cause))
}

// noteFailure tells the owner of the service once if the store has failed.
func (i *interceptor) noteFailure() {
	if err := i.store.Failed(); err != nil && i.failed.CompareAndSwap(false, true) {
		i.logger.Error("The store has failed; the server accepts no more writes until it is restarted.", "error", err)
		if i.failure != nil {
			i.failure(err)
		}
	}
}
