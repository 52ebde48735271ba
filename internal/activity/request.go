package activity

import (
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// RequestCancel asks for the run to be cancelled: at once if no worker has it, else its
// worker is told with its next heartbeat. A pause or a reset that waits for the end of the
// attempt falls away. It fails with NotFound, and with FailedPrecondition if the run is
// closed or another request has asked already.
func (c *Chain) RequestCancel(step *entity.Step, req *workflowservice.RequestCancelActivityExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
	switch {
	case err != nil:
		return err
	case r.rec.CancelRequestId == req.GetRequestId() && req.GetRequestId() != "":
		return nil
	case r.closed():
		return r.errTerminal()
	case r.state() == cancelRequested:
		return serviceerror.NewFailedPreconditionf("cancellation already requested with request ID %s", r.rec.CancelRequestId)
	}
	r.rec.CancelRequestId, r.rec.CancelReason, r.rec.CancelIdentity = req.GetRequestId(), req.GetReason(), req.GetIdentity()
	r.rec.RestoreOptions = false
	r.act().CancelRequested, r.act().Control = true, nil
	r.touch()
	if !r.started() {
		r.closeCanceled(step, &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/plain")},
			Data:     []byte(strconv.Quote(req.GetReason())),
		}}})
	}
	return nil
}

// Terminate closes the run at once. It fails with NotFound, and with FailedPrecondition
// if it is closed, unless the same request has done so.
func (c *Chain) Terminate(step *entity.Step, req *workflowservice.TerminateActivityExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
	switch {
	case err != nil:
		return err
	case r.rec.Status == enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED && r.rec.TerminateRequestId == req.GetRequestId():
		return nil
	case r.rec.Status == enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED:
		return serviceerror.NewFailedPreconditionf("already terminated with request ID %s", r.rec.TerminateRequestId)
	case r.closed():
		return serviceerror.NewFailedPreconditionf("invalid transition from %v", r.state())
	}
	r.rec.TerminateRequestId = req.GetRequestId()
	r.close(step, enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED, refusal(&failurepb.Failure{
		Message: req.GetReason(),
		FailureInfo: &failurepb.Failure_TerminatedFailureInfo{
			TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{Identity: req.GetIdentity()}},
	}, enumspb.RETRY_STATE_UNSPECIFIED))
	return nil
}

func (r *Run) errTerminal() error {
	return serviceerror.NewFailedPreconditionf("activity is in terminal state %v", r.state())
}
