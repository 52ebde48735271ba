package workflow

import (
	"errors"
	"hash/fnv"
	"math"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// startedTask is the volatile half of the pending workflow task: that a worker
// has it. The Started event it promises has the next free event id, and nothing
// else is given that id before the task ends.
type startedTask struct {
	eventID  int64 // of the Started event
	time     time.Time
	deadline time.Time
	identity string
	// requestID names the start.
	requestID   string
	historySize int64
	suggest     []enumspb.SuggestContinueAsNewReason
	version     *commonpb.WorkerVersionStamp
	// transition is set if the task has been given to another version of the worker than the
	// run's, and revision is that of the routing by which; see versioning.go.
	transition *records.VersionTransition
	revision   int64
	// targetChanged: the worker of a pinned workflow is told that new ones go to another
	// version.
	targetChanged bool
}

// stamp tells starts of the same attempt apart in tokens: a crash may take one
// back and bring another that is like it in all but the request id.
func (s *startedTask) stamp() int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.requestID))
	return int32(h.Sum32())
}

func (s *startedTask) attributes(scheduledEventID int64) *historypb.WorkflowTaskStartedEventAttributes {
	return &historypb.WorkflowTaskStartedEventAttributes{
		ScheduledEventId:            scheduledEventID,
		Identity:                    s.identity,
		RequestId:                   s.requestID,
		SuggestContinueAsNew:        len(s.suggest) > 0,
		SuggestContinueAsNewReasons: s.suggest,
		HistorySizeBytes:            s.historySize,
		//lint:ignore SA1019 older clients use it
		WorkerVersion:                        s.version,
		TargetWorkerDeploymentVersionChanged: s.targetChanged,
	}
}

// wantWorkflowTask has a workflow task scheduled at the end of the step if none is
// pending. If one is started, the events that are buffered cause the next one when
// it ends.
func (r *Run) wantWorkflowTask() { r.taskWanted = true }

// scheduleTask schedules a workflow task if none is pending. original is when the
// first of a series of heartbeats was scheduled. A task that is not dispatched
// must be started by the same step; should a crash take it back, the run's
// durable timer brings it up again.
func (r *Run) scheduleTask(step *entity.Step, original time.Time, dispatch bool) {
	if r.closed() || r.state.WorkflowTask != nil {
		return
	}
	if len(r.buffer.events) > 0 {
		// New events end a series of failures: this task is a first attempt.
		r.flushBuffered()
		r.state.WorkflowTaskAttempt = 1
	}
	if r.paused() {
		return // the end of the pause schedules one
	}
	if !r.letIn(step) {
		return // so does the last gate
	}
	attempt := max(r.state.WorkflowTaskAttempt, 1)
	timeout := durationpb.New(taskTimeout(r.info.TaskTimeout.AsDuration(), attempt))
	if attempt > 1 {
		r.state.WorkflowTask = &records.WorkflowTask{
			ScheduledEventId: r.state.NextEventId,
			Attempt:          attempt,
			ScheduledTime:    timestamppb.New(step.Now),
			Transient:        true,
			StickyQueue:      r.state.StickyQueue,
			Timeout:          timeout,
		}
	} else {
		r.recordEvent(step, workflowTaskScheduled(r.info.TaskQueue, r.state.StickyQueue, timeout, attempt))
	}
	r.state.WorkflowTask.OriginalScheduledTime = timestamppb.New(original)
	r.state.WorkflowTaskAttempt = attempt
	r.dirty.state = true
	if dispatch {
		r.dispatch(step)
	}
}

// workflowTaskScheduled says that a workflow task is on the queue, or on the sticky
// one if that is not empty.
func workflowTaskScheduled(queue, sticky string, timeout *durationpb.Duration, attempt int32) *historypb.HistoryEvent {
	on := &taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL}
	if sticky != "" {
		on = &taskqueuepb.TaskQueue{Name: sticky, Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: queue}
	}
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue:           on,
			StartToCloseTimeout: timeout,
			Attempt:             attempt,
		}},
	}
}

