package workflow

import (
	"cmp"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
)

// Start starts a run, or returns the one there is if the policies say so.
func (c *Chain) Start(step *entity.Step, req *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	if err := c.checkVersionPresent(req.GetVersioningOverride(), req.GetTaskQueue().GetName()); err != nil {
		return nil, err
	}
	p := requestParams(req, c.shardTime(step.Now))
	p.eager = req.GetRequestEagerExecution() && p.firstTaskBackoff == 0
	p.eagerVersion = deployment.OfWorker(req.GetEagerWorkerDeploymentOptions(), nil)
	p.continuedFailure = req.GetContinuedFailure()
	p.lastCompletionResult = req.GetLastCompletionResult()
	if err := c.checkFirstSearchAttributes(p.searchAttributes); err != nil {
		return nil, err
	}
	p.onConflict, p.callbacks = req.GetOnConflictOptions(), req.GetCompletionCallbacks()
	run, started, err := c.start(step, p, nil)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.StartWorkflowExecutionResponse{
		RunId:               run.info.RunId,
		FirstExecutionRunId: run.info.FirstRunId,
		Started:             started,
		Status:              startedStatus(run, started),
		Link:                c.startLink(run),
	}
	if run.requestIDs.get(p.requestID) != nil {
		resp.Link = c.requestLink(run, p.requestID, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
	}
	// A repeated request gets the eager task again while its first start is good.
	if p.eager && started && run.started != nil && run.started.requestID == p.requestID && run.state.WorkflowTask.Attempt == 1 &&
		run.state.LastCompletedStartedEventId == 0 {
		// The reply is made of what the step records.
		if err := c.EndStep(step); err != nil {
			return nil, err
		}
		if resp.EagerWorkflowTask, err = run.taskReply(step, false, true); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// startLink points at the start of the run.
func (c *Chain) startLink(run *Run) *commonpb.Link {
	return c.link(run, &commonpb.Link_WorkflowEvent_EventRef{
		EventRef: &commonpb.Link_WorkflowEvent_EventReference{EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED}})
}

// requestLink points at the event that a request has brought about in the run, which
// need not have an id yet.
func (c *Chain) requestLink(run *Run, requestID string, event enumspb.EventType) *commonpb.Link {
	return c.link(run, &commonpb.Link_WorkflowEvent_RequestIdRef{
		RequestIdRef: &commonpb.Link_WorkflowEvent_RequestIdReference{RequestId: requestID, EventType: event}})
}

// link points at something in the run's history.
func (c *Chain) link(run *Run, reference any) *commonpb.Link {
	event := &commonpb.Link_WorkflowEvent{
		Namespace:  c.namespaceName(),
		WorkflowId: c.key.ID,
		RunId:      run.info.RunId,
	}
	switch r := reference.(type) {
	case *commonpb.Link_WorkflowEvent_EventRef:
		event.Reference = r
	case *commonpb.Link_WorkflowEvent_RequestIdRef:
		event.Reference = r
	}
	return &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: event}}
}

// startedStatus is the status of which a start tells: of a run that goes on it is that it runs, also
// while it is paused.
func startedStatus(run *Run, started bool) enumspb.WorkflowExecutionStatus {
	if !started && run.paused() {
		return enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	}
	return run.state.Status
}

// start starts a run if the id's current run and the policies allow it, with the
// signal, if there is one, as its second event. A request id that has already started
// the current run returns that run. started is false if the run was running before.
// It fails with serviceerror.WorkflowExecutionAlreadyStarted.
func (c *Chain) start(step *entity.Step, p *startParams, signal *signalParams) (run *Run, started bool, err error) {
	if c.importing() {
		return nil, false, c.errBeingImported()
	}
	terminate := false
	if current := c.current; current != nil {
		if p.requestID != "" && current.info.StartRequestId == p.requestID {
			return current, true, nil
		}
		if current.requestIDs.get(p.requestID) != nil {
			return current, false, nil
		}
		var use bool
		if use, terminate, err = c.resolveConflict(p, step.Now); err != nil {
			return nil, false, err
		}
		if use {
			if signal != nil {
				if err := c.signalRun(step, current, *signal); err != nil {
					return nil, false, err
				}
			}
			if err := current.attach(step, p); err != nil {
				return nil, false, err
			}
			return current, false, nil
		}
	}
	p.runID = step.NewID()
	if p.flow, err = c.flowPass(p); err != nil && !p.lenient {
		return nil, false, err
	}
	if err := c.expected(step, p); err != nil {
		return nil, false, err
	}
	p.eager = p.eager && flow.Admitted(p.flow)
	c.reactivate(step, p.versioningOverride, p.taskQueue)
	if terminate {
		c.current.terminate(step, "TerminateIfRunning WorkflowIdReusePolicy",
			textPayloads("terminated by new runID: "+p.runID), identityHistoryService, nil)
	}
	run = c.newRun(step, p)
	run.takePlaces(step)
	if signal != nil {
		run.addEvent(step, workflowExecutionSignaled(*signal))
	}
	run.scheduleFirstTask(step, !p.eager)
	if p.eager {
		run.startTask(step, p.identity, p.requestID, nil)
		run.startVersion(step, run.dispatchTask(step), p.eagerVersion)
	}
	return run, true, nil
}

// attach attaches to the run, which is running, what the request that would have
// started it wants to be attached. That leaves an event even if it is nothing, as it does
// on a Temporal server. It fails with FailedPrecondition if there would be too
// many callbacks.
func (r *Run) attach(step *entity.Step, p *startParams) error {
	if p.onConflict == nil {
		return nil
	}
	attr, links := new(historypb.WorkflowExecutionOptionsUpdatedEventAttributes), []*commonpb.Link(nil)
	if p.onConflict.GetAttachRequestId() {
		attr.AttachedRequestId = p.requestID
	}
	if p.onConflict.GetAttachLinks() {
		links = p.links
	}
	if p.onConflict.GetAttachCompletionCallbacks() {
		attr.AttachedCompletionCallbacks = p.callbacks
		if has, most := r.callbacks.len(), r.limits().Callbacks; has+len(p.callbacks) > most {
			return errManyCallbacks(most, has)
		}
	}
	r.addOptionsUpdated(step, attr, links)
	return nil
}

// resolveConflict decides what becomes of the current run when another one is to
// start: it is used instead, terminated, or merely followed by the new one.
func (c *Chain) resolveConflict(p *startParams, now time.Time) (use, terminate bool, err error) {
	current := c.current
	reuse, conflict := p.reusePolicy, p.conflictPolicy
	//lint:ignore SA1019 older clients use it
	if reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING {
		reuse, conflict = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	}
	if !current.closed() {
		switch conflict {
		case enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING:
			return true, false, nil
		case enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING:
			return false, true, c.checkReuseInterval(now, "Too many restarts for workflow %s. Time since last start: %d ms")
		}
		return false, false, errAlreadyStarted(current, "Workflow execution is already running. WorkflowId: %v, RunId: %v.")
	}
	switch reuse {
	case enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE:
		return false, false, errAlreadyStarted(current, "Workflow execution already finished. WorkflowId: %v, RunId: %v. Workflow Id reuse policy: reject duplicate workflow Id.")
	case enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY:
		switch current.state.Status {
		case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
			return false, false, errAlreadyStarted(current, "Workflow execution already finished successfully. WorkflowId: %v, RunId: %v. Workflow Id reuse policy: allow duplicate workflow Id if last run failed.")
		}
	}
	return false, false, c.checkReuseInterval(now, "Too many starts for workflow %s. Time since last start: %d ms")
}

// checkReuseInterval refuses a start that comes too soon after that of the current run,
// if such a rule is set.
func (c *Chain) checkReuseInterval(now time.Time, format string) error {
	limits, since := c.limits(), now.Sub(c.current.info.StartTime.AsTime())
	if !limits.CheckReuse || limits.ReuseInterval <= 0 || limits.ReuseInterval < since {
		return nil
	}
	return &serviceerror.ResourceExhausted{
		Cause:   enumspb.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
		Scope:   enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: fmt.Sprintf(format, c.key.ID, since.Milliseconds()),
	}
}

// newRun makes a run with its Started event and makes it the current one. Its
// first workflow task is not scheduled.
func (c *Chain) newRun(step *entity.Step, p *startParams) *Run {
	run := c.newRunState(p.runID)
	run.info.StartRequestId = p.requestID
	c.setAhead(step, p.skipped.GetInitialSkippedDuration().AsDuration())
	run.addEvent(step, c.workflowExecutionStarted(p, step.Now))
	run.setFlow(p.flow)
	step.Note(entity.Occurrence{Kind: entity.WorkflowStarted, Type: run.info.WorkflowType})
	c.makeCurrent(run)
	return run
}

func (c *Chain) workflowExecutionStarted(p *startParams, now time.Time) *historypb.HistoryEvent {
	runTimeout, taskTimeout := c.capTimeouts(p.executionTimeout, p.runTimeout, p.taskTimeout)
	executionExpiration := p.executionExpiration
	if executionExpiration == nil && p.executionTimeout > 0 {
		executionExpiration = timestamppb.New(now.Add(p.executionTimeout).Round(time.Millisecond))
	}
	attr := &historypb.WorkflowExecutionStartedEventAttributes{
		WorkflowType:                    p.workflowType,
		TaskQueue:                       p.startedQueue(),
		Input:                           p.input,
		WorkflowExecutionTimeout:        durationUnlessZero(p.executionTimeout, p.writeZeroExecutionTimeout),
		WorkflowRunTimeout:              durationUnlessZero(runTimeout, p.writeZeroRunTimeout),
		WorkflowTaskTimeout:             durationpb.New(taskTimeout),
		ContinuedExecutionRunId:         p.continuedRunID,
		Initiator:                       p.initiator,
		ContinuedFailure:                p.continuedFailure,
		LastCompletionResult:            p.lastCompletionResult,
		OriginalExecutionRunId:          p.runID,
		Identity:                        p.identity,
		FirstExecutionRunId:             cmp.Or(p.firstRunID, p.runID),
		RetryPolicy:                     p.retryPolicy,
		Attempt:                         max(p.attempt, 1),
		WorkflowExecutionExpirationTime: executionExpiration,
		CronSchedule:                    p.cronSchedule,
		FirstWorkflowTaskBackoff:        durationUnlessZero(p.firstTaskBackoff, !p.omitZeroBackoff),
		Memo:                            withoutNil(p.memo),
		SearchAttributes:                withoutNilAttributes(p.searchAttributes),
		Header:                          p.header,
		WorkflowId:                      c.key.ID,
		Priority:                        p.priority,
		RootWorkflowExecution:           p.root,
		EagerExecutionAccepted:          p.eager,
		PrevAutoResetPoints:             p.resetPoints,
		VersioningOverride:              p.versioningOverride,
		InheritedPinnedVersion:          p.inheritedPin,
		InheritedAutoUpgradeInfo:        p.inheritedUpgrade,
		DeclinedTargetVersionUpgrade:    p.declined,
		CompletionCallbacks:             p.callbacks,
		TimeSkippingConfig:              p.timeSkipping,
		TimeSkippingStatePropagation:    p.skipped,
	}
	if parent := p.parent; parent != nil {
		key := parentKey(parent)
		attr.ParentWorkflowNamespace = parent.Namespace
		attr.ParentWorkflowNamespaceId = key.Namespace
		attr.ParentWorkflowExecution = &commonpb.WorkflowExecution{WorkflowId: key.ID, RunId: parent.RunId}
		attr.ParentInitiatedEventId = parent.InitiatedEventId
	}
	return &historypb.HistoryEvent{
		EventType:    enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Links:        p.links,
		UserMetadata: p.userMetadata,
		Attributes:   &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: attr},
	}
}

func applyWorkflowExecutionStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionStartedEventAttributes) error {
	start, backoff := e.GetEventTime().AsTime(), attr.GetFirstWorkflowTaskBackoff().AsDuration()
	r.info = &records.RunInfo{
		RunId:               r.info.RunId,
		StartRequestId:      r.info.StartRequestId,
		FirstRunId:          attr.GetFirstExecutionRunId(),
		WorkflowType:        attr.GetWorkflowType().GetName(),
		TaskQueue:           attr.GetTaskQueue().GetName(),
		StartTime:           e.EventTime,
		ExecutionTime:       timestamppb.New(start.Add(backoff)),
		ExecutionExpiration: attr.GetWorkflowExecutionExpirationTime(),
		ExecutionTimeout:    attr.GetWorkflowExecutionTimeout(),
		RunTimeout:          attr.GetWorkflowRunTimeout(),
		TaskTimeout:         attr.GetWorkflowTaskTimeout(),
		RetryPolicy:         attr.GetRetryPolicy(),
		CronSchedule:        attr.GetCronSchedule(),
		Attempt:             attr.GetAttempt(),
		Root:                attr.GetRootWorkflowExecution(),
		Memo:                attr.GetMemo(),
		SearchAttributes:    attr.GetSearchAttributes(),
		Priority:            attr.GetPriority(),
		UserMetadata:        e.GetUserMetadata(),
		VersioningOverride:  attr.GetVersioningOverride(),
	}
	if timeout := r.info.RunTimeout.AsDuration(); timeout > 0 {
		// Rounded like the execution's, so that of two equal timeouts that of the
		// execution is due as soon as that of the run.
		r.info.RunExpiration = timestamppb.New(earlier(
			start.Add(backoff).Add(timeout).Round(time.Millisecond), asTime(r.info.ExecutionExpiration)))
	}
	if parent := attr.GetParentWorkflowExecution(); parent != nil {
		r.info.Parent = &records.Parent{
			Entity:           workflowKey(attr.GetParentWorkflowNamespaceId(), parent.GetWorkflowId()).Encode(nil),
			Namespace:        attr.GetParentWorkflowNamespace(),
			RunId:            parent.GetRunId(),
			InitiatedEventId: attr.GetParentInitiatedEventId(),
		}
	}
	r.state.Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	r.state.WorkflowTaskAttempt = 1
	r.state.FirstTaskBackoffPending = backoff > 0
	// A run that continues a child is known to its parent.
	r.state.ChildFirstTaskPending = r.info.Parent != nil && attr.GetContinuedExecutionRunId() == ""
	if points := attr.GetPrevAutoResetPoints(); len(points.GetPoints()) > 0 {
		r.resetPoints.set(points)
	}
	r.beginVersioning(attr)
	if r.versioningBehavior() != unversioned {
		r.updateVersionAttributes(nil, deployment.Version{})
	}
	r.callbacks.attach(attr.GetCompletionCallbacks(), "", "", e)
	r.beginTimeSkipping(e, attr.GetTimeSkippingConfig(), attr.GetTimeSkippingStatePropagation())
	r.dirty.info, r.dirty.state, r.dirty.visible = true, true, true
	return nil
}

