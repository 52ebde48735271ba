package config

import (
	"io"
	"log/slog"
)

// Log says what is logged and how.
type Log struct {
	// Level is the least level that is logged: debug, info, warn, error or never.
	Level string
	// Format is text, pretty (the same) or json.
	Format string
}

func (l *Log) declare(s *Schema, kind Kind) {
	level := "info"
	if kind == Development {
		level = "warn"
	}
	s.Choice(&l.Level, []string{"debug", "info", "warn", "error", "never"}, "log.level", level, "least level that is logged").Also("warning", "warn")
	s.Choice(&l.Format, []string{"text", "pretty", "json"}, "log.format", "text", "format of the log (pretty is the same as text)")
}

func (l *Log) check(*Schema, Kind) []error { return nil }

// Logger makes the logger that the settings ask for.
func (l *Log) Logger(w io.Writer) *slog.Logger {
	if l.Level == "never" {
		return slog.New(slog.DiscardHandler)
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // the other choices are levels
	options := &slog.HandlerOptions{Level: level}
	if l.JSON() {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// JSON reports whether the log is for programs.
func (l *Log) JSON() bool { return l.Format == "json" }
