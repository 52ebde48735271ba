package differ

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Group is scenarios whose transcripts are in one golden file.
type Group struct {
	Name      string
	Scenarios []Scenario
}

// sections is a file of named texts, in order: lines of a section follow a line
// "== name".
type sections struct {
	names []string
	lines map[string][]string
}

const heading = "== "

func readSections(path string) (sections, error) {
	s := sections{lines: map[string][]string{}}
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if len(data) == 0 {
		return s, nil
	}
	var name string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		if after, ok := strings.CutPrefix(line, heading); ok {
			name = after
			if _, twice := s.lines[name]; twice {
				return s, fmt.Errorf("%s has %q twice", path, name)
			}
			s.names = append(s.names, name)
			s.lines[name] = nil
			continue
		}
		s.lines[name] = append(s.lines[name], line)
	}
	return s, nil
}

// write writes the sections; a file without any is removed.
func (s sections) write(path string) error {
	if len(s.names) == 0 {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	var text strings.Builder
	for _, name := range s.names {
		text.WriteString(heading + name + "\n")
		for _, line := range s.lines[name] {
			text.WriteString(line + "\n")
		}
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}

func goldenFile(group string) string { return filepath.Join("testdata", group+".txt") }

func lines(transcript string) []string {
	return strings.Split(strings.TrimSuffix(transcript, "\n"), "\n")
}

// Difference is a place where two transcripts differ: lines that only one of
// them has, and how many equal lines come before.
type Difference struct {
	After        int
	Theirs, Ours []string
}

// differences compares two transcripts by their longest common subsequence.
func differences(theirs, ours []string) []Difference {
	// common[i][j] is how many lines theirs[i:] and ours[j:] have in common.
	common := make([][]int, len(theirs)+1)
	for i := range common {
		common[i] = make([]int, len(ours)+1)
	}
	for i := len(theirs) - 1; i >= 0; i-- {
		for j := len(ours) - 1; j >= 0; j-- {
			if theirs[i] == ours[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var all []Difference
	var current *Difference
	place := func(i int) *Difference {
		if current == nil {
			all = append(all, Difference{After: i})
			current = &all[len(all)-1]
		}
		return current
	}
	for i, j := 0, 0; i < len(theirs) || j < len(ours); {
		switch {
		case i < len(theirs) && j < len(ours) && theirs[i] == ours[j]:
			current = nil
			i, j = i+1, j+1
		case j == len(ours) || i < len(theirs) && common[i+1][j] >= common[i][j+1]:
			d := place(i)
			d.Theirs = append(d.Theirs, theirs[i])
			i++
		default:
			d := place(i)
			d.Ours = append(d.Ours, ours[j])
			j++
		}
	}
	return all
}

// signed writes differences as lines that begin with - (theirs) and + (ours).
func signed(all []Difference) []string {
	var out []string
	for _, d := range all {
		for _, line := range d.Theirs {
			out = append(out, "-"+line)
		}
		for _, line := range d.Ours {
			out = append(out, "+"+line)
		}
	}
	return out
}

// sideBySide writes differences for people: the lines before, and each pair of
// lines that differ one under the other, from shortly before where they begin to.
func sideBySide(theirs []string, all []Difference) string {
	var b strings.Builder
	for _, d := range all {
		for i := max(0, d.After-2); i < d.After; i++ {
			fmt.Fprintf(&b, "             %s\n", window(theirs[i], 0))
		}
		for i := range max(len(d.Theirs), len(d.Ours)) {
			switch {
			case i >= len(d.Ours):
				fmt.Fprintf(&b, "  Temporal - %s\n", window(d.Theirs[i], 0))
			case i >= len(d.Theirs):
				fmt.Fprintf(&b, "  Perdure  + %s\n", window(d.Ours[i], 0))
			default:
				from := sameStart(d.Theirs[i], d.Ours[i])
				fmt.Fprintf(&b, "  Temporal - %s\n  Perdure  + %s\n", window(d.Theirs[i], from), window(d.Ours[i], from))
			}
		}
	}
	return b.String()
}

// window is the part of a line around a place in it, and the line's beginning.
func window(line string, place int) string {
	const before, after = 40, 200
	begin, part := "", line
	if place > 2*before {
		begin, part = line[:before]+" ... ", line[place-before:]
	}
	if len(part) > before+after {
		part = part[:before+after] + " ..."
	}
	return strings.ToValidUTF8(begin+part, "?")
}

// sameStart is how many letters two texts begin with alike.
func sameStart(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
