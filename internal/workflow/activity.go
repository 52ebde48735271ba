package workflow

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// The life of an activity:
//
//	scheduled --StartActivity--> started --Complete, Fail, Cancel, timeout--> gone
//	    ^                           |
//	    |                           | failed or timed out, and may be retried
//	    +---- backoff is over ---- backing off
//
// A scheduled activity has a dispatch task (TaskId); one that is started or backing
// off has none. ActivityTaskScheduled is written at once; ActivityTaskStarted only
// together with the event that closes the activity, because until then it is not
// known which attempt is the last one. Attempts before the last leave no events.

func checkScheduleActivity(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES

	attr := cmd.GetScheduleActivityTaskCommandAttributes()
	if attr == nil {
		return badCommand(bad, "ScheduleActivityTaskCommandAttributes is not set on ScheduleActivityTaskCommand.")
	}
	r := b.run
	applyFairnessPrefix(attr)
	if err := r.limits().fields().CheckNamedTaskQueue(attr.TaskQueue, r.info.TaskQueue); err != nil {
		return badCommand(bad, "%w", err)
	}
	if err := cmp.Or(
		r.limits().fields().CheckID("activityId", attr.ActivityId, check.Activity),
		r.limits().fields().CheckID("activityType", attr.ActivityType.GetName(), check.Activity),
	); err != nil {
		return badCommand(bad, "%w", err)
	}
	if attr.RetryPolicy == nil {
		attr.RetryPolicy = &commonpb.RetryPolicy{}
	}
	if err := check.RetryPolicy(attr.RetryPolicy, &b.run.limits().ActivityRetry); err != nil {
		return badCommand(bad, "%w", err)
	}
	if err := check.Priority(attr.Priority); err != nil {
		return badCommand(bad, "invalid priorities: %w", err)
	}
	if err := completeActivityTimeouts(attr, r.info.RunTimeout.AsDuration()); err != nil {
		return badCommand(bad, "%w", err)
	}
	if failure := b.checkBlob("ScheduleActivityTaskCommandAttributes.Input", proto.Size(attr.Input), bad); failure != nil {
		return failure
	}
	if failure := b.makeRoom(&r.activities); failure != nil {
		return failure
	}
	if activityPending(b, attr.ActivityId) {
		return b.impossible(enumspb.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID,
			"add-activitytask-scheduled-event", "ActivityID: %s", attr.ActivityId)
	}
	setOverlay(&b.activities, attr.ActivityId, true)
	return nil
}

// completeActivityTimeouts checks the four timeouts and derives the ones that are
// missing (attempt.Timeouts). Afterwards none is nil.
func completeActivityTimeouts(attr *commandpb.ScheduleActivityTaskCommandAttributes, runTimeout time.Duration) error {
	timeouts := attempt.Timeouts{
		ScheduleToClose: attr.ScheduleToCloseTimeout, ScheduleToStart: attr.ScheduleToStartTimeout,
		StartToClose: attr.StartToCloseTimeout, Heartbeat: attr.HeartbeatTimeout,
	}
	if err := timeouts.Complete(attr.ActivityId, attr.ActivityType.GetName(), runTimeout); err != nil {
		return err
	}
	attr.ScheduleToCloseTimeout, attr.ScheduleToStartTimeout = timeouts.ScheduleToClose, timeouts.ScheduleToStart
	attr.StartToCloseTimeout, attr.HeartbeatTimeout = timeouts.StartToClose, timeouts.Heartbeat
	return nil
}

// applyFairnessPrefix understands the one way in which SDKs without priorities in
// their API set a fairness key: an activity id that begins with
// x-temporal-internal-fairness-key[key:weight].
func applyFairnessPrefix(attr *commandpb.ScheduleActivityTaskCommandAttributes) {
	rest, ok := strings.CutPrefix(attr.ActivityId, "x-temporal-internal-fairness-key[")
	if !ok {
		return
	}
	inside, _, ok := strings.Cut(rest, "]")
	if !ok {
		return
	}
	key, weight, ok := strings.Cut(inside, ":")
	if !ok {
		return
	}
	value, err := strconv.ParseFloat(weight, 32)
	if err != nil {
		return
	}
	if attr.Priority == nil {
		attr.Priority = &commonpb.Priority{}
	}
	attr.Priority.FairnessKey, attr.Priority.FairnessWeight = key, float32(value)
}

// activityPending reports whether an activity with the id is pending once the
// commands before this one have been applied.
func activityPending(b *commandBatch, activityID string) bool {
	if pending, ok := b.activities[activityID]; ok {
		return pending
	}
	_, pending := b.run.activities.byID[activityID]
	return pending
}

func executeScheduleActivity(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetScheduleActivityTaskCommandAttributes()
	event := a.addCommandEvent(cmd, activityTaskScheduled(attr, a.completedEventID))
	r.activities.rememberEvent(event)
	act := r.activities.get(event.EventId)
	if attr.RequestEagerExecution && a.eagerAllowed && !a.run.limits().NoEagerActivities && !r.activityGoverned(a.step, act) {
		a.eager = append(a.eager, event.EventId)
	} else {
		r.dispatchActivity(a.step, act)
	}
}

