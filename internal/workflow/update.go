package workflow

import (
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/perdure/perdure/internal/entity"
)

// The life of an update. A client asks for it, and it is admitted, in memory only:
// whoever has asked waits, and asks again if it is lost. A message takes it to a
// worker with the next workflow task, a speculative one if none is pending
// (speculative.go). The worker's answers are messages, too (update_message.go): a
// rejection ends it and leaves no trace; an acceptance is an event, from which on
// the update is durable (updates.go); so is the response, with the outcome.
//
// What becomes of updates in other cases:
//
//	                          admitted               sent to a worker       accepted
//	the run closes            refused, not found     refused, not found     fails
//	the run is continued      goes to the new run    goes to the new run    fails
//	task failed by worker,    goes with the next     goes with the next     stays
//	or timed out
//	task failed by server     goes with the next     refused, not ready     stays
//	third task in a row fails refused, not ready     refused, not ready     stays
//	worker does not answer    -                      rejected               stays
//	power cut                 lost                   lost                   stays

// UpdateStage is how far an update has come.
type UpdateStage = enumspb.UpdateWorkflowExecutionLifecycleStage

const (
	stageAdmitted  = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
	stageAccepted  = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
	stageCompleted = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
)

// UpdateStatus is how far an update has come.
type UpdateStatus struct {
	// RunID is the run that has the update.
	RunID string
	Stage UpdateStage
	// Outcome is set if the stage is completed.
	Outcome *updatepb.Outcome
	// Err is why the update has come to nothing; nothing else is set then.
	Err error
}

// reaches reports whether who waits for the stage need not wait any more. Nobody
// waits for a stage that there is not.
func (s *UpdateStatus) reaches(stage UpdateStage) bool {
	return s.Err != nil || s.Stage >= stage || stage <= stageAdmitted || stage > stageCompleted
}

// UpdatePlan is what a caller who asks for an update is told at once.
type UpdatePlan struct {
	// Status is how far the update has come, if that is as far as the caller wants.
	Status *UpdateStatus
	// Wait names the caller's wait if it is not: done will be called, or
	// StopUpdateWait ends it.
	Wait *UpdateWait
}

// UpdateWait is someone who waits for an update of the current run. Volatile.
type UpdateWait struct {
	id    string
	stage UpdateStage
	// anyRun: the update may be made to the run that continues the one that has it.
	anyRun bool
	done   func(*UpdateStatus)
}

// admittedUpdate is an update that the workflow has not accepted yet. Volatile.
type admittedUpdate struct {
	id      string
	request *updatepb.Request
	body    *anypb.Any
	// sent: a worker has been given it.
	sent bool
	// others are requests for it that came later, with callbacks.
	others []*updatepb.Request
}

// failedUpdateAttempt is from which attempt of a workflow task on updates fail at
// once: the workflow's code cannot be brought to where it could take them.
const failedUpdateAttempt = 3

