package cli

import (
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/pflag"
)

// logging are the flags that say what is logged and how.
type logging struct {
	level, format string
}

func (l *logging) addTo(flags *pflag.FlagSet, level string) {
	flags.StringVar(&l.level, "log-level", level, "least level that is logged: debug, info, warn, error or never")
	flags.StringVar(&l.format, "log-format", "text", "format of the log: text, pretty (the same) or json")
}

// logger makes the logger that the flags ask for.
func (l *logging) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	switch strings.ToLower(l.level) {
	case "debug":
		level = slog.LevelDebug
	case "info":
		level = slog.LevelInfo
	case "warn", "warning":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	case "never":
		return slog.New(slog.DiscardHandler), nil
	default:
		return nil, usagef("--log-level must be debug, info, warn, error or never, not %q", l.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(l.format) {
	case "text", "pretty":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format must be text, pretty or json, not %q", l.format)
}

// json reports whether whoever reads the output wants JSON, judging by the log.
func (l *logging) json() bool { return strings.EqualFold(l.format, "json") }
