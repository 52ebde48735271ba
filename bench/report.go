package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Machine is what the figures were measured on.
type Machine struct {
	CPU    string
	Cores  int
	Memory string
	Go     string
}

func describeMachine() Machine {
	m := Machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				m.CPU = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int64
		if _, err := fmt.Sscanf(string(data), "MemTotal: %d kB", &kb); err == nil {
			m.Memory = fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20))
		}
	}
	return m
}

func (m Machine) String() string {
	return fmt.Sprintf("%d cores of %s, %s, %s", m.Cores, m.CPU, m.Memory, m.Go)
}

// columns are the table's, each as the text for one row. The floor is not shown by
// itself: what counts is how far above it Perdure is.
var columns = []struct {
	name string
	text func(Row) string
}{
	{"scenario", func(r Row) string { return r.Scenario }},
	{"runs/s", func(r Row) string { return pair(r, "%.0f", func(m Measurement) float64 { return m.PerSecond }) }},
	{"ratio", func(r Row) string {
		return ratio(r.Perdure.PerSecond, r.Peer.PerSecond)
	}},
	{"p50 ms", func(r Row) string { return pair(r, "%.1f", func(m Measurement) float64 { return milliseconds(m.P50) }) }},
	{"ratio", func(r Row) string { return ratio(milliseconds(r.Peer.P50), milliseconds(r.Perdure.P50)) }},
	{"p99 ms", func(r Row) string { return pair(r, "%.1f", func(m Measurement) float64 { return milliseconds(m.P99) }) }},
	{"server CPU ms/run", func(r Row) string {
		return pair(r, "%.2f", func(m Measurement) float64 { return milliseconds(m.ServerCPU) })
	}},
	{"ratio", func(r Row) string { return ratio(milliseconds(r.Peer.ServerCPU), milliseconds(r.Perdure.ServerCPU)) }},
	{"over floor", func(r Row) string { return ratio(milliseconds(r.Perdure.ServerCPU), milliseconds(r.Floor.ServerCPU)) }},
	{"p50 over floor", func(r Row) string { return ratio(milliseconds(r.Perdure.P50), milliseconds(r.Floor.P50)) }},
	{"driver CPU ms/run", func(r Row) string {
		return pair(r, "%.2f", func(m Measurement) float64 { return milliseconds(m.DriverCPU) })
	}},
}

// pair is Perdure's value and the peer's: "ours / theirs".
func pair(r Row, format string, value func(Measurement) float64) string {
	text := fmt.Sprintf(format, value(r.Perdure))
	if r.Peer.Runs > 0 {
		text += " / " + fmt.Sprintf(format, value(r.Peer))
	}
	return text
}

// ratio says how many times better the first is.
func ratio(better, worse float64) string {
	if better == 0 || worse == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f×", better/worse)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func memory(report Report) string {
	text := fmt.Sprintf("%d MB", report.PerdureMemory>>20)
	if report.PeerMemory > 0 {
		text += fmt.Sprintf(" / %d MB, ratio %s", report.PeerMemory>>20, ratio(float64(report.PeerMemory), float64(report.PerdureMemory)))
	}
	return text
}

func printText(w io.Writer, report Report) error {
	fmt.Fprintf(w, "Perdure (on disk, synced) / Temporal server (in-memory SQLite), on %s\n\n", report.Machine)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		fmt.Fprint(table, c.name, "\t")
	}
	fmt.Fprintln(table)
	for _, row := range report.Rows {
		for _, c := range columns {
			fmt.Fprint(table, c.text(row), "\t")
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nresident memory after these runs: %s\n", memory(report))
	return err
}

func printMarkdown(w io.Writer, report Report) error {
	fmt.Fprintf(w, "Perdure (on disk, synced) / Temporal server (in-memory SQLite), on %s.\n\n", report.Machine)
	var header, rule strings.Builder
	for _, c := range columns {
		header.WriteString("| " + c.name + " ")
		rule.WriteString("|---")
	}
	fmt.Fprintf(w, "%s|\n%s|\n", header.String(), rule.String())
	for _, row := range report.Rows {
		for _, c := range columns {
			fmt.Fprintf(w, "| %s ", c.text(row))
		}
		fmt.Fprintln(w, "|")
	}
	_, err := fmt.Fprintf(w, "\nResident memory after these runs: %s.\n", memory(report))
	return err
}
