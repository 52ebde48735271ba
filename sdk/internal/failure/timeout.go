package failure

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
)

// TimeoutError says that an activity or a child workflow ran out of time.
type TimeoutError struct {
	carried
	msg         string
	timeoutType enumspb.TimeoutType
	heartbeat   details
	cause       error
}

// NewTimeoutError returns a *TimeoutError. heartbeat is what the activity last
// reported.
func NewTimeoutError(msg string, timeoutType enumspb.TimeoutType, cause error, heartbeat ...any) error {
	return &TimeoutError{msg: msg, timeoutType: timeoutType, cause: cause, heartbeat: newDetails(heartbeat)}
}

// NewHeartbeatTimeoutError returns the *TimeoutError of an activity that stopped
// reporting.
func NewHeartbeatTimeoutError(heartbeat ...any) error {
	return NewTimeoutError("heartbeat timeout", enumspb.TIMEOUT_TYPE_HEARTBEAT, nil, heartbeat...)
}

// Error returns the message, the type of timeout and the cause.
func (e *TimeoutError) Error() string {
	return withCause(fmt.Sprintf("%s (type: %s)", e.msg, e.timeoutType), e.cause)
}

func (e *TimeoutError) message() string { return e.msg }

// Message returns the message alone.
func (e *TimeoutError) Message() string { return e.msg }

// TimeoutType returns which timeout ran out: start to close, for instance.
func (e *TimeoutError) TimeoutType() enumspb.TimeoutType { return e.timeoutType }

// HasLastHeartbeatDetails tells whether the activity had reported values with a
// heartbeat.
func (e *TimeoutError) HasLastHeartbeatDetails() bool { return e.heartbeat.has() }

// LastHeartbeatDetails decodes the values of the last heartbeat, in order, into what
// the pointers point to. It returns ErrNoData if there are none.
func (e *TimeoutError) LastHeartbeatDetails(d ...any) error { return e.heartbeat.get(d) }

// Unwrap returns the cause: for a timeout after retries, the last attempt's error.
func (e *TimeoutError) Unwrap() error { return e.cause }
