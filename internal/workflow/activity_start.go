package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// StartActivity gives the attempt that the dispatch task stands for to the worker
// that polls, and returns the complete reply to its poll. It fails with
// entity.ErrStaleTask if the attempt is not to be started any more. It returns nil if a
// workflow rule has paused the activity instead; the step is to be carried out then.
//
// The mark that the attempt is started is durable before the reply only when there
// may be just one attempt. Otherwise the step is lazy: a power cut may lose the
// mark, and then the attempt is offered again, which an activity that may be
// retried has to expect anyway.
func (c *Chain) StartActivity(
	step *entity.Step, task *entity.Task, poll *workflowservice.PollActivityTaskQueueRequest,
) (*workflowservice.PollActivityTaskQueueResponse, error) {
	r, err := c.findRun(step, task.RunID)
	if notFound(err) {
		return nil, entity.ErrStaleTask
	}
	if err != nil {
		return nil, err
	}
	act := r.activities.get(task.EventID)
	if r.closed() || act == nil || act.TaskId != task.ID || act.Stamp != task.Stamp {
		return nil, entity.ErrStaleTask
	}
	worker := deployment.OfWorker(poll.GetDeploymentOptions(), activityCapabilities(poll))
	if r.transition() != nil {
		return nil, entity.ErrStaleTask // it is offered again at the end of the transition
	}
	if r.upgradesBy(step, task, worker) {
		return nil, nil
	}
	event, err := r.initiatingEvent(step, act.ScheduledEventId)
	if err != nil {
		return nil, err
	}
	if act.Attempt == 1 && r.pausedByRule(step, act) {
		return nil, nil
	}
	r.startActivity(step, act, poll.GetIdentity(), poll.GetWorkerControlTaskQueue())
	if !worker.IsZero() {
		act.LastVersion = worker.Proto()
	}
	c.lazy = attempt.LazyStart(act)
	return r.activityReply(act, event), nil
}

// activityCapabilities are what a worker says of its version in the older form.
func activityCapabilities(poll *workflowservice.PollActivityTaskQueueRequest) *commonpb.WorkerVersionCapabilities {
	//lint:ignore SA1019 older clients use it
	return poll.GetWorkerVersionCapabilities()
}

// upgradesBy begins a transition if an activity comes to a worker of another version, and the
// workflow's next task would go to that one as well: the workflow goes first. It does not if
// the activity's queue has versions of its own.
func (r *Run) upgradesBy(step *entity.Step, task *entity.Task, worker deployment.Version) bool {
	if worker == r.version() || r.versioningBehavior() == pinned {
		return false
	}
	target := r.chain.routes(r.taskQueue()).TargetOf(r.chain.key.ID, false)
	_, revision, _ := r.chain.routes(task.Queue).Of(r.chain.key.ID, task.Version)
	if worker != target.Version && (worker.IsZero() || worker.Deployment != target.Version.Deployment || revision <= target.Revision) {
		return false
	}
	r.beginTransition(step, worker, revision)
	return true
}

// startEager starts an activity that was scheduled by this very step and was not
// dispatched, for the worker that scheduled it. It returns nil if the activity is
// not there any more, because a later command has cancelled it or closed the run, or
// if a workflow rule has paused it.
func (r *Run) startEager(step *entity.Step, scheduledEventID int64, identity, controlQueue string) *workflowservice.PollActivityTaskQueueResponse {
	act := r.activities.get(scheduledEventID)
	if act == nil || act.StartedTime != nil || r.closed() {
		return nil
	}
	event, err := r.initiatingEvent(step, scheduledEventID)
	if err != nil {
		// The event is of this step, so this cannot be. Were it otherwise, the
		// activity would still reach a worker in the ordinary way.
		r.dispatchActivity(step, act)
		r.activities.change(r, act)
		return nil
	}
	if r.pausedByRule(step, act) {
		return nil
	}
	r.startActivity(step, act, identity, controlQueue)
	return r.activityReply(act, event)
}

