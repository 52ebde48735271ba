package tally

import (
	"strings"

	"github.com/uber-go/tally/v4"
)

// PrometheusSanitizeOptions replace the characters that Prometheus does not allow, for
// tally.ScopeOptions.
var PrometheusSanitizeOptions = tally.SanitizeOptions{
	NameCharacters:       prometheusCharacters,
	KeyCharacters:        prometheusCharacters,
	ValueCharacters:      prometheusCharacters,
	ReplacementCharacter: tally.DefaultReplacementCharacter,
}

var prometheusCharacters = tally.ValidCharacters{Ranges: tally.AlphanumericRange, Characters: []rune{'_'}}

// NewPrometheusNamingScope returns a scope that names metrics as Prometheus wants them: counters end
// with _total, timers and histograms with _seconds.
func NewPrometheusNamingScope(scope tally.Scope) tally.Scope { return prometheusNames{scope} }

type prometheusNames struct{ tally.Scope }

// withSuffix is name, ending with suffix.
func withSuffix(name, suffix string) string { return strings.TrimSuffix(name, suffix) + suffix }

func (p prometheusNames) Counter(name string) tally.Counter {
	return p.Scope.Counter(withSuffix(name, "_total"))
}

func (p prometheusNames) Timer(name string) tally.Timer {
	return p.Scope.Timer(withSuffix(name, "_seconds"))
}

func (p prometheusNames) Histogram(name string, buckets tally.Buckets) tally.Histogram {
	return p.Scope.Histogram(withSuffix(name, "_seconds"), buckets)
}

func (p prometheusNames) Tagged(tags map[string]string) tally.Scope {
	return prometheusNames{p.Scope.Tagged(tags)}
}

func (p prometheusNames) SubScope(name string) tally.Scope {
	return prometheusNames{p.Scope.SubScope(name)}
}
