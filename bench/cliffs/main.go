// Command cliffs runs the benchmarks of cost cliffs and prints their table: of each,
// what a step costs at each size, and by how much that grows when the size grows
// tenfold. Cost that follows the change has a growth of 1.0; what is measured by
// event or by child is the whole work divided by the size.
//
// Allocated bytes are the steadier measure: time depends on what else the machine
// does.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// packages have the benchmarks, whose names begin with BenchmarkCliffOf.
var packages = []string{"./internal/server", "./internal/workflow", "./internal/matching", "./internal/runtime"}

// result is one line of a benchmark.
type result struct {
	name         string
	size         float64
	nanos, bytes float64 // per step
	unit         string  // of the step
}

var line = regexp.MustCompile(`^BenchmarkCliffOf(\w+)/size=(\d+)\S*\s+\d+\s+(.*)$`)

// large are the benchmarks whose steps are large: they are measured a few times only.
var large = []string{"ClosingAParent", "Resets"}

func main() {
	root := flag.String("root", "..", "the directory of the server's module")
	times := flag.Int("times", 300, "how often each step is measured")
	only := flag.String("run", ".*", "regular expression: run only the benchmarks with such names, without CliffOf")
	flag.Parse()

	wanted, err := regexp.Compile(*only)
	if err != nil {
		fail(fmt.Errorf("-run: %w", err))
	}
	var all []result
	for _, part := range []struct {
		benchmarks, skip string
		times            int
	}{{*only, strings.Join(large, "|"), *times}, {strings.Join(matching(large, wanted), "|"), "^$", 3}} {
		if part.benchmarks == "" {
			continue
		}
		results, err := measure(*root, "CliffOf("+part.benchmarks+")", part.skip, part.times)
		all = append(all, results...)
		if err != nil {
			_ = print(os.Stdout, all)
			fail(err)
		}
	}
	if err := print(os.Stdout, all); err != nil {
		fail(err)
	}
}

func matching(names []string, wanted *regexp.Regexp) (found []string) {
	for _, name := range names {
		if wanted.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// measure runs benchmarks, each step so many times.
func measure(root, benchmarks, skip string, times int) ([]result, error) {
	test := exec.Command("go", append([]string{"test", "-short", "-run", "^$", "-bench", benchmarks, "-skip", skip,
		"-benchtime", fmt.Sprint(times, "x"), "-benchmem", "-timeout", "30m"}, packages...)...)
	test.Dir, test.Stderr = root, os.Stderr
	test.Env = append(os.Environ(), "GOWORK=")
	out, err := test.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := test.Start(); err != nil {
		return nil, err
	}
	results, failures := parse(out)
	if err := test.Wait(); err != nil {
		return results, fmt.Errorf("%w\n%s", err, strings.Join(failures, "\n"))
	}
	return results, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "cliffs:", err)
	os.Exit(1)
}

// parse reads the output of benchmarks, and what it says of failures.
func parse(out io.Reader) (results []result, failures []string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		match := line.FindStringSubmatch(lines.Text())
		if match == nil {
			if strings.Contains(lines.Text(), "FAIL") || strings.Contains(lines.Text(), "_test.go:") {
				failures = append(failures, lines.Text())
			}
			continue
		}
		size, _ := strconv.ParseFloat(match[2], 64)
		r := result{name: words(match[1]), size: size, unit: "step"}
		fields := strings.Fields(match[3])
		for i := 0; i+1 < len(fields); i += 2 {
			value, _ := strconv.ParseFloat(fields[i], 64)
			switch unit := fields[i+1]; {
			case unit == "ns/op" && r.nanos == 0:
				r.nanos = value
			case unit == "B/op":
				r.bytes = value
			case strings.HasPrefix(unit, "ns/") && unit != "ns/op":
				r.nanos, r.unit = value, strings.TrimPrefix(unit, "ns/")
			}
		}
		if r.unit != "step" {
			r.bytes /= size
		}
		results = append(results, r)
	}
	return results, failures
}

var capital = regexp.MustCompile(`([a-z])([A-Z])`)

func words(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "$1 $2"))
}

func print(to io.Writer, results []result) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "benchmark\tsize\tµs per\t\tbytes per\tgrowth of time\tof bytes, for ten times the size\t")
	for i, r := range results {
		growth := "\t"
		if i > 0 && results[i-1].name == r.name {
			before := results[i-1]
			tens := math.Log10(r.size / before.size)
			growth = fmt.Sprintf("%.2f\t%.2f", math.Pow(r.nanos/before.nanos, 1/tens), math.Pow(r.bytes/before.bytes, 1/tens))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%s\t%.0f\t%s\t\n", r.name, r.size, r.nanos/1000, r.unit, r.bytes, growth)
	}
	return w.Flush()
}
