package query

import (
	"os"
	"strings"
	"testing"
)

func TestTheQueriesOfTheDocumentMakeSense(t *testing.T) {
	document, err := os.ReadFile("../../../docs/searching.md")
	if err != nil {
		t.Fatal(err)
	}
	inside, n := false, 0
	for line := range strings.Lines(string(document)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "```sql":
			inside = true
		case line == "```":
			inside = false
		case inside:
			n++
			if _, err := Parse(line, testAttributes); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d queries were found", n)
	}
}
