package docs

import (
	"regexp"
	"strings"
	"testing"
)

// fillers are words that say nothing by themselves.
var fillers = strings.Fields(`a an and are be by for from has have in is it its of on or that the their this to was were what which with
	field function get gets given option options returns return set sets type value values`)

var (
	word      = regexp.MustCompile(`[A-Za-z0-9]+`)
	camelWord = regexp.MustCompile(`[A-Z]?[a-z0-9]+|[A-Z]+`)
)

// saysNothing tells whether a comment has no word that is not a filler or a part of the name,
// which may be one of a type and one of its fields or methods.
func saysNothing(name, doc string) bool {
	known := map[string]bool{}
	for _, filler := range fillers {
		known[filler] = true
	}
	for _, part := range append(camelWord.FindAllString(name, -1), word.FindAllString(name, -1)...) {
		part = strings.ToLower(part)
		known[part], known[part+"s"], known[strings.TrimSuffix(part, "s")] = true, true, true
	}
	for _, w := range word.FindAllString(doc, -1) {
		if !known[strings.ToLower(w)] {
			return false
		}
	}
	return true
}

func TestACommentThatRepeatsANameIsFoundOut(t *testing.T) {
	for _, test := range []struct {
		name, doc string
		want      bool
	}{
		{"Options.TaskQueue", "TaskQueue is the task queue.", true},
		{"RetryPolicy", "RetryPolicy is a retry policy.", true},
		{"Options.TaskQueue", "TaskQueue is where workers poll.", false},
		{"GetInfo", "GetInfo returns the info", true},
		{"GetInfo", "GetInfo tells a workflow about its own execution.", false},
	} {
		if got := saysNothing(test.name, test.doc); got != test.want {
			t.Errorf("%q for %s: %v", test.doc, test.name, got)
		}
	}
}
