package cli_test

import (
	"os"
	"strings"
	"testing"
)

func TestTheCommandsOfTheDocumentOnSchedulesWork(t *testing.T) {
	startServer(t)
	document, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, line := range strings.Split(strings.ReplaceAll(string(document), "\\\n", " "), "\n") {
		if !strings.HasPrefix(line, "perdure ") {
			continue
		}
		run++
		if code, out, stderr := runHere(t, words(line)[1:]...); code != 0 {
			t.Errorf("%s\nexit code %d\n%s%s", line, code, out, stderr)
		}
	}
	if run < 7 {
		t.Errorf("%d commands were found", run)
	}
}
