package matching

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// departureMemory is how long a departed worker is remembered: as long as a
	// poll that it sent before may be on its way.
	departureMemory = time.Minute
	// maxDepartures bounds how many are remembered; beyond, the oldest are forgotten.
	maxDepartures = 10_000
)

// departures remembers the workers that have stopped lately, by instance key, so
// that a poll which was on its way when its worker stopped does not take a task
// that nobody would run. The zero value is ready for use.
type departures struct {
	count atomic.Int64 // of keys; most of the time 0, and nothing is looked up

	mu    sync.Mutex
	until map[string]time.Time
	order []string // oldest first
}

func (d *departures) add(key string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until == nil {
		d.until = make(map[string]time.Time)
	}
	d.expire(now)
	if _, known := d.until[key]; !known {
		if len(d.order) == maxDepartures {
			d.forgetOldest()
		}
		d.order = append(d.order, key)
		d.until[key] = now.Add(departureMemory)
	}
	d.count.Store(int64(len(d.order)))
}

// has reports whether the worker has departed lately.
func (d *departures) has(key string, now time.Time) bool {
	if key == "" || d.count.Load() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire(now)
	d.count.Store(int64(len(d.order)))
	_, departed := d.until[key]
	return departed
}

func (d *departures) expire(now time.Time) {
	for len(d.order) > 0 && !now.Before(d.until[d.order[0]]) {
		d.forgetOldest()
	}
}

func (d *departures) forgetOldest() {
	delete(d.until, d.order[0])
	d.order[0] = ""
	d.order = d.order[1:]
}
