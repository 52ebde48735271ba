package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// CompleteActivity closes the activity with its result. By ids, an activity that
// is not started can be completed, too. A result that is too large to be stored
// fails the activity instead.
func (c *Chain) CompleteActivity(step *entity.Step, ref attempt.Ref, result *commonpb.Payloads, identity string) error {
	if c.tooLarge(result) {
		return c.failActivity(step, ref, attempt.ServerFailure(attempt.ResultTooLarge, true), nil, identity)
	}
	r, act, err := c.findActivity(step, ref, ref.Token == nil, identity)
	if err != nil {
		return err
	}
	if act.StartedTime == nil {
		act.StartedTime = timestamppb.New(step.Now)
		act.StartedIdentity = identity
	}
	startedEventID := r.writeActivityStarted(step, act)
	r.endActivity(step, act, activityTaskCompleted(act, startedEventID, result, identity))
	r.wantWorkflowTask()
	return nil
}

func activityTaskCompleted(act *records.Activity, startedEventID int64, result *commonpb.Payloads, identity string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
			Result:           result,
			ScheduledEventId: act.ScheduledEventId,
			StartedEventId:   startedEventID,
			Identity:         identity,
		}},
	}
}

func applyActivityTaskCompleted(r *Run, _ *historypb.HistoryEvent, attr *historypb.ActivityTaskCompletedEventAttributes) error {
	return applyActivityEnd(r, attr.GetScheduledEventId())
}

// FailActivity ends the current attempt of the activity with a failure: the
// activity is retried if its policy allows, else closed. lastHeartbeat, if not
// nil, are heartbeat details that the worker has not sent yet. The failures it
// returns say what of the request was too large and has been cut.
func (c *Chain) FailActivity(
	step *entity.Step, ref attempt.Ref, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string,
) ([]*failurepb.Failure, error) {
	failure, lastHeartbeat, cut := attempt.LimitReport(failure, lastHeartbeat, c.limits().BlobSize)
	return cut, c.failActivity(step, ref, failure, lastHeartbeat, identity)
}

func (c *Chain) failActivity(
	step *entity.Step, ref attempt.Ref, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string,
) error {
	r, act, err := c.findActivity(step, ref, false, identity)
	if err != nil {
		return err
	}
	if lastHeartbeat != nil {
		r.recordHeartbeat(step, act, lastHeartbeat, identity)
	}
	retryState := r.retryActivity(step, act, failure)
	if retryState == enumspb.RETRY_STATE_IN_PROGRESS {
		return nil
	}
	startedEventID := r.writeActivityStarted(step, act)
	r.endActivity(step, act, activityTaskFailed(act, startedEventID, failure, identity, retryState))
	r.wantWorkflowTask()
	return nil
}

func activityTaskFailed(act *records.Activity, startedEventID int64, failure *failurepb.Failure, identity string, retryState enumspb.RetryState) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
			Failure:          failure,
			ScheduledEventId: act.ScheduledEventId,
			StartedEventId:   startedEventID,
			Identity:         identity,
			RetryState:       retryState,
		}},
	}
}

func applyActivityTaskFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.ActivityTaskFailedEventAttributes) error {
	return applyActivityEnd(r, attr.GetScheduledEventId())
}

// CancelActivity closes an activity whose worker has followed a request to cancel.
// It is InvalidArgument if there was no such request.
func (c *Chain) CancelActivity(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) error {
	if c.tooLarge(details) {
		return c.failActivity(step, ref, attempt.ServerFailure(attempt.CancelDetailsTooLarge, true), nil, identity)
	}
	r, act, err := c.peekActivity(step, ref, false)
	if err != nil {
		return err
	}
	if !act.CancelRequested {
		return serviceerror.NewInvalidArgument("unable to mark activity as canceled without activity being request canceled first")
	}
	r.restoreStart(step, act, ref, identity)
	r.closeActivityCanceled(step, act, details, identity)
	r.wantWorkflowTask()
	return nil
}

func (r *Run) closeActivityCanceled(step *entity.Step, act *records.Activity, details *commonpb.Payloads, identity string) {
	startedEventID := r.writeActivityStarted(step, act)
	r.endActivity(step, act, activityTaskCanceled(act, startedEventID, details, identity))
}

func activityTaskCanceled(act *records.Activity, startedEventID int64, details *commonpb.Payloads, identity string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
		Attributes: &historypb.HistoryEvent_ActivityTaskCanceledEventAttributes{ActivityTaskCanceledEventAttributes: &historypb.ActivityTaskCanceledEventAttributes{
			Details:                      details,
			LatestCancelRequestedEventId: act.CancelRequestedEventId,
			ScheduledEventId:             act.ScheduledEventId,
			StartedEventId:               startedEventID,
			Identity:                     identity,
		}},
	}
}

