package workflow

import (
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// activation is a held run on its way to being one of the chain's. As in a reset, all is
// read first, and then all is done.
type activation struct {
	chain *Chain
	step  *entity.Step
	held  *records.Import
	run   *Run
	// asking are the events that have asked for something outside, by their ids.
	asking map[int64]*historypb.HistoryEvent
	// taskLost: the last workflow task did not complete, and there is no other.
	taskLost bool
}

// CheckImport tells why a held run, with the events that are here, could not run; empty if it
// could. It changes nothing. It fails with NotFound if the run is not held.
func (c *Chain) CheckImport(step *entity.Step, runID string) (reason string, err error) {
	h := c.held(runID)
	if h == nil {
		return "", errNotHeld(runID)
	}
	x := &activation{chain: c, step: step, held: h}
	reason, err = x.read()
	return reason, err
}

func errNotHeld(runID string) error {
	return serviceerror.NewNotFoundf("no import of run %s is under way", runID)
}

// ActivateImport makes a held run one of the chain's, which runs on if it has not closed. The
// activities say what its events do not, by activity id. Repeated, it does nothing. It fails with
// NotFound if nothing is known of the run, with FailedPrecondition if it cannot run.
func (c *Chain) ActivateImport(step *entity.Step, runID string, activities []*workflowpb.PendingActivityInfo) error {
	h := c.held(runID)
	if h == nil {
		_, err := c.findRun(step, runID)
		if notFound(err) {
			return errNotHeld(runID)
		}
		return err
	}
	x := &activation{chain: c, step: step, held: h}
	reason, err := x.read()
	if err != nil {
		return err
	}
	if reason != "" {
		return serviceerror.NewFailedPrecondition(reason)
	}
	if current := c.current; current != nil && !current.closed() && !x.run.closed() {
		return errAlreadyStarted(current, "Another run of the workflow is running here. WorkflowId: %v, RunId: %v.")
	}
	c.release(h)
	x.carryOut(activities)
	return nil
}

// read folds the history that is here. It returns why the run cannot run here.
func (x *activation) read() (reason string, err error) {
	f := x.chain.newFold(x.held.RunId)
	x.asking = make(map[int64]*historypb.HistoryEvent)
	var bad error
	source := &Run{chain: x.chain, info: &records.RunInfo{RunId: x.held.RunId}, state: &records.Run{NextEventId: x.held.NextEventId}}
	err = source.eachPage(x.step.Reader, 1, x.held.NextEventId-1, func(_, _ int64, data []byte) error {
		return eachEvent(data, func(e *historypb.HistoryEvent) error {
			if bad == nil {
				x.note(e)
				bad = f.add(e)
				x.noteReset(f.run, e)
			}
			return nil
		})
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("workflow: import of run %s: %w", x.held.RunId, err)
	case bad != nil:
		return bad.Error(), nil
	}
	x.run = f.run
	return x.obstacle(), nil
}

// note keeps what of an event will be needed.
func (x *activation) note(e *historypb.HistoryEvent) {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		x.asking[e.EventId] = e
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
		x.taskLost = true
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
		x.taskLost = false
	}
}

// noteReset notes where the events before a reset have come about: children know their
// parent by the run of that time.
func (x *activation) noteReset(run *Run, e *historypb.HistoryEvent) {
	attr := e.GetWorkflowTaskFailedEventAttributes()
	if attr.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW && attr.GetBaseRunId() != "" {
		run.info.Origins = append(run.info.Origins, &records.Origin{BeforeEventId: e.EventId, RunId: attr.GetBaseRunId()})
	}
}

// obstacle is why the run cannot run here, although its history makes sense.
func (x *activation) obstacle() string {
	r, limits := x.run, x.run.limits()
	switch {
	case r.closed():
		return ""
	case r.paused():
		return "it is paused: have it go on there first"
	case r.callbacks.len() > 0:
		return "it has completion callbacks, which its termination there would call"
	case r.nexusOperations.len() > 0:
		return "a Nexus operation of it is under way, whose handler answers to the server there"
	case r.state.HistorySize > limits.HistorySize, r.state.NextEventId-1 > limits.HistoryEvents:
		return "its history is larger than the limits of this server allow"
	case r.stateSize() > limits.StateSize:
		return "its state is larger than the limits of this server allow"
	}
	return ""
}

// carryOut makes the run one of the chain's. It cannot fail.
func (x *activation) carryOut(activities []*workflowpb.PendingActivityInfo) {
	c, r, step := x.chain, x.run, x.step
	r.renew()
	r.dirty.info, r.dirty.state, r.dirty.visible = true, true, true
	if r.closed() {
		if c.current == nil {
			c.makeCurrent(r)
		} else {
			c.keep(r)
		}
		c.expireLater(step, r)
		return
	}
	c.makeCurrent(r)
	c.setAhead(step, r.skipped())
	x.resumeTask()
	for _, id := range r.activities.keys() {
		act := r.activities.get(id)
		i := slices.IndexFunc(activities, func(info *workflowpb.PendingActivityInfo) bool { return info.GetActivityId() == act.ActivityId })
		if i < 0 {
			x.resumeUnknown(act)
		} else {
			x.resumeActivity(act, activities[i])
		}
		r.activities.change(r, act)
	}
	for _, id := range r.children.keys() {
		if child := r.children.get(id); child.StartedEventId != 0 {
			r.askChild(step, child) // it may have closed there when nobody listened any more
		} else {
			c.send(step, workflowKey(child.NamespaceId, child.WorkflowId), r.asker(id), r.startOfChild(x.asking[id]))
		}
	}
	for _, id := range slices.Concat(r.signals.keys(), r.cancels.keys()) {
		r.sendExternal(step, x.asking[id])
	}
}

// resumeTask sees to it that there is a workflow task if there has to be one.
func (x *activation) resumeTask() {
	r, step := x.run, x.step
	if started := r.startedEventID; started != 0 {
		// The worker that has it cannot answer here.
		r.endTask(step, workflowTaskFailed(&historypb.WorkflowTaskFailedEventAttributes{
			ScheduledEventId: r.state.WorkflowTask.ScheduledEventId,
			StartedEventId:   started,
			Cause:            enumspb.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
			Identity:         identityHistoryService,
		}))
		x.taskLost = true
	}
	switch {
	case r.state.WorkflowTask != nil:
		r.state.WorkflowTask.StickyQueue = ""
		r.state.WorkflowTask.OriginalScheduledTime = r.state.WorkflowTask.ScheduledTime
		r.dispatch(step)
	case x.taskLost:
		r.state.WorkflowTaskAttempt = 1
		r.wantWorkflowTask()
	case r.state.ChildFirstTaskPending:
		r.startFirstTask(step)
	}
}

// movedFailure is how an attempt ends that was under way when its workflow was imported.
func movedFailure() *failurepb.Failure {
	return &failurepb.Failure{
		Message:     "the workflow has moved to another server while the activity was running",
		Source:      "Server",
		FailureInfo: &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{}},
	}
}

