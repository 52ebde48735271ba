package failure

import (
	"fmt"
	"time"
)

// ApplicationErrorCategory says how the SDK itself treats an application error. It
// has no meaning to the server.
type ApplicationErrorCategory int

const (
	// ApplicationErrorCategoryUnspecified is an error like any other.
	ApplicationErrorCategoryUnspecified ApplicationErrorCategory = iota
	// ApplicationErrorCategoryBenign is an error that is part of normal operation: it
	// is logged at debug level and not counted as a failure.
	ApplicationErrorCategoryBenign
)

// PayloadValidationErrorType is the type of errors for payloads that are not valid.
const PayloadValidationErrorType = "PayloadValidationError"

// ApplicationErrorOptions are the options of NewApplicationErrorWithOptions. All are
// optional.
type ApplicationErrorOptions struct {
	// NonRetryable fails the activity or workflow whatever the retry policy says.
	NonRetryable bool
	// Cause is the error behind this one, as errors.Unwrap returns it.
	Cause error
	// Details are values for whoever handles the error, who gets them with
	// ApplicationError.Details.
	Details []any
	// NextRetryDelay is the wait before the next retry, in place of the one that the
	// retry policy gives. Zero leaves it to the policy.
	NextRetryDelay time.Duration
	// Category says how the SDK treats the error.
	Category ApplicationErrorCategory
}

// ApplicationError is an error of application code, as activities and workflows
// return it and as the code that called them gets it.
//
// Other errors become application errors on the way, with the name of their Go type
// as the type.
type ApplicationError struct {
	carried
	msg            string
	errType        string
	nonRetryable   bool
	cause          error
	details        details
	nextRetryDelay time.Duration
	category       ApplicationErrorCategory
}

// NewApplicationError returns an *ApplicationError.
func NewApplicationError(msg, errType string, options ApplicationErrorOptions) error {
	return &ApplicationError{
		msg:            msg,
		errType:        errType,
		nonRetryable:   options.NonRetryable,
		cause:          options.Cause,
		details:        newDetails(options.Details),
		nextRetryDelay: options.NextRetryDelay,
		category:       options.Category,
	}
}

// NewPayloadValidationError returns the *ApplicationError for a payload that is not
// valid; detail may be nil.
func NewPayloadValidationError(detail any) error {
	options := ApplicationErrorOptions{NonRetryable: true}
	if detail != nil {
		options.Details = []any{detail}
	}
	return NewApplicationError("Payload validation failed", PayloadValidationErrorType, options)
}

// Error returns the message, with the type, whether it is retryable, and the cause.
func (e *ApplicationError) Error() string {
	msg := e.msg
	if e.errType != "" {
		msg = fmt.Sprintf("%s (type: %s, retryable: %v)", msg, e.errType, !e.nonRetryable)
	}
	return withCause(msg, e.cause)
}

func (e *ApplicationError) message() string { return e.msg }

// Message returns the message alone.
func (e *ApplicationError) Message() string { return e.msg }

// Type returns the type that the error was given, or the name of the Go type of the
// error it was made from. Retry policies match it.
func (e *ApplicationError) Type() string { return e.errType }

// HasDetails tells whether the error carries values.
func (e *ApplicationError) HasDetails() bool { return e.details.has() }

// Details decodes the values that the error carries, in order, into what the pointers
// point to. It returns ErrNoData if there are none.
func (e *ApplicationError) Details(d ...any) error { return e.details.get(d) }

// NonRetryable tells whether the error ends all retries.
func (e *ApplicationError) NonRetryable() bool { return e.nonRetryable }

// NextRetryDelay returns the wait that the error asks for before the next retry. Zero
// leaves it to the retry policy.
func (e *ApplicationError) NextRetryDelay() time.Duration { return e.nextRetryDelay }

// Category returns how the SDK treats the error.
func (e *ApplicationError) Category() ApplicationErrorCategory { return e.category }

// Unwrap returns the cause.
func (e *ApplicationError) Unwrap() error { return e.cause }

// IsBenign tells whether err itself, not an error it wraps, is an application error of
// the benign category.
func IsBenign(err error) bool {
	app, ok := err.(*ApplicationError)
	return ok && app.category == ApplicationErrorCategoryBenign
}
