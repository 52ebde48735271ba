// Package breaker has circuit breakers, which keep calls away from an address that does
// not answer. After some failures in a row the breaker of the address opens: no call is made
// for a while. Then one is tried; if it succeeds, all may go on. What an address refuses for
// good is no failure of the address.
//
// They are in memory only: after a restart, calls find out anew.
package breaker

import (
	"sync"
	"time"
)

const (
	// tripAfter is after how many failures in a row a breaker opens.
	tripAfter = 6
	// openFor is how long it is open.
	openFor = time.Minute
	// maxBreakers bounds how many addresses are known to fail. More go without a breaker.
	maxBreakers = 10_000
	// callTimeout is how long a call takes at most, about.
	callTimeout = 10 * time.Second
)

// Set is the breakers of all addresses whose last call has failed. The zero value is ready.
type Set[Address comparable] struct {
	mu     sync.Mutex
	failed map[Address]*breaker
}

// breaker is the state of one that has failed.
type breaker struct {
	failures int       // in a row
	until    time.Time // when it is no longer open; zero: it is not
	probe    time.Time // when the call was let through that tries the address; zero: none is
}

// Allow reports whether a call may be made, else how long to wait before the next try.
// Every call that is made is followed by Done.
func (b *Set[Address]) Allow(a Address, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.failed[a]
	switch {
	case x == nil || x.until.IsZero():
		return 0, true
	case now.Before(x.until):
		return x.until.Sub(now), false
	case !x.probe.IsZero() && now.Sub(x.probe) < 2*callTimeout:
		return callTimeout, false // somebody is trying
	}
	x.probe = now
	return 0, true
}

// Done notes how a call has ended.
func (b *Set[Address]) Done(a Address, failed bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !failed {
		delete(b.failed, a)
		return
	}
	x := b.failed[a]
	if x == nil {
		if len(b.failed) >= maxBreakers {
			return
		}
		if b.failed == nil {
			b.failed = make(map[Address]*breaker)
		}
		x = new(breaker)
		b.failed[a] = x
	}
	x.probe = time.Time{}
	if x.failures++; x.failures >= tripAfter {
		x.until = now.Add(openFor)
	}
}
