// Command memory drives a server through all scenarios, a short while each, and says what is in its memory then: which
// mappings of the process, and which parts of Go's heap.
//
//	memory [-length 2s] [-heap file] bin/perdure [argument...]
//
// Arguments are further ones of 'server start'.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/bench/drive"
	"github.com/perdure/perdure/bench/owned"
)

func main() {
	log.SetFlags(0)
	length := flag.Duration("length", 2*time.Second, "how long each scenario is driven, by each SDK")
	heap := flag.String("heap", "", "file for a profile of the heap")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("memory: which binary?")
	}
	if err := run(context.Background(), flag.Args(), *length, *heap); err != nil {
		log.Fatalf("memory: %v", err)
	}
}

func run(ctx context.Context, command []string, length time.Duration, heap string) error {
	dir, err := os.MkdirTemp("", "perdure-memory")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(command[0], append([]string{"server", "start", "--data-dir", dir, "--port", "0", "--metrics-port", "0", "--pprof", "--output", "json"}, command[1:]...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	var banner struct{ Address, Metrics string }
	for lines := bufio.NewScanner(out); banner.Address == "" && lines.Scan(); {
		_ = json.Unmarshal(lines.Bytes(), &banner)
	}
	if banner.Address == "" {
		return fmt.Errorf("%s ended without saying where it listens", command[0])
	}
	p := process{cmd.Process.Pid}
	time.Sleep(4 * time.Second) // until what only its start has needed is given back
	fmt.Printf("%-34s %5.1f MB resident\n", "idle", p.resident())
	for i, s := range drive.Scenarios {
		if err := drivePublic(ctx, banner.Address, i, length); err != nil {
			return err
		}
		if err := driveOwned(ctx, banner.Address, i, length); err != nil {
			return err
		}
		fmt.Printf("%-34s %5.1f MB resident\n", s.Name, p.resident())
	}
	if err := p.print(); err != nil {
		return err
	}
	if err := printHeap(banner.Metrics); err != nil {
		return err
	}
	if heap != "" {
		return save("http://"+banner.Metrics+"/debug/pprof/heap", heap)
	}
	return nil
}

func drivePublic(ctx context.Context, address string, scenario int, length time.Duration) error {
	d, err := drive.Start(ctx, drive.Scenarios[scenario], drive.Options{Address: address})
	if err != nil {
		return err
	}
	defer d.Stop()
	_, err = d.Load(ctx, "load", length)
	return err
}

func driveOwned(ctx context.Context, address string, scenario int, length time.Duration) error {
	d, err := owned.Start(ctx, owned.Scenarios[scenario], owned.Options{Address: address, Extras: true})
	if err != nil {
		return err
	}
	defer d.Stop()
	_, err = d.Load(ctx, "load", length)
	return err
}

type process struct{ pid int }

func (p process) file(name string) string { return fmt.Sprintf("/proc/%d/%s", p.pid, name) }

func (p process) resident() float64 {
	data, _ := os.ReadFile(p.file("status"))
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// print prints the kinds of mappings there are, and how much of them is resident.
func (p process) print() error {
	data, err := os.ReadFile(p.file("smaps"))
	if err != nil {
		return err
	}
	kinds := map[string]float64{}
	kind := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		switch {
		case !strings.HasSuffix(fields[0], ":"):
			kind = mappingKind(fields)
		case fields[0] == "Rss:":
			kb, _ := strconv.ParseFloat(fields[1], 64)
			kinds[kind] += kb / 1024
		}
	}
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Compare(kinds[b], kinds[a]) }) {
		if kinds[kind] >= 0.5 {
			fmt.Printf("  %6.1f MB  %s\n", kinds[kind], kind)
		}
	}
	return nil
}

func mappingKind(fields []string) string {
	from, to, _ := strings.Cut(fields[0], "-")
	a, _ := strconv.ParseUint(from, 16, 64)
	b, _ := strconv.ParseUint(to, 16, 64)
	switch {
	case len(fields) > 6 && fields[5] == "[anon:":
		return strings.Join(fields[5:], " ")
	case len(fields) > 5:
		return filepath.Base(fields[5]) + " " + fields[1]
	case (b-a)%(4<<20) == 0:
		return "Go's heap"
	}
	return fmt.Sprintf("others of %d KB", (b-a)>>10)
}

// printHeap prints what the runtime has, by the kinds that it tells of.
func printHeap(metrics string) error {
	response, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		bytes, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case strings.HasPrefix(name, "go_memstats_") && strings.HasSuffix(name, "_bytes") && bytes > 1<<19, strings.HasPrefix(name, "perdure_store_bytes"),
			strings.HasPrefix(name, "perdure_entity_cache_bytes"):
			fmt.Printf("  %6.1f MB  %s\n", bytes/(1<<20), name)
		case name == "go_gc_duration_seconds_count":
			fmt.Printf("  %6.0f     %s\n", bytes, name)
		}
	}
	return nil
}

func save(url, file string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, response.Body)
	return cmp.Or(err, f.Close())
}
