package log

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// slogFrames is how many frames runtime.Callers must skip to land on the code that
// called Debug, Info, Warn or Error: itself, slogLogger.log and the level method.
const slogFrames = 3

type slogLogger struct {
	logger *slog.Logger
	skip   int
}

var (
	_ Logger          = (*slogLogger)(nil)
	_ WithLogger      = (*slogLogger)(nil)
	_ WithSkipCallers = (*slogLogger)(nil)
)

// NewStructuredLogger returns a [Logger] that writes to logger. The source line in
// the records is that of the code that logged, not of the SDK.
func NewStructuredLogger(logger *slog.Logger) Logger {
	return &slogLogger{logger: logger, skip: slogFrames}
}

func (s *slogLogger) Debug(msg string, keyvals ...any) { s.log(slog.LevelDebug, msg, keyvals) }

func (s *slogLogger) Info(msg string, keyvals ...any) { s.log(slog.LevelInfo, msg, keyvals) }

func (s *slogLogger) Warn(msg string, keyvals ...any) { s.log(slog.LevelWarn, msg, keyvals) }

func (s *slogLogger) Error(msg string, keyvals ...any) { s.log(slog.LevelError, msg, keyvals) }

// log builds the record itself because slog.Logger's own methods would report the
// line above as the source.
func (s *slogLogger) log(level slog.Level, msg string, keyvals []any) {
	ctx := context.Background()
	if !s.logger.Enabled(ctx, level) {
		return
	}
	var pc [1]uintptr
	runtime.Callers(s.skip, pc[:])
	record := slog.NewRecord(time.Now(), level, msg, pc[0])
	record.Add(keyvals...)
	// A logger has nowhere to report that logging failed.
	_ = s.logger.Handler().Handle(ctx, record)
}

func (s *slogLogger) With(keyvals ...any) Logger {
	return &slogLogger{logger: s.logger.With(keyvals...), skip: s.skip}
}

func (s *slogLogger) WithCallerSkip(depth int) Logger {
	return &slogLogger{logger: s.logger, skip: s.skip + depth}
}
