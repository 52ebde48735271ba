package workflow

import (
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A reset makes a new run of a workflow id out of the beginning of an old one, its
// base: the history up to a workflow task is copied, and folded into the state of the
// new run; that task fails; what came to the base from outside after the point is
// applied again (reset_reapply.go); and a new task lets the workflow's code go on from
// there. The current run, be it the base or another one, is terminated if it is running.
// All of it is one step.
//
// What was pending at the point:
//
//   - an activity is offered anew, whatever has become of it in the base;
//   - a timer runs on, and fires at once if its time has come;
//   - a child stays the child of the workflow. It reports to the run that has asked for
//     it, and what it reports is recorded by the new run (Chain.findChild). If the base
//     had closed before the reset, it may have missed that, so the child is asked again;
//   - a signal to, or a cancel request of, another workflow is sent again, under the
//     request id of the first time;
//   - a Nexus operation that has not started is called again, by the same request id. One
//     that has started goes on; its handler reports its end to the new run.
//
// Time begins anew: run and execution timeouts count from the reset on.

// identityResetter is who terminates a run for a reset, as the API has it.
const identityResetter = "history-resetter"

// reset is a reset on its way: first all of it is read, then all of it is done, so
// that nothing has happened if the first half fails.
type reset struct {
	chain *Chain
	step  *entity.Step
	req   *workflowservice.ResetWorkflowExecutionRequest
	base  *Run
	// baseClosed: the base has closed before the reset.
	baseClosed bool
	// run is the new run, as the events before the point make it, and copied are these
	// events, encoded, as they are to be stored.
	run    *Run
	copied []historyBatch
	// startEvent is the first of them.
	startEvent *historypb.HistoryEvent
	// asking are the events before the point that have asked for something outside, by
	// their ids, and started those that have started an activity, by the ids of the
	// events that have scheduled it.
	asking  map[int64]*historypb.HistoryEvent
	started map[int64]int64

	reapply reapply
	// reapplied are the events after the point that are applied again.
	reapplied []*historypb.HistoryEvent
	// reachesCurrent: the current run is the base, or continues it as new.
	reachesCurrent bool
}

// Reset makes a new run out of the beginning of an old one. A request id by which the
// current run has been started, or made by a reset, returns that run.
func (c *Chain) Reset(step *entity.Step, req *workflowservice.ResetWorkflowExecutionRequest) (*workflowservice.ResetWorkflowExecutionResponse, error) {
	base, err := c.findRun(step, req.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	if point := req.GetWorkflowTaskFinishEventId(); point <= 1 || point >= base.nextEventID() {
		return nil, serviceerror.NewInvalidArgument("Workflow task finish ID must be > 1 && <= workflow last event ID.")
	}
	if err := base.checkPostReset(req.GetPostResetOperations()); err != nil {
		return nil, err
	}
	if current := c.current; current != nil && (current.info.ResetRequestId == req.GetRequestId() || current.info.StartRequestId == req.GetRequestId()) {
		return &workflowservice.ResetWorkflowExecutionResponse{RunId: current.info.RunId}, nil
	}
	x := &reset{chain: c, step: step, req: req, base: base, baseClosed: base.closed(), reapply: reapplyOf(req)}
	if err := x.foldBase(); err != nil {
		return nil, err
	}
	if err := x.collect(); err != nil {
		return nil, err
	}
	x.carryOut()
	return &workflowservice.ResetWorkflowExecutionResponse{RunId: x.run.info.RunId}, nil
}

// nextEventID is the id of the next event of the run, as clients see it: a task that is
// started has its Started event.
func (r *Run) nextEventID() int64 {
	if r.started != nil && !r.state.WorkflowTask.Transient {
		return r.started.eventID + 1
	}
	return r.state.NextEventId
}

// foldBase makes the new run as the events of the base before the point make it.
func (x *reset) foldBase() error {
	point := x.req.GetWorkflowTaskFinishEventId()
	f := x.chain.newFold(x.step.NewID())
	x.run = f.run
	x.asking, x.started = make(map[int64]*historypb.HistoryEvent), make(map[int64]int64)
	err := x.base.eachPage(x.step.Reader, 1, point-1, func(first, last int64, data []byte) error {
		x.copied = append(x.copied, historyBatch{first, last, data})
		return eachEvent(data, func(e *historypb.HistoryEvent) error {
			switch e.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
				x.startEvent = e
			case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
				enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
				enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
				x.asking[e.EventId] = e
			case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
				x.started[e.GetActivityTaskStartedEventAttributes().GetScheduledEventId()] = e.EventId
			}
			return f.add(e)
		})
	})
	if err != nil {
		return fmt.Errorf("workflow: reset of run %s: %w", x.base.info.RunId, err)
	}
	if x.run.state.WorkflowTask == nil {
		return serviceerror.NewInvalidArgumentf(
			"Can only reset workflow to event ID in range [WorkflowTaskScheduled +1, WorkflowTaskStarted + 1]: %v", point)
	}
	x.run.info.StartRequestId = x.base.info.StartRequestId
	x.run.info.Origins = x.base.originsBefore(point)
	x.run.renew()
	return nil
}

// originsBefore are the origins of the events before the point, for a run that is made
// of them.
func (r *Run) originsBefore(point int64) []*records.Origin {
	var origins []*records.Origin
	for _, o := range r.info.Origins {
		if o.BeforeEventId >= point {
			break
		}
		origins = append(origins, o)
	}
	return append(origins, &records.Origin{BeforeEventId: point, RunId: r.asker(point - 1)})
}

// asker is the run in which the event came about: others know by its name what they are
// asked for by the event, and answer it.
func (r *Run) asker(eventID int64) string {
	for _, o := range r.info.Origins {
		if eventID < o.BeforeEventId {
			return o.RunId
		}
	}
	return r.info.RunId
}

// otherAsker is the asker if it is another run, else empty.
func (r *Run) otherAsker(eventID int64) string {
	if asker := r.asker(eventID); asker != r.info.RunId {
		return asker
	}
	return ""
}

// carryOut does the reset. It cannot fail.
func (x *reset) carryOut() {
	c, step, run := x.chain, x.step, x.run
	x.base.state.ResetRunId = run.info.RunId
	x.base.dirty.state = true
	if x.base != c.current {
		c.keep(x.base)
	}
	x.passOn()
	if current := c.current; current != nil && !current.closed() {
		current.giveWay(step, x.req.GetReason(), run, x.base)
		if x.reachesCurrent {
			x.note(current.newEvents, current == x.base)
		}
	}
	for _, b := range x.copied {
		step.Put(historyKey(run.info.RunId, b.first), b.data)
	}
	run.info.ResetRequestId = x.req.GetRequestId()
	c.makeCurrent(run)
	c.setAhead(step, run.skipped())
	x.failTask()
	// Events that end something come after all others, as they do where events have waited
	// for the end of a task.
	ends := func(e *historypb.HistoryEvent) bool { return ruleOf(e.GetEventType()).last }
	for _, e := range x.reapplied {
		if !ends(e) {
			run.reapplyEvent(step, e)
		}
	}
	x.postReset()
	x.resumeActivities()
	for _, e := range x.reapplied {
		if ends(e) {
			run.reapplyEvent(step, e)
		}
	}
	x.resumeOutside()
	run.scheduleTask(step, step.Now, true)
}

// passOn gives the new run its pass: what the current run has, as far as both are under it.
func (x *reset) passOn() {
	p := definedBy(x.startEvent.GetWorkflowExecutionStartedEventAttributes())
	p.runID, p.priority = x.run.info.RunId, x.run.info.Priority
	if current := x.chain.current; current != nil && !current.closed() {
		x.run.setFlow(current.handOverFlow(&p))
		return
	}
	pass, _ := x.chain.flowPass(&p)
	x.run.setFlow(pass)
}

// giveWay terminates the run because a reset of base makes next the current run. The
// children that next has as well, and the parent whose child the workflow stays, go with
// it, and so do all children of the base, which next may start again.
func (r *Run) giveWay(step *entity.Step, reason string, next, base *Run) {
	r.failStarted(step)
	if r != base {
		r.applyParentClosePolicy(step, func(child *records.Child) bool { return next.shares(child, r) })
	}
	end := workflowExecutionTerminated(reason, nil, identityResetter, nil)
	r.finish(step, end)
	if r.info.FirstRunId != next.info.FirstRunId {
		r.notifyParent(step, end)
		r.tellWatcher(step, end)
	}
}

// shares reports whether a child of another run is one of this run, too: a reset has
// brought it to one of them, or resets to both.
func (r *Run) shares(child *records.Child, of *Run) bool {
	own := r.children.get(child.InitiatedEventId)
	return own != nil && r.asker(child.InitiatedEventId) == of.asker(child.InitiatedEventId)
}

// failTask ends the workflow task that is pending at the point.
func (x *reset) failTask() {
	run, step := x.run, x.step
	started := run.startedEventID
	if started == 0 {
		run.started = &startedTask{
			eventID:     run.state.NextEventId,
			time:        step.Now,
			identity:    identityHistoryService,
			historySize: run.state.HistorySize,
			suggest:     run.suggestions(),
		}
		started = run.started.eventID
		run.recordStarted(step)
	}
	run.endTask(step, workflowTaskFailed(&historypb.WorkflowTaskFailedEventAttributes{
		ScheduledEventId: run.state.WorkflowTask.ScheduledEventId,
		StartedEventId:   started,
		Cause:            enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
		Failure:          resetFailure(x.req.GetReason()),
		Identity:         identityHistoryService,
		BaseRunId:        x.base.info.RunId,
		NewRunId:         run.info.RunId,
	}))
	run.state.WorkflowTaskAttempt = 1
}

func resetFailure(reason string) *failurepb.Failure {
	return &failurepb.Failure{
		Message:     reason,
		FailureInfo: &failurepb.Failure_ResetWorkflowFailureInfo{ResetWorkflowFailureInfo: new(failurepb.ResetWorkflowFailureInfo)},
	}
}

// beginAgain is what a reset does to what the events before the point have made: the
// clock starts anew.
func (r *Run) beginAgain(at *timestamppb.Timestamp) {
	info := r.info
	if info.OriginalStartTime == nil {
		info.OriginalStartTime = info.StartTime
	}
	info.StartTime, info.ExecutionTime = at, at
	if timeout := info.ExecutionTimeout.AsDuration(); timeout > 0 {
		info.ExecutionExpiration = timestamppb.New(at.AsTime().Add(timeout).Round(time.Millisecond))
	}
	if timeout := info.RunTimeout.AsDuration(); timeout > 0 {
		info.RunExpiration = timestamppb.New(earlier(
			at.AsTime().Add(timeout).Round(time.Millisecond), asTime(info.ExecutionExpiration)))
	}
	for id, act := range r.activities.byKey {
		act.FirstScheduledTime, act.ScheduledTime = at, at
		r.activities.change(r, r.activities.get(id))
	}
	r.dirty.info, r.dirty.visible = true, true
}

// resumeActivities offers the activities that were pending at the point.
func (x *reset) resumeActivities() {
	run, step := x.run, x.step
	for _, id := range run.activities.keys() {
		act := run.activities.get(id)
		if act.StartedTime != nil {
			// Only where the start of an activity is recorded at once, or on its own: the
			// worker cannot report to the new run.
			run.addEvent(step, activityTaskFailed(act, x.started[id], resetFailure(x.req.GetReason()),
				act.StartedIdentity, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE))
			continue
		}
		run.dispatchActivity(step, act)
		run.activities.change(run, act)
	}
}

// resumeOutside sees to what has been asked of other workflows before the point and is
// not answered.
func (x *reset) resumeOutside() {
	run, step := x.run, x.step
	for _, id := range run.children.keys() {
		switch child := run.children.get(id); {
		case child.StartedEventId != 0:
			if x.baseClosed {
				run.askChild(step, child)
			}
		case x.baseClosed:
			m := run.startOfChild(x.asking[id])
			m.GetStartChild().ResetRunId = run.info.RunId
			run.chain.send(step, workflowKey(child.NamespaceId, child.WorkflowId), run.asker(id), m)
		}
	}
	run.resumeNexus(step)
	for _, id := range slices.Concat(run.signals.keys(), run.cancels.keys()) {
		run.sendExternal(step, x.asking[id])
	}
}

// renew makes the records that are to be written for a run that has none those of the
// items it has now.
func (r *Run) renew() {
	for _, f := range r.list() {
		if f, ok := f.(interface{ renew() }); ok {
			f.renew()
		}
	}
}

// checkPostReset refuses what cannot be done to a run that a reset has made of this one.
func (r *Run) checkPostReset(operations []*workflowpb.PostResetOperation) error {
	for _, operation := range operations {
		switch op := operation.GetVariant().(type) {
		case *workflowpb.PostResetOperation_SignalWorkflow_:
			if err := check.BlobSize(proto.Size(op.SignalWorkflow.GetInput()), r.limits().BlobSize); err != nil {
				return err
			}
		case *workflowpb.PostResetOperation_UpdateWorkflowOptions_:
			if _, err := r.optionsAfter(op.UpdateWorkflowOptions.GetWorkflowExecutionOptions(), op.UpdateWorkflowOptions.GetUpdateMask()); err != nil {
				return err
			}
		default:
			return serviceerror.NewInvalidArgumentf("unsupported post reset operation: %T", op)
		}
	}
	return nil
}

// postReset does what the request wants done to the new run.
func (x *reset) postReset() {
	for _, operation := range x.req.GetPostResetOperations() {
		switch op := operation.GetVariant().(type) {
		case *workflowpb.PostResetOperation_SignalWorkflow_:
			x.run.addEvent(x.step, workflowExecutionSignaled(signalParams{
				name:     op.SignalWorkflow.GetSignalName(),
				input:    op.SignalWorkflow.GetInput(),
				header:   op.SignalWorkflow.GetHeader(),
				identity: x.req.GetIdentity(),
				links:    op.SignalWorkflow.GetLinks(),
			}))
		case *workflowpb.PostResetOperation_UpdateWorkflowOptions_:
			// checkPostReset has seen to it that this does not fail.
			_, _ = x.run.updateOptions(x.step, op.UpdateWorkflowOptions.GetWorkflowExecutionOptions(), op.UpdateWorkflowOptions.GetUpdateMask(), "")
		}
	}
}
