package flow

import (
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/workflowcontext"
)

// Context carries cancellation, options and values through workflow code. It is
// what context.Context is elsewhere, with workflow channels for Go channels.
type Context = workflowcontext.Context

// CancelFunc cancels a context and all those made from it. Calls after the
// first do nothing. It does not wait for anything.
type CancelFunc func()

// ErrCanceled is the error of a context that is cancelled.
var ErrCanceled = failure.NewCanceledError(failure.CanceledErrorOptions{})

// ErrDeadlineExceeded is the error of a context whose deadline has passed.
var ErrDeadlineExceeded = failure.NewTimeoutError("deadline exceeded", enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)

type backgroundContext struct{}

func (backgroundContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (backgroundContext) Done() Channel               { return nil }
func (backgroundContext) Err() error                  { return nil }
func (backgroundContext) Value(any) any               { return nil }

// WithValue returns a copy of parent in which key has the value val. Keys
// should be of a type of their own.
func WithValue(parent Context, key, val any) Context {
	return &valueContext{Context: parent, key: key, val: val}
}

type valueContext struct {
	Context
	key, val any
}

func (c *valueContext) Value(key any) any {
	if c.key == key {
		return c.val
	}
	return c.Context.Value(key)
}

// WithCancel returns a copy of parent that is cancelled by cancel, or with
// parent.
func WithCancel(parent Context) (ctx Context, cancel CancelFunc) {
	c := newCancelContext(parent)
	if above := cancelContextOf(parent); above != nil {
		if above.err != nil {
			c.cancel(above.err)
		} else {
			above.children = append(above.children, c)
			c.above = above
		}
	}
	return c, func() { c.cancelAlone() }
}

// NewDisconnectedContext returns a copy of parent that is not cancelled with
// it. Cleanup after a cancellation needs one: activities called on a
// cancelled context fail at once.
func NewDisconnectedContext(parent Context) (ctx Context, cancel CancelFunc) {
	c := newCancelContext(parent)
	return c, func() { c.cancelAlone() }
}

type cancelContext struct {
	Context
	done *channel
	err  error
	// children are cancelled in the order they were made: the commands that
	// follow from it must come in the same order in every replay.
	children []*cancelContext
	above    *cancelContext
}

func newCancelContext(parent Context) *cancelContext {
	c := &cancelContext{Context: parent}
	// No values are sent, so none is decoded.
	c.done = &channel{name: "cancelCtx-done-channel", run: runOf(parent), owner: c}
	return c
}

func (c *cancelContext) Done() Channel { return c.done }

func (c *cancelContext) Err() error { return c.err }

func (c *cancelContext) cancelAlone() {
	c.cancel(ErrCanceled)
	if c.above != nil {
		c.above.children = slices.DeleteFunc(c.above.children, func(other *cancelContext) bool { return other == c })
		c.above = nil
	}
}

func (c *cancelContext) cancel(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	c.done.Close()
	children := c.children
	c.children = nil
	if len(children) > 1 {
		runOf(c).machine.UseFlag(replay.FlagOrderedChildCancel)
	}
	for _, child := range children {
		child.above = nil
		child.cancel(err)
	}
}

// cancelContextOf is the nearest context above that can be cancelled.
func cancelContextOf(ctx Context) *cancelContext {
	for {
		switch c := ctx.(type) {
		case *cancelContext:
			return c
		case *valueContext:
			ctx = c.Context
		case nil, backgroundContext:
			return nil
		default:
			// A Context of the user's own making, around one of ours: its
			// Done channel leads there.
			if ctx.Done() == nil {
				return nil
			}
			if done, ok := ctx.Done().(*channel); ok && done.owner != nil {
				return done.owner
			}
			panic("workflow.WithCancel: the context is not derived from a workflow context")
		}
	}
}
