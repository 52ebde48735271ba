package telemetry

import (
	"cmp"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Defaults of Options.
const (
	DefaultNamespaces = 100
	DefaultTypes      = 200
)

// other is the label under which is counted what is beyond a bound; omitted is that of task queues
// that are not told apart, unknown that of calls that are about no namespace.
const (
	other   = "_other_"
	omitted = "__omitted__"
	unknown = "_unknown_"
)

// Options are the settings of a Telemetry. The zero value works.
type Options struct {
	// Version is that of the server.
	Version string
	// Namespaces is how many namespaces have a label of their own: the first that are used.
	// Default: DefaultNamespaces.
	Namespaces int
	// Types is how many types of workflows and activities, over all namespaces, have a label of
	// their own. Default: DefaultTypes.
	Types int
	// TaskQueues is how many task queues, over all namespaces, have a label of their own. Default: none.
	TaskQueues int
	// NamespaceName is the name of the namespace with the id; "" if there is none. It must not wait.
	NamespaceName func(id string) string
}

// Telemetry counts and measures. Its methods may be called from many goroutines at once.
type Telemetry struct {
	options    Options
	registry   *prometheus.Registry
	vectors    vectors
	namespaces namespaces
	// types and queues are how many labels are still to be had.
	types, queues atomic.Int64
	panics        prometheus.Counter
	timerLate     prometheus.Observer
	commits       commits
}

// New returns a Telemetry that has counted nothing.
func New(options Options) *Telemetry {
	options.Namespaces = cmp.Or(options.Namespaces, DefaultNamespaces)
	options.Types = cmp.Or(options.Types, DefaultTypes)
	if options.NamespaceName == nil {
		options.NamespaceName = func(string) string { return "" }
	}
	t := &Telemetry{options: options, registry: prometheus.NewRegistry()}
	t.types.Store(int64(options.Types))
	t.queues.Store(int64(options.TaskQueues))
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.vectors = vectors{counters: make(map[*metric]*prometheus.CounterVec), histograms: make(map[*metric]*prometheus.HistogramVec)}
	for _, section := range table {
		for _, m := range section.metrics {
			t.vectors.register(t.registry, m)
		}
	}
	t.namespaces.init(t)
	t.panics = t.vectors.counter(&servicePanics)
	t.timerLate = t.vectors.histogram(&timerLate)
	t.commits = newCommits(&t.vectors)
	t.constant(&buildInfo, 1, options.Version, runtime.Version())
	t.constant(&startTime, float64(time.Now().UnixMilli())/1000)
	return t
}

// constant registers a gauge that never changes.
func (t *Telemetry) constant(m *metric, value float64, labels ...string) {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.name, Help: m.help}, m.labels)
	gauge.WithLabelValues(labels...).Set(value)
	t.registry.MustRegister(gauge)
}

// vectors are the metrics that are counted here. Those that are asked for are in state.go.
type vectors struct {
	counters   map[*metric]*prometheus.CounterVec
	histograms map[*metric]*prometheus.HistogramVec
}

// pulled are the counters that others keep.
var pulled = map[*metric]bool{
	&cacheHits: true, &cacheMisses: true, &storeCacheHits: true, &storeCacheMisses: true,
	&storeFlushes: true, &storeCompactions: true, &indexChanges: true,
}

func (v *vectors) register(registry *prometheus.Registry, m *metric) {
	switch {
	case m.kind == counter && !pulled[m]:
		vector := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.name, Help: m.help, ConstLabels: m.constLabels()}, m.labels)
		registry.MustRegister(vector)
		v.counters[m] = vector
	case m.kind == histogram:
		vector := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.name, Help: m.help, ConstLabels: m.constLabels(), Buckets: m.buckets}, m.labels)
		registry.MustRegister(vector)
		v.histograms[m] = vector
	}
}

// constLabels are the labels that all series of the metric have.
func (m *metric) constLabels() prometheus.Labels {
	if m.service == "" {
		return nil
	}
	return prometheus.Labels{"service_name": m.service}
}

// counter and histogram return the series of a metric with the labels, in the order of the table.
func (v *vectors) counter(m *metric, labels ...string) prometheus.Counter {
	return v.counters[m].WithLabelValues(labels...)
}

func (v *vectors) histogram(m *metric, labels ...string) prometheus.Observer {
	return v.histograms[m].WithLabelValues(labels...)
}
