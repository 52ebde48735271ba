package metrics

import (
	"sync/atomic"
	"time"
)

// freshFor is how long an instrument is used without asking for it again.
const freshFor = 50 * time.Millisecond

// Fresh returns a handler whose instruments can be kept, and are nonetheless those that h has: h is
// asked again for the instrument of a name when it was last asked some time ago. So what handlers do
// with names has its effect: one that was cleared, for instance, has the metric again. A handler is
// not asked at each measurement, since some take their time.
func Fresh(h Handler) Handler {
	if IsNop(h) {
		return NopHandler
	}
	return fresh{h}
}

type fresh struct{ inner Handler }

func (f fresh) Unwrap() Handler { return f.inner }

func (f fresh) WithTags(tags map[string]string) Handler { return fresh{f.inner.WithTags(tags)} }

func (f fresh) Counter(name string) Counter {
	return &freshCounter{freshInstrument[Counter]{ask: f.inner.Counter, name: name}}
}

func (f fresh) Gauge(name string) Gauge {
	return &freshGauge{freshInstrument[Gauge]{ask: f.inner.Gauge, name: name}}
}

func (f fresh) Timer(name string) Timer {
	return &freshTimer{freshInstrument[Timer]{ask: f.inner.Timer, name: name}}
}

// freshInstrument is the instrument of a name.
type freshInstrument[I any] struct {
	ask     func(name string) I
	name    string
	current atomic.Pointer[asked[I]]
}

// asked is what a handler has answered at a time.
type asked[I any] struct {
	instrument I
	at         time.Time
}

func (f *freshInstrument[I]) get() I {
	now := time.Now()
	if c := f.current.Load(); c != nil {
		if since := now.Sub(c.at); since >= 0 && since < freshFor {
			return c.instrument
		}
	}
	c := &asked[I]{f.ask(f.name), now}
	f.current.Store(c)
	return c.instrument
}

type (
	freshCounter struct{ freshInstrument[Counter] }
	freshGauge   struct{ freshInstrument[Gauge] }
	freshTimer   struct{ freshInstrument[Timer] }
)

func (f *freshCounter) Inc(delta int64)             { f.get().Inc(delta) }
func (f *freshGauge) Update(value float64)          { f.get().Update(value) }
func (f *freshTimer) Record(duration time.Duration) { f.get().Record(duration) }
