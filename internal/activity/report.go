package activity

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// CompleteActivity closes the run with its result. By ids, one that is not started can
// be completed, too. A result that is too large to be stored fails the run instead.
func (c *Chain) CompleteActivity(step *entity.Step, ref attempt.Ref, result *commonpb.Payloads, identity string) error {
	if c.tooLarge(result) {
		return c.failActivity(step, ref, attempt.ServerFailure(attempt.ResultTooLarge, true), nil, identity)
	}
	r, err := c.reported(step, ref, ref.Token == nil)
	if err != nil {
		return err
	}
	r.restoreStart(step, ref, identity)
	if !r.started() {
		attempt.Start(r.act(), step.Now, identity, "")
		r.rec.LastStartedTime = r.act().StartedTime
	}
	r.attemptOver(step, identity)
	r.close(step, enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED, success(result))
	return nil
}

// FailActivity ends the current attempt with a failure: there is another one if the retry
// policy allows, else the run is closed. lastHeartbeat, if not nil, are heartbeat details
// that the worker has not sent yet. The failures it returns say what of the request was
// too large and has been cut.
func (c *Chain) FailActivity(
	step *entity.Step, ref attempt.Ref, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string,
) ([]*failurepb.Failure, error) {
	failure, lastHeartbeat, cut := attempt.LimitReport(failure, lastHeartbeat, c.limits().Blob)
	return cut, c.failActivity(step, ref, failure, lastHeartbeat, identity)
}

func (c *Chain) failActivity(
	step *entity.Step, ref attempt.Ref, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string,
) error {
	r, err := c.reported(step, ref, false)
	if err != nil {
		return err
	}
	r.restoreStart(step, ref, identity)
	if lastHeartbeat != nil {
		r.recordHeartbeat(step, lastHeartbeat)
	}
	retryState := r.retry(step, failure)
	if retryState == enumspb.RETRY_STATE_IN_PROGRESS {
		return nil
	}
	if failure == nil {
		// Without one, clients could not tell the outcome from none.
		failure = &failurepb.Failure{Message: "activity task failed without failure details"}
	}
	r.attemptOver(step, identity)
	r.act().LastFailure = nil // it is that of the outcome
	r.close(step, enumspb.ACTIVITY_EXECUTION_STATUS_FAILED, refusal(failure, retryState))
	return nil
}

// CancelActivity closes a run whose worker has followed a request to cancel. It is
// InvalidArgument if there was no such request.
func (c *Chain) CancelActivity(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) error {
	if c.tooLarge(details) {
		return c.failActivity(step, ref, attempt.ServerFailure(attempt.CancelDetailsTooLarge, true), nil, identity)
	}
	r, err := c.reported(step, ref, false)
	if err != nil {
		return err
	}
	if !r.act().CancelRequested {
		return serviceerror.NewInvalidArgument("unable to mark activity as canceled without activity being request canceled first")
	}
	r.restoreStart(step, ref, identity)
	r.closeCanceled(step, details)
	return nil
}

// Heartbeat records that the attempt is alive and how far it has come, and tells whether
// it should go on. A power cut may lose it. Details that are too large to be stored fail
// the run.
func (c *Chain) Heartbeat(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) (attempt.HeartbeatAnswer, error) {
	if c.tooLarge(details) {
		return attempt.HeartbeatAnswer{CancelRequested: true},
			c.failActivity(step, ref, attempt.ServerFailure(attempt.HeartbeatTooLarge, true), nil, identity)
	}
	r, err := c.reported(step, ref, false)
	if err != nil {
		return attempt.HeartbeatAnswer{}, err
	}
	r.restoreStart(step, ref, identity)
	r.recordHeartbeat(step, details)
	c.lazy = true
	at := r.state()
	return attempt.HeartbeatAnswer{CancelRequested: at == cancelRequested, Paused: at == pauseRequested, Reset: at == resetRequested}, nil
}

func (r *Run) recordHeartbeat(step *entity.Step, details *commonpb.Payloads) {
	attempt.Heartbeat(r.act(), step.Now, details, "")
	r.rec.Heartbeats++
	r.touch()
}

func (c *Chain) tooLarge(p *commonpb.Payloads) bool {
	return p != nil && proto.Size(p) > c.limits().Blob
}
