package worker

import (
	"sync"
	"sync/atomic"
)

// level is a number of things that come and go, such as open polls, and is measured each
// time it changes. Changes that race are measured one after the other, so that what was
// measured last is what holds: nothing may change for a long time after them.
type level struct {
	// measure is called with the number. Nil for nobody.
	measure func(int64)

	mu     sync.Mutex
	number atomic.Int64
}

// add changes the number.
func (l *level) add(n int64) {
	if l.measure == nil {
		l.number.Add(n)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measure(l.number.Add(n))
}

// load returns the number.
func (l *level) load() int64 { return l.number.Load() }
