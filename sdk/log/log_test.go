package log_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/log"
)

// recorder is a logger with none of the optional interfaces.
type recorder struct{ lines []string }

func (r *recorder) Debug(msg string, kv ...any) { r.add("D", msg, kv) }
func (r *recorder) Info(msg string, kv ...any)  { r.add("I", msg, kv) }
func (r *recorder) Warn(msg string, kv ...any)  { r.add("W", msg, kv) }
func (r *recorder) Error(msg string, kv ...any) { r.add("E", msg, kv) }
func (r *recorder) add(level, msg string, kv []any) {
	r.lines = append(r.lines, fmt.Sprint(level, " ", msg, " ", kv))
}

func TestWithAddsKeysToALoggerThatCannotCarryThem(t *testing.T) {
	rec := &recorder{}
	base := log.With(rec, "a", 1)
	// Two children of one logger must not write into each other's key slice.
	left, right := log.With(base, "b", 2), log.With(base, "c", 3)
	left.Info("left")
	right.Warn("right", "d", 4)
	base.Error("base")
	base.Debug("debug")
	want := []string{"I left [a 1 b 2]", "W right [a 1 c 3 d 4]", "E base [a 1]", "D debug [a 1]"}
	if !slices.Equal(rec.lines, want) {
		t.Fatalf("got %q, want %q", rec.lines, want)
	}
}

func TestSkipLeavesALoggerWithoutCallersAlone(t *testing.T) {
	rec := &recorder{}
	if got := log.Skip(rec, 3); got != log.Logger(rec) {
		t.Fatalf("got %v", got)
	}
}

func TestStructuredLoggerReportsTheCallersLine(t *testing.T) {
	var buf bytes.Buffer
	slogger := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}))
	logger := log.NewStructuredLogger(slogger)

	inner := func(l log.Logger) { log.Skip(l, 1).Warn("skipped", "k", "v") }
	for name, write := range map[string]func(){
		"debug": func() { logger.Debug("m") },
		"info":  func() { logger.Info("m") },
		"error": func() { logger.Error("m") },
		"with":  func() { log.With(logger, "k", "v").Info("m") },
		"skip":  func() { inner(logger) },
	} {
		buf.Reset()
		write()
		var record struct {
			Source struct{ Function, File string }
		}
		if err := json.Unmarshal(buf.Bytes(), &record); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.HasSuffix(record.Source.File, "log_test.go") {
			t.Errorf("%s: source is %+v", name, record.Source)
		}
		if name == "skip" && strings.HasSuffix(record.Source.Function, "CallersLine.func1") {
			t.Errorf("skip: reported the function that should have been skipped: %s", record.Source.Function)
		}
	}
}

func TestStructuredLoggerHonoursItsLevel(t *testing.T) {
	var buf bytes.Buffer
	logger := log.NewStructuredLogger(slog.New(slog.NewTextHandler(&buf, nil)))
	logger.Debug("hidden")
	if buf.Len() != 0 {
		t.Fatalf("wrote %q", buf.String())
	}
}
