// Package tally has the SDK count and measure with github.com/uber-go/tally.
//
//	scope, closer := tally.NewRootScope(tally.ScopeOptions{ … }, time.Second)
//	defer closer.Close()
//	c, err := client.Dial(client.Options{MetricsHandler: perduretally.NewMetricsHandler(scope)})
//
// For Prometheus make the scope with PrometheusSanitizeOptions, and wrap it with
// NewPrometheusNamingScope, so that names end as is the custom there.
package tally

import (
	"github.com/uber-go/tally/v4"

	"github.com/perdure/perdure/sdk/client"
)

type handler struct{ scope tally.Scope }

// NewMetricsHandler returns a handler that counts and measures with a scope.
func NewMetricsHandler(scope tally.Scope) client.MetricsHandler { return handler{scope} }

// ScopeFromHandler returns the scope behind a handler, with its tags, or tally.NoopScope if it is
// another kind of handler. Unlike the handler of a workflow, the scope measures in replay as well.
func ScopeFromHandler(h client.MetricsHandler) tally.Scope {
	for {
		switch wrapper := h.(type) {
		case handler:
			return wrapper.scope
		case interface{ Unwrap() client.MetricsHandler }:
			h = wrapper.Unwrap()
		default:
			return tally.NoopScope
		}
	}
}

func (h handler) WithTags(tags map[string]string) client.MetricsHandler {
	return handler{h.scope.Tagged(tags)}
}

func (h handler) Counter(name string) client.MetricsCounter { return h.scope.Counter(name) }

func (h handler) Gauge(name string) client.MetricsGauge { return h.scope.Gauge(name) }

func (h handler) Timer(name string) client.MetricsTimer { return h.scope.Timer(name) }
