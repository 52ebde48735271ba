package tally_test

import (
	"testing"
	"time"

	"github.com/uber-go/tally/v4"

	"github.com/perdure/perdure/sdk/client"
	perduretally "github.com/perdure/perdure/sdk/contrib/tally"
)

func TestMetricsReachTheScopeWithTheirTags(t *testing.T) {
	scope := tally.NewTestScope("", nil)
	h := perduretally.NewMetricsHandler(perduretally.NewPrometheusNamingScope(scope)).WithTags(map[string]string{"queue": "q"})
	h.Counter("polls").Inc(2)
	h.Counter("tasks_total").Inc(1)
	h.Gauge("slots").Update(3)
	h.Timer("latency").Record(time.Second)
	snapshot := scope.Snapshot()
	if c := snapshot.Counters()["polls_total+queue=q"]; c == nil || c.Value() != 2 {
		t.Errorf("counters %v", snapshot.Counters())
	}
	if c := snapshot.Counters()["tasks_total+queue=q"]; c == nil || c.Value() != 1 {
		t.Errorf("a suffix that is there already: %v", snapshot.Counters())
	}
	if g := snapshot.Gauges()["slots+queue=q"]; g == nil || g.Value() != 3 {
		t.Errorf("gauges %v", snapshot.Gauges())
	}
	if d := snapshot.Timers()["latency_seconds+queue=q"]; d == nil || d.Values()[0] != time.Second {
		t.Errorf("timers %v", snapshot.Timers())
	}
}

type wrapper struct{ client.MetricsHandler }

func (w wrapper) Unwrap() client.MetricsHandler { return w.MetricsHandler }

func TestTheScopeIsFoundBehindWrappers(t *testing.T) {
	scope := tally.NewTestScope("", nil)
	if got := perduretally.ScopeFromHandler(wrapper{perduretally.NewMetricsHandler(scope)}); got != tally.Scope(scope) {
		t.Errorf("got %v", got)
	}
	if got := perduretally.ScopeFromHandler(client.MetricsNopHandler); got != tally.NoopScope {
		t.Errorf("of another handler: %v", got)
	}
}