// applyWorkflowTaskScheduled makes a workflow task pending, or takes a transient one
// that has been pending without an event into the history.
func applyWorkflowTaskScheduled(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowTaskScheduledEventAttributes) error {
	wt := r.state.WorkflowTask
	switch {
	case wt == nil:
		wt = new(records.WorkflowTask)
		r.state.WorkflowTask = wt
	case !wt.Transient:
		return errTaskPending
	}
	wt.ScheduledEventId = e.EventId
	wt.Attempt = max(attr.GetAttempt(), 1)
	wt.ScheduledTime = e.EventTime
	wt.Transient, r.speculative = false, false
	wt.Timeout = attr.GetStartToCloseTimeout()
	wt.StickyQueue = ""
	if queue := attr.GetTaskQueue(); queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		wt.StickyQueue = queue.GetName()
	}
	r.state.FirstTaskBackoffPending = false
	r.state.ChildFirstTaskPending = false
	r.dirty.state = true
	return nil
}

// Why an event of a workflow task cannot be.
var (
	errTaskPending = errors.New("another workflow task is pending")
	errOtherTask   = errors.New("that is not the pending workflow task, or not its start")
)

// Attempts above retriesWithoutBackoff are given a longer and longer timeout,
// which is how long a task that keeps failing rests.
const (
	retriesWithoutBackoff = 3
	initialTaskBackoff    = 5 * time.Second
	maxTaskBackoff        = 10 * time.Minute
)

func taskTimeout(timeout time.Duration, attempt int32) time.Duration {
	if attempt <= retriesWithoutBackoff {
		return timeout
	}
	backoff := float64(initialTaskBackoff) * math.Pow(2, float64(attempt-retriesWithoutBackoff-1))
	return timeout + time.Duration(min(backoff, float64(maxTaskBackoff)))
}

// scheduledEvent is the Scheduled event of the pending task, without an id.
func (r *Run) scheduledEvent() *historypb.HistoryEvent {
	wt := r.state.WorkflowTask
	event := workflowTaskScheduled(r.info.TaskQueue, wt.StickyQueue, wt.Timeout, wt.Attempt)
	event.EventTime = wt.ScheduledTime
	return event
}

func (r *Run) taskQueue() entity.Queue {
	return entity.Queue{Namespace: r.chain.key.Namespace, Type: entity.TaskWorkflow, Name: r.info.TaskQueue}
}

// dispatch makes the pending workflow task ready for workers.
func (r *Run) dispatch(step *entity.Step) {
	task := r.dispatchTask(step)
	wt := r.state.WorkflowTask
	wt.TaskId, wt.Lane, wt.Version = step.AddTask(task), task.Lane, task.Queue.Version
	r.dirty.state = true
	if at := r.stickyDeadline(); !at.IsZero() {
		step.Wake(r.chain.shardTime(at))
	}
}

// dispatchRef names the record of the dispatch task of the pending workflow task.
func (r *Run) dispatchRef() entity.TaskRef {
	wt, queue := r.state.WorkflowTask, r.taskQueue()
	queue.Version = wt.Version
	return entity.TaskRef{Queue: queue, Lane: wt.Lane, ID: wt.TaskId}
}

// dispatchTask is the task that takes the pending workflow task to workers.
func (r *Run) dispatchTask(step *entity.Step) *entity.Task {
	wt, queue, version := r.state.WorkflowTask, r.taskQueue(), r.taskVersion(true)
	if version != nil && version.Pinned {
		queue.Version = version.Version
	}
	return &entity.Task{
		Queue:   queue,
		Version: version,
		Lane:    lane(r.info.Priority, nil),
		Weight:  r.info.Priority.GetFairnessWeight(),
		Entity:  r.chain.key,
		RunID:   r.info.RunId,
		EventID: wt.ScheduledEventId,
		Stamp:   wt.Attempt,
		Sticky:  wt.StickyQueue,
		Created: r.chain.shardTime(step.Now),
	}
}

