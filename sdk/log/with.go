package log

import "slices"

// With returns a logger that adds keyvals to every message, by the logger's own
// With if it implements [WithLogger].
func With(logger Logger, keyvals ...any) Logger {
	if l, ok := logger.(WithLogger); ok {
		return l.With(keyvals...)
	}
	return &boundLogger{logger: Skip(logger, 1), keyvals: slices.Clone(keyvals)}
}

// Skip returns a logger that ignores depth more frames when it reports the calling
// line. A logger that does not implement [WithSkipCallers] is returned as it is.
func Skip(logger Logger, depth int) Logger {
	if l, ok := logger.(WithSkipCallers); ok {
		return l.WithCallerSkip(depth)
	}
	return logger
}

// boundLogger carries keys and values for a logger that cannot carry its own.
type boundLogger struct {
	logger  Logger
	keyvals []any
}

var (
	_ Logger          = (*boundLogger)(nil)
	_ WithLogger      = (*boundLogger)(nil)
	_ WithSkipCallers = (*boundLogger)(nil)
)

// all never appends in place: keyvals is shared by concurrent callers.
func (l *boundLogger) all(keyvals []any) []any {
	return slices.Concat(l.keyvals, keyvals)
}

func (l *boundLogger) Debug(msg string, keyvals ...any) { l.logger.Debug(msg, l.all(keyvals)...) }

func (l *boundLogger) Info(msg string, keyvals ...any) { l.logger.Info(msg, l.all(keyvals)...) }

func (l *boundLogger) Warn(msg string, keyvals ...any) { l.logger.Warn(msg, l.all(keyvals)...) }

func (l *boundLogger) Error(msg string, keyvals ...any) { l.logger.Error(msg, l.all(keyvals)...) }

func (l *boundLogger) With(keyvals ...any) Logger {
	return &boundLogger{logger: l.logger, keyvals: l.all(keyvals)}
}

func (l *boundLogger) WithCallerSkip(depth int) Logger {
	return &boundLogger{logger: Skip(l.logger, depth), keyvals: l.keyvals}
}
