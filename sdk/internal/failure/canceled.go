package failure

import "errors"

import (
	"github.com/perdure/perdure/sdk/converter"
	commonpb "go.temporal.io/api/common/v1"
)

// CanceledErrorOptions are the options of NewCanceledErrorWithOptions. All are
// optional.
type CanceledErrorOptions struct {
	// Message is the error's message. The default is "canceled".
	Message string
	// Details are values for whoever handles the error.
	Details []any
	// Cause is the error behind this one.
	Cause error
}

// CanceledError says that a workflow, an activity or an operation was canceled.
type CanceledError struct {
	carried
	msg     string
	details details
	cause   error
}

// NewCanceledError returns a *CanceledError.
func NewCanceledError(options CanceledErrorOptions) error {
	if options.Message == "" {
		options.Message = "canceled"
	}
	return &CanceledError{msg: options.Message, details: newDetails(options.Details), cause: options.Cause}
}

// Error returns the message.
func (e *CanceledError) Error() string { return e.msg }

func (e *CanceledError) message() string { return e.msg }

// HasDetails tells whether the error carries values.
func (e *CanceledError) HasDetails() bool { return e.details.has() }

// Details decodes the values that the error carries, in order, into what the pointers
// point to. It returns ErrNoData if there are none.
func (e *CanceledError) Details(d ...any) error { return e.details.get(d) }

// Unwrap returns the cause.
func (e *CanceledError) Unwrap() error { return e.cause }

// CanceledDetails returns the values that err, a *CanceledError, carries as payloads:
// those that were decoded from payloads as they came, others encoded by dc.
func CanceledDetails(err *CanceledError, dc converter.DataConverter) (*commonpb.Payloads, error) {
	return err.details.encode(dc)
}

// IsCanceledError tells whether err is, or wraps, a *CanceledError.
func IsCanceledError(err error) bool {
	var canceled *CanceledError
	return errors.As(err, &canceled)
}