// stickyDeadline is when the pending task is taken from the sticky queue, unless
// it is started before; zero if it is on no sticky queue. A speculative task has a
// deadline on the normal queue as well.
func (r *Run) stickyDeadline() time.Time {
	wt := r.state.WorkflowTask
	if r.speculative && (wt.StickyQueue == "" || r.state.StickyTimeout.AsDuration() <= 0) {
		return wt.ScheduledTime.AsTime().Add(speculativeWait)
	}
	timeout := r.state.StickyTimeout.AsDuration()
	if wt == nil || wt.StickyQueue == "" || timeout <= 0 {
		return time.Time{}
	}
	return wt.ScheduledTime.AsTime().Add(timeout)
}

// startTask marks the pending workflow task as started. It writes nothing,
// unless events have come since the task was scheduled as a transient one: then
// it becomes a first attempt and gets its Scheduled event.
func (r *Run) startTask(step *entity.Step, identity, requestID string, version *commonpb.WorkerVersionStamp) {
	wt := r.state.WorkflowTask
	if wt.Transient && wt.ScheduledEventId != r.state.NextEventId {
		r.recordEvent(step, workflowTaskScheduled(r.info.TaskQueue, wt.StickyQueue, wt.Timeout, 1))
		r.state.WorkflowTaskAttempt = 1
	}
	s := &startedTask{
		eventID:     r.state.NextEventId,
		time:        step.Now,
		deadline:    step.Now.Add(wt.Timeout.AsDuration()),
		identity:    identity,
		requestID:   requestID,
		historySize: r.state.HistorySize,
		version:     version,
	}
	if wt.Transient {
		s.eventID++
	}
	s.suggest = r.suggestions()
	r.started = s
	step.Note(entity.Occurrence{Kind: entity.WorkflowTaskStarted, Attempt: wt.Attempt, Took: step.Now.Sub(wt.ScheduledTime.AsTime())})
	step.Unwake() // of the sticky queue
	step.WakePinned(r.chain.shardTime(s.deadline))
}

// suggestions are the reasons for which a worker that starts a task now is told to
// continue as new.
func (r *Run) suggestions() (reasons []enumspb.SuggestContinueAsNewReason) {
	limits := r.limits()
	if r.state.HistorySize >= limits.SuggestSize {
		reasons = append(reasons, enumspb.SUGGEST_CONTINUE_AS_NEW_REASON_HISTORY_SIZE_TOO_LARGE)
	}
	if r.state.NextEventId >= limits.SuggestEvents {
		reasons = append(reasons, enumspb.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_HISTORY_EVENTS)
	}
	if r.manyUpdates() {
		reasons = append(reasons, enumspb.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES)
	}
	return reasons
}

// recordStarted writes what startTask has promised.
func (r *Run) recordStarted(step *entity.Step) {
	if r.state.WorkflowTask.Transient {
		r.recordScheduled(step)
	}
	r.recordEvent(step, r.startedEvent())
}

// recordScheduled writes the Scheduled event of a transient task.
func (r *Run) recordScheduled(step *entity.Step) {
	if r.speculative {
		r.state.WorkflowTask.TaskId = 0 // what was offered has no record
	}
	r.recordEvent(step, r.scheduledEvent())
}

func applyWorkflowTaskStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowTaskStartedEventAttributes) error {
	if wt := r.state.WorkflowTask; wt == nil || wt.ScheduledEventId != attr.GetScheduledEventId() || r.startedEventID != 0 {
		return errOtherTask
	}
	r.startedEventID = e.EventId
	return nil
}

// applyTaskEnd applies any of the events that end a workflow task.
func applyTaskEnd(r *Run, scheduledEventID, startedEventID int64) error {
	if wt := r.state.WorkflowTask; wt == nil || wt.ScheduledEventId != scheduledEventID || r.startedEventID != startedEventID {
		return errOtherTask
	}
	r.state.WorkflowTask = nil
	r.startedEventID = 0
	r.dirty.state = true
	return nil
}

