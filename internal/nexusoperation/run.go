package nexusoperation

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// Run is one run of an operation.
type Run struct {
	chain *Chain
	rec   *records.NexusOperationRun
	// request is what the run was started with; nil: it has to be read.
	request *records.NexusOperationRequest
	// outcome is how the run has closed, if the step in progress has closed it.
	outcome *records.NexusOperationOutcome
	// What of it is to be written.
	changed, requestChanged bool
	// size is how many bytes the record has, encoded.
	size int
	// listed is the status that the index knows.
	listed enumspb.NexusOperationExecutionStatus
}

// runTimer is the name of the timer of the current run.
var runTimer = []byte{letterRun}

func (r *Run) op() *records.NexusOperation { return r.rec.Operation }

// closed reports whether the run has ended.
func (r *Run) closed() bool { return r.rec.Status != enumspb.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING }

// owner is the run as the owner of its operation.
func (r *Run) owner() nexus.Owner {
	return nexus.Owner{Entity: r.chain.key, RunID: r.rec.RunId}
}

// Start starts a run, or returns the one there is if the policies say so, or if it was
// started by the same request. The request has been checked and completed. It fails with
// serviceerror.NexusOperationExecutionAlreadyStarted.
func (c *Chain) Start(step *entity.Step, req *workflowservice.StartNexusOperationExecutionRequest, endpointID string) (*workflowservice.StartNexusOperationExecutionResponse, error) {
	use, err := c.resolve(req)
	if err != nil {
		return nil, err
	}
	if !use {
		c.begin(step, req, endpointID)
	}
	return &workflowservice.StartNexusOperationExecutionResponse{RunId: c.current.rec.RunId, Started: !use}, nil
}

// resolve decides by the policies whether the current run is used.
func (c *Chain) resolve(req *workflowservice.StartNexusOperationExecutionRequest) (use bool, err error) {
	r := c.current
	if r == nil {
		return false, nil
	}
	if r.rec.StartRequestId == req.GetRequestId() {
		return true, nil
	}
	refused := serviceerror.NewNexusOperationExecutionAlreadyStartedf(r.rec.StartRequestId, r.rec.RunId,
		"nexus operation execution already started: request_id=%s, run_id=%s", r.rec.StartRequestId, r.rec.RunId)
	switch {
	case !r.closed() && req.GetIdConflictPolicy() == enumspb.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING:
		return true, nil
	case !r.closed():
		return false, refused
	}
	switch req.GetIdReusePolicy() {
	case enumspb.NEXUS_OPERATION_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY:
		if r.rec.Status == enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED {
			return false, refused
		}
	case enumspb.NEXUS_OPERATION_ID_REUSE_POLICY_REJECT_DUPLICATE:
		return false, refused
	}
	return false, nil
}

// begin makes a new run the current one.
func (c *Chain) begin(step *entity.Step, req *workflowservice.StartNexusOperationExecutionRequest, endpointID string) {
	r := &Run{
		chain: c,
		rec: &records.NexusOperationRun{
			RunId:  step.NewID(),
			Status: enumspb.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING,
			Operation: &records.NexusOperation{
				EndpointId:             endpointID,
				Endpoint:               req.GetEndpoint(),
				Service:                req.GetService(),
				Operation:              req.GetOperation(),
				RequestId:              step.NewID(),
				ScheduledTime:          timestamppb.New(step.Now),
				ScheduleToCloseTimeout: req.GetScheduleToCloseTimeout(),
				ScheduleToStartTimeout: req.GetScheduleToStartTimeout(),
				StartToCloseTimeout:    req.GetStartToCloseTimeout(),
			},
			StartRequestId:   req.GetRequestId(),
			SearchAttributes: req.GetSearchAttributes(),
		},
		request: &records.NexusOperationRequest{
			Input:        req.GetInput(),
			Header:       req.GetNexusHeader(),
			UserMetadata: req.GetUserMetadata(),
			Identity:     req.GetIdentity(),
		},
		requestChanged: true,
		changed:        true,
	}
	if c.record == nil {
		c.record = new(records.NexusOperationChain)
	}
	c.current, c.record.CurrentRunId, c.dirty = r, r.rec.RunId, true
	nexus.ScheduleStart(r.op(), step, r.owner())
}

// RequestCancel asks the handler of the operation to cancel it, as soon as it has started. It
// fails with FailedPrecondition if another request has asked before, or the operation is over.
func (c *Chain) RequestCancel(step *entity.Step, req *workflowservice.RequestCancelNexusOperationExecutionRequest) error {
	r, err := c.find(step.Reader, req.GetRunId())
	if err != nil {
		return err
	}
	before := r.op().GetCancellation()
	switch {
	case before != nil && before.RequestId == req.GetRequestId():
		return nil
	case r.closed():
		return serviceerror.NewFailedPrecondition("operation already completed")
	case before != nil:
		return serviceerror.NewFailedPreconditionf("cancellation already requested with request ID %s", before.RequestId)
	}
	r.op().Cancellation = &records.NexusCancellation{RequestId: req.GetRequestId(), Identity: req.GetIdentity(), Reason: req.GetReason()}
	r.changed = true
	r.cancel(step)
	return nil
}

