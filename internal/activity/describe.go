package activity

import (
	"cmp"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// Describe describes a run. A request with a token is only answered if the run has changed
// since the description that the token is of; nil: it has not. It fails with NotFound, and
// with InvalidArgument if the token is of another run.
func (c *Chain) Describe(view entity.View, req *workflowservice.DescribeActivityExecutionRequest) (*workflowservice.DescribeActivityExecutionResponse, error) {
	r, err := c.Find(func() entity.Reader { return view }, req.GetRunId())
	if err != nil {
		return nil, err
	}
	if news, err := c.News(r, req.GetLongPollToken()); err != nil || !news {
		return nil, err
	}
	request, err := r.requestOf(func() entity.Reader { return view })
	if err != nil {
		return nil, err
	}
	outcome, err := r.readOutcome(view)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.DescribeActivityExecutionResponse{
		RunId:         r.rec.RunId,
		Info:          r.info(request, view.Now()),
		Callbacks:     r.callbackInfos(),
		LongPollToken: c.Token(r),
	}
	if req.GetIncludeInput() {
		resp.Input = request.GetInput()
	}
	if req.GetIncludeOutcome() {
		resp.Outcome = outcome
	}
	if req.GetIncludeHeartbeatDetails() {
		resp.Info.HeartbeatDetails = r.act().HeartbeatDetails
	}
	if req.GetIncludeLastFailure() {
		resp.Info.LastFailure = r.act().LastFailure
		if r.rec.Status == enumspb.ACTIVITY_EXECUTION_STATUS_FAILED {
			resp.Info.LastFailure = outcome.GetFailure()
		}
	}
	return resp, nil
}

// Outcome is how the run has ended; nil: it has not. It fails with NotFound.
func (c *Chain) Outcome(view entity.View, runID string) (id string, outcome *activitypb.ActivityExecutionOutcome, err error) {
	r, err := c.Find(func() entity.Reader { return view }, runID)
	if err != nil {
		return "", nil, err
	}
	outcome, err = r.readOutcome(view)
	return r.rec.RunId, outcome, err
}

// readOutcome reads how the run has ended; nil: it has not.
func (r *Run) readOutcome(reader entity.Reader) (*activitypb.ActivityExecutionOutcome, error) {
	if !r.closed() {
		return nil, nil
	}
	return runchain.ReadPart[activitypb.ActivityExecutionOutcome](reader, r.rec.RunId, runchain.LetterOutcome)
}

// info describes the run. Messages of its records are shared with the description: they
// are replaced and never changed.
func (r *Run) info(request *records.ActivityRequest, now time.Time) *activitypb.ActivityExecutionInfo {
	rec, act := r.rec, r.act()
	info := &activitypb.ActivityExecutionInfo{
		ActivityId:              act.ActivityId,
		RunId:                   rec.RunId,
		ActivityType:            &commonpb.ActivityType{Name: act.ActivityType},
		Status:                  r.status(),
		RunState:                r.pendingState(),
		TaskQueue:               act.TaskQueue,
		ScheduleToCloseTimeout:  act.ScheduleToCloseTimeout,
		ScheduleToStartTimeout:  act.ScheduleToStartTimeout,
		StartToCloseTimeout:     act.StartToCloseTimeout,
		HeartbeatTimeout:        act.HeartbeatTimeout,
		RetryPolicy:             act.RetryPolicy,
		LastHeartbeatTime:       act.HeartbeatTime,
		LastStartedTime:         rec.LastStartedTime,
		Attempt:                 act.Attempt,
		ScheduleTime:            rec.ScheduleTime,
		CloseTime:               rec.CloseTime,
		LastWorkerIdentity:      cmp.Or(act.StartedIdentity, act.LastWorkerIdentity),
		LastAttemptCompleteTime: act.LastAttemptCompleteTime,
		LastDeploymentVersion:   rec.DeploymentVersion,
		Priority:                act.Priority,
		StateTransitionCount:    rec.TransitionCount,
		StateSizeBytes:          int64(r.size),
		SearchAttributes:        &commonpb.SearchAttributes{IndexedFields: rec.SearchAttributes.GetIndexedFields()},
		Header:                  request.GetHeader(),
		UserMetadata:            request.GetUserMetadata(),
		CanceledReason:          rec.CancelReason,
		TotalHeartbeatCount:     rec.Heartbeats,
		SdkName:                 rec.SdkName,
		SdkVersion:              rec.SdkVersion,
		StartDelay:              rec.StartDelay,
		ExecutionTime:           act.FirstScheduledTime,
	}
	for _, of := range request.GetLinks() {
		info.Links = append(info.Links, of.Links...)
	}
	if expiration := attempt.Expiration(act); !expiration.IsZero() {
		info.ExpirationTime = timestamppb.New(expiration)
	}
	if rec.CloseTime != nil {
		info.ExecutionDuration = durationpb.New(rec.CloseTime.AsTime().Sub(rec.ScheduleTime.AsTime()))
	}
	if r.state() == scheduled && act.ScheduledTime.AsTime().After(now) {
		info.NextAttemptScheduleTime = act.ScheduledTime
		info.CurrentRetryInterval = rec.RetryInterval
	}
	return info
}
