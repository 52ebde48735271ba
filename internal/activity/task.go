package activity

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// SDK is what a worker is made with, as far as it says.
type SDK struct{ Name, Version string }

// StartActivity gives the attempt that the task stands for to the worker that polls, and
// returns the reply to its poll. It fails with entity.ErrStaleTask if the attempt is not
// to be started any more. The mark that it is started is durable before the reply only
// when there may be just one attempt (attempt.LazyStart).
func (c *Chain) StartActivity(
	step *entity.Step, task *entity.Task, poll *workflowservice.PollActivityTaskQueueRequest, sdk SDK,
) (*workflowservice.PollActivityTaskQueueResponse, error) {
	r := c.Current()
	if r == nil || r.rec.RunId != task.RunID || r.closed() || r.act().TaskId != task.ID || r.act().Stamp != task.Stamp {
		return nil, entity.ErrStaleTask
	}
	request, err := r.requestOf(step.Reader)
	if err != nil {
		return nil, err
	}
	act := r.act()
	r.undispatch(step)
	attempt.Start(act, step.Now, poll.GetIdentity(), step.NewID())
	attempt.NoteStart(step, act)
	act.LastWorkerIdentity = poll.GetIdentity()
	r.rec.LastStartedTime = act.StartedTime
	r.rec.SdkName, r.rec.SdkVersion = sdk.Name, sdk.Version
	r.setRest(0, false)
	if !r.requestChanged {
		r.request = nil // it is read again if there is another attempt
	}
	r.touch()
	c.lazy = attempt.LazyStart(act)
	return r.reply(request), nil
}

// reply is the reply to the poll that is given the started attempt.
func (r *Run) reply(request *records.ActivityRequest) *workflowservice.PollActivityTaskQueueResponse {
	act := r.act()
	return &workflowservice.PollActivityTaskQueueResponse{
		TaskToken: tokens.EncodeTask(&records.TaskToken{
			NamespaceId:  r.chain.Key().Namespace,
			RunId:        r.rec.RunId,
			Attempt:      act.Attempt,
			ActivityId:   act.ActivityId,
			ActivityType: act.ActivityType,
			StartedTime:  act.StartedTime.AsTime().UnixNano(),
			Stamp:        act.Stamp,
		}),
		WorkflowExecution:           &commonpb.WorkflowExecution{},
		WorkflowNamespace:           r.chain.namespace().Name,
		ActivityType:                &commonpb.ActivityType{Name: act.ActivityType},
		ActivityId:                  act.ActivityId,
		ActivityRunId:               r.rec.RunId,
		Header:                      request.GetHeader(),
		Input:                       request.GetInput(),
		HeartbeatDetails:            act.HeartbeatDetails,
		ScheduledTime:               r.rec.ScheduleTime,
		CurrentAttemptScheduledTime: act.ScheduledTime,
		StartedTime:                 act.StartedTime,
		Attempt:                     act.Attempt,
		ScheduleToCloseTimeout:      act.ScheduleToCloseTimeout,
		StartToCloseTimeout:         act.StartToCloseTimeout,
		HeartbeatTimeout:            act.HeartbeatTimeout,
		RetryPolicy:                 act.RetryPolicy,
		Priority:                    act.Priority,
	}
}

// reported finds the run whose attempt somebody reports on, and changes nothing. The
// attempt must be started unless unstartedToo is set. It fails with NotFound.
func (c *Chain) reported(step *entity.Step, ref attempt.Ref, unstartedToo bool) (*Run, error) {
	if token := ref.Token; token != nil {
		r, err := c.Known(token.RunId)
		switch {
		case err != nil:
			return nil, err
		case token.NamespaceId != c.Key().Namespace, token.RunId == "", r.closed(), !attempt.Matches(token, r.act(), step.Now):
			return nil, errNotFound(c.Key().ID)
		}
		return r, nil
	}
	r, err := c.Known(ref.RunID)
	if err != nil {
		return nil, err
	}
	if r.closed() || !r.started() && !unstartedToo {
		return nil, errNotFound(c.Key().ID)
	}
	return r, nil
}

// restoreStart renews the started mark if a crash has lost it, as the token proves.
func (r *Run) restoreStart(step *entity.Step, ref attempt.Ref, identity string) {
	if act := r.act(); act.StartedTime == nil && ref.Token != nil {
		r.undispatch(step)
		attempt.RestoreStart(act, ref.Token, identity)
		r.rec.LastStartedTime = act.StartedTime
		r.setRest(0, false)
	}
}
