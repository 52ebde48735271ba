package matching

import (
	"sync"
	"time"
)

// departures are the workers that have said that they go away. Their polls are
// ended then, but one may still be on its way: a worker that waits for the replies
// to its polls would have to wait for a whole long poll.
//
// The zero value is empty and ready.
type departures struct {
	mu sync.Mutex
	at map[departure]time.Time
}

type departure struct{ namespace, instanceKey string }

const (
	// departureMemory is how long a poll may be on its way.
	departureMemory = 30 * time.Second
	// maxDepartures bounds the memory; of more workers that stop at a time, polls
	// that come late wait in vain.
	maxDepartures = 10_000
)

func (d *departures) add(namespace, instanceKey string, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.at) >= maxDepartures {
		return
	}
	if d.at == nil {
		d.at = make(map[departure]time.Time)
	}
	d.at[departure{namespace, instanceKey}] = now
}

// has reports whether the worker has departed not long ago.
func (d *departures) has(namespace, instanceKey string, now time.Time) bool {
	if instanceKey == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.at[departure{namespace, instanceKey}]
	return ok && now.Sub(at) < departureMemory
}

// sweep forgets what is too old to matter.
func (d *departures) sweep(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for worker, at := range d.at {
		if now.Sub(at) >= departureMemory {
			delete(d.at, worker)
		}
	}
}
