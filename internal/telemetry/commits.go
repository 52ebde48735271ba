package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/storage"
)

// commits is what is counted of the writes of the store.
type commits struct {
	synced, lazy, group prometheus.Observer
	bytes               prometheus.Counter
}

func newCommits(v *vectors) commits {
	return commits{
		synced: v.histogram(&commitLatency, "true"),
		lazy:   v.histogram(&commitLatency, "false"),
		group:  v.histogram(&commitGroup),
		bytes:  v.counter(&commitBytes),
	}
}

// Commits counts the writes of a store; it implements storage.Observer.
type Commits struct{ t *Telemetry }

// Commits returns what counts the writes of a store.
func (t *Telemetry) Commits() *Commits { return &Commits{t} }

// Committed implements storage.Observer.
func (c *Commits) Committed(w storage.Write) {
	counted := &c.t.commits
	if w.Batches > 0 {
		counted.group.Observe(float64(w.Batches))
	}
	counted.bytes.Add(float64(w.Bytes))
	if w.Synced {
		counted.synced.Observe(w.Took.Seconds())
	} else {
		counted.lazy.Observe(w.Took.Seconds())
	}
}
