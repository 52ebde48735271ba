package testenv

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// clock is virtual time with its timers.
type clock struct {
	mu     sync.Mutex // guards now, which may be read from anywhere
	now    time.Time
	timers []*timer // by when they fire, then by when they were set
	set    int
}

// timer is something to be done at a time.
type timer struct {
	at     time.Time
	number int
	fire   func()
	// real is when it fires by the real clock if activities keep running, zero if
	// that has not been asked yet.
	real time.Time
}

// schedule has f done, on the loop, when d of virtual time has passed.
func (e *Engine) schedule(d time.Duration, f func()) *timer {
	e.clock.set++
	t := &timer{at: e.clock.now.Add(d), number: e.clock.set, fire: f}
	at, _ := slices.BinarySearchFunc(e.clock.timers, t, func(a, b *timer) int {
		return cmp.Or(a.at.Compare(b.at), a.number-b.number)
	})
	e.clock.timers = slices.Insert(e.clock.timers, at, t)
	return t
}

// unschedule takes a timer back; nil is none.
func (e *Engine) unschedule(t *timer) {
	if i := slices.Index(e.clock.timers, t); t != nil && i >= 0 {
		e.clock.timers = slices.Delete(e.clock.timers, i, i+1)
	}
}

// fireNext moves the clock to the next timer, if there is one, and fires it.
func (e *Engine) fireNext() bool {
	if len(e.clock.timers) == 0 {
		return false
	}
	t := e.clock.timers[0]
	e.clock.timers = e.clock.timers[1:]
	e.clock.mu.Lock()
	if t.at.After(e.clock.now) {
		e.clock.now = t.at
	}
	e.clock.mu.Unlock()
	t.fire()
	return true
}

// realTimer fires when the next timer would by the real clock.
func (c *clock) realTimer() (<-chan time.Time, func() bool) {
	if len(c.timers) == 0 {
		return nil, func() bool { return false }
	}
	t := c.timers[0]
	if t.real.IsZero() {
		t.real = time.Now().Add(t.at.Sub(c.now))
	}
	real := time.NewTimer(time.Until(t.real))
	return real.C, real.Stop
}
