// Package test compares Perdure with its peers: the public Temporal Go SDK on
// Perdure's server, Perdure's SDK on its own server and on a Temporal server,
// all with the same scenarios, whose histories must be those that the public SDK
// leaves on a Temporal server, event by event.
//
// Those histories are kept as golden files, so that the tests need no Temporal
// server. `make golden` records them anew; `make interop` runs Perdure's SDK
// against a live Temporal server.
package test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/test/launch"
	"github.com/perdure/perdure/test/owned"
	"github.com/perdure/perdure/test/scenario"
)

var (
	peer   = flag.String("peer", "", "address of a Temporal server to run Perdure's SDK against, or to record from")
	record = flag.Bool("record", false, "record the golden files: the public SDK on the server at -peer")
	server = flag.String("server", "", "address of a running Perdure server; by default the tests start one")
)

var (
	address string // of the server under test
	door    string // where it takes connections itself, if address is that of something before several nodes
	binary  string // perdure, if the tests have built it
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	address, door = *server, *server
	if address == "" && !*record {
		dir, err := os.MkdirTemp("", "perdure-interop")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if binary, err = launch.Build(dir); err != nil {
			panic(err)
		}
		server, err := launch.Start(binary)
		if err != nil {
			panic(err)
		}
		defer server.Stop()
		address, door = server.Address, server.Door()
	}
	return m.Run()
}

func TestThePublicSDKOnPerdureLeavesTheHistoriesOfTheTemporalServer(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	for _, s := range scenario.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			compare(t, s.Name, scenario.Play(t, address, s))
		})
	}
}

func TestPerdureSDKOnPerdureLeavesTheHistoriesOfTheTemporalServer(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	for _, s := range owned.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			compare(t, s.Name, owned.Play(t, address, s))
		})
	}
}

func TestPerdureSDKOnATemporalServerLeavesTheHistoriesOfThePublicSDK(t *testing.T) {
	if *peer == "" || *record {
		t.Skip("no Temporal server given by -peer; `make interop` starts one")
	}
	for _, s := range owned.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			compare(t, s.Name, owned.Play(t, *peer, s))
		})
	}
}

func TestRecordGoldenFiles(t *testing.T) {
	if !*record {
		t.Skip("only with -record; `make golden` starts a Temporal server and records")
	}
	for _, s := range scenario.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			histories := scenario.Play(t, *peer, s)
			if t.Failed() {
				return
			}
			if err := os.MkdirAll(filepath.Dir(goldenFile(s.Name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(goldenFile(s.Name), []byte(format(histories)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func goldenFile(name string) string {
	return filepath.Join("testdata", "golden", strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")+".txt")
}

func format(histories map[string]string) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(histories)) {
		text.WriteString("-- " + name + " --\n" + histories[name])
	}
	return text.String()
}

func compare(t *testing.T, name string, histories map[string]string) {
	t.Helper()
	golden, err := os.ReadFile(goldenFile(name))
	if err != nil {
		t.Fatalf("no golden file for this scenario, record it with `make golden`: %v", err)
	}
	got := format(histories)
	if got == string(golden) {
		return
	}
	diff := cmp.Diff(strings.Split(string(golden), "\n"), strings.Split(got, "\n"))
	t.Errorf("history differs (- Temporal server, + here):\n%s", diff)
}
