package frontend

import (
	"context"
	"time"

	"github.com/perdure/perdure/internal/api/methods"
)

// CallObserver is told of all calls of the API, for metrics and traces. Its methods must be quick
// and must not block.
type CallObserver interface {
	// Begin is called before anything is known of a call but its method. The context that it
	// returns is that of the call.
	Begin(ctx context.Context, method *methods.Method) context.Context
	// End is called when the answer is known.
	End(ctx context.Context, end CallEnd)
}

// CallEnd is how a call has ended.
type CallEnd struct {
	Method *methods.Method
	// Namespace is the name of the one that the call is about; empty if there is none, or if it is
	// not known here.
	Namespace string
	Request   any
	Took      time.Duration
	// Err is what the handler has returned, Reply the error that the caller gets for it.
	Err, Reply error
	// Panicked: a bug has ended the call.
	Panicked bool
}

// observation is a call that somebody observes; the zero value is one that nobody does.
type observation struct {
	observer CallObserver
	method   *methods.Method
	began    time.Time
}

// observe begins to observe a call, if anybody does.
func (i *interceptor) observe(ctx context.Context, method *methods.Method) (context.Context, observation) {
	if i.observer == nil || method == nil {
		return ctx, observation{}
	}
	return i.observer.Begin(ctx, method), observation{i.observer, method, time.Now()}
}

// end tells the observer how the call has ended. c may be nil.
func (o observation) end(ctx context.Context, c *call, req any, err, reply error, panicked bool) {
	if o.observer == nil {
		return
	}
	end := CallEnd{Method: o.method, Request: req, Took: time.Since(o.began), Err: err, Reply: reply, Panicked: panicked}
	if c != nil && c.namespace != nil {
		end.Namespace = c.namespace.Name
	}
	o.observer.End(ctx, end)
}

// LongPolls is how many calls wait for something to happen.
func (s *Service) LongPolls() int { return int(s.waits.open.Load()) }