// undispatch takes back the dispatch task of the pending workflow task, if there is
// one.
func (r *Run) undispatch(step *entity.Step) {
	if r.speculative {
		return // it has no record; who takes it finds out
	}
	if wt := r.state.WorkflowTask; wt.GetTaskId() != 0 {
		step.RemoveTask(r.dispatchRef())
		wt.TaskId, wt.Lane, wt.Version = 0, "", ""
	}
}

// endTask takes the pending workflow task away, with the event that says so; a
// transient one leaves none, unless it succeeds. After the end of one that was started the
// workflow is not about to close, as far as anybody knows, however that one has ended.
func (r *Run) endTask(step *entity.Step, end *historypb.HistoryEvent) {
	r.undispatch(step)
	step.Unwake()
	r.keepTransition()
	if end != nil {
		r.recordEvent(step, end)
	}
	if r.started != nil {
		r.tryingToClose = false
	}
	r.state.WorkflowTask = nil
	r.started, r.speculative = nil, false
	r.dirty.state = true
}

// failTask ends the started workflow task as failed. Failures after the first of
// a series leave no events.
func (r *Run) failTask(step *entity.Step, cause enumspb.WorkflowTaskFailedCause, failure *failurepb.Failure, identity, checksum string) {
	var end *historypb.HistoryEvent
	if wt := r.state.WorkflowTask; !wt.Transient || r.speculative {
		r.recordStarted(step)
		end = workflowTaskFailed(&historypb.WorkflowTaskFailedEventAttributes{
			ScheduledEventId: wt.ScheduledEventId,
			StartedEventId:   r.started.eventID,
			Cause:            cause,
			Failure:          failure,
			Identity:         identity,
			//lint:ignore SA1019 older clients use it
			BinaryChecksum: checksum,
		})
		r.beginProblem(cause, enumspb.TIMEOUT_TYPE_UNSPECIFIED)
	}
	r.endTask(step, end)
	step.Note(entity.Occurrence{Kind: entity.WorkflowTaskFailed, Detail: int32(cause)})
	r.countFailure()
	switch cause {
	case enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, enumspb.WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND:
		r.state.WorkflowTaskAttempt = 1
	case enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND:
		r.tryingToClose = true
	}
}

func workflowTaskFailed(attr *historypb.WorkflowTaskFailedEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{WorkflowTaskFailedEventAttributes: attr},
	}
}

func applyWorkflowTaskFailed(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowTaskFailedEventAttributes) error {
	if err := applyTaskEnd(r, attr.GetScheduledEventId(), attr.GetStartedEventId()); err != nil {
		return err
	}
	if attr.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW && attr.GetBaseRunId() != "" {
		r.beginAgain(e.EventTime)
	}
	return nil
}

// countFailure prepares the attempt after a failed one. A sticky task that fails
// is first tried again on the normal queue, without counting.
func (r *Run) countFailure() {
	if r.state.StickyQueue != "" {
		r.clearSticky()
		r.state.WorkflowTaskAttempt = 1
		return
	}
	r.countProblem()
	r.state.WorkflowTaskAttempt = max(r.state.WorkflowTaskAttempt, 1) + 1
}

func (r *Run) clearSticky() {
	if r.state.StickyQueue != "" || r.state.StickyTimeout != nil {
		r.state.StickyQueue, r.state.StickyTimeout = "", nil
		r.dirty.state = true
	}
}

