// Package workflowcontext holds the interface of workflow contexts, and those of the channels
// that it mentions, so that packages below the one that implements them, converters above
// all, can name them.
package workflowcontext

import "time"

// Context carries cancellation, options and values through workflow code. It is
// what context.Context is elsewhere, with workflow channels for Go channels.
type Context interface {
	// Deadline is when work done on behalf of the context should be cancelled.
	// Workflow contexts have none: ok is false.
	Deadline() (deadline time.Time, ok bool)

	// Done is closed when the context is cancelled. It is nil if it can never
	// be.
	//
	//	selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) { ... })
	Done() Channel

	// Err is nil until Done is closed, and then ErrCanceled.
	Err() error

	// Value is the value for key, or nil. See context.Context.
	Value(key any) any
}

// Channel is a channel between the coroutines of a workflow. Use it in place
// of a Go channel. It is unbuffered, or has a buffer of fixed size.
type Channel interface {
	SendChannel
	ReceiveChannel
}

// SendChannel is the sending side of a Channel.
type SendChannel interface {
	// Name of the channel, for stack traces.
	Name() string

	// Send blocks until v is received or fits in the buffer. It panics if the
	// channel is closed.
	Send(ctx Context, v any)

	// SendAsync sends v if that is possible without blocking, and says whether
	// it did. It panics if the channel is closed.
	SendAsync(v any) (ok bool)

	// Close closes the channel. Receivers get what was sent before, and then
	// are told that there is no more.
	Close()
}

// ReceiveChannel is the receiving side of a Channel.
//
// valuePtr points to where a received value goes; nil drops it. Signals are
// decoded into it; one that can not be decoded is logged and passed over.
type ReceiveChannel interface {
	// Name of the channel, for stack traces.
	Name() string

	// Receive blocks until there is a value. more is false, and there is none,
	// when the channel is closed.
	Receive(ctx Context, valuePtr any) (more bool)

	// ReceiveWithTimeout blocks until there is a value, or the timeout has
	// passed, or ctx is cancelled; in the last two cases ok is false. more is
	// false when the channel is closed.
	ReceiveWithTimeout(ctx Context, timeout time.Duration, valuePtr any) (ok, more bool)

	// ReceiveAsync receives a value if there is one, and says whether it did.
	ReceiveAsync(valuePtr any) (ok bool)

	// ReceiveAsyncWithMoreFlag is ReceiveAsync; more is false when the channel
	// is closed.
	ReceiveAsyncWithMoreFlag(valuePtr any) (ok, more bool)

	// Len is how many values are waiting: in the buffer, and with blocked
	// senders.
	Len() int
}
