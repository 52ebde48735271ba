package failure

import (
	"errors"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
)

// IsRetryable tells whether a retry policy whose non-retryable types are given tries
// again after err. The SDK decides this for local activities; for all else the server
// does.
func IsRetryable(err error, nonRetryableTypes []string) bool {
	if err == nil {
		return false
	}
	var terminated *TerminatedError
	var canceled *CanceledError
	var workflowPanic *WorkflowPanicError
	if errors.As(err, &terminated) || errors.As(err, &canceled) || errors.As(err, &workflowPanic) {
		return false
	}
	var timeout *TimeoutError
	if errors.As(err, &timeout) {
		return timeout.timeoutType == enumspb.TIMEOUT_TYPE_START_TO_CLOSE || timeout.timeoutType == enumspb.TIMEOUT_TYPE_HEARTBEAT
	}
	var app *ApplicationError
	if errors.As(err, &app) {
		return !app.nonRetryable && !slices.Contains(nonRetryableTypes, app.errType)
	}
	return !slices.Contains(nonRetryableTypes, TypeOf(err))
}
