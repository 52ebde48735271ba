package activity

import (
	"fmt"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// retry ends the current attempt with a failure and arranges for the next one, if there
// may be one: then it returns IN_PROGRESS, else why not, and leaves the run as it was.
func (r *Run) retry(step *entity.Step, failure *failurepb.Failure) enumspb.RetryState {
	act := r.act()
	if r.state() == resetRequested {
		r.beginAnew(step, failure)
		return enumspb.RETRY_STATE_IN_PROGRESS
	}
	if state := attempt.Refusal(act, failure); state != enumspb.RETRY_STATE_IN_PROGRESS {
		return state
	}
	byWorker := failure.GetApplicationFailureInfo().GetNextRetryDelay().AsDuration() > 0
	asking := failure
	if !byWorker {
		asking = nil // a delay of 0 is none
	}
	rest, state := attempt.Next(act, asking, step.Now)
	if state != enumspb.RETRY_STATE_IN_PROGRESS {
		return state
	}
	r.endAttempt(step, failure)
	r.setRest(rest, byWorker)
	if !attempt.Paused(act) {
		attempt.Backoff(act, step.Now, rest)
	}
	return enumspb.RETRY_STATE_IN_PROGRESS
}

// endAttempt notes that the current attempt has failed. The next one is not planned yet.
func (r *Run) endAttempt(step *entity.Step, failure *failurepb.Failure) {
	r.undispatch(step)
	r.releaseFlow(step)
	attempt.NoteFailure(step, r.act(), failure)
	attempt.End(r.act(), step.Now, attempt.Retained(failure))
	r.act().RetryAt = nil
	r.touch()
}

// beginAnew carries out the reset that has waited for the end of the attempt, which has
// failed. The rest before the next attempt falls away.
func (r *Run) beginAnew(step *entity.Step, failure *failurepb.Failure) {
	act := r.act()
	r.endAttempt(step, failure)
	if r.rec.RestoreOptions {
		r.restoreOptions()
	}
	if act.Control.ResetHeartbeat {
		r.forgetHeartbeat()
	}
	act.Attempt = 1
	r.setRest(0, false)
	r.control(func(control *records.ActivityControl) { control.WasReset, control.ResetHeartbeat = false, false })
	if !attempt.Paused(act) {
		r.plan(step, r.afterDelay(step.Now))
	}
}

func (r *Run) forgetHeartbeat() {
	r.act().HeartbeatDetails, r.act().HeartbeatTime = nil, nil
	r.touch()
}

// timeOut ends an attempt that has taken too long, or the whole run if there may not be
// another one.
func (r *Run) timeOut(step *entity.Step, kind enumspb.TimeoutType) {
	act := r.act()
	failure := attempt.TimeoutFailure(fmt.Sprintf("activity %v timeout", kind), kind)
	failure.Source = ""
	before := act.LastFailure
	retryState := enumspb.RETRY_STATE_TIMEOUT
	ofAttempt := kind == enumspb.TIMEOUT_TYPE_START_TO_CLOSE || kind == enumspb.TIMEOUT_TYPE_HEARTBEAT
	switch {
	case ofAttempt:
		if retryState = r.retry(step, failure); retryState == enumspb.RETRY_STATE_IN_PROGRESS {
			return
		}
	case r.state() == cancelRequested:
		retryState = enumspb.RETRY_STATE_CANCEL_REQUESTED
	}
	about := func(f *failurepb.Failure) *failurepb.Failure {
		f.GetTimeoutFailureInfo().LastHeartbeatDetails = act.HeartbeatDetails
		f.Cause = before
		return f
	}
	failure = about(failure)
	if ofAttempt {
		act.LastFailure = failure
		act.LastAttemptCompleteTime = timestamppb.New(step.Now)
		if retryState == enumspb.RETRY_STATE_TIMEOUT {
			// What keeps the run from another attempt is the time left for the whole of it.
			failure = attempt.TimeoutFailure(attempt.NoTimeForRetry, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
			failure.Source = ""
			failure = about(failure)
		}
	}
	r.close(step, enumspb.ACTIVITY_EXECUTION_STATUS_TIMED_OUT, refusal(failure, retryState))
}

// attemptOver notes that the worker has ended the last attempt.
func (r *Run) attemptOver(step *entity.Step, identity string) {
	r.act().LastAttemptCompleteTime = timestamppb.New(step.Now)
	r.act().LastWorkerIdentity = identity
}

// closeCanceled closes the run as cancelled, as somebody has asked for.
func (r *Run) closeCanceled(step *entity.Step, details *commonpb.Payloads) {
	r.close(step, enumspb.ACTIVITY_EXECUTION_STATUS_CANCELED, refusal(&failurepb.Failure{
		Message: "Activity canceled",
		FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{
			Details: details, Identity: r.rec.CancelIdentity,
		}},
	}, enumspb.RETRY_STATE_UNSPECIFIED))
}

// ends are what has happened when a run ends with a status.
var ends = map[enumspb.ActivityExecutionStatus]entity.OccurrenceKind{
	enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED:  entity.ActivityCompleted,
	enumspb.ACTIVITY_EXECUTION_STATUS_FAILED:     entity.ActivityFailed,
	enumspb.ACTIVITY_EXECUTION_STATUS_CANCELED:   entity.ActivityCanceled,
	enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED: entity.ActivityTerminated,
	enumspb.ACTIVITY_EXECUTION_STATUS_TIMED_OUT:  entity.ActivityTimedOut,
}

// close ends the run.
func (r *Run) close(step *entity.Step, status enumspb.ActivityExecutionStatus, outcome *activitypb.ActivityExecutionOutcome) {
	act := r.act()
	attempt.NoteEnd(step, act, ends[status], outcome.GetFailure())
	r.undispatch(step)
	r.releaseFlow(step)
	r.rec.Status, r.rec.CloseTime = status, timestamppb.New(step.Now)
	r.outcome = outcome
	act.StartedTime, act.StartedIdentity, act.StartedRequestId = nil, "", ""
	act.RetryAt, act.Control = nil, nil
	r.rec.RestoreOptions = false
	if !r.requestChanged {
		r.request = nil
	}
	r.touch()
	r.chain.lazy = false
	r.deliverCallbacks(step)
	r.chain.ExpireLater(step, r)
}

func success(result *commonpb.Payloads) *activitypb.ActivityExecutionOutcome {
	if result == nil {
		result = new(commonpb.Payloads)
	}
	return &activitypb.ActivityExecutionOutcome{Value: &activitypb.ActivityExecutionOutcome_Result{Result: result}}
}

func refusal(failure *failurepb.Failure, state enumspb.RetryState) *activitypb.ActivityExecutionOutcome {
	return &activitypb.ActivityExecutionOutcome{Value: &activitypb.ActivityExecutionOutcome_Failure{Failure: failure}, RetryState: state}
}
