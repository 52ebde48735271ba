// Command bench runs Perdure and a Temporal server side by side on this machine
// and prints how they compare: throughput, latency, server CPU and memory. A third
// server, the floor, does nothing but speak the API: what it costs, no server can save. A fourth, the durable floor, is that
// with an append of 4 KB and a sync where a server must not forget.
//
// All are driven by the public Temporal Go SDK with the same program. Perdure
// runs as in production, on disk with a sync for every commit; the Temporal
// server runs with its in-memory SQLite store, which favours it. The absolute
// figures mean little beyond this machine; the ratios are what to look at.
//
// A second table has Perdure's server driven by either SDK: what workers and clients cost.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/perdure/perdure/bench/drive"
)

func main() {
	log.SetFlags(0)
	perdureBinary := flag.String("perdure", "", "path of the perdure binary")
	peerBinary := flag.String("peer", "", "path of the peer binary (test/peer); empty: run Perdure alone")
	floorBinary := flag.String("floor", "", "path of the floor binary (bench/floor); empty: leave it out")
	seconds := flag.Int("seconds", 10, "how long to run each scenario on each server")
	only := flag.String("run", "", "regular expression: run only the scenarios whose names match")
	sdksOnly := flag.Bool("sdks", false, "make only the table of SDKs")
	output := flag.String("output", "text", "text, markdown or json")
	sleeping := flag.Int("sleeping", 0, "in place of the scenarios: what so many sleeping workflows cost Perdure")
	sleepingDir := flag.String("sleeping-dir", "", "with -sleeping: directory in which the data stay, and to which more can be added later")
	postgresURL := flag.String("postgres", "", "URL of a PostgreSQL: run both servers on it (test/with-postgres starts one)")
	postgresPID := flag.Int("postgres-pid", 0, "id of its first process, whose CPU time is told")
	flag.Parse()
	if *perdureBinary == "" {
		log.Fatal("bench: -perdure is required; `make bench` builds both servers and passes their paths")
	}
	filter, err := regexp.Compile(*only)
	if err != nil {
		log.Fatalf("bench: -run: %v", err)
	}
	if *sdksOnly {
		*peerBinary, *floorBinary = "", ""
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *sleeping > 0 {
		if err := measureSleeping(ctx, *perdureBinary, *sleeping, *sleepingDir, time.Duration(*seconds)*time.Second, os.Stdout); err != nil {
			log.Fatalf("bench: %v", err)
		}
		return
	}
	if *postgresURL != "" {
		on := &database{*postgresURL, *postgresPID}
		if err := compareOnPostgres(ctx, binaries{*perdureBinary, *peerBinary, ""}, on, time.Duration(*seconds)*time.Second, filter, os.Stdout); err != nil {
			log.Fatalf("bench: %v", err)
		}
		return
	}
	if err := run(ctx, binaries{*perdureBinary, *peerBinary, *floorBinary}, time.Duration(*seconds)*time.Second, filter, *sdksOnly, *output, os.Stdout); err != nil {
		log.Fatalf("bench: %v", err)
	}
}

// Report is the result of a whole run.
type Report struct {
	Machine Machine
	Rows    []Row
	SDKs    []SDKRow
	// Memory is the resident memory after all scenarios, in bytes.
	PerdureMemory, PeerMemory int64
}

// Row is one scenario on all servers. All but Perdure are zero where they were left out.
type Row struct {
	Scenario             string
	Perdure, Peer, Floor Measurement
	// DurableFloor is the floor with syncs.
	DurableFloor Measurement
}

// SDKRow is one scenario on Perdure's server, driven by either SDK.
type SDKRow struct {
	Scenario          string
	Perdure, Temporal Measurement
}

// sdkRows are the scenarios of the table of SDKs, by index and with or without what
// production has.
var sdkRows = []struct {
	scenario int
	extras   bool
}{{0, true}, {1, false}, {1, true}, {3, true}}

const withExtras = ", with metrics, interceptors and heartbeats"

// binaries are the paths of the servers. That of Perdure is there.
type binaries struct{ perdure, peer, floor string }

func run(ctx context.Context, paths binaries, length time.Duration, filter *regexp.Regexp, sdksOnly bool, output string, w io.Writer) error {
	own, err := startPerdure(paths.perdure)
	if err != nil {
		return err
	}
	defer own.stop()
	var peer, floor, durable *server
	if paths.peer != "" {
		if peer, err = startPlain(paths.peer, "the Temporal server"); err != nil {
			return err
		}
		defer peer.stop()
	}
	if paths.floor != "" {
		if floor, err = startPlain(paths.floor, "the floor"); err != nil {
			return err
		}
		defer floor.stop()
		dir, err := os.MkdirTemp("", "perdure-floor")
		if err != nil {
			return err
		}
		if durable, err = startPlain(paths.floor, "the durable floor", "-sync", dir); err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		durable.dataDir = dir
		defer durable.stop()
	}

	report := Report{Machine: describeMachine()}
	for i, s := range drive.Scenarios {
		if sdksOnly || !filter.MatchString(s.Name) {
			continue
		}
		row := Row{Scenario: s.Name}
		fmt.Fprintf(os.Stderr, "%-34s", s.Name)
		for _, on := range []struct {
			name   string
			server *server
			result *Measurement
		}{{"temporal", peer, &row.Peer}, {"floor", floor, &row.Floor}, {"durable floor", durable, &row.DurableFloor}, {"perdure", own, &row.Perdure}} {
			if on.server == nil {
				continue
			}
			fmt.Fprintf(os.Stderr, " %s … ", on.name)
			if *on.result, err = measure(ctx, on.server, temporalSDK, i, false, length); err != nil {
				return fmt.Errorf("%s on %s: %w", s.Name, on.name, err)
			}
			fmt.Fprintf(os.Stderr, "%8.1f/s  ", on.result.PerSecond)
		}
		fmt.Fprintln(os.Stderr)
		report.Rows = append(report.Rows, row)
	}
	if report.SDKs, err = compareSDKs(ctx, own, length, filter); err != nil {
		return err
	}
	report.PerdureMemory = own.residentMemory()
	if peer != nil {
		report.PeerMemory = peer.residentMemory()
	}
	switch output {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	case "markdown":
		return printMarkdown(w, report)
	default:
		return printText(w, report)
	}
}

// compareSDKs makes the table of SDKs.
func compareSDKs(ctx context.Context, own *server, length time.Duration, filter *regexp.Regexp) (rows []SDKRow, err error) {
	for _, r := range sdkRows {
		row := SDKRow{Scenario: drive.Scenarios[r.scenario].Name}
		if !filter.MatchString(row.Scenario) {
			continue
		}
		if r.extras {
			row.Scenario += withExtras
		}
		fmt.Fprintf(os.Stderr, "%-76s temporal … ", row.Scenario)
		if row.Temporal, err = measure(ctx, own, temporalSDK, r.scenario, r.extras, length); err != nil {
			return nil, fmt.Errorf("%s, driven by the Temporal Go SDK: %w", row.Scenario, err)
		}
		fmt.Fprintf(os.Stderr, "%8.1f/s  perdure … ", row.Temporal.PerSecond)
		if row.Perdure, err = measure(ctx, own, perdureSDK, r.scenario, r.extras, length); err != nil {
			return nil, fmt.Errorf("%s, driven by Perdure's SDK: %w", row.Scenario, err)
		}
		fmt.Fprintf(os.Stderr, "%8.1f/s\n", row.Perdure.PerSecond)
		rows = append(rows, row)
	}
	return rows, nil
}