// timeoutStarted ends the started workflow task because its worker has not
// answered in time. The caller schedules the next one.
func (r *Run) timeoutStarted(step *entity.Step) {
	var end *historypb.HistoryEvent
	if wt := r.state.WorkflowTask; !wt.Transient || r.speculative {
		r.recordStarted(step)
		end = workflowTaskTimedOut(wt.ScheduledEventId, r.started.eventID, enumspb.TIMEOUT_TYPE_START_TO_CLOSE)
		r.beginProblem(enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNSPECIFIED, enumspb.TIMEOUT_TYPE_START_TO_CLOSE)
	}
	r.endTask(step, end)
	step.Note(entity.Occurrence{Kind: entity.WorkflowTaskTimedOut, Detail: int32(enumspb.TIMEOUT_TYPE_START_TO_CLOSE)})
	r.countFailure()
}

// timeoutSticky takes a workflow task from the sticky queue, where nobody has
// started it, to the normal one.
func (r *Run) timeoutSticky(step *entity.Step) {
	if r.state.WorkflowTask.Transient {
		r.recordScheduled(step)
	}
	r.endTask(step, workflowTaskTimedOut(r.state.WorkflowTask.ScheduledEventId, 0, enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START))
	step.Note(entity.Occurrence{Kind: entity.WorkflowTaskTimedOut, Detail: int32(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)})
	r.clearSticky()
	r.state.WorkflowTaskAttempt = 1
	r.scheduleTask(step, step.Now, true)
}

func workflowTaskTimedOut(scheduledEventID, startedEventID int64, timeout enumspb.TimeoutType) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
		Attributes: &historypb.HistoryEvent_WorkflowTaskTimedOutEventAttributes{WorkflowTaskTimedOutEventAttributes: &historypb.WorkflowTaskTimedOutEventAttributes{
			ScheduledEventId: scheduledEventID,
			StartedEventId:   startedEventID,
			TimeoutType:      timeout,
		}},
	}
}

func applyWorkflowTaskTimedOut(r *Run, _ *historypb.HistoryEvent, attr *historypb.WorkflowTaskTimedOutEventAttributes) error {
	return applyTaskEnd(r, attr.GetScheduledEventId(), attr.GetStartedEventId())
}

// StartWorkflowTask hands the workflow task to the worker that polls. It fails
// with entity.ErrStaleTask if the task is not the pending one. There is neither a reply nor an
// error if the task has come to nothing by this step.
func (c *Chain) StartWorkflowTask(step *entity.Step, task *entity.Task, req *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	r := c.current
	if r == nil || r.info.RunId != task.RunID || r.closed() {
		return nil, entity.ErrStaleTask
	}
	wt := r.state.WorkflowTask
	if wt == nil || wt.TaskId != task.ID || r.started != nil {
		return nil, entity.ErrStaleTask
	}
	// A task that another worker takes from the normal queue ends stickiness: that
	// worker needs the whole history.
	queue := req.GetTaskQueue()
	sticky := queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY && queue.GetName() == r.state.StickyQueue
	r.repairAfterCrash(step)
	if r.paused() {
		return nil, nil
	}
	worker := deployment.OfWorker(req.GetDeploymentOptions(), workerCapabilities(req))
	if r.versioningBehavior() == pinned && worker != r.version() {
		// The run has been pinned elsewhere since the task was given to this worker.
		r.clearSticky()
		r.redispatch(step)
		return nil, nil
	}
	if !sticky && r.state.StickyQueue != "" {
		r.state.StickyQueue, r.state.StickyTimeout = "", nil // recorded when the task ends
	}
	r.startTask(step, req.GetIdentity(), step.NewID(), pollVersion(req))
	r.startVersion(step, task, worker)
	// The reply is made of what the step records.
	if err := c.EndStep(step); err != nil {
		return nil, err
	}
	reply, err := r.taskReply(step, sticky, true)
	if err != nil {
		r.started = nil
		return nil, err
	}
	return reply, nil
}

// workerCapabilities are what a worker says of its version in the older form.
func workerCapabilities(req *workflowservice.PollWorkflowTaskQueueRequest) *commonpb.WorkerVersionCapabilities {
	//lint:ignore SA1019 older clients use it
	return req.GetWorkerVersionCapabilities()
}

