package worker

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	pollBackoffInitial   = 200 * time.Millisecond
	busyBackoffInitial   = time.Second
	pollBackoffMaximum   = 10 * time.Second
	pollBackoffFactor    = 2
	pollBackoffJitterPct = 20
)

// backoff spaces out the polls of one kind of poller while the server answers
// with errors. All pollers of that kind share it, so that a server in trouble is
// not asked once per poller.
//
// The delay doubles from 200 ms to 10 s with each failure, from 1 s when the
// server says that it is overloaded (ResourceExhausted), and is gone with the
// first success.
type backoff struct {
	mu       sync.Mutex
	failures int
	busy     bool
	since    time.Time
}

// failed records a failed poll. busy says that the server is overloaded.
func (b *backoff) failed(busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		b.since = time.Now()
	}
	b.failures++
	b.busy = busy
}

// succeeded forgets the failures.
func (b *backoff) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.busy = 0, false
}

// failingFor is how long polls have been failing, zero if the last succeeded.
func (b *backoff) failingFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return 0
	}
	return time.Since(b.since)
}

// delay is how long to wait before the next poll, without the jitter.
func (b *backoff) delay() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures == 0 {
		return 0
	}
	d := pollBackoffInitial
	if b.busy {
		d = busyBackoffInitial
	}
	for range b.failures - 1 {
		d *= pollBackoffFactor
		if d >= pollBackoffMaximum {
			return pollBackoffMaximum
		}
	}
	return d
}

// wait blocks for the delay, less up to a fifth of it so that pollers spread,
// or until ctx ends.
func (b *backoff) wait(ctx context.Context) error {
	d := b.delay()
	if d == 0 {
		return ctx.Err()
	}
	d -= time.Duration(rand.Int64N(int64(d) * pollBackoffJitterPct / 100))
	return pause(ctx, d)
}
