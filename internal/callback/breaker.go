package callback

import (
	"net/url"
	"sync"
	"time"
)

// Circuit breakers keep calls away from an address that does not answer. After some
// failures in a row the breaker of the address opens: no call is made for a while. Then
// one is tried; if it succeeds, all may go on. What an address refuses for good is no
// failure of the address.
//
// They are in memory only: after a restart, calls find out anew.

const (
	// tripAfter is after how many failures in a row a breaker opens.
	tripAfter = 6
	// openFor is how long it is open.
	openFor = time.Minute
	// maxBreakers bounds how many addresses are known to fail. More go without a breaker.
	maxBreakers = 10_000
)

// address is what has a breaker: a host that is called on behalf of a namespace.
type address struct{ namespace, scheme, host string }

// addressOf is the address of a callback's URL.
func addressOf(namespace, callbackURL string) address {
	a := address{namespace: namespace}
	if u, err := url.Parse(callbackURL); err == nil {
		a.scheme, a.host = u.Scheme, u.Host
	}
	return a
}

// breakers are those of all addresses whose last call has failed.
type breakers struct {
	mu     sync.Mutex
	failed map[address]*breaker
}

// breaker is the state of one that has failed.
type breaker struct {
	failures int       // in a row
	until    time.Time // when it is no longer open; zero: it is not
	probe    time.Time // when the call was let through that tries the address; zero: none is
}

// allow reports whether a call may be made, else how long to wait before the next try.
// Every call that is made is followed by done.
func (b *breakers) allow(a address, now time.Time) (wait time.Duration, ok bool) {
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

// done notes how a call has ended.
func (b *breakers) done(a address, failed bool, now time.Time) {
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
			b.failed = make(map[address]*breaker)
		}
		x = new(breaker)
		b.failed[a] = x
	}
	x.probe = time.Time{}
	if x.failures++; x.failures >= tripAfter {
		x.until = now.Add(openFor)
	}
}
