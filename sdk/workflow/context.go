package workflow

import (
	"github.com/perdure/perdure/sdk/internal/flow"
)

// Context carries cancellation, options and values through workflow code. It is
// what context.Context is elsewhere; the two are not interchangeable.
type Context = flow.Context

// CancelFunc cancels a context and all those made from it.
type CancelFunc = flow.CancelFunc

// ContextAware is implemented by data converters that depend on the context of
// the call.
type ContextAware = flow.ContextAware

type (
	// ContextPropagator carries values of contexts along with calls: from the
	// client to workflows, and from workflows to activities and other
	// workflows.
	ContextPropagator = flow.ContextPropagator
	// HeaderReader reads the header of a workflow or an activity.
	HeaderReader = flow.HeaderReader
	// HeaderWriter writes a header.
	HeaderWriter = flow.HeaderWriter
)

// ErrCanceled is the error of a context that is cancelled. It is a
// temporal.CanceledError.
var ErrCanceled = flow.ErrCanceled

// ErrDeadlineExceeded is the error of a context whose deadline has passed.
var ErrDeadlineExceeded = flow.ErrDeadlineExceeded

// WithCancel returns a copy of parent that is cancelled by cancel, or with
// parent. Calls made with it are cancelled too.
func WithCancel(parent Context) (ctx Context, cancel CancelFunc) { return flow.WithCancel(parent) }

// WithValue returns a copy of parent in which key has the value val. Keys should
// be of a type of their own. Values stay in the workflow: what is to reach activities and
// other workflows needs a ContextPropagator.
func WithValue(parent Context, key, val any) Context { return flow.WithValue(parent, key, val) }

// NewDisconnectedContext returns a copy of parent that is not cancelled with
// it. Use it for what has to be done after a cancellation:
//
//	defer func() {
//		if ctx.Err() != nil {
//			ctx, _ := workflow.NewDisconnectedContext(ctx)
//			_ = workflow.ExecuteActivity(ctx, Cleanup).Get(ctx, nil)
//		}
//	}()
func NewDisconnectedContext(parent Context) (ctx Context, cancel CancelFunc) {
	return flow.NewDisconnectedContext(parent)
}

// LocalVar is a variable of one workflow run, for what workflow code and interceptors
// share: who signed in, for instance, which an inbound interceptor found in a header and
// an outbound one puts into others. Copies are the same variable.
//
// Make one with NewLocalVar; the zero value panics. Get returns the zero value of T until
// Set was called. Both panic with a context of another run, and Set panics where the code
// must not change anything, as in a query.
type LocalVar[T any] = flow.LocalVar[T]

// NewLocalVar returns a variable of the run that ctx belongs to.
//
//	currentUser := workflow.NewLocalVar[string](ctx)
//	currentUser.Set(ctx, "alice")
func NewLocalVar[T any](ctx Context) LocalVar[T] { return flow.NewLocalVar[T](ctx) }
