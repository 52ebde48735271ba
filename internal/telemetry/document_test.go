package telemetry

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the list of metrics in docs/metrics.md")

const (
	document = "../../docs/metrics.md"
	mark     = "<!-- generated: metrics -->\n"
)

// list is the documentation of all metrics.
func list() string {
	var b strings.Builder
	for _, section := range table {
		fmt.Fprintf(&b, "\n### %s\n\n| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n", section.title)
		for _, m := range section.metrics {
			labels := "–"
			if len(m.labels) > 0 {
				labels = strings.Join(m.labels, ", ")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
		}
	}
	return b.String()
}

func TestTheDocumentListsTheMetrics(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(data, []byte(mark))
	_, after, closed := bytes.Cut(rest, []byte(mark))
	if !found || !closed {
		t.Fatalf("%s must have the line %q twice", document, strings.TrimSpace(mark))
	}
	want := slices.Concat(before, []byte(mark+list()+"\n"+mark), after)
	if bytes.Equal(want, data) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not up to date: go test ./internal/telemetry -rewrite", document)
	}
	if err := os.WriteFile(document, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNamesOfMetricsAreOurOwnOrThoseOfATemporalServer(t *testing.T) {
	seen := map[string]bool{}
	for _, section := range table {
		for _, m := range section.metrics {
			if seen[m.name] {
				t.Errorf("%s is there twice", m.name)
			}
			seen[m.name] = true
			own := strings.HasPrefix(m.name, "perdure_")
			if own == (m.service != "") {
				t.Errorf("%s: metrics of a Temporal server say of which service they are, others begin with perdure_", m.name)
			}
			if own && (m.kind == counter) != strings.HasSuffix(m.name, "_total") {
				t.Errorf("%s is a %s: the names of counters, and of no others, end in _total", m.name, m.kind)
			}
			if (m.kind == histogram) != (len(m.buckets) > 0) {
				t.Errorf("%s: histograms, and no others, have buckets", m.name)
			}
		}
	}
}
