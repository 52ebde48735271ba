package opentelemetry

import (
	"context"
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
	options MetricsHandlerOptions
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
	return MetricsHandler{options}
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
	return m
}

type counter func(int64)

func (f counter) Inc(delta int64) { f(delta) }

type gauge func(float64)

func (f gauge) Update(value float64) { f(value) }

type timer func(time.Duration)

func (f timer) Record(duration time.Duration) { f(duration) }

// Counter implements client.MetricsHandler.
func (m MetricsHandler) Counter(name string) client.MetricsCounter {
	var instrument interface {
		Add(ctx context.Context, incr int64, options ...metric.AddOption)
	}
	var err error
	if m.options.UseMonotonicCounters {
		instrument, err = m.options.Meter.Int64Counter(name)
	} else {
		instrument, err = m.options.Meter.Int64UpDownCounter(name)
	}
	if err != nil {
		m.options.OnError(err)
		return client.MetricsNopHandler.Counter(name)
	}
	attributes := metric.WithAttributeSet(m.options.InitialAttributes)
	return counter(func(delta int64) { instrument.Add(context.Background(), delta, attributes) })
}

// Gauge implements client.MetricsHandler.
func (m MetricsHandler) Gauge(name string) client.MetricsGauge {
	instrument, err := m.options.Meter.Float64Gauge(name)
	if err != nil {
		m.options.OnError(err)
		return client.MetricsNopHandler.Gauge(name)
	}
	attributes := metric.WithAttributeSet(m.options.InitialAttributes)
	return gauge(func(value float64) { instrument.Record(context.Background(), value, attributes) })
}

// Timer implements client.MetricsHandler.
func (m MetricsHandler) Timer(name string) client.MetricsTimer {
	instrument, err := m.options.Meter.Float64Histogram(name, metric.WithUnit("s"))
	if err != nil {
		m.options.OnError(err)
		return client.MetricsNopHandler.Timer(name)
	}
	attributes := metric.WithAttributeSet(m.options.InitialAttributes)
	return timer(func(duration time.Duration) { instrument.Record(context.Background(), duration.Seconds(), attributes) })
}
