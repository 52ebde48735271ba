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

// A column is one of a table, each as the text for one row.
type column[R any] struct {
	name string
	text func(R) string
}

// serverColumns are those of the table of servers. The floor is not shown by itself: what
// counts is how far above it Perdure is, and above the one that syncs.
var serverColumns = []column[Row]{
	{"scenario", func(r Row) string { return r.Scenario }},
	{"runs/s", func(r Row) string { return pair(r.Perdure, r.Peer, "%.0f", perSecond) }},
	{"ratio", func(r Row) string { return ratio(r.Perdure.PerSecond, r.Peer.PerSecond) }},
	{"p50 ms", func(r Row) string { return pair(r.Perdure, r.Peer, "%.1f", p50) }},
	{"ratio", func(r Row) string { return ratio(p50(r.Peer), p50(r.Perdure)) }},
	{"p99 ms", func(r Row) string { return pair(r.Perdure, r.Peer, "%.1f", p99) }},
	{"server CPU ms/run", func(r Row) string { return pair(r.Perdure, r.Peer, "%.2f", serverCPU) }},
	{"ratio", func(r Row) string { return ratio(serverCPU(r.Peer), serverCPU(r.Perdure)) }},
	{"over floor", func(r Row) string { return ratio(serverCPU(r.Perdure), serverCPU(r.Floor)) }},
	{"p50 over floor", func(r Row) string { return ratio(p50(r.Perdure), p50(r.Floor)) }},
	{"p50 over durable floor", func(r Row) string { return ratio(p50(r.Perdure), p50(r.DurableFloor)) }},
	{"driver CPU ms/run", func(r Row) string { return pair(r.Perdure, r.Peer, "%.2f", driversCPU) }},
}

// sdkColumns are those of the table of SDKs.
var sdkColumns = []column[SDKRow]{
	{"scenario", func(r SDKRow) string { return r.Scenario }},
	{"runs/s", func(r SDKRow) string { return pair(r.Perdure, r.Temporal, "%.0f", perSecond) }},
	{"p50 ms", func(r SDKRow) string { return pair(r.Perdure, r.Temporal, "%.1f", p50) }},
	{"worker and client CPU ms/run", func(r SDKRow) string { return pair(r.Perdure, r.Temporal, "%.2f", driversCPU) }},
	{"of the other's", func(r SDKRow) string { return fmt.Sprintf("%.2f", driversCPU(r.Perdure)/driversCPU(r.Temporal)) }},
	{"server CPU ms/run", func(r SDKRow) string { return pair(r.Perdure, r.Temporal, "%.2f", serverCPU) }},
}

func perSecond(m Measurement) float64  { return m.PerSecond }
func p50(m Measurement) float64        { return milliseconds(m.P50) }
func p99(m Measurement) float64        { return milliseconds(m.P99) }
func serverCPU(m Measurement) float64  { return milliseconds(m.ServerCPU) }
func driversCPU(m Measurement) float64 { return milliseconds(m.DriverCPU) }

// pair is Perdure's value and that of what it is compared with, if there is one: "ours / theirs".
func pair(ours, theirs Measurement, format string, value func(Measurement) float64) string {
	text := fmt.Sprintf(format, value(ours))
	if theirs.Runs > 0 {
		text += " / " + fmt.Sprintf(format, value(theirs))
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

const (
	serversTitle = "Perdure (on disk, synced) / Temporal server (in-memory SQLite), driven by the Temporal Go SDK, on %s"
	sdksTitle    = "Perdure's SDK / Temporal Go SDK, on Perdure's server, on %s"
)

func printText(w io.Writer, report Report) error {
	if len(report.Rows) > 0 {
		fmt.Fprintf(w, serversTitle+"\n\n", report.Machine)
		if err := textTable(w, serverColumns, report.Rows); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nresident memory after these runs: %s\n\n", memory(report))
	}
	fmt.Fprintf(w, sdksTitle+"\n\n", report.Machine)
	return textTable(w, sdkColumns, report.SDKs)
}

func textTable[R any](w io.Writer, columns []column[R], rows []R) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		fmt.Fprint(table, c.name, "\t")
	}
	fmt.Fprintln(table)
	for _, row := range rows {
		for _, c := range columns {
			fmt.Fprint(table, c.text(row), "\t")
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func printMarkdown(w io.Writer, report Report) error {
	if len(report.Rows) > 0 {
		fmt.Fprintf(w, serversTitle+".\n\n", report.Machine)
		markdownTable(w, serverColumns, report.Rows)
		fmt.Fprintf(w, "\nResident memory after these runs: %s.\n\n", memory(report))
	}
	fmt.Fprintf(w, sdksTitle+".\n\n", report.Machine)
	markdownTable(w, sdkColumns, report.SDKs)
	return nil
}

func markdownTable[R any](w io.Writer, columns []column[R], rows []R) {
	var header, rule strings.Builder
	for _, c := range columns {
		header.WriteString("| " + c.name + " ")
		rule.WriteString("|---")
	}
	fmt.Fprintf(w, "%s|\n%s|\n", header.String(), rule.String())
	for _, row := range rows {
		for _, c := range columns {
			fmt.Fprintf(w, "| %s ", c.text(row))
		}
		fmt.Fprintln(w, "|")
	}
}