// durationUnlessZero is d, or nothing if d is zero and zero is not to be written.
func durationUnlessZero(d time.Duration, writeZero bool) *durationpb.Duration {
	if d == 0 && !writeZero {
		return nil
	}
	return durationpb.New(d)
}

// scheduleFirstTask schedules the first workflow task unless it has to wait for
// its backoff or for the parent.
func (r *Run) scheduleFirstTask(step *entity.Step, dispatch bool) {
	if !r.backingOff(step.Now) && !r.state.ChildFirstTaskPending {
		r.scheduleTask(step, step.Now, dispatch)
	}
}

// backingOff reports whether the first workflow task waits for its backoff.
func (r *Run) backingOff(now time.Time) bool {
	return r.state.FirstTaskBackoffPending && !due(asTime(r.info.ExecutionTime), now)
}

// startFirstTask schedules the first workflow task of a child whose parent has
// recorded the start. It does nothing if that has been done.
func (r *Run) startFirstTask(step *entity.Step) {
	if !r.state.ChildFirstTaskPending || r.closed() {
		return
	}
	r.state.ChildFirstTaskPending = false
	r.dirty.state = true
	r.scheduleFirstTask(step, true)
}

// textPayloads is a text as SDKs encode it.
func textPayloads(text string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")},
		Data:     fmt.Appendf(nil, "%q", text),
	}}}
}
