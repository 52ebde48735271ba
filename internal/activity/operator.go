package activity

import (
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// What operators do to runs: pause and unpause them, begin them anew, and change their
// options (options.go). A request that has been carried out is remembered until the next
// of its kind: repeated, it does nothing.

// Pause pauses the run: it is not given to workers. An attempt that is running goes on;
// its worker is told with its next heartbeat. It fails with NotFound, and with
// FailedPrecondition in states in which there is no use in it.
func (c *Chain) Pause(step *entity.Step, req *workflowservice.PauseActivityExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
	if err != nil {
		return err
	}
	if repeated(req.GetRequestId(), r.rec.PauseRequestId) {
		return nil
	}
	at := r.state()
	if at != scheduled && at != started {
		return serviceerror.NewFailedPreconditionf("activity is in non-pausable state %v", at)
	}
	r.rec.PauseRequestId = req.GetRequestId()
	r.control(func(control *records.ActivityControl) {
		control.Paused, control.PauseTime = true, timestamppb.New(step.Now)
		control.PauseIdentity, control.PauseReason = req.GetIdentity(), req.GetReason()
	})
	if at == scheduled {
		r.unplan(step)
	}
	return nil
}

// repeated reports whether a request is the last one of its kind again.
func repeated(id, last string) bool { return id != "" && id == last }

// Unpause ends a pause: the next attempt is made when its rest is over, or after the
// jitter. It fails with NotFound, and with FailedPrecondition if the run is not paused.
func (c *Chain) Unpause(step *entity.Step, req *workflowservice.UnpauseActivityExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
	if err != nil {
		return err
	}
	if repeated(req.GetRequestId(), r.rec.UnpauseRequestId) {
		return nil
	}
	at := r.state()
	switch {
	case r.closed():
		return r.errTerminal()
	case at != paused && at != pauseRequested:
		return serviceerror.NewFailedPreconditionf("activity is in non-unpausable state %v", at)
	}
	r.rec.UnpauseRequestId = req.GetRequestId()
	r.endPause()
	if at == paused {
		next := r.afterDelay(attempt.Jittered(step, req.GetJitter()))
		if rested := r.restOver(); rested.After(next) {
			next = rested
		}
		r.plan(step, next)
	}
	return nil
}

// endPause takes the mark of the pause away; the caller sees to the next attempt.
func (r *Run) endPause() {
	r.control(func(control *records.ActivityControl) {
		control.Paused, control.PauseTime, control.PauseIdentity, control.PauseReason = false, nil, "", ""
	})
}

// Reset makes the next attempt one that counts as the first. One that is running goes on:
// its worker is told with its next heartbeat, and if the attempt fails, the reset comes
// into force. Else the next attempt is made at once. It fails with NotFound, and with
// FailedPrecondition in states in which there is no use in it.
func (c *Chain) Reset(step *entity.Step, req *workflowservice.ResetActivityExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
	if err != nil {
		return err
	}
	if repeated(req.GetRequestId(), r.rec.ResetRequestId) {
		return nil
	}
	at := r.state()
	switch {
	case r.closed():
		return serviceerror.NewFailedPrecondition("activity execution is not running")
	case at == cancelRequested:
		return serviceerror.NewFailedPrecondition("cannot reset an activity with a pending cancellation")
	case at == resetRequested:
		return serviceerror.NewFailedPrecondition("cannot reset an activity with a pending reset")
	}
	r.rec.ResetRequestId = req.GetRequestId()
	if attempt.Paused(r.act()) && !req.GetKeepPaused() {
		r.endPause()
	}
	if r.started() {
		r.rec.RestoreOptions = req.GetRestoreOriginalOptions()
		r.control(func(control *records.ActivityControl) {
			control.WasReset, control.ResetHeartbeat = true, req.GetResetHeartbeat()
		})
		return nil
	}
	r.undispatch(step) // from the queue it is on
	if req.GetRestoreOriginalOptions() {
		r.restoreOptions()
	}
	if req.GetResetHeartbeat() {
		r.forgetHeartbeat()
	}
	r.act().Attempt = 1
	r.setRest(0, false)
	if attempt.Paused(r.act()) {
		r.unplan(step)
	} else {
		r.plan(step, r.afterDelay(attempt.Jittered(step, req.GetJitter())))
	}
	return nil
}
