package worker

import (
	"context"
	"sync"
	"time"
)

// limiter spaces out events to at most a rate per second, without bursts.
// A nil limiter does not limit.
type limiter struct {
	interval time.Duration

	mu   sync.Mutex
	next time.Time // when the next event may happen
}

// newLimiter returns a limiter for perSecond events, nil if perSecond is so high
// that a limit could not be told from none.
func newLimiter(perSecond float64) *limiter {
	if perSecond <= 0 || perSecond >= defaultActivitiesPerSecond {
		return nil
	}
	return &limiter{interval: time.Duration(float64(time.Second) / perSecond)}
}

// wait blocks until the next event may happen, or ctx ends.
func (l *limiter) wait(ctx context.Context) error {
	if l == nil {
		return ctx.Err()
	}
	l.mu.Lock()
	now := time.Now()
	at := l.next
	if at.Before(now) {
		at = now
	}
	l.next = at.Add(l.interval)
	l.mu.Unlock()

	d := at.Sub(now)
	if d <= 0 {
		return ctx.Err()
	}
	return pause(ctx, d)
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
