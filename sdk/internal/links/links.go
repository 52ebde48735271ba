// Package links carries links along a context: from the request that a Nexus operation is
// handled for to the calls that the handler makes, and back.
//
// A link names the other side of a call between two executions; both histories have it, so
// that people can find their way. The client attaches the links of the request to what it
// starts and signals, and gives the links of the answers to the handler's own answer.
package links

import (
	"context"
	"slices"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
)

// Exchange is the links of one request. Its methods may be called concurrently.
type Exchange struct {
	// RequestID is the id of the request. What is started with it is found again by a request
	// that comes twice.
	RequestID string
	// Request are those that came with the request. They are not changed.
	Request []*commonpb.Link

	mu       sync.Mutex
	response []*commonpb.Link
}

type exchangeKey struct{}

// WithExchange returns a copy of ctx that carries e.
func WithExchange(ctx context.Context, e *Exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

// ExchangeOf returns what ctx carries, nil if it carries nothing.
func ExchangeOf(ctx context.Context) *Exchange {
	e, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return e
}

// Requested are the links that calls made with ctx are to attach.
func Requested(ctx context.Context) []*commonpb.Link {
	if e := ExchangeOf(ctx); e != nil {
		return e.Request
	}
	return nil
}

// Answered notes a link that the answer to a call made with ctx had. It may be nil.
func Answered(ctx context.Context, link *commonpb.Link) {
	e := ExchangeOf(ctx)
	if e == nil || link == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.response = append(e.response, link)
}

// Response are the links of all answers, in the order in which they came.
func (e *Exchange) Response() []*commonpb.Link {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.response)
}
