package workflow

import (
	"cmp"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/records"
)

// describePending adds the pending activities and children to a description of the
// run, in the order in which they were scheduled.
func (r *Run) describePending(resp *workflowservice.DescribeWorkflowExecutionResponse, now time.Time) {
	for _, id := range r.activities.keys() {
		resp.PendingActivities = append(resp.PendingActivities, r.describeActivity(r.activities.get(id), now))
	}
	for _, id := range r.children.keys() {
		child := r.children.get(id)
		resp.PendingChildren = append(resp.PendingChildren, &workflowpb.PendingChildExecutionInfo{
			WorkflowId:        child.WorkflowId,
			RunId:             child.RunId,
			WorkflowTypeName:  child.WorkflowType,
			InitiatedId:       child.InitiatedEventId,
			ParentClosePolicy: child.ParentClosePolicy,
		})
	}
}

func (r *Run) describeActivity(act *records.Activity, now time.Time) *workflowpb.PendingActivityInfo {
	info := &workflowpb.PendingActivityInfo{
		ActivityId:              act.ActivityId,
		ActivityType:            &commonpb.ActivityType{Name: act.ActivityType},
		State:                   enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
		LastStartedTime:         act.StartedTime,
		Attempt:                 act.Attempt,
		MaximumAttempts:         act.RetryPolicy.GetMaximumAttempts(),
		ScheduledTime:           act.ScheduledTime,
		LastFailure:             act.LastFailure,
		LastWorkerIdentity:      cmp.Or(act.StartedIdentity, act.LastWorkerIdentity),
		LastAttemptCompleteTime: act.LastAttemptCompleteTime,
		Priority:                act.Priority,
		ActivityOptions:         attempt.Options(act),
		Paused:                  attempt.Paused(act),
	}
	if v := act.LastVersion; v != nil {
		info.LastDeploymentVersion = v
		//lint:ignore SA1019 older clients read it
		info.LastWorkerDeploymentVersion = deployment.FromProto(v).Old()
	}
	if expiration := attempt.Expiration(act); !expiration.IsZero() {
		info.ExpirationTime = timestamppb.New(expiration)
	}
	if act.HeartbeatTime != nil {
		info.LastHeartbeatTime = act.HeartbeatTime
		info.HeartbeatDetails = act.HeartbeatDetails
	}
	switch {
	case act.CancelRequested:
		info.State = enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	case attempt.Paused(act) && act.StartedTime != nil:
		info.State = enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
	case attempt.Paused(act):
		info.State = enumspb.PENDING_ACTIVITY_STATE_PAUSED
	case act.StartedTime != nil:
		info.State = enumspb.PENDING_ACTIVITY_STATE_STARTED
	case act.RetryAt != nil && now.Before(act.RetryAt.AsTime()):
		info.NextAttemptScheduleTime = act.RetryAt
		if last := act.LastAttemptCompleteTime; last != nil {
			info.CurrentRetryInterval = durationpb.New(act.RetryAt.AsTime().Sub(last.AsTime()))
		}
	}
	if attempt.Paused(act) {
		info.PauseInfo = r.describePauseOf(act)
	}
	return info
}
