package flow

import "github.com/perdure/perdure/sdk/internal/encoded"

// HasLastCompletionResult says whether an earlier run of a cron or scheduled
// workflow left a result.
func HasLastCompletionResult(ctx Context) bool { return calls(ctx).HasLastCompletionResult(ctx) }

func (o outbound) HasLastCompletionResult(Context) bool {
	return o.run.info.lastCompletionResult != nil
}

// GetLastCompletionResult decodes the result of the last run of a cron or
// scheduled workflow that completed.
func GetLastCompletionResult(ctx Context, d ...any) error {
	return calls(ctx).GetLastCompletionResult(ctx, d...)
}

func (o outbound) GetLastCompletionResult(ctx Context, d ...any) error {
	return encoded.NewValues(o.run.info.lastCompletionResult, dataConverterOf(ctx)).Get(d...)
}

// GetLastError is the error that the previous run ended with, or nil.
func GetLastError(ctx Context) error { return calls(ctx).GetLastError(ctx) }

func (o outbound) GetLastError(Context) error {
	return o.run.failures.FailureToError(o.run.info.lastFailure)
}
