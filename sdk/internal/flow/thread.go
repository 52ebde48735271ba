package flow

import (
	"runtime"

	"github.com/perdure/perdure/sdk/internal/coroutine"
)

// thread is where workflow code runs: a coroutine of a run. Contexts carry it.
type thread struct {
	run       *run
	coroutine *coroutine.Coroutine
}

type threadKey struct{}

const illegalAccess = "getState: illegal access from outside of workflow context"

// threadOf is the thread whose context ctx is.
func threadOf(ctx Context) *thread {
	if ctx != nil {
		if t, ok := ctx.Value(threadKey{}).(*thread); ok {
			return t
		}
	}
	panic("getWorkflowContext: Not a workflow context")
}

// runOf is the run that ctx belongs to.
func runOf(ctx Context) *run { return threadOf(ctx).run }

// enter is called by what workflow code calls. It panics if that is not
// running, as when a context has leaked to a goroutine of the user's, and ends
// the coroutine if the run is being closed.
func enter(ctx Context) *thread {
	t := threadOf(ctx)
	t.run.enter()
	return t
}

func (r *run) enter() {
	if r.scheduler.Unwinding() {
		runtime.Goexit()
	}
	if !r.scheduler.Running() {
		panic(illegalAccess)
	}
}

// enterMutable is enter for calls that change something. They are not allowed in
// queries and side effects.
func enterMutable(ctx Context) *thread {
	t := threadOf(ctx)
	t.run.enterMutable()
	return t
}

func (r *run) enterMutable() {
	r.enter()
	if r.readOnly {
		panic(illegalAccess)
	}
}

// mutable is the run, for calls that change something: interceptors may get at
// the end of the chain from where workflow code is not allowed to call.
func (o outbound) mutable() *run {
	o.run.enterMutable()
	return o.run
}

// Go calls f in a new coroutine.
func Go(ctx Context, f func(ctx Context)) { GoNamed(ctx, "", f) }

// GoNamed calls f in a new coroutine with a name, which stack traces show.
func GoNamed(ctx Context, name string, f func(ctx Context)) { mutableCalls(ctx).Go(ctx, name, f) }

func (o outbound) Go(ctx Context, name string, f func(ctx Context)) Context {
	if o.run.root != nil { // else it is the root that is made
		o.run.enterMutable()
	}
	return o.run.spawn(ctx, name, f)
}

// spawn starts a coroutine whose context is made from ctx.
func (r *run) spawn(ctx Context, name string, f func(ctx Context)) Context {
	t := &thread{run: r}
	child := WithValue(ctx, threadKey{}, t)
	t.coroutine = r.scheduler.Go(name, func(*coroutine.Coroutine) { f(child) })
	return child
}

// IsReadOnly says whether the code runs where it must not change anything: in
// a query handler or a side effect.
func IsReadOnly(ctx Context) bool { return runOf(ctx).readOnly }
