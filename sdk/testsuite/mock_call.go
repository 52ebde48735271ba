package testsuite

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/mock"
)

// MockCallWrapper says what comes of a call that a mock is set up for. It is a mock.Call
// of testify, but waits in the workflow's time. Return, or Panic, must be called.
type MockCallWrapper struct {
	call *mock.Call
	env  *TestWorkflowEnvironment

	run  func(args mock.Arguments)
	wait func() time.Duration
}

// wrap returns the wrapper of a call. matched is called when the call is made, on the
// goroutine that makes it.
func (e *TestWorkflowEnvironment) wrap(call *mock.Call, matched func(*MockCallWrapper, mock.Arguments)) *MockCallWrapper {
	c := &MockCallWrapper{call: call, env: e}
	call.Run(func(args mock.Arguments) { matched(c, args) })
	return c
}

// duration is how long the mock takes.
func (c *MockCallWrapper) duration() time.Duration {
	if c.wait == nil {
		return 0
	}
	return c.wait()
}

// takeTime is what activities do when a mock of theirs is called: wait, then Run.
func takeTime(c *MockCallWrapper, args mock.Arguments) {
	if d := c.duration(); d > 0 {
		ctx := context.Background()
		if len(args) > 0 {
			if own, ok := args[0].(context.Context); ok {
				ctx = own
			}
		}
		if err := c.env.engine.Wait(ctx, d); err != nil {
			panic(interrupted{err})
		}
	}
	if c.run != nil {
		c.run(args)
	}
}

// interrupted is the panic of a mock whose activity was cancelled while it waited.
type interrupted struct{ err error }

// Once has the mock answer one call.
func (c *MockCallWrapper) Once() *MockCallWrapper { return c.Times(1) }

// Twice has the mock answer two calls.
func (c *MockCallWrapper) Twice() *MockCallWrapper { return c.Times(2) }

// Times has the mock answer i calls. AssertExpectations fails if there were fewer; more are
// calls that nothing is expected of.
func (c *MockCallWrapper) Times(i int) *MockCallWrapper {
	c.call.Times(i)
	return c
}

// Never says that the call must not be made: it panics.
func (c *MockCallWrapper) Never() *MockCallWrapper {
	c.call.Maybe()
	c.call.Panic(fmt.Sprintf("unexpected call: %s(%s)", c.call.Method, c.call.Arguments.String()))
	return c
}

// Maybe says that the call need not be made.
func (c *MockCallWrapper) Maybe() *MockCallWrapper {
	c.call.Maybe()
	return c
}

// Run has fn called with the arguments before the mock returns.
func (c *MockCallWrapper) Run(fn func(args mock.Arguments)) *MockCallWrapper {
	c.run = fn
	return c
}

// After has the mock take d, in the workflow's time.
func (c *MockCallWrapper) After(d time.Duration) *MockCallWrapper {
	return c.AfterFn(func() time.Duration { return d })
}

// AfterFn is After with a time that fn decides at each call.
func (c *MockCallWrapper) AfterFn(fn func() time.Duration) *MockCallWrapper {
	c.wait = fn
	return c
}

// Return says what the mock returns: values of the types that the activity or workflow
// returns, the last one the error; or a function of its signature, which is called. Values
// pass through the data converter.
func (c *MockCallWrapper) Return(returnArguments ...any) *MockCallWrapper {
	c.call.Return(returnArguments...)
	return c
}

// Panic lets the call panic with the value, as faulty code would.
func (c *MockCallWrapper) Panic(msg string) *MockCallWrapper {
	c.call.Panic(msg)
	return c
}

// NotBefore says that the call must not be made before the given ones.
func (c *MockCallWrapper) NotBefore(calls ...*MockCallWrapper) *MockCallWrapper {
	c.call.NotBefore(unwrap(calls)...)
	return c
}

func unwrap(calls []*MockCallWrapper) []*mock.Call {
	unwrapped := make([]*mock.Call, 0, len(calls))
	for _, call := range calls {
		unwrapped = append(unwrapped, call.call)
	}
	return unwrapped
}

// InOrderMockCalls says that the calls must be made in the order given.
func (e *TestWorkflowEnvironment) InOrderMockCalls(calls ...*MockCallWrapper) {
	mock.InOrder(unwrap(calls)...)
}
