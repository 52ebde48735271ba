package failure

import "errors"

var (
	// ErrScheduleAlreadyRunning says that there is a schedule with the id already.
	ErrScheduleAlreadyRunning = errors.New("schedule with this ID is already registered")

	// ErrSkipScheduleUpdate is for the function that updates a schedule to return if there
	// is nothing to change.
	ErrSkipScheduleUpdate = errors.New("skip schedule update")
)
