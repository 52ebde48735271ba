package telemetry

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

const (
	// scrapes is how many readings of the metrics may be under way at once, and scrapeTimeout how long
	// one may take.
	scrapes       = 4
	scrapeTimeout = 10 * time.Second
)

// Handler serves the metrics, as text or in the OpenMetrics format, whichever is asked for.
//
// OpenMetrics wants the names of counters to end in _total. Those that have their names from
// Temporal servers do not, and would be renamed on the way: in that format they are of unknown type.
func (t *Telemetry) Handler() http.Handler {
	options := promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: scrapeTimeout}
	text := promhttp.HandlerFor(t.registry, options)
	options.EnableOpenMetrics = true
	open := promhttp.HandlerFor(prometheus.GathererFunc(t.gatherOpen), options)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if expfmt.NegotiateIncludingOpenMetrics(r.Header).FormatType() == expfmt.TypeOpenMetrics {
			open.ServeHTTP(w, r)
		} else {
			text.ServeHTTP(w, r)
		}
	})
}

// gatherOpen reads the metrics for the OpenMetrics format.
func (t *Telemetry) gatherOpen() ([]*dto.MetricFamily, error) {
	families, err := t.registry.Gather()
	for _, family := range families {
		if family.GetType() != dto.MetricType_COUNTER || strings.HasSuffix(family.GetName(), "_total") {
			continue
		}
		family.Type = dto.MetricType_UNTYPED.Enum()
		for _, m := range family.GetMetric() {
			m.Untyped = &dto.Untyped{Value: m.GetCounter().Value}
			m.Counter = nil
		}
	}
	return families, err
}