func activityTaskScheduled(attr *commandpb.ScheduleActivityTaskCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId:                   attr.ActivityId,
			ActivityType:                 attr.ActivityType,
			TaskQueue:                    attr.TaskQueue,
			Header:                       attr.Header,
			Input:                        attr.Input,
			ScheduleToCloseTimeout:       attr.ScheduleToCloseTimeout,
			ScheduleToStartTimeout:       attr.ScheduleToStartTimeout,
			StartToCloseTimeout:          attr.StartToCloseTimeout,
			HeartbeatTimeout:             attr.HeartbeatTimeout,
			WorkflowTaskCompletedEventId: completedEventID,
			RetryPolicy:                  attr.RetryPolicy,
			//lint:ignore SA1019 older clients use it
			UseWorkflowBuildId: attr.UseWorkflowBuildId,
			Priority:           attr.Priority,
		}},
	}
}

func applyActivityTaskScheduled(r *Run, e *historypb.HistoryEvent, attr *historypb.ActivityTaskScheduledEventAttributes) error {
	r.activities.add(r, &records.Activity{
		ScheduledEventId:       e.EventId,
		ActivityId:             attr.GetActivityId(),
		ActivityType:           attr.GetActivityType().GetName(),
		TaskQueue:              attr.GetTaskQueue().GetName(),
		ScheduleToCloseTimeout: attr.GetScheduleToCloseTimeout(),
		ScheduleToStartTimeout: attr.GetScheduleToStartTimeout(),
		StartToCloseTimeout:    attr.GetStartToCloseTimeout(),
		HeartbeatTimeout:       attr.GetHeartbeatTimeout(),
		RetryPolicy:            attr.GetRetryPolicy(),
		Attempt:                1,
		FirstScheduledTime:     e.EventTime,
		ScheduledTime:          e.EventTime,
		Priority:               attr.GetPriority(),
	})
	return nil
}

func checkCancelActivity(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES

	attr := cmd.GetRequestCancelActivityTaskCommandAttributes()
	if attr == nil {
		return badCommand(bad, "RequestCancelActivityTaskCommandAttributes is not set on RequestCancelActivityTaskCommand.")
	}
	id := attr.ScheduledEventId
	if id <= 0 {
		return badCommand(bad, "ScheduledEventId is not set on RequestCancelActivityTaskCommand.")
	}
	act := b.run.activities.get(id)
	scheduled := b.scheduledActivity(id)
	if act == nil && scheduled == nil && !b.run.activityFinishBuffered(id) {
		return b.impossible(bad, "add-activitytask-cancel-requested-event", "ScheduledEventID: %d", id)
	}
	if b.cancelledActivities[id] || act.GetCancelRequested() { // that is asked for already
		return b.impossible(bad, "add-activitytask-cancel-requested-event", "ScheduledEventID: %d", id)
	}
	switch {
	case scheduled != nil:
		setOverlay(&b.cancelledActivities, id, true)
		setOverlay(&b.activities, scheduled.ActivityId, false)
		b.count(&b.run.activities, -1)
	case act != nil:
		setOverlay(&b.cancelledActivities, id, true)
		if act.StartedTime == nil {
			setOverlay(&b.activities, act.ActivityId, false)
			b.count(&b.run.activities, -1)
		}
	}
	return nil
}

// scheduledActivity is the activity that an earlier command of the batch schedules,
// given the id that its event will have: workers reckon ids in advance, to cancel an
// activity in the task that schedules it. Nil if there is none.
func (b *commandBatch) scheduledActivity(eventID int64) *commandpb.ScheduleActivityTaskCommandAttributes {
	i := eventID - b.firstEventID
	if i < 0 || i >= int64(len(b.events)) {
		return nil
	}
	return b.events[i].GetScheduleActivityTaskCommandAttributes()
}

// activityFinishBuffered reports whether the event that closes the activity waits
// among the buffered events: the workflow cannot know yet that it is too late to
// cancel it.
func (r *Run) activityFinishBuffered(scheduledEventID int64) bool {
	for _, event := range r.buffer.events {
		if id, started := startOfActivity(event); started != nil && id == scheduledEventID {
			return true
		}
	}
	return false
}

// notStartedDetails are the details of the ActivityTaskCanceled event of an
// activity that no worker had started; SDKs know them.
const notStartedDetails = "ACTIVITY_ID_NOT_STARTED"

