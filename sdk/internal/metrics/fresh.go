package metrics

import "time"

// Fresh returns a handler whose instruments can be kept, and are nonetheless those that h has at the
// time: h is asked for the instrument of the name at each measurement. So what handlers do with names
// between two measurements has its effect: one that was cleared, for instance, has the metric again.
func Fresh(h Handler) Handler {
	if IsNop(h) {
		return NopHandler
	}
	return fresh{h}
}

type fresh struct{ inner Handler }

func (f fresh) Unwrap() Handler { return f.inner }

func (f fresh) WithTags(tags map[string]string) Handler { return fresh{f.inner.WithTags(tags)} }

func (f fresh) Counter(name string) Counter { return freshInstrument{f.inner, name} }
func (f fresh) Gauge(name string) Gauge     { return freshInstrument{f.inner, name} }
func (f fresh) Timer(name string) Timer     { return freshInstrument{f.inner, name} }

// freshInstrument is the instrument of a name, of whichever kind it is used as.
type freshInstrument struct {
	handler Handler
	name    string
}

func (i freshInstrument) Inc(delta int64)               { i.handler.Counter(i.name).Inc(delta) }
func (i freshInstrument) Update(value float64)          { i.handler.Gauge(i.name).Update(value) }
func (i freshInstrument) Record(duration time.Duration) { i.handler.Timer(i.name).Record(duration) }
