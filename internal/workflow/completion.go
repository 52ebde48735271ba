package workflow

import (
	"fmt"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// heartbeatLimit is how long a worker may keep a workflow task by heartbeats
// alone.
const heartbeatLimit = 30 * time.Minute

// Completion is what came of a completed workflow task.
type Completion struct {
	Response *workflowservice.RespondWorkflowTaskCompletedResponse
	// Err is what the worker is told instead, if it is not nil. The step has
	// succeeded all the same and must be carried out: it has failed the task.
	Err error
}

// CompleteWorkflowTask takes the commands a worker answers a workflow task with.
// All of them are carried out, or none: a bad one fails the task.
func (c *Chain) CompleteWorkflowTask(step *entity.Step, token *records.TaskToken, req *workflowservice.RespondWorkflowTaskCompletedRequest) (*Completion, error) {
	r, err := c.startedTaskOf(step, token)
	if err != nil {
		return nil, err
	}
	if err := r.checkForce(req); err != nil {
		return nil, err
	}
	if err := checkCompletion(req); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older clients use it
	if failure := c.checkBinary(req.GetBinaryChecksum()); failure != nil {
		return r.failCompletion(step, req, failure)
	}
	if err := checkMessages(req.GetMessages()); err != nil {
		return nil, err
	}
	messages := decodeMessages(req.GetMessages())
	failure, hadBuffered, err := r.checkCommands(step, req.GetCommands(), messages)
	if err != nil {
		return nil, err
	}
	if failure != nil {
		return r.failCompletion(step, req, failure)
	}

	heartbeat := req.GetForceCreateNewWorkflowTask() && len(req.GetCommands()) == 0 && len(req.GetMessages()) == 0
	original := step.Now
	if heartbeat {
		original = r.state.WorkflowTask.OriginalScheduledTime.AsTime()
		if step.Now.Sub(original) > heartbeatLimit {
			return r.timeoutHeartbeat(step, req)
		}
	}

	r.answerQueries(step, req.GetQueryResults(), true)
	step.Note(entity.Occurrence{Kind: entity.WorkflowTaskCompleted, Took: step.Now.Sub(r.started.time)})
	resp := &workflowservice.RespondWorkflowTaskCompletedResponse{}
	var a *application
	if r.discards(req, messages) {
		a = r.discardTask(step, req)
		resp.ResetHistoryEventId = r.state.LastCompletedStartedEventId
	} else {
		a = r.completeTask(step, req)
	}
	a.messages = messages
	r.applying = true
	for _, cmd := range req.GetCommands() {
		handlerOf(cmd).execute(a, cmd)
		step.NoteCommand(int32(cmd.GetCommandType()))
	}
	a.executeMessages(req.GetForceCreateNewWorkflowTask())
	a.tellNews()
	if !r.closed() {
		for _, id := range a.eager {
			if task := r.startEager(step, id, a.identity, a.controlQueue); task != nil {
				resp.ActivityTasks = append(resp.ActivityTasks, task)
			}
		}
	}
	moving := r.transition() != nil // it began when the task was with its worker already
	wanted := req.GetForceCreateNewWorkflowTask() || hadBuffered || a.scheduleTask || r.taskWanted || moving
	r.applying, r.taskWanted = false, false
	idle := r.closed() || r.paused()
	wanted = wanted && !idle
	speculative := !wanted && !idle && r.unsentUpdates()
	wanted = wanted || speculative && !req.GetReturnNewWorkflowTask()
	inline := (wanted || speculative) && req.GetReturnNewWorkflowTask() && !moving
	if wanted {
		r.scheduleTask(step, original, !inline)
	} else {
		r.flushBuffered()
	}
	if speculative && inline {
		// It comes after what is recorded.
		if err := c.EndStep(step); err != nil {
			return nil, err
		}
		r.scheduleSpeculative(step, false)
	}
	if inline {
		r.startTask(step, req.GetIdentity(), "request-from-RespondWorkflowTaskCompleted", nil)
		if r.started != nil {
			r.started.targetChanged = r.targetChanged()
		}
	}
	if !wanted && !inline {
		r.releaseQueries(step)
	}
	if inline && r.started != nil {
		// The reply is made of what the step records.
		if err := c.EndStep(step); err != nil {
			return nil, err
		}
		if resp.WorkflowTask, err = r.taskReply(step, true, !req.GetForceCreateNewWorkflowTask()); err != nil {
			return nil, err
		}
	}
	return &Completion{Response: resp}, nil
}

// checkForce refuses to schedule the next workflow task of a paused workflow.
func (r *Run) checkForce(req *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	if r.paused() && req.GetForceCreateNewWorkflowTask() {
		return serviceerror.NewFailedPrecondition("Workflow is paused and force create new workflow task is not allowed.")
	}
	return nil
}

// ExpectCompletion checks that the token is that of the started workflow task, whose
// commands do not all come with this request. It returns how long they may take to come.
func (c *Chain) ExpectCompletion(step *entity.Step, token *records.TaskToken, req *workflowservice.RespondWorkflowTaskCompletedRequest) (time.Duration, error) {
	r, err := c.startedTaskOf(step, token)
	if err != nil {
		return 0, err
	}
	return r.state.WorkflowTask.Timeout.AsDuration(), r.checkForce(req)
}

// RefuseCompletion fails the workflow task and terminates the workflow: what its worker
// has to say is more than the server takes.
func (c *Chain) RefuseCompletion(
	step *entity.Step, token *records.TaskToken, req *workflowservice.RespondWorkflowTaskCompletedRequest,
	cause enumspb.WorkflowTaskFailedCause, reason error,
) (*Completion, error) {
	r, err := c.startedTaskOf(step, token)
	if err != nil {
		return nil, err
	}
	return r.failCompletion(step, req, &commandFailure{cause: cause, err: reason, terminate: true})
}

// checkBinary refuses what workers say whose build is marked as bad in the namespace.
func (c *Chain) checkBinary(checksum string) *commandFailure {
	if checksum == "" {
		return nil
	}
	if ns, ok := c.config.Namespace(c.key.Namespace); ok && ns.BadBinary != nil && ns.BadBinary(checksum) {
		return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_BINARY, "binary %v is marked as bad deployment", checksum)
	}
	return nil
}

