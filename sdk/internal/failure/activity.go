package failure

import (
	"errors"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

// Errors that activities return, or that their heartbeats get, and that mean something
// to the SDK. Package activity exports them.
var (
	// ErrActivityResultPending is returned by an activity that someone else will
	// complete, later, through a client.
	ErrActivityResultPending = errors.New("not error: do not autocomplete, using Client.CompleteActivity() to complete")

	// ErrActivityPaused says that the activity was paused.
	ErrActivityPaused = errors.New("activity paused")

	// ErrActivityReset says that the activity was reset, to start over.
	ErrActivityReset = errors.New("activity reset")
)

// ActivityError is what a workflow gets when an activity fails. Its cause, which
// errors.As finds, is the activity's own error: an ApplicationError, TimeoutError,
// CanceledError or PanicError.
type ActivityError struct {
	carried
	scheduledEventID int64
	startedEventID   int64
	identity         string
	activityType     *commonpb.ActivityType
	activityID       string
	retryState       enumspb.RetryState
	cause            error
}

// NewActivityError returns an ActivityError.
func NewActivityError(
	scheduledEventID, startedEventID int64,
	identity string,
	activityType *commonpb.ActivityType,
	activityID string,
	retryState enumspb.RetryState,
	cause error,
) *ActivityError {
	return &ActivityError{
		scheduledEventID: scheduledEventID,
		startedEventID:   startedEventID,
		identity:         identity,
		activityType:     activityType,
		activityID:       activityID,
		retryState:       retryState,
		cause:            cause,
	}
}

// Error returns which activity failed, and the cause.
func (e *ActivityError) Error() string {
	msg := fmt.Sprintf("%s (type: %s, scheduledEventID: %d, startedEventID: %d, identity: %s)",
		e.message(), e.activityType.GetName(), e.scheduledEventID, e.startedEventID, e.identity)
	return withCause(msg, e.cause)
}

func (e *ActivityError) message() string { return "activity error" }

// ScheduledEventID returns the id of the event, in the workflow's history, with which the
// activity was asked for.
func (e *ActivityError) ScheduledEventID() int64 { return e.scheduledEventID }

// StartedEventID returns the id of the event that started the activity's last attempt.
func (e *ActivityError) StartedEventID() int64 { return e.startedEventID }

// Identity returns the identity of the worker that ran the activity's last attempt.
func (e *ActivityError) Identity() string { return e.identity }

// ActivityType returns the activity's type.
func (e *ActivityError) ActivityType() *commonpb.ActivityType { return e.activityType }

// ActivityID returns the activity's id.
func (e *ActivityError) ActivityID() string { return e.activityID }

// RetryState returns why the activity was not tried again.
func (e *ActivityError) RetryState() enumspb.RetryState { return e.retryState }

// Unwrap returns the activity's own error.
func (e *ActivityError) Unwrap() error { return e.cause }

// ActivityNotRegisteredError is the error of a worker that got a task for an activity
// it does not know.
type ActivityNotRegisteredError struct {
	activityType   string
	supportedTypes []string
}

// NewActivityNotRegisteredError returns an *ActivityNotRegisteredError.
func NewActivityNotRegisteredError(activityType string, supportedTypes []string) error {
	return &ActivityNotRegisteredError{activityType: activityType, supportedTypes: supportedTypes}
}

// Error returns the activity's type, and the types that are registered.
func (e *ActivityNotRegisteredError) Error() string {
	return fmt.Sprintf("unable to find activityType=%v. Supported types: [%v]",
		e.activityType, strings.Join(e.supportedTypes, ", "))
}
