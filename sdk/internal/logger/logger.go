// Package logger holds the loggers the SDK falls back on.
package logger

import (
	"fmt"
	stdlog "log"
	"os"
	"strings"

	"github.com/perdure/perdure/sdk/log"
)

// Default is the logger of a client that was given none: one line per message on
// standard output, by the standard library's log package.
type Default struct {
	out   *stdlog.Logger
	bound string // the keys and values of With, formatted once
}

var (
	_ log.Logger     = (*Default)(nil)
	_ log.WithLogger = (*Default)(nil)
)

// NewDefault returns a logger that writes to standard output.
func NewDefault() *Default {
	return &Default{out: stdlog.New(os.Stdout, "", stdlog.LstdFlags)}
}

func (l *Default) Debug(msg string, keyvals ...any) { l.write("DEBUG", msg, keyvals) }

func (l *Default) Info(msg string, keyvals ...any) { l.write("INFO ", msg, keyvals) }

func (l *Default) Warn(msg string, keyvals ...any) { l.write("WARN ", msg, keyvals) }

func (l *Default) Error(msg string, keyvals ...any) { l.write("ERROR", msg, keyvals) }

func (l *Default) write(level, msg string, keyvals []any) {
	line := make([]any, 0, 3+len(keyvals))
	line = append(line, level, msg)
	if l.bound != "" {
		line = append(line, l.bound)
	}
	l.out.Println(append(line, keyvals...)...)
}

// With returns a logger that writes keyvals after every message.
func (l *Default) With(keyvals ...any) log.Logger {
	bound := strings.TrimSuffix(fmt.Sprintln(keyvals...), "\n")
	if l.bound != "" {
		bound = l.bound + " " + bound
	}
	return &Default{out: l.out, bound: bound}
}

// Discard is a logger that drops everything.
type Discard struct{}

var (
	_ log.Logger     = Discard{}
	_ log.WithLogger = Discard{}
)

func (Discard) Debug(string, ...any) {}

func (Discard) Info(string, ...any) {}

func (Discard) Warn(string, ...any) {}

func (Discard) Error(string, ...any) {}

// With returns the logger itself: there is nothing to add to.
func (d Discard) With(...any) log.Logger { return d }