// resumeActivity has an activity go on from where it was. An attempt that was with a worker is
// lost: the next one is offered at once, if the retry policy allows one. If it does not, the attempt
// times out when it would have, had the worker been lost.
func (x *activation) resumeActivity(act *records.Activity, info *workflowpb.PendingActivityInfo) {
	r, step := x.run, x.step
	if options := info.GetActivityOptions(); options != nil && options.GetTaskQueue().GetName() != "" {
		attempt.SetOptions(act, options)
	}
	act.Attempt = max(info.GetAttempt(), 1)
	act.HeartbeatTime, act.HeartbeatDetails = info.GetLastHeartbeatTime(), info.GetHeartbeatDetails()
	act.LastFailure, act.LastWorkerIdentity = info.GetLastFailure(), info.GetLastWorkerIdentity()
	act.LastVersion = info.GetLastDeploymentVersion()
	act.LastAttemptCompleteTime = info.GetLastAttemptCompleteTime()
	if at := info.GetScheduledTime(); at != nil {
		act.ScheduledTime = at
	}
	r.activities.detailBytes += proto.Size(act.HeartbeatDetails) + proto.Size(act.LastFailure)
	if info.GetPaused() {
		pause := info.GetPauseInfo()
		r.control(act, func(control *records.ActivityControl) {
			control.Paused = true
			control.PauseTime = pause.GetPauseTime()
			control.PauseIdentity, control.PauseReason = pause.GetManual().GetIdentity(), pause.GetManual().GetReason()
		})
		r.updatePauseInfo()
	}
	switch next := info.GetNextAttemptScheduleTime(); {
	case isStarted(info):
		act.StartedTime, act.StartedIdentity = info.GetLastStartedTime(), info.GetLastWorkerIdentity()
		r.retryAtOnce(step, act)
	case attempt.Paused(act):
	case next != nil && next.AsTime().After(step.Now):
		act.RetryAt, act.ScheduledTime = next, next
	default:
		r.dispatchActivity(step, act)
	}
}

// retryAtOnce ends the attempt that is started, and offers the next one, if there may be one.
func (r *Run) retryAtOnce(step *entity.Step, act *records.Activity) {
	if r.retryActivity(step, act, movedFailure()) != enumspb.RETRY_STATE_IN_PROGRESS || attempt.Paused(act) || act.RetryAt == nil {
		return
	}
	act.ScheduledTime = timestamppb.New(step.Now)
	r.dispatchActivity(step, act)
}

// resumeUnknown is resumeActivity for an activity of which only the events are known. One that
// may run once only may have been started: then it times out, and is not run again.
func (x *activation) resumeUnknown(act *records.Activity) {
	if attempt.LazyStart(act) {
		x.run.dispatchActivity(x.step, act)
		return
	}
	act.StartedTime = act.ScheduledTime
}

// isStarted reports whether a worker has the activity.
func isStarted(info *workflowpb.PendingActivityInfo) bool {
	switch info.GetState() {
	case enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED:
		return info.GetLastStartedTime() != nil
	case enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED:
		return info.GetLastStartedTime() != nil && info.GetNextAttemptScheduleTime() == nil
	}
	return false
}
