package logger_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/internal/logger"
)

func TestTheDefaultLoggerWritesALinePerMessage(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	l := logger.NewDefault()
	os.Stdout = stdout

	l.Debug("plain")
	bound := l.With("Namespace", "n").(*logger.Default).With("Attempt", 2)
	bound.Error("bound", "k", "v")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	for i, want := range []string{" DEBUG plain", " ERROR bound Namespace n Attempt 2 k v"} {
		if i >= len(lines) || !strings.HasSuffix(lines[i], want) {
			t.Errorf("line %d of %q does not end with %q", i, lines, want)
		}
	}
}