// Update takes an update in, or finds the one with its id. done is called once,
// without the entity's lock, if the plan has a wait and StopUpdateWait does not
// come before.
func (c *Chain) Update(step *entity.Step, req *workflowservice.UpdateWorkflowExecutionRequest, done func(*UpdateStatus)) (*UpdatePlan, error) {
	r, err := c.findRun(step, req.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	if first := req.GetFirstExecutionRunId(); first != "" && r.info.FirstRunId != first {
		return nil, errChainMismatch()
	}
	return r.update(step, req, done)
}

func (r *Run) update(step *entity.Step, req *workflowservice.UpdateWorkflowExecutionRequest, done func(*UpdateStatus)) (*UpdatePlan, error) {
	request := req.GetRequest()
	id := request.GetMeta().GetUpdateId()
	if !r.closed() {
		if err := r.updateReady(); err != nil {
			return nil, err
		}
	}
	status, err := r.updateStatus(step.Reader, id)
	switch {
	case err != nil:
		return nil, err
	case status == nil && r.closed():
		return nil, errCompleted()
	case status == nil:
		if err := r.checkUpdateLimits(request); err != nil {
			return nil, err
		}
		body, err := anypb.New(request)
		if err != nil {
			return nil, serviceerror.NewInvalidArgumentf("the update does not encode: %v", err)
		}
		r.repairAfterCrash(step)
		r.admitted = append(r.admitted, &admittedUpdate{id: id, request: request, body: body})
		r.bringUpdates(step)
		status = &UpdateStatus{RunID: r.info.RunId, Stage: stageAdmitted}
	case len(request.GetCompletionCallbacks()) > 0 && status.Stage < stageCompleted:
		if err := r.attachCallbacks(step, request); err != nil {
			return nil, err
		}
	}
	return r.awaitUpdate(status, &UpdateWait{
		id:     id,
		stage:  req.GetWaitPolicy().GetLifecycleStage(),
		anyRun: req.GetWorkflowExecution().GetRunId() == "",
		done:   done,
	}), nil
}

// updateReady refuses updates of a run that could not take them in.
func (r *Run) updateReady() error {
	switch {
	case r.paused():
		return serviceerror.NewFailedPrecondition("Workflow is paused. Cannot update the workflow.")
	case r.state.WorkflowTaskAttempt >= failedUpdateAttempt:
		return errUpdateTaskFailed()
	case r.tryingToClose && r.started != nil:
		return errClosing()
	}
	return nil
}

// PollUpdate finds an update, and waits for it as Update does.
func (c *Chain) PollUpdate(step *entity.Step, ref *updatepb.UpdateRef, stage UpdateStage, done func(*UpdateStatus)) (*UpdatePlan, error) {
	r, err := c.findRun(step, ref.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	status, err := r.updateStatus(step.Reader, ref.GetUpdateId())
	if err != nil {
		return nil, err
	}
	if status == nil {
		return nil, serviceerror.NewNotFoundf("update %q not found", ref.GetUpdateId())
	}
	return r.awaitUpdate(status, &UpdateWait{id: ref.GetUpdateId(), stage: stage, done: done}), nil
}

// StopUpdateWait ends a wait, and says how far the update has come until now.
func (c *Chain) StopUpdateWait(step *entity.Step, wait *UpdateWait) (*UpdateStatus, error) {
	lost := &UpdateStatus{Err: serviceerror.NewUnavailable("workflow update was aborted")}
	r := c.current
	if r == nil || !slices.Contains(r.updateWaits, wait) {
		return lost, nil // the state has been dropped from memory
	}
	r.updateWaits = slices.DeleteFunc(r.updateWaits, func(w *UpdateWait) bool { return w == wait })
	status, err := r.updateStatus(step.Reader, wait.id)
	if status == nil && err == nil {
		status = lost
	}
	return status, err
}

// updateStatus is how far the update has come; nil if the run does not know it.
func (r *Run) updateStatus(reader func() entity.Reader, id string) (*UpdateStatus, error) {
	status := &UpdateStatus{RunID: r.info.RunId, Stage: stageAdmitted}
	item := r.updates.known(id)
	switch {
	case item == nil && r.admission(id) == nil:
		return nil, nil
	case item.GetCompletedEventId() != 0:
		outcome, err := r.updateOutcome(reader, item.CompletedEventId)
		status.Stage, status.Outcome = stageCompleted, outcome
		return status, err
	case r.closed():
		return r.closedUpdate(id), nil
	case item.GetAcceptedEventId() != 0:
		status.Stage = stageAccepted
	}
	return status, nil
}

// closedUpdate is what becomes of an update that is not completed when the run
// closes.
func (r *Run) closedUpdate(id string) *UpdateStatus {
	if r.updates.get(id).GetAcceptedEventId() == 0 {
		return &UpdateStatus{Err: ErrUpdateAborted}
	}
	return &UpdateStatus{RunID: r.info.RunId, Stage: stageCompleted, Outcome: failed(updateOutlived)}
}

// updateOutcome reads the outcome of an update from the event of its completion.
func (r *Run) updateOutcome(reader func() entity.Reader, eventID int64) (*updatepb.Outcome, error) {
	data, _, err := r.readHistory(reader, eventID, eventID, r.limits())
	if err != nil {
		return nil, err
	}
	raw, _, err := nextEvent(data)
	if err != nil {
		return nil, err
	}
	event, err := decodeEvent(raw)
	if err != nil {
		return nil, err
	}
	attr := event.GetWorkflowExecutionUpdateCompletedEventAttributes()
	if attr == nil {
		return nil, fmt.Errorf("workflow: event %d of run %s, %v, does not complete an update", eventID, r.info.RunId, event.GetEventType())
	}
	return attr.GetOutcome(), nil
}

// awaitUpdate has the wait wait unless the status is what it waits for.
func (r *Run) awaitUpdate(status *UpdateStatus, wait *UpdateWait) *UpdatePlan {
	if status.reaches(wait.stage) {
		return &UpdatePlan{Status: status}
	}
	r.updateWaits = append(r.updateWaits, wait)
	return &UpdatePlan{Wait: wait}
}

// tellUpdate tells those who wait for the update how far it has come, if that is as
// far as they wait for.
func (r *Run) tellUpdate(step *entity.Step, id string, status *UpdateStatus) {
	r.updateWaits = slices.DeleteFunc(r.updateWaits, func(w *UpdateWait) bool {
		if w.id != id || !status.reaches(w.stage) {
			return false
		}
		w.tell(step, status)
		return true
	})
}

func (w *UpdateWait) tell(step *entity.Step, status *UpdateStatus) {
	step.Tell(w, func() { w.done(status) })
}

// admission is the update with the id if it is admitted and not accepted.
func (r *Run) admission(id string) *admittedUpdate {
	for _, u := range r.admitted {
		if u.id == id {
			return u
		}
	}
	return nil
}

// takeAdmitted takes an update off those that are admitted.
func (r *Run) takeAdmitted(id string) *admittedUpdate {
	u := r.admission(id)
	r.admitted = slices.DeleteFunc(r.admitted, func(other *admittedUpdate) bool { return other == u })
	return u
}

// checkUpdateLimits refuses an update that would be one too many, or has too many callbacks.
func (r *Run) checkUpdateLimits(request *updatepb.Request) error {
	limits := r.limits()
	if err := r.checkUpdateCallbacks(request, 0); err != nil {
		return err
	}
	pending := r.pendingUpdates()
	size := len(request.GetMeta().GetUpdateId()) + proto.Size(request)
	for _, u := range r.admitted {
		size += len(u.id) + proto.Size(u.body)
	}
	switch {
	case pending >= limits.PendingUpdates:
		return errManyUpdates("limit on number of concurrent in-flight updates has been reached (%v)", limits.PendingUpdates)
	case size >= limits.PendingUpdateSize:
		return errManyUpdates("limit on total payload size of in-flight updates has been reached (%v bytes)", limits.PendingUpdateSize)
	}
	return r.checkUpdateTotal()
}

func (r *Run) checkUpdateTotal() error {
	if most := r.limits().Updates; r.pendingUpdates()+r.updates.completed >= most {
		return serviceerror.NewFailedPreconditionf("The limit on the total number of distinct updates in this workflow has been reached (%v). "+
			"Make sure any duplicate updates share an Update ID so the server can deduplicate them, and consider rejecting updates that you aren't going to process. "+
			"You can also Continue-as-New to avoid this; we recommend you check Continue-as-New Suggested in your Workflow.", most)
	}
	return nil
}

// pendingUpdates is how many updates are admitted or accepted, and not completed.
func (r *Run) pendingUpdates() int {
	return len(r.admitted) + r.updates.len() - r.updates.completed - r.updates.rejected
}

// manyUpdates reports whether the run comes near the total limit of updates.
func (r *Run) manyUpdates() bool {
	limits := r.limits()
	return float64(r.pendingUpdates()+r.updates.completed) >= limits.SuggestUpdates*float64(limits.Updates)
}

// updateMessages are the messages that take updates to the worker with the workflow
// task that is being started. again has those sent again that have been sent with a
// task that came to nothing.
func (r *Run) updateMessages(again bool) []*protocolpb.Message {
	var messages []*protocolpb.Message
	for _, u := range r.admitted {
		if u.sent && !again {
			continue
		}
		u.sent = true
		messages = append(messages, &protocolpb.Message{
			Id:                 updateMessageID(u.id),
			ProtocolInstanceId: u.id,
			SequencingId:       &protocolpb.Message_EventId{EventId: r.started.eventID - 1},
			Body:               u.body,
		})
	}
	return messages
}

func updateMessageID(id string) string { return id + "/request" }

// unsentUpdates reports whether an update has yet to be sent to a worker.
func (r *Run) unsentUpdates() bool {
	return slices.ContainsFunc(r.admitted, func(u *admittedUpdate) bool { return !u.sent })
}

// refuseUpdates refuses those of the updates that are not accepted for which refuse
// reports true.
func (r *Run) refuseUpdates(step *entity.Step, err error, refuse func(*admittedUpdate) bool) {
	r.admitted = slices.DeleteFunc(r.admitted, func(u *admittedUpdate) bool {
		if !refuse(u) {
			return false
		}
		r.tellUpdate(step, u.id, &UpdateStatus{Err: err})
		return true
	})
}

// endUpdates ends what is left of the updates of a run that has closed: those that
// it has not accepted go to the run that continues it.
func (r *Run) endUpdates(step *entity.Step) {
	if len(r.admitted)+len(r.updateWaits) == 0 {
		return
	}
	next := r.chain.current
	if next == r || next.closed() || next.info.RunId != r.state.NewRunId {
		next = nil
	}
	for _, w := range r.updateWaits {
		u := r.admission(w.id)
		switch {
		case u == nil || next == nil:
			w.tell(step, r.closedUpdate(w.id))
		case !w.anyRun:
			w.tell(step, &UpdateStatus{Err: errCompleted()})
		default:
			next.takeOverUpdate(step, u, w)
		}
	}
	r.admitted, r.updateWaits = nil, nil
}

// takeOverUpdate admits an update that the run before has not accepted.
func (r *Run) takeOverUpdate(step *entity.Step, u *admittedUpdate, w *UpdateWait) {
	if r.admission(u.id) == nil {
		u.sent = false
		r.admitted = append(r.admitted, u)
	}
	r.updateWaits = append(r.updateWaits, w)
	r.bringUpdates(step)
}

// bringUpdates sees to it that a workflow task takes the admitted updates to a
// worker, also before the first task of a run that is delayed. A child whose parent
// does not know of it yet does nothing, so they wait for its first task.
func (r *Run) bringUpdates(step *entity.Step) {
	if r.state.WorkflowTask == nil && !r.state.ChildFirstTaskPending && !r.paused() && r.letIn(step) {
		r.scheduleSpeculative(step, true)
	}
}

// ErrUpdateAborted is for an update that the run has not accepted before it closed.
var ErrUpdateAborted = serviceerror.NewNotFound("workflow update was aborted by closing workflow")

func errUpdateTaskFailed() error {
	return serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to Workflow Task in failed state.")
}

func errUpdateTaskRefused() error {
	return serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to unexpected workflow task failure.")
}

func errManyUpdates(format string, most int) error {
	return &serviceerror.ResourceExhausted{
		Cause:   enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT,
		Scope:   enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: fmt.Sprintf(format, most),
	}
}

// Failures that the server itself gives updates as their outcomes.
var (
	updateOutlived = updateFailure("AcceptedUpdateCompletedWorkflow",
		"Workflow Update failed because the Workflow completed before the Update completed.")
	updateUnprocessed = updateFailure("UnprocessedUpdate",
		"Workflow Update is rejected because it wasn't processed by worker. Probably, Workflow Update is not supported by the worker.")
)

func updateFailure(kind, message string) *failurepb.Failure {
	return &failurepb.Failure{
		Message: message,
		Source:  "Server",
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type: kind, NonRetryable: true,
		}},
	}
}

func failed(failure *failurepb.Failure) *updatepb.Outcome {
	return &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: failure}}
}
