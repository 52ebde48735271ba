// Package metrics is what the SDK counts and measures: the interface to whatever
// keeps the figures, the names and tags under which dashboards know them, and the
// ways to keep measuring cheap.
//
// A Handler makes counters, gauges and timers. Handlers with tags are made once and
// kept: for a worker when it is made, for a type of workflow or activity when it
// is first met (Cache). They are asked for their instruments by name again and again
// (Fresh). NopHandler, the default, costs a call of an empty method.
//
// The names (names.go) and tags (tags.go) are those of the Temporal Go SDK.
package metrics

import "time"

// Handler makes metrics. Implementations are safe for concurrent use. One that wraps
// another may have a method Unwrap() Handler, for those who look for the one inside.
type Handler interface {
	// WithTags returns a handler whose metrics have these tags besides those of this
	// one; a tag that both have takes the new value.
	WithTags(tags map[string]string) Handler

	// Counter returns the counter of a name.
	Counter(name string) Counter

	// Gauge returns the gauge of a name.
	Gauge(name string) Gauge

	// Timer returns the timer of a name.
	Timer(name string) Timer
}

// Counter only grows.
type Counter interface {
	// Inc adds to the counter.
	Inc(delta int64)
}

// Gauge has a value that goes up and down.
type Gauge interface {
	// Update sets the gauge, whatever it was before.
	Update(value float64)
}

// Timer collects durations.
type Timer interface {
	// Record adds a duration.
	Record(duration time.Duration)
}

// CounterFunc is a function as a Counter.
type CounterFunc func(int64)

// Inc implements Counter.
func (f CounterFunc) Inc(delta int64) { f(delta) }

// GaugeFunc is a function as a Gauge.
type GaugeFunc func(float64)

// Update implements Gauge.
func (f GaugeFunc) Update(value float64) { f(value) }

// TimerFunc is a function as a Timer.
type TimerFunc func(time.Duration)

// Record implements Timer.
func (f TimerFunc) Record(duration time.Duration) { f(duration) }

// NopHandler drops everything.
var NopHandler Handler = nop{}

type nop struct{}

func (nop) WithTags(map[string]string) Handler { return nop{} }
func (nop) Counter(string) Counter             { return nop{} }
func (nop) Gauge(string) Gauge                 { return nop{} }
func (nop) Timer(string) Timer                 { return nop{} }
func (nop) Inc(int64)                          {}
func (nop) Update(float64)                     {}
func (nop) Record(time.Duration)               {}

// IsNop says whether h drops everything, so that what is costly to find out need not
// be found out.
func IsNop(h Handler) bool {
	_, ok := h.(nop)
	return ok || h == nil
}

// OrNop is h, NopHandler if h is nil.
func OrNop(h Handler) Handler {
	if h == nil {
		return NopHandler
	}
	return h
}