// pollVersion is the version of a worker that takes part in no versioning but
// tells its build id.
func pollVersion(req *workflowservice.PollWorkflowTaskQueueRequest) *commonpb.WorkerVersionStamp {
	//lint:ignore SA1019 older clients use it
	capabilities, options := req.GetWorkerVersionCapabilities(), req.GetDeploymentOptions()
	if options.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED && options.GetDeploymentName() != "" {
		return nil
	}
	if capabilities.GetBuildId() == "" || capabilities.GetUseVersioning() && capabilities.GetDeploymentSeriesName() != "" {
		return nil
	}
	return &commonpb.WorkerVersionStamp{BuildId: capabilities.GetBuildId(), UseVersioning: capabilities.GetUseVersioning()}
}

// taskReply is what a worker gets with the started workflow task. A sticky reply
// has only the events since the last task that the worker has completed. resend has
// updates sent again that went with a task that came to nothing.
func (r *Run) taskReply(step *entity.Step, sticky, resend bool) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	wt, s := r.state.WorkflowTask, r.started
	from := int64(1)
	if sticky {
		from = r.state.LastCompletedStartedEventId + 1
	}
	history, next, err := r.readHistory(step.Reader, from, r.state.NextEventId-1, r.limits())
	if err != nil {
		return nil, err
	}
	reply := &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken: tokens.EncodeTask(&records.TaskToken{
			NamespaceId:      r.chain.key.Namespace,
			WorkflowId:       r.chain.key.ID,
			RunId:            r.info.RunId,
			ScheduledEventId: wt.ScheduledEventId,
			StartedEventId:   s.eventID,
			Attempt:          wt.Attempt,
			StartedTime:      s.time.UnixNano(),
			Stamp:            s.stamp(),
		}),
		WorkflowExecution:          r.execution(),
		WorkflowType:               &commonpb.WorkflowType{Name: r.info.WorkflowType},
		PreviousStartedEventId:     r.state.LastCompletedStartedEventId,
		StartedEventId:             s.eventID,
		Attempt:                    wt.Attempt,
		WorkflowExecutionTaskQueue: &taskqueuepb.TaskQueue{Name: r.info.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		ScheduledTime:              wt.ScheduledTime,
		StartedTime:                timestamppb.New(s.time),
	}
	if len(r.queries) > 0 {
		reply.Queries = make(map[string]*querypb.WorkflowQuery, len(r.queries))
		for _, q := range r.queries {
			reply.Queries[q.id] = q.input
		}
	}
	reply.Messages = r.updateMessages(resend)
	if next < r.state.NextEventId {
		spliceField(reply, pollHistoryField, history)
		reply.NextPageToken = tokens.EncodeHistory(&records.HistoryToken{
			RunId:          r.info.RunId,
			NextEventId:    next,
			LastEventId:    s.eventID,
			StartedEventId: s.eventID,
			Attempt:        wt.Attempt,
		})
		return reply, nil
	}
	spliceField(reply, pollHistoryField, history, r.volatileEvents())
	return reply, nil
}

// pollHistoryField is the number of PollWorkflowTaskQueueResponse.history.
const pollHistoryField = 8

func (r *Run) execution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: r.chain.key.ID, RunId: r.info.RunId}
}

// ResetSticky makes the next workflow tasks of the run go to the normal queue. A task
// that waits in the sticky queue stays there until its time is up.
func (c *Chain) ResetSticky(step *entity.Step, req *workflowservice.ResetStickyTaskQueueRequest) error {
	r, err := c.runningRun(step, req.GetExecution().GetRunId())
	if err != nil {
		return err
	}
	timeout := r.state.StickyTimeout
	r.clearSticky()
	if r.started == nil && r.state.WorkflowTask.GetStickyQueue() != "" {
		r.state.StickyTimeout = timeout // of the waiting task, whose worker may be gone
	}
	return nil
}
