package metrics

import "time"

// replayAware records only what is new.
type replayAware struct {
	replaying func() bool
	inner     Handler
}

// NewReplayAware returns a handler that records nothing while replaying returns true:
// what workflow code does again in replay was recorded when it did it first.
func NewReplayAware(replaying func() bool, inner Handler) Handler {
	return &replayAware{replaying: replaying, inner: inner}
}

// Unwrap returns the handler that records.
func (h *replayAware) Unwrap() Handler { return h.inner }

func (h *replayAware) WithTags(tags map[string]string) Handler {
	return NewReplayAware(h.replaying, h.inner.WithTags(tags))
}

func (h *replayAware) Counter(name string) Counter {
	inner := h.inner.Counter(name)
	return CounterFunc(func(delta int64) {
		if !h.replaying() {
			inner.Inc(delta)
		}
	})
}

func (h *replayAware) Gauge(name string) Gauge {
	inner := h.inner.Gauge(name)
	return GaugeFunc(func(value float64) {
		if !h.replaying() {
			inner.Update(value)
		}
	})
}

func (h *replayAware) Timer(name string) Timer {
	inner := h.inner.Timer(name)
	return TimerFunc(func(duration time.Duration) {
		if !h.replaying() {
			inner.Record(duration)
		}
	})
}
