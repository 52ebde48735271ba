package nexusoperation

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// Describe describes a run. A request with a token is only answered if the run has changed
// since the description that the token is of; nil: it has not. It fails with NotFound, and
// with InvalidArgument if the token is of another run.
func (c *Chain) Describe(view entity.View, req *workflowservice.DescribeNexusOperationExecutionRequest) (*workflowservice.DescribeNexusOperationExecutionResponse, error) {
	reader := func() entity.Reader { return view }
	r, err := c.Find(reader, req.GetRunId())
	if err != nil {
		return nil, err
	}
	if news, err := c.News(r, req.GetLongPollToken()); err != nil || !news {
		return nil, err
	}
	request, err := r.requestOf(reader)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.DescribeNexusOperationExecutionResponse{
		RunId:         r.rec.RunId,
		Info:          r.info(request, view.Now()),
		LongPollToken: c.Token(r),
	}
	if req.GetIncludeInput() {
		resp.Input = request.GetInput()
	}
	if req.GetIncludeOutcome() && r.closed() {
		outcome, err := r.readOutcome(view)
		if err != nil {
			return nil, err
		}
		if outcome.GetFailure() != nil {
			resp.Outcome = &workflowservice.DescribeNexusOperationExecutionResponse_Failure{Failure: outcome.Failure}
		} else {
			resp.Outcome = &workflowservice.DescribeNexusOperationExecutionResponse_Result{Result: outcome.GetResult()}
		}
	}
	return resp, nil
}

// Reached reports whether the run has come to the stage, or is not there.
func (c *Chain) Reached(runID string, stage enumspb.NexusOperationWaitStage) bool {
	r, err := c.Known(runID)
	return err != nil || r.reached(stage)
}

func (r *Run) reached(stage enumspb.NexusOperationWaitStage) bool {
	return r.closed() || stage == enumspb.NEXUS_OPERATION_WAIT_STAGE_STARTED && r.op().StartedTime != nil
}

// Poll tells how far a run has come that has reached the stage; nil if it has not. runID is that of
// the run. It fails with NotFound.
func (c *Chain) Poll(view entity.View, runID string, stage enumspb.NexusOperationWaitStage) (id string, resp *workflowservice.PollNexusOperationExecutionResponse, err error) {
	r, err := c.Find(func() entity.Reader { return view }, runID)
	if err != nil {
		return "", nil, err
	}
	if !r.reached(stage) {
		return r.rec.RunId, nil, nil
	}
	resp = &workflowservice.PollNexusOperationExecutionResponse{
		RunId: r.rec.RunId, OperationToken: r.op().OperationToken, WaitStage: enumspb.NEXUS_OPERATION_WAIT_STAGE_STARTED,
	}
	if r.closed() {
		outcome, err := r.readOutcome(view)
		if err != nil {
			return "", nil, err
		}
		resp.WaitStage = enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED
		if outcome.GetFailure() != nil {
			resp.Outcome = &workflowservice.PollNexusOperationExecutionResponse_Failure{Failure: outcome.Failure}
		} else {
			resp.Outcome = &workflowservice.PollNexusOperationExecutionResponse_Result{Result: outcome.GetResult()}
		}
	}
	return r.rec.RunId, resp, nil
}

func (r *Run) info(request *records.NexusOperationRequest, now time.Time) *nexuspb.NexusOperationExecutionInfo {
	op := r.op()
	info := &nexuspb.NexusOperationExecutionInfo{
		OperationId:             r.chain.Key().ID,
		RunId:                   r.rec.RunId,
		Endpoint:                op.Endpoint,
		Service:                 op.Service,
		Operation:               op.Operation,
		Status:                  r.rec.Status,
		ScheduleToCloseTimeout:  op.ScheduleToCloseTimeout,
		ScheduleToStartTimeout:  op.ScheduleToStartTimeout,
		StartToCloseTimeout:     op.StartToCloseTimeout,
		Attempt:                 r.attempt(),
		ScheduleTime:            op.ScheduledTime,
		LastAttemptCompleteTime: op.Start.GetLastAttemptCompleteTime(),
		LastAttemptFailure:      op.Start.GetLastAttemptFailure(),
		NextAttemptScheduleTime: nexus.NextAttempt(op.Start),
		RequestId:               op.RequestId,
		OperationToken:          op.OperationToken,
		StateTransitionCount:    r.rec.TransitionCount,
		StateSizeBytes:          int64(r.size),
		SearchAttributes:        &commonpb.SearchAttributes{IndexedFields: r.rec.SearchAttributes.GetIndexedFields()},
		NexusHeader:             request.GetHeader(),
		UserMetadata:            request.GetUserMetadata(),
		Links:                   r.rec.Links,
		Identity:                request.GetIdentity(),
	}
	if !r.closed() {
		info.State, info.BlockedReason = nexus.PendingState(op)
	}
	if c := op.Cancellation; c != nil {
		info.CancellationInfo = &nexuspb.NexusOperationExecutionCancellationInfo{
			RequestedTime:           c.RequestedTime,
			Attempt:                 c.Calls.GetAttempt(),
			LastAttemptCompleteTime: c.Calls.GetLastAttemptCompleteTime(),
			LastAttemptFailure:      c.Calls.GetLastAttemptFailure(),
			NextAttemptScheduleTime: nexus.NextAttempt(c.Calls),
			Reason:                  c.Reason,
		}
		info.CancellationInfo.State, info.CancellationInfo.BlockedReason = nexus.CancellationState(c)
	}
	if timeout := op.ScheduleToCloseTimeout; timeout != nil {
		info.ExpirationTime = timestamppb.New(op.ScheduledTime.AsTime().Add(timeout.AsDuration()))
	}
	end := now
	if r.rec.CloseTime != nil {
		info.CloseTime, end = r.rec.CloseTime, r.rec.CloseTime.AsTime()
	}
	info.ExecutionDuration = durationpb.New(end.Sub(op.ScheduledTime.AsTime()))
	return info
}

// attempt is the number of the call that is to start the operation, or has started it.
func (r *Run) attempt() int32 {
	attempt := r.op().Start.GetAttempt()
	if !r.closed() && r.op().StartedTime == nil && r.op().Start.GetNextAttemptTime() == nil {
		attempt++ // it is under way
	}
	return max(1, attempt)
}
