package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The import prefixes of the two SDKs.
const (
	originalPrefix = "go.temporal.io/sdk/"
	ourPrefix      = "github.com/perdure/perdure/sdk/"
)

// publicPackages are compared, below the prefixes.
var publicPackages = []string{
	"activity", "client", "converter", "interceptor", "interceptor/tracing", "log", "mocks",
	"temporal", "temporalnexus", "testsuite", "worker", "workflow",
}

// A Difference is one name that is not what it is in the original.
type Difference struct {
	Package string // below the prefix
	Text    string // what differs; starts with the name
	Missing bool   // the name is not there at all
}

// A Report is the outcome of a comparison.
type Report struct {
	Names       map[string]int // of the original, by package
	Differences []Difference   // sorted by package and text
}

// Compare type-checks both SDKs and compares them.
func Compare() (*Report, error) {
	original, err := load(originalPrefix, publicPackages)
	if err != nil {
		return nil, err
	}
	for _, name := range publicPackages {
		if original.packages[name] == nil {
			return nil, fmt.Errorf("the original has no package %s", name)
		}
	}
	ours, err := load(ourPrefix, publicPackages)
	if err != nil {
		return nil, err
	}
	return compare(original, ours), nil
}

func compare(original, ours *sdk) *Report {
	names := newNames(original, ours)
	report := &Report{Names: map[string]int{}}
	for _, name := range publicPackages {
		theirs, mine := original.packages[name], ours.packages[name]
		want := describe(theirs, names.ofOriginal, names.isOwn)
		have := describe(mine, names.ofOurs, names.isOwn)
		report.Names[name] = len(want)
		for key, meaning := range want {
			switch got, ok := have[key]; {
			case !ok:
				report.add(name, key+" is missing", true)
			case got.text != meaning.text && got.text+notComparable != meaning.text:
				report.add(name, key+" is "+got.text+", not "+meaning.text, false)
			}
		}
		for key, meaning := range have {
			if _, ok := want[key]; !ok && meaning.obliges && implementable(want, key) {
				report.add(name, key+" is a method that the interface does not have", false)
			}
		}
	}
	for _, d := range names.splitTypes() {
		report.add(d.Package, d.Text, false)
	}
	slices.SortFunc(report.Differences, func(a, b Difference) int {
		return strings.Compare(a.Package+"\x00"+a.Text, b.Package+"\x00"+b.Text)
	})
	return report
}

// implementable says whether the interface with a method is one of the original, which
// programs may implement.
func implementable(want map[string]meaning, method string) bool {
	owner := want[method[:strings.LastIndexByte(method, '.')]]
	return owner.text != "" && !owner.sealed
}

func (r *Report) add(pkg, text string, missing bool) {
	r.Differences = append(r.Differences, Difference{Package: pkg, Text: text, Missing: missing})
}

// Counts says for each package how many names there are, are missing, and differ.
func (r *Report) Counts() string {
	var out strings.Builder
	var total, allMissing, allOther int
	fmt.Fprintf(&out, "%-20s %8s %8s %8s\n", "package", "names", "missing", "differ")
	for _, name := range slices.Sorted(maps.Keys(r.Names)) {
		var missing, other int
		for _, d := range r.Differences {
			switch {
			case d.Package != name:
			case d.Missing:
				missing++
			default:
				other++
			}
		}
		fmt.Fprintf(&out, "%-20s %8d %8d %8d\n", name, r.Names[name], missing, other)
		total, allMissing, allOther = total+r.Names[name], allMissing+missing, allOther+other
	}
	fmt.Fprintf(&out, "%-20s %8d %8d %8d\n", "total", total, allMissing, allOther)
	return out.String()
}
