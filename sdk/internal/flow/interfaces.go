package flow

import (
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/workflowcontext"
	"github.com/perdure/perdure/sdk/log"
)

type (
	// DataConverter is converter.DataConverter.
	DataConverter = converter.DataConverter
	// FailureConverter is converter.FailureConverter.
	FailureConverter = converter.FailureConverter
	// Logger is log.Logger.
	Logger = log.Logger
	// HeaderReader reads the header of a workflow or an activity.
	HeaderReader = header.Reader
	// HeaderWriter writes a header.
	HeaderWriter = header.Writer
)

// Channel is a channel between the coroutines of a workflow. Use it in place
// of a Go channel. It is unbuffered, or has a buffer of fixed size.
type Channel = workflowcontext.Channel

// SendChannel is the sending side of a Channel.
type SendChannel = workflowcontext.SendChannel

// ReceiveChannel is the receiving side of a Channel.
//
// valuePtr points to where a received value goes; nil drops it. Signals are
// decoded into it; one that can not be decoded is logged and passed over.
type ReceiveChannel = workflowcontext.ReceiveChannel

// Selector waits for the first of several things to happen. Use it in place of
// a Go select statement, to which the cases correspond. When several are
// ready, the one added first is taken.
//
//	selector := workflow.NewSelector(ctx)
//	selector.AddReceive(channel, func(c workflow.ReceiveChannel, more bool) {
//		c.Receive(ctx, &value)
//	})
//	selector.AddFuture(timer, func(f workflow.Future) { timedOut = true })
//	selector.Select(ctx)
type Selector interface {
	// AddReceive adds a case that is ready when c has a value, or is closed. f
	// has to receive from c; a value it leaves stays in the channel.
	AddReceive(c ReceiveChannel, f func(c ReceiveChannel, more bool)) Selector
	// AddSend adds a case that is ready when v can be sent to c. It is sent
	// before f is called.
	AddSend(c SendChannel, v any, f func()) Selector
	// AddFuture adds a case that is ready when future is. It is taken once:
	// later calls of Select pass it over.
	AddFuture(future Future, f func(f Future)) Selector
	// AddDefault adds a case that is taken when no other is ready.
	AddDefault(f func())
	// Select blocks until a case is ready and calls its function. It can be
	// called again.
	Select(ctx Context)
	// HasPending says whether Select would find a case ready, the default
	// not counted.
	HasPending() bool
}

// WaitGroup waits for several coroutines. Use it in place of sync.WaitGroup.
type WaitGroup interface {
	// Add adds delta, which may be negative, to the number waited for. It panics
	// if that becomes negative.
	Add(delta int)
	// Done is Add(-1).
	Done()
	// Go calls f in a new coroutine, counted until f returns.
	Go(ctx Context, f func(Context))
	// Wait blocks until the number is zero.
	Wait(ctx Context)
}

// Mutex is a lock among coroutines. Use it in place of sync.Mutex.
type Mutex interface {
	// Lock blocks until the lock is free and takes it. It fails, with a
	// CanceledError, if ctx is cancelled first.
	Lock(ctx Context) error
	// TryLock takes the lock if it is free and says whether it did.
	TryLock(ctx Context) bool
	// Unlock frees the lock. It panics if it is not held.
	Unlock()
	// IsLocked says whether the lock is held.
	IsLocked() bool
}

// Semaphore is a weighted semaphore among coroutines.
type Semaphore interface {
	// Acquire blocks until n can be had and takes it. It fails, with a
	// CanceledError, if ctx is cancelled first.
	Acquire(ctx Context, n int64) error
	// TryAcquire takes n if it can be had and says whether it did.
	TryAcquire(ctx Context, n int64) bool
	// Release gives n back. It panics if more is given back than was taken.
	Release(n int64)
}

// Future is a value that comes later: the result of an activity, of a child
// workflow, or what a Settable is set to.
type Future interface {
	// Get blocks until the future is ready. It returns its error, or puts its
	// value into what valuePtr points to; nil drops the value.
	Get(ctx Context, valuePtr any) error

	// IsReady says whether Get would return at once.
	IsReady() bool
}

// Settable is the other side of a Future made by NewFuture. It can be set
// once, by one of its methods; more is a panic.
type Settable interface {
	// Set makes the future ready with a value and an error, either of which may
	// be nil.
	Set(value any, err error)
	// SetValue is Set without an error.
	SetValue(value any)
	// SetError is Set without a value.
	SetError(err error)
	// Chain sets it to what future is, when that is ready.
	Chain(future Future)
}

// ChildWorkflowFuture is the result of a child workflow.
type ChildWorkflowFuture interface {
	Future
	// GetChildWorkflowExecution is ready when the child is started, or could
	// not be; its value is a WorkflowExecution. A child started with
	// ParentClosePolicy ABANDON is only safe from the end of its parent
	// once this is ready.
	GetChildWorkflowExecution() Future

	// SignalChildWorkflow waits until the child is started and signals it. The
	// future it returns has no value.
	SignalChildWorkflow(ctx Context, signalName string, data any) Future
}