// startActivity marks the activity as started now by the worker, which takes commands at the queue.
func (r *Run) startActivity(step *entity.Step, act *records.Activity, identity, controlQueue string) {
	r.undispatchActivity(step, act)
	act.ControlQueue = r.controlQueue(controlQueue)
	attempt.Start(act, step.Now, identity, step.NewID())
	attempt.NoteStart(step, act)
	r.activities.forgetEvent(act.ScheduledEventId)
	r.activities.change(r, act)
}

// activityReply is the reply to the poll that is given the started activity.
func (r *Run) activityReply(act *records.Activity, scheduled *historypb.HistoryEvent) *workflowservice.PollActivityTaskQueueResponse {
	attr := scheduled.GetActivityTaskScheduledEventAttributes()
	namespace, _ := r.chain.config.Namespace(r.chain.key.Namespace)
	return &workflowservice.PollActivityTaskQueueResponse{
		TaskToken:                   r.activityToken(act),
		WorkflowNamespace:           namespace.Name,
		WorkflowType:                &commonpb.WorkflowType{Name: r.info.WorkflowType},
		WorkflowExecution:           &commonpb.WorkflowExecution{WorkflowId: r.chain.key.ID, RunId: r.info.RunId},
		ActivityType:                attr.GetActivityType(),
		ActivityId:                  act.ActivityId,
		Header:                      attr.GetHeader(),
		Input:                       attr.GetInput(),
		HeartbeatDetails:            act.HeartbeatDetails,
		ScheduledTime:               act.FirstScheduledTime,
		CurrentAttemptScheduledTime: act.ScheduledTime,
		StartedTime:                 act.StartedTime,
		Attempt:                     act.Attempt,
		ScheduleToCloseTimeout:      act.ScheduleToCloseTimeout,
		StartToCloseTimeout:         act.StartToCloseTimeout,
		HeartbeatTimeout:            act.HeartbeatTimeout,
		RetryPolicy:                 act.RetryPolicy,
		Priority:                    mergePriority(r.info.Priority, act.Priority),
	}
}

// activityToken is what the worker hands back with what becomes of the attempt.
func (r *Run) activityToken(act *records.Activity) []byte {
	return mustMarshal(&records.TaskToken{
		NamespaceId:      r.chain.key.Namespace,
		WorkflowId:       r.chain.key.ID,
		RunId:            r.info.RunId,
		ScheduledEventId: act.ScheduledEventId,
		Attempt:          act.Attempt,
		ActivityId:       act.ActivityId,
		ActivityType:     act.ActivityType,
		StartedTime:      act.StartedTime.AsTime().UnixNano(),
		Stamp:            act.Stamp,
	})
}

// writeActivityStarted adds the ActivityTaskStarted event of an activity that is
// about to be closed, as of the time it was started, and returns its id; 0 if the
// activity is not started.
func (r *Run) writeActivityStarted(step *entity.Step, act *records.Activity) int64 {
	if act.StartedTime == nil {
		return 0
	}
	return r.addEvent(step, activityTaskStarted(act)).EventId
}

func activityTaskStarted(act *records.Activity) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		EventTime: act.StartedTime,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
			ScheduledEventId: act.ScheduledEventId,
			Identity:         act.StartedIdentity,
			RequestId:        act.StartedRequestId,
			Attempt:          act.Attempt,
			LastFailure:      act.LastFailure,
		}},
	}
}

// applyActivityTaskStarted applies a start that the activity, as a rule, has been
// marked with long before the event.
func applyActivityTaskStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.ActivityTaskStartedEventAttributes) error {
	act := r.activities.get(attr.GetScheduledEventId())
	if act == nil {
		return errNotPending
	}
	if act.StartedTime == nil {
		act.StartedTime = e.EventTime
		act.StartedIdentity, act.StartedRequestId = attr.GetIdentity(), attr.GetRequestId()
		act.Attempt = max(attr.GetAttempt(), 1)
		r.activities.change(r, act)
	}
	return nil
}

// numberedActivityStart is eventRule.numbered of ActivityTaskStarted. No record
// refers to that event.
func numberedActivityStart(_ *Run, e *historypb.HistoryEvent) (scheduledEventID int64) {
	return e.GetActivityTaskStartedEventAttributes().GetScheduledEventId()
}