// checkCompletion refuses requests that no workflow task could be completed with.
func checkCompletion(req *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	var closing enumspb.CommandType
	for _, cmd := range req.GetCommands() {
		if closing != 0 {
			types := make([]string, len(req.GetCommands()))
			for i, cmd := range req.GetCommands() {
				types[i] = cmd.GetCommandType().String()
			}
			return serviceerror.NewInvalidArgumentf("invalid command sequence: [%v], command %s must be the last command.",
				strings.Join(types, ", "), closing)
		}
		if _, known := enumspb.CommandType_name[int32(cmd.GetCommandType())]; !known || cmd.GetCommandType() == enumspb.COMMAND_TYPE_UNSPECIFIED {
			return serviceerror.NewInvalidArgumentf("unknown command type: %v", cmd.GetCommandType())
		}
		if closesWorkflow(cmd.GetCommandType()) {
			closing = cmd.GetCommandType()
		}
	}
	return nil
}

func closesWorkflow(t enumspb.CommandType) bool {
	switch t {
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
		enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
		enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return true
	}
	return false
}

// checkCommands checks all commands and messages of a completion. hadBuffered reports whether
// events that the worker has not seen remain buffered after them.
func (r *Run) checkCommands(step *entity.Step, commands []*commandpb.Command, messages []*protocolMessage) (failure *commandFailure, hadBuffered bool, err error) {
	completed := r.started.eventID + 1
	b := &commandBatch{run: r, step: step, firstEventID: completed + 1, messages: messages}
	for _, cmd := range commands {
		failure := handlerOf(cmd).check(b, cmd)
		if b.err != nil {
			return nil, false, b.err
		}
		if failure != nil {
			return failure, false, nil
		}
		if cmd.GetCommandType() != enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE {
			b.eventAdded(cmd)
		}
		b.closing = b.closing || closesWorkflow(cmd.GetCommandType())
	}
	for _, m := range messages {
		if m.checked {
			continue
		}
		if failure := b.checkMessage(m); failure != nil {
			return failure, false, nil
		}
	}
	return nil, b.waitingEvents() > 0, nil
}

// waitingEvents counts the buffered events that the batch does not take back.
func (b *commandBatch) waitingEvents() int {
	n := 0
	for _, event := range b.run.buffer.events {
		if fired := event.GetTimerFiredEventAttributes(); fired == nil || !b.removesBufferedTimer[fired.GetTimerId()] {
			n++
		}
	}
	return n
}