func executeCancelActivity(a *application, cmd *commandpb.Command) {
	r, id := a.run, cmd.GetRequestCancelActivityTaskCommandAttributes().ScheduledEventId
	event := activityTaskCancelRequested(id, a.completedEventID)
	act := r.activities.get(id)
	if act == nil {
		// Closed already; the workflow finds out with the buffered events. Theirs is the
		// last word, so there is nothing to apply.
		fromCommand(event, cmd)
		setTime(a.step, event)
		r.number(event)
		return
	}
	a.addCommandEvent(cmd, event)
	if act.StartedTime == nil {
		// Nobody runs it, so nobody has to agree.
		details := &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/plain")},
			Data:     []byte(strconv.Quote(notStartedDetails)),
		}}}
		r.closeActivityCanceled(a.step, act, details, a.identity)
		a.scheduleTask = true
		return
	}
	r.commandCancel(a.step, act)
}

func activityTaskCancelRequested(scheduledEventID, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskCancelRequestedEventAttributes{ActivityTaskCancelRequestedEventAttributes: &historypb.ActivityTaskCancelRequestedEventAttributes{
			ScheduledEventId:             scheduledEventID,
			WorkflowTaskCompletedEventId: completedEventID,
		}},
	}
}

func applyActivityTaskCancelRequested(r *Run, e *historypb.HistoryEvent, attr *historypb.ActivityTaskCancelRequestedEventAttributes) error {
	act := r.activities.get(attr.GetScheduledEventId())
	if act == nil {
		return errNotPending
	}
	act.CancelRequested = true
	act.CancelRequestedEventId = e.EventId
	r.activities.touch(act.ScheduledEventId)
	return nil
}

// endActivity adds the event that ends the activity.
func (r *Run) endActivity(step *entity.Step, act *records.Activity, end *historypb.HistoryEvent) {
	r.undispatchActivity(step, act)
	r.releaseActivity(step, act)
	noteActivityEnd(step, act, end)
	r.addEvent(step, end)
}

// applyActivityEnd applies any of the events that end an activity.
func applyActivityEnd(r *Run, scheduledEventID int64) error {
	act := r.activities.get(scheduledEventID)
	if act == nil {
		return errNotPending
	}
	r.activities.close(r, act)
	return nil
}

// startOfActivity is eventRule.start of the events that end activities.
func startOfActivity(e *historypb.HistoryEvent) (scheduledEventID int64, startedEventID *int64) {
	switch a := e.Attributes.(type) {
	case *historypb.HistoryEvent_ActivityTaskCompletedEventAttributes:
		x := a.ActivityTaskCompletedEventAttributes
		return x.ScheduledEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ActivityTaskFailedEventAttributes:
		x := a.ActivityTaskFailedEventAttributes
		return x.ScheduledEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes:
		x := a.ActivityTaskTimedOutEventAttributes
		return x.ScheduledEventId, &x.StartedEventId
	case *historypb.HistoryEvent_ActivityTaskCanceledEventAttributes:
		x := a.ActivityTaskCanceledEventAttributes
		return x.ScheduledEventId, &x.StartedEventId
	}
	return 0, nil
}

func (r *Run) activityQueue(act *records.Activity) entity.Queue {
	return entity.Queue{Namespace: r.chain.key.Namespace, Type: entity.TaskActivity, Name: act.TaskQueue}
}

// offerAttempt makes the next attempt of the activity ready for workers, unless it is a
// further one and a rule says otherwise. Rules are asked about a first one when it is
// given to a worker.
func (r *Run) offerAttempt(step *entity.Step, act *records.Activity) {
	if act.Attempt > 1 && r.pausedByRule(step, act) {
		return
	}
	r.dispatchActivity(step, act)
}

// dispatchActivity makes the next attempt of the activity ready for workers, as soon
// as the run is not paused.
func (r *Run) dispatchActivity(step *entity.Step, act *records.Activity) {
	act.RetryAt = nil
	if r.paused() || !r.activityLetIn(step, act) {
		return
	}
	queue, version := r.activityQueue(act), r.taskVersion(false)
	if version != nil && version.Pinned && r.chain.routes(queue).Has(deployment.FromString(version.Version)) {
		queue.Version = version.Version
	}
	task := &entity.Task{
		Queue:   queue,
		Version: version,
		Lane:    lane(r.info.Priority, act.Priority),
		Weight:  fairnessWeight(r.info.Priority, act.Priority),
		Entity:  r.chain.key,
		RunID:   r.info.RunId,
		EventID: act.ScheduledEventId,
		Stamp:   act.Stamp,
		Created: r.chain.shardTime(step.Now),
	}
	expires, _ := nextActivityDeadline(act)
	task.Expires = r.chain.shardTime(expires)
	act.TaskId, act.Lane, act.Version = step.AddTask(task), task.Lane, queue.Version
}

// undispatchActivity takes back the activity's dispatch task, if it has one.
func (r *Run) undispatchActivity(step *entity.Step, act *records.Activity) {
	if act.TaskId == 0 {
		return
	}
	queue := r.activityQueue(act)
	queue.Version = act.Version
	step.RemoveTask(entity.TaskRef{Queue: queue, Lane: act.Lane, ID: act.TaskId})
	act.TaskId, act.Lane, act.Version = 0, "", ""
}
