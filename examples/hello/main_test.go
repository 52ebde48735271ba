package main

import (
	"strings"
	"testing"
)

func TestHelloPrintsBothResults(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatalf("%v\noutput so far:\n%s", err, out.String())
	}
	for _, want := range []string{
		"result   Hello, world! Nice to meet you.",
		"result   Hello, again! I have never been away.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, out.String())
		}
	}
}