// completeTask writes the end of the workflow task.
func (r *Run) completeTask(step *entity.Step, req *workflowservice.RespondWorkflowTaskCompletedRequest) *application {
	r.recordStarted(step)
	scheduled, started := r.state.WorkflowTask.ScheduledEventId, r.started.eventID
	options := req.GetDeploymentOptions()
	deploymentName, buildID := options.GetDeploymentName(), options.GetBuildId()
	behavior := req.GetVersioningBehavior()
	//lint:ignore SA1019 older clients use it
	if d := req.GetDeployment(); d != nil {
		deploymentName, buildID = d.GetSeriesName(), d.GetBuildId()
	}
	if options != nil && options.GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		behavior = enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED
	}
	attr := &historypb.WorkflowTaskCompletedEventAttributes{
		ScheduledEventId: scheduled,
		StartedEventId:   started,
		Identity:         req.GetIdentity(),
		//lint:ignore SA1019 older clients use it
		BinaryChecksum: req.GetBinaryChecksum(),
		//lint:ignore SA1019 older clients use it
		WorkerVersion:        req.GetWorkerVersionStamp(),
		SdkMetadata:          req.GetSdkMetadata(),
		MeteringMetadata:     req.GetMeteringMetadata(),
		WorkerDeploymentName: deploymentName,
		VersioningBehavior:   behavior,
	}
	//lint:ignore SA1019 older clients use it
	if deploymentName != "" && (req.GetDeployment() != nil || options.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED) {
		attr.DeploymentVersion = &deploymentpb.WorkerDeploymentVersion{DeploymentName: deploymentName, BuildId: buildID}
	}
	completed := workflowTaskCompleted(attr)
	versions := r.completeTransition(attr.GetDeploymentVersion())
	r.endTask(step, completed)
	if versions.changed(r) {
		r.redispatchActivities(step)
	}
	r.state.WorkflowTaskAttempt = 1
	r.endProblem()
	r.setSticky(req)
	return &application{
		run:              r,
		step:             step,
		completedEventID: completed.EventId,
		identity:         req.GetIdentity(),
		controlQueue:     req.GetWorkerControlTaskQueue(),
		eagerAllowed:     !r.paused(),
	}
}

func workflowTaskCompleted(attr *historypb.WorkflowTaskCompletedEventAttributes) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: attr},
	}
}

func applyWorkflowTaskCompleted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowTaskCompletedEventAttributes) error {
	if err := applyTaskEnd(r, attr.GetScheduledEventId(), attr.GetStartedEventId()); err != nil {
		return err
	}
	r.state.LastCompletedStartedEventId = attr.GetStartedEventId()
	//lint:ignore SA1019 older clients use them
	stamp, checksum := attr.GetWorkerVersion(), attr.GetBinaryChecksum()
	added := r.addResetPoint(e)
	r.completedBy(attr.GetWorkerDeploymentName(), attr.GetDeploymentVersion(), attr.GetVersioningBehavior())
	r.updateVersionAttributes(stamp, deployment.FromProto(attr.GetDeploymentVersion()))
	if added && checksum != "" {
		r.updateBinaryChecksums()
	}
	return nil
}

// setSticky sends the next tasks of the run to the worker that has it in its
// cache, if the worker asks for it.
func (r *Run) setSticky(req *workflowservice.RespondWorkflowTaskCompletedRequest) {
	sticky := req.GetStickyAttributes()
	r.clearSticky()
	if r.transition() != nil {
		return // the next task goes to another worker
	}
	if name := sticky.GetWorkerTaskQueue().GetName(); name != "" {
		r.state.StickyQueue, r.state.StickyTimeout = name, sticky.GetScheduleToStartTimeout()
		// What that worker has seen is not going to be asked for again soon.
		r.tail.dropBefore(r.state.LastCompletedStartedEventId + 1)
	}
}

func (f *commandFailure) message() string {
	if f.err == nil {
		return f.cause.String()
	}
	return fmt.Sprintf("%v: %v", f.cause, f.err)
}

// failCompletion fails the workflow task because of a bad command. Of a task that
// has failed before, nothing is done: it times out, and so is not tried again
// and again without a rest.
func (r *Run) failCompletion(step *entity.Step, req *workflowservice.RespondWorkflowTaskCompletedRequest, f *commandFailure) (*Completion, error) {
	refusal := serviceerror.NewInvalidArgument(f.message())
	// The worker has seen these updates, and may fail again because of them.
	r.refuseUpdates(step, errUpdateTaskRefused(), func(u *admittedUpdate) bool { return u.sent })
	if r.state.WorkflowTask.Attempt > 1 && f.cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND {
		return &Completion{Err: refusal}, nil
	}
	//lint:ignore SA1019 older clients use it
	r.failTask(step, f.cause, attempt.ServerFailure(f.message(), false), req.GetIdentity(), req.GetBinaryChecksum())
	if f.terminate {
		r.flushBuffered()
		r.terminate(step, f.message(), nil, identityHistoryService, nil)
	} else {
		r.wantWorkflowTask()
	}
	r.answerQueries(step, req.GetQueryResults(), !f.terminate)
	return &Completion{Err: refusal}, nil
}

// timeoutHeartbeat takes the workflow task from a worker that has kept it for
// too long by heartbeats.
func (r *Run) timeoutHeartbeat(step *entity.Step, req *workflowservice.RespondWorkflowTaskCompletedRequest) (*Completion, error) {
	r.timeoutStarted(step)
	r.clearSticky()
	r.wantWorkflowTask()
	r.answerQueries(step, req.GetQueryResults(), true)
	return &Completion{Err: serviceerror.NewNotFound("workflow task heartbeat timeout")}, nil
}
