package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// listFile is the list of differences that are known, below the tool's directory. Lines
// that start with # are comments; [name] begins the differences of a package.
const listFile = "testdata/known-differences.txt"

const howToUpdate = "make api-differences"

// Check fails if there is a difference that is not known, or one is known that is not
// there.
func (r *Report) Check(known map[string]bool) error {
	var problems []string
	found := map[string]bool{}
	for _, d := range r.Differences {
		found[d.key()] = true
		if !known[d.key()] {
			problems = append(problems, "new: "+d.key())
		}
	}
	for key := range known {
		if !found[key] {
			problems = append(problems, "no longer so: "+key)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("the API is not what %s says.\nIf that is meant, run '%s'.\n%s",
		listFile, howToUpdate, strings.Join(problems, "\n"))
}

func (d Difference) key() string { return d.Package + ": " + d.Text }

func readList(path string) (map[string]bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	pkg := ""
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			pkg = strings.Trim(line, "[]")
		default:
			known[Difference{Package: pkg, Text: line}.key()] = true
		}
	}
	return known, nil
}

func writeList(path string, r *Report) error {
	var out strings.Builder
	out.WriteString("# What differs from the Temporal Go SDK's API. Written by '" + howToUpdate + "'; it only ever shrinks.\n")
	pkg := ""
	for _, d := range r.Differences {
		if d.Package != pkg {
			pkg = d.Package
			fmt.Fprintf(&out, "\n[%s]\n", pkg)
		}
		out.WriteString(d.Text + "\n")
	}
	return os.WriteFile(path, []byte(out.String()), 0o644)
}
