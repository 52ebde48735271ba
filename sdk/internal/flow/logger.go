package flow

import (
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// GetLogger is a logger that names the workflow, and is silent in replay.
func GetLogger(ctx Context) log.Logger { return calls(ctx).GetLogger(ctx) }

func (o outbound) GetLogger(ctx Context) log.Logger {
	if info := updateInfoOf(ctx); info != nil {
		return log.With(o.run.log(), logtag.UpdateID, info.ID, logtag.UpdateName, info.Name)
	}
	return o.run.log()
}

// log is the workflow's logger. Most workflows never ask for it.
func (r *run) log() log.Logger {
	if r.ownLogger == nil {
		r.ownLogger = &replayLogger{run: r, logger: log.Skip(log.With(r.options.Logger,
			logtag.WorkflowType, r.info.WorkflowType.Name,
			logtag.WorkflowID, r.info.WorkflowExecution.ID,
			logtag.RunID, r.info.WorkflowExecution.RunID,
			logtag.Attempt, r.info.Attempt,
		), 1)}
	}
	return r.ownLogger
}

// replayLogger writes what is new.
type replayLogger struct {
	run    *run
	logger log.Logger
}

var (
	_ log.WithLogger      = (*replayLogger)(nil)
	_ log.WithSkipCallers = (*replayLogger)(nil)
)

func (l *replayLogger) silent() bool {
	return l.run.machine.Replaying() && !l.run.options.EnableLoggingInReplay
}

func (l *replayLogger) Debug(msg string, keyvals ...any) {
	if !l.silent() {
		l.logger.Debug(msg, keyvals...)
	}
}

func (l *replayLogger) Info(msg string, keyvals ...any) {
	if !l.silent() {
		l.logger.Info(msg, keyvals...)
	}
}

func (l *replayLogger) Warn(msg string, keyvals ...any) {
	if !l.silent() {
		l.logger.Warn(msg, keyvals...)
	}
}

func (l *replayLogger) Error(msg string, keyvals ...any) {
	if !l.silent() {
		l.logger.Error(msg, keyvals...)
	}
}

func (l *replayLogger) With(keyvals ...any) log.Logger {
	return &replayLogger{run: l.run, logger: log.With(l.logger, keyvals...)}
}

func (l *replayLogger) WithCallerSkip(depth int) log.Logger {
	return &replayLogger{run: l.run, logger: log.Skip(l.logger, depth)}
}
