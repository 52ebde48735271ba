package temporal

import (
	"errors"

	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

type (
	// ApplicationError is an error of application code, as activities and workflows
	// return it and as the code that called them gets it. Make one with
	// [NewApplicationError] or one of its siblings.
	ApplicationError = failure.ApplicationError

	// ApplicationErrorOptions are the options of [NewApplicationErrorWithOptions].
	ApplicationErrorOptions = failure.ApplicationErrorOptions

	// ApplicationErrorCategory says how the SDK treats an application error when it
	// logs and counts it. It has no effect on the server.
	ApplicationErrorCategory = failure.ApplicationErrorCategory

	// CanceledError says that a workflow, an activity or an operation was canceled.
	CanceledError = failure.CanceledError

	// CanceledErrorOptions are the options of [NewCanceledErrorWithOptions].
	CanceledErrorOptions = failure.CanceledErrorOptions

	// ActivityError is what a workflow gets when an activity fails. Unwrap it for the
	// activity's own error.
	ActivityError = failure.ActivityError

	// ServerError is an error of the server, such as a history that grew too large.
	ServerError = failure.ServerError

	// ChildWorkflowExecutionError is what a workflow gets when a child workflow fails.
	// Unwrap it for the child's own error.
	ChildWorkflowExecutionError = failure.ChildWorkflowExecutionError

	// ChildWorkflowExecutionAlreadyStartedError is the cause of a
	// [*ChildWorkflowExecutionError] when the child's workflow id is taken.
	ChildWorkflowExecutionAlreadyStartedError = failure.ChildWorkflowExecutionAlreadyStartedError

	// NexusOperationError is what a workflow gets when a Nexus operation fails. Unwrap
	// it for the operation's own error.
	NexusOperationError = failure.NexusOperationError

	// NamespaceNotFoundError is the cause of an error when the namespace of a child
	// workflow or of an external workflow does not exist.
	NamespaceNotFoundError = failure.NamespaceNotFoundError

	// InvalidVersioningOverrideError is the cause of a [*ChildWorkflowExecutionError] when
	// the server did not accept the child's versioning override.
	InvalidVersioningOverrideError = failure.InvalidVersioningOverrideError

	// WorkflowExecutionError is what a client gets when a workflow fails. Unwrap it for
	// the workflow's own error.
	WorkflowExecutionError = failure.WorkflowExecutionError

	// TimeoutError says that an activity or a workflow ran out of time.
	TimeoutError = failure.TimeoutError

	// TerminatedError says that a workflow was terminated.
	TerminatedError = failure.TerminatedError

	// PanicError is a panic in an activity or in a workflow.
	PanicError = failure.PanicError

	// UnknownExternalWorkflowExecutionError says that the workflow to be signaled or
	// canceled does not exist.
	UnknownExternalWorkflowExecutionError = failure.UnknownExternalWorkflowExecutionError

	// QueryRejectedError says that a query was rejected because of the workflow's state.
	// Interceptors see it; QueryWorkflowWithOptions makes it part of its response.
	QueryRejectedError = failure.QueryRejectedError
)

// Categories of application errors.
const (
	// ApplicationErrorCategoryUnspecified is an error like any other.
	ApplicationErrorCategoryUnspecified = failure.ApplicationErrorCategoryUnspecified
	// ApplicationErrorCategoryBenign is an error that is part of normal operation: it
	// is logged at debug level and not counted as a failure.
	ApplicationErrorCategoryBenign = failure.ApplicationErrorCategoryBenign
)

// ErrNoData is returned when a value, the details of an error for instance, is asked
// for where there is none.
var ErrNoData = encoded.ErrNoData

// NewApplicationError returns an [*ApplicationError] that is retried, unless the retry
// policy lists errType. details are values for whoever handles the error.
func NewApplicationError(message, errType string, details ...any) error {
	return failure.NewApplicationError(message, errType, ApplicationErrorOptions{Details: details})
}

// NewApplicationErrorWithCause is [NewApplicationError] with the error behind it, which
// may be nil.
func NewApplicationErrorWithCause(message, errType string, cause error, details ...any) error {
	return failure.NewApplicationError(message, errType, ApplicationErrorOptions{Cause: cause, Details: details})
}

// NewNonRetryableApplicationError returns an [*ApplicationError] that is not retried,
// whatever the retry policy says. cause may be nil.
func NewNonRetryableApplicationError(message, errType string, cause error, details ...any) error {
	return failure.NewApplicationError(message, errType, ApplicationErrorOptions{NonRetryable: true, Cause: cause, Details: details})
}

// NewApplicationErrorWithOptions returns an [*ApplicationError] with all there is to
// choose.
func NewApplicationErrorWithOptions(msg, errType string, options ApplicationErrorOptions) error {
	return failure.NewApplicationError(msg, errType, options)
}

// NewPayloadValidationError returns the non-retryable [*ApplicationError], of type
// "PayloadValidationError", with which a data converter or codec rejects a payload for
// good. details is its only detail, or nil.
func NewPayloadValidationError(details any) error {
	return failure.NewPayloadValidationError(details)
}

// NewCanceledError returns a [*CanceledError]. An activity returns it to say that it
// stopped because it was asked to; details are values for its workflow.
func NewCanceledError(details ...any) error {
	return failure.NewCanceledError(CanceledErrorOptions{Details: details})
}

// NewCanceledErrorWithOptions returns a [*CanceledError] with all there is to choose.
func NewCanceledErrorWithOptions(options CanceledErrorOptions) error {
	return failure.NewCanceledError(options)
}

// NewTimeoutError returns a [*TimeoutError]. Only tests need it, to let a mocked
// activity or workflow time out.
func NewTimeoutError(timeoutType enumspb.TimeoutType, lastErr error, details ...any) error {
	return failure.NewTimeoutError("Test timeout", timeoutType, lastErr, details...)
}

// NewHeartbeatTimeoutError returns the [*TimeoutError] of an activity that stopped
// reporting; details is what it last reported. Only tests need it.
func NewHeartbeatTimeoutError(details ...any) error {
	return failure.NewHeartbeatTimeoutError(details...)
}

// IsApplicationError tells whether err is, or wraps, an [*ApplicationError].
func IsApplicationError(err error) bool { return is[*ApplicationError](err) }

// IsWorkflowExecutionAlreadyStartedError tells whether err says that a workflow could
// not be started because its id is taken: the client's, or a child workflow's.
func IsWorkflowExecutionAlreadyStartedError(err error) bool {
	return is[*serviceerror.WorkflowExecutionAlreadyStarted](err) || is[*ChildWorkflowExecutionAlreadyStartedError](err)
}

// IsCanceledError tells whether err is, or wraps, a [*CanceledError].
func IsCanceledError(err error) bool { return failure.IsCanceledError(err) }

// IsTimeoutError tells whether err is, or wraps, a [*TimeoutError].
func IsTimeoutError(err error) bool { return is[*TimeoutError](err) }

// IsTerminatedError tells whether err is, or wraps, a [*TerminatedError].
func IsTerminatedError(err error) bool { return is[*TerminatedError](err) }

// IsPanicError tells whether err is, or wraps, a [*PanicError].
func IsPanicError(err error) bool { return is[*PanicError](err) }

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

var (
	// ErrScheduleAlreadyRunning is what creating a schedule fails with if there is one with
	// the id.
	ErrScheduleAlreadyRunning = failure.ErrScheduleAlreadyRunning

	// ErrSkipScheduleUpdate is for the function that updates a schedule to return if there
	// is nothing to change.
	ErrSkipScheduleUpdate = failure.ErrSkipScheduleUpdate
)
