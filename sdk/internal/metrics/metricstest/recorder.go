// Package metricstest has a metrics handler for tests: it keeps what is recorded.
package metricstest

import (
	"maps"
	"sync"
	"time"

	"github.com/perdure/perdure/sdk/internal/metrics"
)

// Recorder is a metrics.Handler that keeps everything. Handlers that come of it with
// WithTags record in it, too.
type Recorder struct {
	*records
	tags map[string]string
}

var _ metrics.Handler = (*Recorder)(nil)

// Metric is one metric with its tags.
type Metric struct {
	Name string
	Tags map[string]string
	// Value is the sum of a counter, the last value of a gauge, and how often a timer
	// was recorded.
	Value float64
	// Durations of a timer.
	Durations []time.Duration
}

type records struct {
	mu      sync.Mutex
	metrics []*Metric
}

// New returns a Recorder.
func New() *Recorder { return &Recorder{records: &records{}} }

// WithTags implements metrics.Handler.
func (r *Recorder) WithTags(tags map[string]string) metrics.Handler {
	all := maps.Clone(r.tags)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, tags)
	return &Recorder{records: r.records, tags: all}
}

// Counter implements metrics.Handler.
func (r *Recorder) Counter(name string) metrics.Counter {
	return metrics.CounterFunc(func(delta int64) {
		r.change(name, func(m *Metric) { m.Value += float64(delta) })
	})
}

// Gauge implements metrics.Handler.
func (r *Recorder) Gauge(name string) metrics.Gauge {
	return metrics.GaugeFunc(func(value float64) {
		r.change(name, func(m *Metric) { m.Value = value })
	})
}

// Timer implements metrics.Handler.
func (r *Recorder) Timer(name string) metrics.Timer {
	return metrics.TimerFunc(func(d time.Duration) {
		r.change(name, func(m *Metric) { m.Value++; m.Durations = append(m.Durations, d) })
	})
}

func (r *Recorder) change(name string, change func(*Metric)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.metrics {
		if m.Name == name && maps.Equal(m.Tags, r.tags) {
			change(m)
			return
		}
	}
	m := &Metric{Name: name, Tags: r.tags}
	change(m)
	r.metrics = append(r.metrics, m)
}

// All returns what was recorded under name with at least the given tags: pairs of key
// and value.
func (r *Recorder) All(name string, tags ...string) []Metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []Metric
next:
	for _, m := range r.metrics {
		if m.Name != name {
			continue
		}
		for i := 0; i+1 < len(tags); i += 2 {
			if value, ok := m.Tags[tags[i]]; !ok || value != tags[i+1] {
				continue next
			}
		}
		found = append(found, *m)
	}
	return found
}

// Value is the sum of the values of All.
func (r *Recorder) Value(name string, tags ...string) (sum float64) {
	for _, m := range r.All(name, tags...) {
		sum += m.Value
	}
	return sum
}
