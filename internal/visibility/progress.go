package visibility

import (
	"sync/atomic"
	"time"
)

// progress is how far the indexer is behind, for metrics.
type progress struct {
	applied atomic.Uint64
	// unread is when the first change that no pass has begun to read was made, reading the same of
	// those that a pass is reading, in nanoseconds since 1970; 0 if there is none.
	unread, reading atomic.Int64
}

// changed notes that the log has got longer.
func (p *progress) changed() {
	if p.unread.Load() == 0 {
		p.unread.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// begin notes that a pass begins, and end that it is over: what it was to read is still unread if
// it has failed.
func (p *progress) begin() {
	if p.reading.Load() == 0 {
		p.reading.Store(p.unread.Swap(0))
	}
}

func (p *progress) end(err error) {
	if err == nil {
		p.reading.Store(0)
	}
}

// Stats are what an indexer has done.
type Stats struct {
	// Applied is how many changes of rows have been applied since the start.
	Applied uint64
	// Lag is how long the oldest change that is not in the index has been made; 0 if all are.
	// Lists do not wait for as long: they have the indexer read at once.
	Lag time.Duration
	// State is how the index is.
	State State
}

// Stats looks at the indexer.
func (x *Indexer) Stats() Stats {
	s := Stats{Applied: x.progress.applied.Load(), State: x.State()}
	since := x.progress.reading.Load()
	if since == 0 {
		since = x.progress.unread.Load()
	}
	if since != 0 {
		s.Lag = max(0, time.Duration(time.Now().UnixNano()-since))
	}
	return s
}