// cancel has the call made that cancels the operation, if that is asked for and it has
// started.
func (r *Run) cancel(step *entity.Step) {
	if nexus.MayCancel(r.op(), timestamppb.New(step.Now)) {
		nexus.ScheduleCancel(r.op(), step, r.owner())
	}
}

// Terminate closes the run at once. Its handler is not told. A repeated request changes
// nothing; another one fails with FailedPrecondition, as does one for a run that has closed
// otherwise.
func (c *Chain) Terminate(step *entity.Step, req *workflowservice.TerminateNexusOperationExecutionRequest) error {
	r, err := c.find(step.Reader, req.GetRunId())
	if err != nil {
		return err
	}
	switch {
	case r.rec.TerminateRequestId != "" && r.rec.TerminateRequestId != req.GetRequestId():
		return serviceerror.NewFailedPreconditionf("already terminated with request ID %s", r.rec.TerminateRequestId)
	case r.rec.TerminateRequestId != "":
		return nil
	case r.closed():
		return serviceerror.NewFailedPrecondition("operation already completed")
	}
	r.rec.TerminateRequestId = req.GetRequestId()
	r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED, &failurepb.Failure{
		Message:     req.GetReason(),
		FailureInfo: &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{Identity: req.GetIdentity()}},
	}, nil)
	return nil
}

// close ends the run, with a failure or else with the result.
func (r *Run) close(step *entity.Step, status enumspb.NexusOperationExecutionStatus, failure *failurepb.Failure, result *commonpb.Payload) {
	nexus.Unschedule(r.op(), step)
	limit := r.chain.config.Blob(r.chain.key.Namespace)
	failure, _ = attempt.LimitFailure(failure, limit, limit/4, true)
	r.rec.Status, r.rec.CloseTime = status, timestamppb.New(step.Now)
	r.outcome = &records.NexusOperationOutcome{Failure: failure, Result: result}
	if start := r.op().Start; start != nil {
		start.NextAttemptTime, start.Blocked = nil, false
	}
	if calls := r.op().GetCancellation().GetCalls(); calls != nil {
		calls.NextAttemptTime, calls.Blocked = nil, false
	}
	if !r.requestChanged {
		r.request = nil
	}
	r.changed = true
	r.chain.expireLater(step, r)
}

// flush notes the records of the run that the step has changed.
func (r *Run) flush(step *entity.Step) {
	runID := r.rec.RunId
	if r.requestChanged {
		step.Put(runKey(runID, letterRequest), mustMarshal(r.request))
		r.requestChanged = false
	}
	if r.outcome != nil {
		step.Put(runKey(runID, letterOutcome), mustMarshal(r.outcome))
		r.outcome = nil
	}
	if !r.changed {
		return
	}
	r.changed = false
	r.rec.TransitionCount++
	r.armTimer(step)
	data := mustMarshal(r.rec)
	r.size = len(data)
	step.Put(runKey(runID, letterRun), data)
	r.noteRow(step)
}

// requestOf returns what the run was started with, from memory or from its record.
func (r *Run) requestOf(reader func() entity.Reader) (*records.NexusOperationRequest, error) {
	if r.request != nil {
		return r.request, nil
	}
	request, err := read[records.NexusOperationRequest](reader(), runKey(r.rec.RunId, letterRequest))
	if err == nil && request == nil {
		err = fmt.Errorf("it is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("nexusoperation: reading the request of run %s of %v: %w", r.rec.RunId, r.chain.key, err)
	}
	return request, nil
}

// readOutcome reads how the run has closed; nil if it has not.
func (r *Run) readOutcome(reader entity.Reader) (*records.NexusOperationOutcome, error) {
	if !r.closed() {
		return nil, nil
	}
	outcome, err := read[records.NexusOperationOutcome](reader, runKey(r.rec.RunId, letterOutcome))
	if err == nil && outcome == nil {
		err = fmt.Errorf("it is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("nexusoperation: reading the outcome of run %s of %v: %w", r.rec.RunId, r.chain.key, err)
	}
	return outcome, nil
}

// armTimer keeps the run's durable timer at its deadline.
func (r *Run) armTimer(step *entity.Step) {
	at, _ := nexus.Deadline(r.op())
	if r.closed() {
		at = asTime(nil)
	}
	armed := asTime(r.rec.WakeAt)
	if at.Equal(armed) {
		return
	}
	if !armed.IsZero() {
		step.ClearTimer(runTimer, armed)
		r.rec.WakeAt = nil
	}
	if !at.IsZero() {
		step.SetTimer(runTimer, at)
		r.rec.WakeAt = timestamppb.New(at)
	}
}

// Fire implements entity.Entity.
func (c *Chain) Fire(step *entity.Step) error {
	if r := c.current; r != nil && !r.closed() {
		for !r.closed() {
			at, what := nexus.Deadline(r.op())
			if at.IsZero() || at.After(step.Now) {
				break
			}
			r.changed = true
			switch what {
			case nexus.DueStart:
				nexus.ScheduleStart(r.op(), step, r.owner())
			case nexus.DueCancel:
				nexus.ScheduleCancel(r.op(), step, r.owner())
			default:
				r.close(step, enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT, nexus.TimeoutFailure(what.TimeoutType()), nil)
			}
		}
		if at := asTime(r.rec.WakeAt); !at.IsZero() && !at.After(step.Now) {
			r.changed = true // the timer is set anew
		}
	}
	return c.expire(step)
}
