package batch

import (
	"context"
	"sync"
	"time"
)

// pace spaces acts evenly. It may be used by many goroutines at once.
type pace struct {
	perSecond func() float64 // positive

	mu   sync.Mutex
	next time.Time
}

// wait returns when the next act is due, or when the context ends, with its error.
func (p *pace) wait(ctx context.Context) error {
	p.mu.Lock()
	now := time.Now()
	at := p.next
	if at.Before(now) {
		at = now
	}
	p.next = at.Add(time.Duration(float64(time.Second) / p.perSecond()))
	p.mu.Unlock()
	return rest(ctx, at.Sub(now))
}

// rest waits for some time, or until the context ends, and returns its error.
func rest(ctx context.Context, length time.Duration) error {
	if length <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
