package extstore

import (
	"context"
	"sync/atomic"
)

// StorageDriverLimiter bounds how much drivers do at a time. Drivers call Permit for each
// operation: each object that they write or read.
type StorageDriverLimiter[T any] interface {
	// Permit waits until there is room, calls fn, and returns its error, or that of ctx if
	// ctx ends first. item is the payload to store or the claim to retrieve. fn must not call
	// Permit.
	Permit(ctx context.Context, item T, fn func() error) error
}

type unlimited[T any] struct{}

func (unlimited[T]) Permit(_ context.Context, _ T, fn func() error) error { return fn() }

// places are as many as may be taken at a time.
type places chan struct{}

func (p places) take(ctx context.Context) error {
	select {
	case p <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p places) leave() { <-p }

// limiter takes a place of the message first, so that one who waits there does not keep a
// place that others could use.
type limiter[T any] struct {
	ofMessage, ofAll places
	used             atomic.Bool
}

func (l *limiter[T]) Permit(ctx context.Context, _ T, fn func() error) error {
	l.used.Store(true)
	if err := l.ofMessage.take(ctx); err != nil {
		return err
	}
	defer l.ofMessage.leave()
	if err := l.ofAll.take(ctx); err != nil {
		return err
	}
	defer l.ofAll.leave()
	return fn()
}
