package cli

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/config"
)

// logging are the flags of commands that log but start no server.
type logging struct {
	level, format *flags.Enum
}

func (l *logging) addTo(set *pflag.FlagSet, level string) {
	l.level = flags.NewEnum(level, "debug", "info", "warn", "error", "never")
	l.format = flags.NewEnum("text", "text", "pretty", "json")
	set.Var(l.level, "log-level", "least level that is logged: "+l.level.Choices())
	set.Var(l.format, "log-format", "format of the log: text, pretty (the same) or json")
}

// logger makes the logger that the flags ask for.
func (l *logging) logger(w io.Writer) *slog.Logger {
	log := config.Log{Level: l.level.Value(), Format: l.format.Value()}
	return log.Logger(w)
}
