package worker

import "sync"

// balance decides which of its two task queues each workflow poller asks next:
// the sticky one, which only this worker polls and which holds the tasks of runs
// in its cache, or the normal one, shared with all workers.
//
// Pollers are split evenly, the odd one to the sticky queue. While the server
// reports a backlog of sticky tasks all pollers but one go there, since sticky
// tasks lose their advantage by waiting. One always stays at the normal queue:
// without it no new run would ever start here.
type balance struct {
	enabled bool // a sticky queue exists

	mu      sync.Mutex
	sticky  int   // polls open at the sticky queue
	normal  int   // polls open at the normal queue
	backlog int64 // sticky tasks waiting, as of the last sticky poll
}

// next says whether the next poll goes to the sticky queue and counts it in.
// The caller ends it with done.
func (b *balance) next() (sticky bool) {
	if !b.enabled {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sticky <= b.normal || (b.backlog > 0 && b.normal > 0) {
		b.sticky++
		return true
	}
	b.normal++
	return false
}

// done ends a poll that next began. backlog is the reply's backlog hint, zero
// for an empty or failed poll.
func (b *balance) done(sticky bool, backlog int64) {
	if !b.enabled {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if sticky {
		b.sticky--
		b.backlog = backlog
		return
	}
	b.normal--
}
