package failure

// ServerError is an error of the server, such as a history that grew too large.
type ServerError struct {
	carried
	msg          string
	nonRetryable bool
	cause        error
}

// NewServerError returns a *ServerError.
func NewServerError(msg string, nonRetryable bool, cause error) error {
	return &ServerError{msg: msg, nonRetryable: nonRetryable, cause: cause}
}

// Error returns the message and the cause.
func (e *ServerError) Error() string { return withCause(e.msg, e.cause) }

func (e *ServerError) message() string { return e.msg }

// Message returns the message alone.
func (e *ServerError) Message() string { return e.msg }

// Unwrap returns the cause.
func (e *ServerError) Unwrap() error { return e.cause }

// TerminatedError says that a workflow was terminated.
type TerminatedError struct {
	carried
}

// NewTerminatedError returns a *TerminatedError.
func NewTerminatedError() *TerminatedError { return &TerminatedError{} }

// Error returns the word "terminated": the reason is in the history.
func (e *TerminatedError) Error() string { return "terminated" }
