package activity

import (
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/attempt"
)

// state is where a run is in its life, under the names that the Temporal server has for
// it, which are part of the texts of errors.
type state string

const (
	scheduled       state = "Scheduled"
	started         state = "Started"
	paused          state = "Paused"
	cancelRequested state = "CancelRequested"
	pauseRequested  state = "PauseRequested"
	resetRequested  state = "ResetRequested"
)

// state is the state of the run; of a closed one, the name of its status.
func (r *Run) state() state {
	act := r.act()
	switch {
	case r.closed():
		return state(r.rec.Status.String())
	case act.StartedTime == nil && attempt.Paused(act):
		return paused
	case act.StartedTime == nil:
		return scheduled
	case act.CancelRequested:
		return cancelRequested
	case act.GetControl().GetWasReset():
		return resetRequested
	case attempt.Paused(act):
		return pauseRequested
	}
	return started
}

// status is the status of the run as clients see it.
func (r *Run) status() enumspb.ActivityExecutionStatus {
	if r.state() == paused {
		return enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED
	}
	return r.rec.Status
}

// pendingState is the state of a running run as clients see it.
func (r *Run) pendingState() enumspb.PendingActivityState {
	switch r.state() {
	case scheduled:
		return enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
	case started:
		return enumspb.PENDING_ACTIVITY_STATE_STARTED
	case paused:
		return enumspb.PENDING_ACTIVITY_STATE_PAUSED
	case cancelRequested:
		return enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	case pauseRequested:
		return enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
	case resetRequested:
		if attempt.Paused(r.act()) {
			return enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
		}
		return enumspb.PENDING_ACTIVITY_STATE_STARTED
	}
	return enumspb.PENDING_ACTIVITY_STATE_UNSPECIFIED
}
