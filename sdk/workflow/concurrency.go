package workflow

import (
	"cmp"
	"time"

	"github.com/perdure/perdure/sdk/internal/flow"
)

type (
	// Channel is a channel between the coroutines of a workflow.
	Channel = flow.Channel
	// ReceiveChannel is the receiving side of a Channel.
	ReceiveChannel = flow.ReceiveChannel
	// SendChannel is the sending side of a Channel.
	SendChannel = flow.SendChannel
	// Selector waits for the first of several things to happen.
	Selector = flow.Selector
	// Future is a value that comes later.
	Future = flow.Future
	// Settable is the other side of a Future made by NewFuture.
	Settable = flow.Settable
	// WaitGroup waits for several coroutines.
	WaitGroup = flow.WaitGroup
	// Mutex is a lock among coroutines.
	Mutex = flow.Mutex
	// Semaphore is a weighted semaphore among coroutines.
	Semaphore = flow.Semaphore
	// TimerOptions say what people see of a timer.
	TimerOptions = flow.TimerOptions
	// AwaitOptions are options of AwaitWithOptions.
	AwaitOptions = flow.AwaitOptions
)

// Go calls f in a new coroutine, in place of a go statement. f must use the
// context that it gets. Coroutines of a workflow run one at a time, each until it blocks,
// in the order in which they were started, so that they need no locks for what they share.
// They end with the workflow function: use a WaitGroup to wait for them. A panic in one
// fails the workflow task, as anywhere in workflow code.
func Go(ctx Context, f func(ctx Context)) { flow.Go(ctx, f) }

// GoNamed is Go with a name, which stack traces show.
func GoNamed(ctx Context, name string, f func(ctx Context)) { flow.GoNamed(ctx, name, f) }

// NewChannel returns an unbuffered channel.
func NewChannel(ctx Context) Channel { return flow.NewChannel(ctx) }

// NewNamedChannel returns an unbuffered channel with a name, which stack traces
// show.
func NewNamedChannel(ctx Context, name string) Channel { return flow.NewNamedChannel(ctx, name) }

// NewBufferedChannel returns a channel with a buffer for size values.
func NewBufferedChannel(ctx Context, size int) Channel { return flow.NewBufferedChannel(ctx, size) }

// NewNamedBufferedChannel returns a channel with a name and a buffer for size
// values.
func NewNamedBufferedChannel(ctx Context, name string, size int) Channel {
	return flow.NewNamedBufferedChannel(ctx, name, size)
}

// NewSelector returns a selector without cases:
//
//	workflow.NewSelector(ctx).
//		AddFuture(payment, func(f workflow.Future) { err = f.Get(ctx, &receipt) }).
//		AddReceive(cancelled, func(c workflow.ReceiveChannel, more bool) { c.Receive(ctx, nil) }).
//		Select(ctx)
func NewSelector(ctx Context) Selector { return flow.NewSelector(ctx) }

// NewNamedSelector returns a selector with a name, which stack traces show.
func NewNamedSelector(ctx Context, name string) Selector { return flow.NewNamedSelector(ctx, name) }

// NewFuture returns a future for a value that workflow code itself will provide, and what
// provides it.
func NewFuture(ctx Context) (Future, Settable) { return flow.NewFuture(ctx) }

// NewWaitGroup returns a WaitGroup.
func NewWaitGroup(ctx Context) WaitGroup { return flow.NewWaitGroup(ctx) }

// NewMutex returns a Mutex that is free.
func NewMutex(ctx Context) Mutex { return flow.NewMutex(ctx) }

// NewSemaphore returns a Semaphore of which n can be had at the same time.
func NewSemaphore(ctx Context, n int64) Semaphore { return flow.NewSemaphore(ctx, n) }

// Await blocks until condition says true. It is asked again whenever anything
// has happened in the workflow, and must only look. It is not asked when time passes: that
// takes a timer, or AwaitWithTimeout. Await fails, with a temporal.CanceledError, if ctx is
// cancelled first.
func Await(ctx Context, condition func() bool) error { return flow.Await(ctx, condition) }

// AwaitWithTimeout is Await for at most timeout, by the server's clock. ok says whether
// condition came to hold; it is false, without an error, when time ran out. A timeout of
// zero or less asks once.
func AwaitWithTimeout(ctx Context, timeout time.Duration, condition func() bool) (ok bool, err error) {
	return flow.AwaitWithTimeout(ctx, timeout, condition)
}

// AwaitWithOptions is AwaitWithTimeout with options.
func AwaitWithOptions(ctx Context, options AwaitOptions, condition func() bool) (ok bool, err error) {
	return flow.AwaitWithOptions(ctx, options, condition)
}

// Now is workflow time: when the current workflow task was started, in UTC, by the
// server's clock. It stands still while workflow code runs, and is the same in replay.
func Now(ctx Context) time.Time { return flow.Now(ctx) }

// NewTimer returns a future that is ready when d has passed. It fails with a
// temporal.CanceledError if ctx is cancelled before. A timer of zero or less is
// ready at once, without an event in the history. The server keeps the time, and a timer
// can last years; no worker is needed meanwhile. It is never ready early, and later by what
// the way to a worker takes.
func NewTimer(ctx Context, d time.Duration) Future { return flow.NewTimer(ctx, d) }

// NewTimerWithOptions is NewTimer with options.
func NewTimerWithOptions(ctx Context, d time.Duration, options TimerOptions) Future {
	return flow.NewTimerWithOptions(ctx, d, options)
}

// Sleep blocks until d has passed. It fails with a temporal.CanceledError if ctx
// is cancelled before.
func Sleep(ctx Context, d time.Duration) (err error) { return flow.Sleep(ctx, d) }

// DeterministicKeys returns the keys of a map in order, for ranging over it: a
// plain range has a new order every time.
func DeterministicKeys[K cmp.Ordered, V any](m map[K]V) []K { return flow.DeterministicKeys(m) }

// DeterministicKeysFunc is DeterministicKeys for keys that need a function to
// compare them.
func DeterministicKeysFunc[K comparable, V any](m map[K]V, cmp func(K, K) int) []K {
	return flow.DeterministicKeysFunc(m, cmp)
}
