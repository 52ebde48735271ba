package opentelemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/perdure/perdure/sdk/client"
)

// MetricsHandlerOptions are options of NewMetricsHandler. The zero value works.
type MetricsHandlerOptions struct {
	// Meter to use. Default that of the global provider, under the name "temporal-sdk-go".
	Meter metric.Meter
	// InitialAttributes are on everything that is measured.
	InitialAttributes attribute.Set
	// OnError is told when the meter does not make an instrument, which is not used then. Default
	// to panic.
	OnError func(error)
	// UseMonotonicCounters makes counters instruments that only grow, which exporters can tell from
	// others. By default they are UpDownCounters, as they were before there was a choice.
	UseMonotonicCounters bool
}

// MetricsHandler is a client.MetricsHandler that measures with OpenTelemetry. Timers are histograms
// of seconds.
type MetricsHandler struct {
	options     MetricsHandlerOptions
	attributes  metric.MeasurementOption // the InitialAttributes
	instruments *sync.Map                // by instrumentKey; shared
}

var _ client.MetricsHandler = MetricsHandler{}

// NewMetricsHandler returns a handler for client.Options.MetricsHandler that records with
// OpenTelemetry. The zero options use the global meter provider.
func NewMetricsHandler(options MetricsHandlerOptions) MetricsHandler {
	if options.Meter == nil {
		options.Meter = otel.GetMeterProvider().Meter(instrumentation)
	}
	if options.OnError == nil {
		options.OnError = func(err error) { panic(err) }
	}
	return MetricsHandler{options, metric.WithAttributeSet(options.InitialAttributes), &sync.Map{}}
}

// ExtractMetricsHandler returns the MetricsHandler behind a handler, with its tags, or nil if there is
// none: for instruments that a client.MetricsHandler does not have. Unlike the handler of a workflow
// it measures in replay as well.
func ExtractMetricsHandler(handler client.MetricsHandler) *MetricsHandler {
	for {
		switch h := handler.(type) {
		case MetricsHandler:
			return &h
		case interface{ Unwrap() client.MetricsHandler }:
			handler = h.Unwrap()
		default:
			return nil
		}
	}
}

// GetMeter returns the meter that the handler makes its instruments with, for those that a
// client.MetricsHandler does not have.
func (m MetricsHandler) GetMeter() metric.Meter { return m.options.Meter }

// GetAttributes returns what is on everything that the handler measures.
func (m MetricsHandler) GetAttributes() attribute.Set { return m.options.InitialAttributes }

// WithTags implements client.MetricsHandler.
func (m MetricsHandler) WithTags(tags map[string]string) client.MetricsHandler {
	attributes := m.options.InitialAttributes.ToSlice()
	for key, value := range tags {
		attributes = append(attributes, attribute.String(key, value))
	}
	m.options.InitialAttributes = attribute.NewSet(attributes...)
	m.attributes = metric.WithAttributeSet(m.options.InitialAttributes)
	return m
}

// instrumentKey is what the instruments of a meter are told apart by.
type instrumentKey struct {
	kind byte
	name string
}

// instrument is that of a name, which is made once for all handlers that come of one another.
func instrument[I any](m MetricsHandler, kind byte, name string, make func(name string) (I, error)) (i I, ok bool) {
	key := instrumentKey{kind, name}
	if made, ok := m.instruments.Load(key); ok {
		return made.(I), true
	}
	i, err := make(name)
	if err != nil {
		m.options.OnError(err)
		return i, false
	}
	m.instruments.Store(key, i)
	return i, true
}

type adder interface {
	Add(ctx context.Context, incr int64, options ...metric.AddOption)
}

type counter struct {
	adder      adder
	attributes metric.MeasurementOption
}

func (c counter) Inc(delta int64) { c.adder.Add(context.Background(), delta, c.attributes) }

type gauge struct {
	gauge      metric.Float64Gauge
	attributes metric.MeasurementOption
}

func (g gauge) Update(value float64) { g.gauge.Record(context.Background(), value, g.attributes) }

type timer struct {
	seconds    metric.Float64Histogram
	attributes metric.MeasurementOption
}

func (t timer) Record(duration time.Duration) {
	t.seconds.Record(context.Background(), duration.Seconds(), t.attributes)
}

// Counter implements client.MetricsHandler.
func (m MetricsHandler) Counter(name string) client.MetricsCounter {
	i, ok := instrument(m, 'c', name, func(name string) (adder, error) {
		if m.options.UseMonotonicCounters {
			return m.options.Meter.Int64Counter(name)
		}
		return m.options.Meter.Int64UpDownCounter(name)
	})
	if !ok {
		return client.MetricsNopHandler.Counter(name)
	}
	return counter{i, m.attributes}
}

// Gauge implements client.MetricsHandler.
func (m MetricsHandler) Gauge(name string) client.MetricsGauge {
	i, ok := instrument(m, 'g', name, func(name string) (metric.Float64Gauge, error) { return m.options.Meter.Float64Gauge(name) })
	if !ok {
		return client.MetricsNopHandler.Gauge(name)
	}
	return gauge{i, m.attributes}
}

// Timer implements client.MetricsHandler.
func (m MetricsHandler) Timer(name string) client.MetricsTimer {
	i, ok := instrument(m, 't', name, func(name string) (metric.Float64Histogram, error) {
		return m.options.Meter.Float64Histogram(name, metric.WithUnit("s"))
	})
	if !ok {
		return client.MetricsNopHandler.Timer(name)
	}
	return timer{i, m.attributes}
}