func applyActivityTaskCanceled(r *Run, _ *historypb.HistoryEvent, attr *historypb.ActivityTaskCanceledEventAttributes) error {
	return applyActivityEnd(r, attr.GetScheduledEventId())
}

// Heartbeat records that the attempt is alive and how far it has come, and tells
// whether it should go on. It writes the record of this one activity and nothing
// else, lazily. Details that are too large to be stored fail the activity.
func (c *Chain) Heartbeat(step *entity.Step, ref attempt.Ref, details *commonpb.Payloads, identity string) (attempt.HeartbeatAnswer, error) {
	if c.tooLarge(details) {
		return attempt.HeartbeatAnswer{CancelRequested: true}, c.failActivity(step, ref, attempt.ServerFailure(attempt.HeartbeatTooLarge, true), nil, identity)
	}
	r, act, err := c.findActivity(step, ref, false, identity)
	if err != nil {
		return attempt.HeartbeatAnswer{}, err
	}
	r.recordHeartbeat(step, act, details, identity)
	c.lazy = true
	return attempt.HeartbeatAnswer{CancelRequested: act.CancelRequested, Paused: attempt.Paused(act), Reset: act.GetControl().GetWasReset()}, nil
}

func (r *Run) recordHeartbeat(step *entity.Step, act *records.Activity, details *commonpb.Payloads, identity string) {
	r.activities.detailBytes += proto.Size(details) - proto.Size(act.HeartbeatDetails)
	attempt.Heartbeat(act, step.Now, details, identity)
	r.activities.change(r, act)
}

func (c *Chain) tooLarge(p *commonpb.Payloads) bool {
	limit := c.limits().BlobSize
	return limit > 0 && p != nil && proto.Size(p) > limit
}

// errActivityGone is the answer to anyone who reports on an activity that is not
// waiting for that report.
func errActivityGone() error {
	return serviceerror.NewNotFound("invalid activityID or activity already timed out or invoking workflow is completed")
}

// findActivity is peekActivity for steps that are sure to change the activity.
func (c *Chain) findActivity(step *entity.Step, ref attempt.Ref, unstartedToo bool, identity string) (*Run, *records.Activity, error) {
	r, act, err := c.peekActivity(step, ref, unstartedToo)
	if err != nil {
		return nil, nil, err
	}
	r.restoreStart(step, act, ref, identity)
	return r, act, nil
}

// peekActivity finds the activity that is meant, and changes nothing. It must be
// started unless unstartedToo is set.
func (c *Chain) peekActivity(step *entity.Step, ref attempt.Ref, unstartedToo bool) (*Run, *records.Activity, error) {
	runID := ref.RunID
	if ref.Token != nil {
		runID = ref.Token.RunId
		if runID == "" || ref.Token.NamespaceId != c.key.Namespace || ref.Token.WorkflowId != c.key.ID {
			return nil, nil, errActivityGone()
		}
	} else if ref.ActivityID == "" {
		return nil, nil, serviceerror.NewInvalidArgument("activityID cannot be empty")
	}
	r, err := c.findRun(step, runID)
	if err != nil {
		return nil, nil, err
	}
	if r.closed() {
		return nil, nil, errCompleted()
	}
	if ref.Token != nil {
		act := r.activities.get(ref.Token.ScheduledEventId)
		if !attempt.Matches(ref.Token, act, step.Now) {
			return nil, nil, errActivityGone()
		}
		return r, act, nil
	}
	act := r.activities.get(r.activities.byID[ref.ActivityID])
	if act == nil {
		return nil, nil, serviceerror.NewNotFoundf(
			"cannot find pending activity with ActivityID %s, check workflow execution history for more details", ref.ActivityID)
	}
	if act.StartedTime == nil && !unstartedToo {
		return nil, nil, errActivityGone()
	}
	return r, act, nil
}

// restoreStart renews the started mark of an attempt if a crash has lost it, as
// the token that reports on the attempt proves.
func (r *Run) restoreStart(step *entity.Step, act *records.Activity, ref attempt.Ref, identity string) {
	if act.StartedTime != nil || ref.Token == nil {
		return
	}
	r.undispatchActivity(step, act)
	attempt.RestoreStart(act, ref.Token, identity)
	r.activities.forgetEvent(act.ScheduledEventId)
	r.activities.change(r, act)
}
