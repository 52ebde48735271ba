package client

import "github.com/perdure/perdure/sdk/internal/metrics"

type (
	// MetricsHandler takes what clients and workers count and measure, and gives
	// workflows and activities a place for metrics of their own. Packages under
	// contrib have handlers for well-known systems. An implementation that wraps
	// another should have a method Unwrap() MetricsHandler.
	MetricsHandler = metrics.Handler

	// MetricsCounter only grows.
	MetricsCounter = metrics.Counter

	// MetricsGauge has a value that goes up and down.
	MetricsGauge = metrics.Gauge

	// MetricsTimer collects durations.
	MetricsTimer = metrics.Timer
)

// MetricsNopHandler drops all metrics.
var MetricsNopHandler = metrics.NopHandler
