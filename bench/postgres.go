package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/perdure/perdure/bench/drive"
)

// database is the PostgreSQL that both servers keep their data in.
type database struct {
	url string
	pid int // of its first process
}

// cpu is the CPU time that all its processes have used, those that have ended included.
func (d *database) cpu() (total time.Duration) {
	if d == nil {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(data), ") ") // the command name may hold spaces
		fields := strings.Fields(rest)
		if len(fields) < 15 {
			continue
		}
		own, ended := fields[11:13], fields[13:15]
		switch {
		case filepath.Base(filepath.Dir(path)) == strconv.Itoa(d.pid):
			total += ticks(own) + ticks(ended)
		case fields[1] == strconv.Itoa(d.pid):
			total += ticks(own)
		}
	}
	return total
}

// ticks adds up times of /proc.
func ticks(fields []string) (total time.Duration) {
	for _, field := range fields {
		n, _ := strconv.ParseInt(field, 10, 64)
		total += time.Duration(n) * clockTick
	}
	return total
}

// DatabaseRow is one scenario on both servers.
type DatabaseRow struct {
	Scenario      string
	Perdure, Peer Measurement
}

// compareOnPostgres runs the scenarios on one server after the other, as one that is idle makes the database
// work as well, and prints the table.
func compareOnPostgres(ctx context.Context, paths binaries, on *database, length time.Duration, filter *regexp.Regexp, w io.Writer) error {
	rows := make([]DatabaseRow, len(drive.Scenarios))
	for _, side := range []struct {
		name   string
		binary string
		args   []string
		result func(*DatabaseRow) *Measurement
	}{
		{"temporal", paths.peer, []string{"-postgres", on.url}, func(r *DatabaseRow) *Measurement { return &r.Peer }},
		{"perdure", paths.perdure, []string{"server", "start", "--store", "postgres", "--postgres-url", on.url, "--port", "0", "--output", "json"},
			func(r *DatabaseRow) *Measurement { return &r.Perdure }},
	} {
		if side.binary == "" {
			continue
		}
		if err := func() error {
			s, err := start(exec.Command(side.binary, side.args...), addressIn)
			if err != nil {
				return fmt.Errorf("start %s: %w", side.name, err)
			}
			defer s.stop()
			s.database = on
			idle, began := on.cpu(), time.Now()
			time.Sleep(length)
			fmt.Fprintf(os.Stderr, "%s, idle: %.1f %% of a core of the database\n", side.name, 100*float64(on.cpu()-idle)/float64(time.Since(began)))
			for i, scenario := range drive.Scenarios {
				if !filter.MatchString(scenario.Name) {
					continue
				}
				rows[i].Scenario = scenario.Name
				m, err := measure(ctx, s, temporalSDK, i, false, length)
				if err != nil {
					return fmt.Errorf("%s on %s: %w", scenario.Name, side.name, err)
				}
				fmt.Fprintf(os.Stderr, "%-34s %s %8.1f/s\n", scenario.Name, side.name, m.PerSecond)
				*side.result(&rows[i]) = m
			}
			return nil
		}(); err != nil {
			return err
		}
	}
	var measured []DatabaseRow
	for _, row := range rows {
		if row.Scenario != "" {
			measured = append(measured, row)
		}
	}
	fmt.Fprintf(w, "Perdure / Temporal server, both on the same PostgreSQL (fsync on), driven by the Temporal Go SDK, on %s\n\n", describeMachine())
	return textTable(w, databaseColumns, measured)
}

// databaseColumns are those of the table of servers on PostgreSQL.
var databaseColumns = []column[DatabaseRow]{
	{"scenario", func(r DatabaseRow) string { return r.Scenario }},
	{"runs/s", func(r DatabaseRow) string { return pair(r.Perdure, r.Peer, "%.0f", perSecond) }},
	{"ratio", func(r DatabaseRow) string { return ratio(r.Perdure.PerSecond, r.Peer.PerSecond) }},
	{"p50 ms", func(r DatabaseRow) string { return pair(r.Perdure, r.Peer, "%.1f", p50) }},
	{"p99 ms", func(r DatabaseRow) string { return pair(r.Perdure, r.Peer, "%.1f", p99) }},
	{"server CPU ms/run", func(r DatabaseRow) string { return pair(r.Perdure, r.Peer, "%.2f", serverCPU) }},
	{"ratio", func(r DatabaseRow) string { return ratio(serverCPU(r.Peer), serverCPU(r.Perdure)) }},
	{"database CPU ms/run", func(r DatabaseRow) string { return pair(r.Perdure, r.Peer, "%.2f", databaseCPU) }},
	{"ratio", func(r DatabaseRow) string { return ratio(databaseCPU(r.Peer), databaseCPU(r.Perdure)) }},
}

func databaseCPU(m Measurement) float64 { return milliseconds(m.DatabaseCPU) }
