package differ

import (
	"fmt"
	"strings"
)

// Known differences are kept in one file: of each scenario that differs, the
// name of the reason, as docs/compatibility.md has it in a heading, and the lines
// that differ. A difference that changes, or that is no more, is a failure, too:
// the list is true.

const knownFile = "testdata/known-differences.txt"

// unexplained is the reason of differences that nobody has given one.
const unexplained = "unexplained"

const reasonMark = "why: "

type known struct {
	reason string
	lines  []string
}

func readKnown() (map[string]known, error) {
	s, err := readSections(knownFile)
	if err != nil {
		return nil, err
	}
	all := map[string]known{}
	for name, lines := range s.lines {
		if len(lines) == 0 || !strings.HasPrefix(lines[0], reasonMark) {
			return nil, fmt.Errorf("%s: %q does not begin with %q", knownFile, name, reasonMark)
		}
		all[name] = known{reason: strings.TrimPrefix(lines[0], reasonMark), lines: lines[1:]}
	}
	return all, nil
}
