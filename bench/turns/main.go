// Command turns compares servers by turns: each is driven for a short while, then the next,
// again and again, so that whatever else the machine does is shared by all of them. It prints
// what each costs per run of the program, and what that is of the first server's: two builds of
// Perdure can be told apart on a machine that is busy with other things.
//
//	turns [-scenario 1] [-rounds 10] [-length 400ms] bin/floor bin/perdure-before bin/perdure
//
// A binary whose name begins with perdure is started as one, on a directory of its own, and, if ":secured" follows its path, with
// metrics and authentication by API keys; any other
// with no arguments, and has to print the address it listens on. bin/floor:synced is the floor with syncs.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/perdure/perdure/bench/drive"
)

func main() {
	log.SetFlags(0)
	scenario := flag.Int("scenario", 1, "index of the scenario")
	rounds := flag.Int("rounds", 10, "how many turns each server has")
	length := flag.Duration("length", 400*time.Millisecond, "how long a turn takes")
	flag.Parse()
	if err := run(context.Background(), flag.Args(), drive.Scenarios[*scenario], *rounds, *length); err != nil {
		log.Fatalf("turns: %v", err)
	}
}

func run(ctx context.Context, paths []string, scenario *drive.Scenario, rounds int, length time.Duration) error {
	var sides []*side
	for _, path := range paths {
		s, err := start(path)
		if err != nil {
			return err
		}
		defer s.stop()
		if s.driver, err = drive.Start(ctx, scenario, drive.Options{Address: s.address, Key: s.key}); err != nil {
			return err
		}
		defer s.driver.Stop()
		if _, err := s.driver.Load(ctx, "warm", length); err != nil {
			return err
		}
		sides = append(sides, s)
	}
	// What a server does after its turn counts as well, to the end.
	for _, s := range sides {
		s.total = -s.cpu()
	}
	for round := range rounds {
		for i := range sides {
			if err := sides[(i+round)%len(sides)].turn(ctx, round, length); err != nil {
				return err
			}
		}
	}
	time.Sleep(2 * time.Second)
	for _, s := range sides {
		s.total += s.cpu()
	}
	for _, s := range sides {
		s.print(sides[0])
	}
	return nil
}

// side is a server and what its turns have cost.
type side struct {
	name    string
	address string
	cmd     *exec.Cmd
	dataDir string // empty: none
	key     string // to call with; empty: none
	driver  *drive.Driver

	cpus, p50s []float64 // of each turn: CPU per run and median latency, in ms
	runs       int
	total      time.Duration // CPU of all
	switches   int64         // of context
}

func start(path string) (*side, error) {
	name := filepath.Base(path)
	path, secured := strings.CutSuffix(path, ":secured")
	path, synced := strings.CutSuffix(path, ":synced")
	s := &side{name: name, cmd: exec.Command(path)}
	perdure := strings.HasPrefix(s.name, "perdure")
	if perdure || synced {
		var err error
		if s.dataDir, err = os.MkdirTemp("", "perdure-turns"); err != nil {
			return nil, err
		}
	}
	if synced {
		s.cmd.Args = append(s.cmd.Args, "-sync", s.dataDir)
	}
	if perdure {
		s.cmd.Args = append(s.cmd.Args, "server", "start", "--data-dir", s.dataDir, "--port", "0", "--output", "json")
	}
	if secured {
		if err := s.secure(path); err != nil {
			return nil, err
		}
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var banner struct{ Address string }
		if json.Unmarshal(lines.Bytes(), &banner) == nil && banner.Address != "" {
			s.address = banner.Address
		} else if !perdure {
			s.address = lines.Text()
		}
		if s.address != "" {
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s ended without saying where it listens", path)
}

// secure turns on metrics and authentication.
func (s *side) secure(path string) error {
	file := s.dataDir + "-access.yaml" // not among the data
	key, err := exec.Command(path, "admin", "api-key", "create", "bench", "--auth-file", file, "--role", "default:write").Output()
	if err != nil {
		return fmt.Errorf("%s: make an API key: %w", path, err)
	}
	s.key = strings.TrimSpace(string(key))
	s.cmd.Args = append(s.cmd.Args, "--auth-file", file, "--metrics-port", "0")
	return nil
}

func (s *side) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	if s.dataDir != "" {
		_ = os.RemoveAll(s.dataDir)
		_ = os.Remove(s.dataDir + "-access.yaml")
	}
}

func (s *side) turn(ctx context.Context, round int, length time.Duration) error {
	before, switches := s.cpu(), s.contextSwitches()
	latencies, err := s.driver.Load(ctx, fmt.Sprint("turn", round), length)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	slices.Sort(latencies)
	s.runs += len(latencies)
	s.switches += s.contextSwitches() - switches
	s.cpus = append(s.cpus, milliseconds(s.cpu()-before)/float64(len(latencies)))
	s.p50s = append(s.p50s, milliseconds(latencies[len(latencies)/2]))
	return nil
}

func (s *side) print(first *side) {
	perRun := func(s *side) float64 { return milliseconds(s.total) / float64(s.runs) }
	fmt.Printf("%-16s %6d runs  CPU %.3f ms/run, %.2f of the first (median of turns %.2f)  p50 %.2f ms (%.2f)  %.1f switches/run  %d MB resident\n",
		s.name, s.runs, perRun(s), perRun(s)/perRun(first), medianRatio(s.cpus, first.cpus), median(s.p50s), medianRatio(s.p50s, first.p50s),
		float64(s.switches)/float64(s.runs), s.status("VmRSS:")>>10)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// medianRatio is the median of the ratios of each turn.
func medianRatio(values, to []float64) float64 {
	ratios := make([]float64, len(values))
	for i := range values {
		ratios[i] = values[i] / to[i]
	}
	return median(ratios)
}

// cpu is the CPU time of all threads there are, which the kernel tells to the nanosecond.
func (s *side) cpu() (sum time.Duration) {
	for _, data := range s.threads("schedstat") {
		used, _, _ := strings.Cut(data, " ")
		n, _ := strconv.ParseInt(used, 10, 64)
		sum += time.Duration(n)
	}
	return sum
}

func (s *side) contextSwitches() (sum int64) {
	for _, data := range s.threads("status") {
		sum += field(data, "voluntary_ctxt_switches:") + field(data, "nonvoluntary_ctxt_switches:")
	}
	return sum
}

func (s *side) status(name string) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	return field(string(data), name)
}

// threads reads a file of each thread.
func (s *side) threads(file string) (contents []string) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/%s", s.cmd.Process.Pid, file))
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			contents = append(contents, string(data))
		}
	}
	return contents
}

// field is the number after a name at the beginning of a line.
func field(data, name string) int64 {
	for line := range strings.Lines(data) {
		if value, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return n
		}
	}
	return 0
}
