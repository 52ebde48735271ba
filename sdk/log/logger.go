// Package log defines the logging interface through which the SDK writes, and
// through which workflow and activity code should write.
//
// A [Logger] takes a message and alternating keys and values. Adapt an existing
// [log/slog] logger with [NewStructuredLogger]; adapt any other by implementing
// the four methods of Logger and, where the library can do it cheaply, the
// optional [WithLogger] and [WithSkipCallers].
package log

// Logger is the destination of everything the SDK logs.
//
// keyvals alternate between keys, which are strings, and values. Methods must be
// safe for concurrent use, and should not retain keyvals after returning.
type Logger interface {
	// Debug is for what helps to find a fault.
	Debug(msg string, keyvals ...any)
	// Info is for what is worth knowing when all is well.
	Info(msg string, keyvals ...any)
	// Warn is for what goes on in spite of something wrong.
	Warn(msg string, keyvals ...any)
	// Error is for what did not work.
	Error(msg string, keyvals ...any)
}

// WithLogger is implemented by loggers that can bind keys and values once, rather
// than have them repeated with every message.
type WithLogger interface {
	// With returns a logger that adds keyvals to every message.
	With(keyvals ...any) Logger
}

// WithSkipCallers is implemented by loggers that report the source line of the
// call. The SDK wraps user loggers; it uses this to keep the reported line that of
// the code that logged.
type WithSkipCallers interface {
	// WithCallerSkip returns a logger that ignores depth more frames when it looks
	// for the calling line.
	WithCallerSkip(depth int) Logger
}
