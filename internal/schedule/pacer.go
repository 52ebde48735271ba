package schedule

import (
	"sync"
	"time"
)

// Pacer gives the starts of each namespace their turns, at a rate: what comes within a second is
// let through at once, up to the rate, and what comes beyond that is put off. It forgets all when
// the process ends.
type Pacer struct {
	// Rate is how many starts a second a namespace may have.
	Rate func(namespaceID string) float64

	mu sync.Mutex
	// next is when the next turn of a namespace would be if none were given early.
	next map[string]time.Time
}

// pacedNamespaces is from how many namespaces on those are looked for that need not be
// remembered any more.
const pacedNamespaces = 1024

// StartDelay is Config.StartDelay.
func (p *Pacer) StartDelay(namespaceID string, now time.Time) time.Duration {
	interval := time.Duration(float64(time.Second) / p.Rate(namespaceID))
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = make(map[string]time.Time)
	}
	next, known := p.next[namespaceID]
	if !known && len(p.next) >= pacedNamespaces {
		for id, at := range p.next {
			if at.Before(now) {
				delete(p.next, id)
			}
		}
	}
	if next.Before(now) {
		next = now
	}
	p.next[namespaceID] = next.Add(interval)
	return max(0, next.Sub(now)-time.Second+min(interval, time.Second))
}
