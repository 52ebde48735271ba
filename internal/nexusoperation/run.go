package nexusoperation

import (
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
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

// Record implements runchain.Run.
func (r *Run) Record() runchain.Record { return r.rec }

// Succeeded implements runchain.Run.
func (r *Run) Succeeded() bool {
	return r.rec.Status == enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED
}

// Size implements runchain.Run.
func (r *Run) Size() int { return 2*r.size + proto.Size(r.request) }

// Withdraw implements runchain.Run.
func (r *Run) Withdraw(step *entity.Step) { nexus.Unschedule(r.op(), step) }

// Verify implements runchain.Run: the run has what it was started with, and its outcome if
// it is closed.
func (r *Run) Verify(reader entity.Reader) error {
	_, request := r.requestOf(func() entity.Reader { return reader })
	_, outcome := r.readOutcome(reader)
	return errors.Join(request, outcome)
}

func (r *Run) op() *records.NexusOperation { return r.rec.Operation }

// closed reports whether the run has ended.
func (r *Run) closed() bool { return r.rec.Status != enumspb.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING }

// owner is the run as the owner of its operation.
func (r *Run) owner() nexus.Owner {
	return nexus.Owner{Entity: r.chain.Key(), RunID: r.rec.RunId}
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
	return &workflowservice.StartNexusOperationExecutionResponse{RunId: c.Current().rec.RunId, Started: !use}, nil
}

// resolve decides by the policies whether the current run is used.
func (c *Chain) resolve(req *workflowservice.StartNexusOperationExecutionRequest) (use bool, err error) {
	verdict := c.Resolve(req.GetRequestId(), runchain.Policies{
		UseExisting: req.GetIdConflictPolicy() == enumspb.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING,
		Reuse:       runchain.Reuse(req.GetIdReusePolicy()),
	})
	if verdict == runchain.Refuse {
		rec := c.Current().rec
		return false, serviceerror.NewNexusOperationExecutionAlreadyStartedf(rec.StartRequestId, rec.RunId,
			"nexus operation execution already started: request_id=%s, run_id=%s", rec.StartRequestId, rec.RunId)
	}
	return verdict == runchain.UseCurrent, nil
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
	c.Begin(r)
	nexus.ScheduleStart(r.op(), step, r.owner())
}

// RequestCancel asks the handler of the operation to cancel it, as soon as it has started. It
// fails with FailedPrecondition if another request has asked before, or the operation is over.
func (c *Chain) RequestCancel(step *entity.Step, req *workflowservice.RequestCancelNexusOperationExecutionRequest) error {
	r, err := c.Find(step.Reader, req.GetRunId())
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
	r, err := c.Find(step.Reader, req.GetRunId())
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
	nexus.NoteEnd(step, r.op(), "", status, failure)
	limit := r.chain.config.Blob(r.chain.Key().Namespace)
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
	r.chain.ExpireLater(step, r)
}

// Flush implements runchain.Run.
func (r *Run) Flush(step *entity.Step) {
	runID := r.rec.RunId
	if r.requestChanged {
		step.Put(runchain.RunKey(runID, runchain.LetterRequest), runchain.MustMarshal(r.request))
		r.requestChanged = false
	}
	if r.outcome != nil {
		step.Put(runchain.RunKey(runID, runchain.LetterOutcome), runchain.MustMarshal(r.outcome))
		r.outcome = nil
	}
	if !r.changed {
		return
	}
	r.changed = false
	r.rec.TransitionCount++
	r.armTimer(step)
	data := runchain.MustMarshal(r.rec)
	r.size = len(data)
	step.Put(runchain.RunKey(runID, runchain.LetterRun), data)
	r.noteRow(step)
}

// requestOf returns what the run was started with, from memory or from its record.
func (r *Run) requestOf(reader func() entity.Reader) (*records.NexusOperationRequest, error) {
	if r.request != nil {
		return r.request, nil
	}
	return runchain.ReadPart[records.NexusOperationRequest](reader(), r.rec.RunId, runchain.LetterRequest)
}

// readOutcome reads how the run has closed; nil if it has not.
func (r *Run) readOutcome(reader entity.Reader) (*records.NexusOperationOutcome, error) {
	if !r.closed() {
		return nil, nil
	}
	return runchain.ReadPart[records.NexusOperationOutcome](reader, r.rec.RunId, runchain.LetterOutcome)
}

// armTimer keeps the run's durable timer at its deadline.
func (r *Run) armTimer(step *entity.Step) {
	at, _ := nexus.Deadline(r.op())
	if r.closed() {
		at = time.Time{}
	}
	if !at.Equal(runchain.Time(r.rec.WakeAt)) {
		r.rec.WakeAt = runchain.MoveTimer(step, runchain.RunTimer, r.rec.WakeAt, at)
	}
}

// Fire implements entity.Entity.
func (c *Chain) Fire(step *entity.Step) error {
	if err := c.Expire(step); err != nil {
		return err
	}
	if r := c.Current(); r != nil && !r.closed() {
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
		if at := runchain.Time(r.rec.WakeAt); !at.IsZero() && !at.After(step.Now) {
			r.changed = true // the timer is set anew
		}
	}
	return nil
}
