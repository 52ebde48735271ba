package server_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// count is how many times the text is in what was logged.
func (l *logged) count(text string) int { return strings.Count(l.String(), text) }

func TestOperatorsAreWarnedOfAWorkflowThatGetsLarge(t *testing.T) {
	log := new(logged)
	b := start(t, server.Options{
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		DynamicConfig: []dynamicconfig.Override{
			{Key: "limit.historyCount.warn", Value: "4"},
			{Key: "limit.historySize.warn", Value: "2000"},
			{Key: "limit.blobSize.warn", Value: "1000"},
		},
	})
	b.startWorkflow("w")
	if err := b.signal("w", "small"); err != nil {
		t.Fatal(err)
	}
	if n := log.count("larger than the setting wants"); n != 0 {
		t.Fatalf("%d warnings of a workflow that is small", n)
	}
	for range 2 {
		if err := b.signal("w", strings.Repeat("x", 1100)); err != nil {
			t.Fatal(err)
		}
	}
	// Of a history once, when it gets large; of a large event each time. There are no more in a second than may be logged.
	for setting, want := range map[string]int{"limit.historyCount.warn": 1, "limit.historySize.warn": 1, "limit.blobSize.warn": 2} {
		line := "setting=" + setting + " "
		await(t, "the warnings of "+setting, func() bool { return log.count(line) == want })
	}
}
