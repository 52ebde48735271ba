package testenv

import (
	"time"

	"github.com/robfig/cron/v3"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// child is a child workflow with all its runs, as its parent has it.
type child struct {
	parent       *Execution
	initiated    int64
	startedEvent int64
	policy       enumspb.ParentClosePolicy
	retry        *commonpb.RetryPolicy
	cron         string
	expires      time.Time // of all runs, zero for never

	started  bool // the parent was told so, or that it did not
	reported bool // the parent was told how it ended, or has ended itself

	// standalone is for a workflow that is no child, but was started for a Nexus operation. Who
	// wants to know how it ended is called back.
	standalone bool
	callbacks  []*commonpb.Callback // of a child, too, if an operation has found it running
}

func newValue(payloads *commonpb.Payloads, dc converter.DataConverter) *encoded.Value {
	return encoded.NewValue(payloads, dc)
}

func newValues(payloads *commonpb.Payloads, dc converter.DataConverter) *encoded.Values {
	return encoded.NewValues(payloads, dc)
}

func (x *Execution) proto() *commonpb.WorkflowExecution {
	return workflowExecution(x.id.ID, x.id.RunID)
}

func workflowExecution(id, runID string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id, RunId: runID}
}

// describe fills in what a child knows of its parent.
func (c *child) describe(a *historypb.WorkflowExecutionStartedEventAttributes) {
	a.RetryPolicy, a.CronSchedule = c.retry, c.cron
	if c.standalone {
		return
	}
	a.ParentWorkflowNamespace = c.parent.engine.Options.Namespace
	a.ParentWorkflowExecution = c.parent.proto()
	a.ParentInitiatedEventId = c.initiated
	root := c.parent
	for root.child != nil {
		root = root.child.parent
	}
	a.RootWorkflowExecution = root.proto()
}

func (x *Execution) initiateChild(completed int64, a *commandpb.StartChildWorkflowExecutionCommandAttributes) {
	initiated := x.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{
		StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
			WorkflowId: a.GetWorkflowId(), WorkflowType: a.GetWorkflowType(), TaskQueue: a.GetTaskQueue(), Input: a.GetInput(), Header: a.GetHeader(),
			ParentClosePolicy: a.GetParentClosePolicy(), RetryPolicy: a.GetRetryPolicy(), CronSchedule: a.GetCronSchedule(),
			Memo: a.GetMemo(), SearchAttributes: a.GetSearchAttributes(), WorkflowTaskCompletedEventId: completed,
		}}})
	c := &child{
		parent: x, initiated: initiated, policy: a.GetParentClosePolicy(),
		retry: withRetryDefaults(a.GetRetryPolicy()), cron: a.GetCronSchedule(),
	}
	// Not later: when the parent ends with this task, the child exists already.
	x.engine.startChild(c, a)
}

// startChild starts a child, if its id is free.
func (e *Engine) startChild(c *child, a *commandpb.StartChildWorkflowExecutionCommandAttributes) {
	if previous, taken := e.Execution(a.GetWorkflowId()); taken && !mayReuse(previous, a.GetWorkflowIdReusePolicy()) {
		c.started, c.reported = true, true
		e.Post(func() {
			c.notStarted(a.GetWorkflowId(), a.GetWorkflowType(), enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS)
		})
		return
	}
	start := &Start{
		WorkflowID: a.GetWorkflowId(), WorkflowType: a.GetWorkflowType().GetName(), TaskQueue: a.GetTaskQueue().GetName(),
		Input: a.GetInput(), Header: a.GetHeader(), Memo: a.GetMemo(), SearchAttributes: a.GetSearchAttributes(), Priority: a.GetPriority(),
		ExecutionTimeout: a.GetWorkflowExecutionTimeout().AsDuration(), RunTimeout: a.GetWorkflowRunTimeout().AsDuration(),
		TaskTimeout: a.GetWorkflowTaskTimeout().AsDuration(), child: c, converter: c.parent.childConverters[a.GetWorkflowId()],
	}
	delete(c.parent.childConverters, a.GetWorkflowId())
	if start.ExecutionTimeout > 0 {
		c.expires = e.clock.now.Add(start.ExecutionTimeout)
	}
	child := e.newExecution(start)
	child.begin()
	e.Post(func() { child.wanted = !child.closed })
}

// Refuses returns the error with which a child is not started because its id is taken, nil if
// it is free.
func (e *Engine) Refuses(workflowID string, reuse enumspb.WorkflowIdReusePolicy) error {
	previous, taken := e.Execution(workflowID)
	if !taken || mayReuse(previous, reuse) {
		return nil
	}
	return serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution already started", "", previous.id.RunID)
}

func mayReuse(previous *Execution, reuse enumspb.WorkflowIdReusePolicy) bool {
	switch {
	case !previous.closed:
		return false
	case reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE:
		return false
	case reuse == enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY:
		return previous.err != nil
	}
	return true
}

// taskAnswered tells the parent that the child has started, or has not: once its code
// has run.
func (c *child) taskAnswered(x *Execution) {
	if c.started || x.Mocked {
		return
	}
	c.report(x)
}

func (c *child) report(x *Execution) {
	if c.started {
		return
	}
	c.started = true
	workflowType := &commonpb.WorkflowType{Name: x.start.WorkflowType}
	if x.NotStarted != nil {
		c.notStarted(x.id.ID, workflowType, enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS)
		c.reported = true
		return
	}
	c.startedEvent = int64(len(c.parent.history) + 1)
	c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
		ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{
			InitiatedEventId: c.initiated, WorkflowExecution: x.proto(), WorkflowType: workflowType, Namespace: c.parent.engine.Options.Namespace,
		}}})
}

func (c *child) notStarted(id string, workflowType *commonpb.WorkflowType, cause enumspb.StartChildWorkflowExecutionFailedCause) {
	c.parent.happened(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes{
		StartChildWorkflowExecutionFailedEventAttributes: &historypb.StartChildWorkflowExecutionFailedEventAttributes{
			InitiatedEventId: c.initiated, WorkflowId: id, WorkflowType: workflowType, Cause: cause, Namespace: c.parent.engine.Options.Namespace,
		}}})
}

// follow starts the next run of the child.
func (c *child) follow(previous *Execution, next *Start) {
	e := c.parent.engine
	c.report(previous)
	next.RunID, next.ContinuedRunID = "", previous.id.RunID
	next.firstRunID = previous.start.firstRunID
	if next.firstRunID == "" {
		next.firstRunID = previous.id.RunID
	}
	run := e.newExecution(next)
	run.begin()
	begin := func() { run.wanted = !run.closed }
	if next.delay > 0 {
		e.schedule(next.delay, begin)
		return
	}
	e.Post(begin)
}

// ended is called at the end of a run: another one follows, or the parent is told.
func (c *child) ended(x *Execution, eventType enumspb.EventType, result *commonpb.Payloads, err error) {
	if x.NotStarted != nil {
		c.report(x)
	}
	if c.reported {
		return
	}
	state := enumspb.RETRY_STATE_UNSPECIFIED
	if mayRunAgain(eventType) && (c.standalone || !c.parent.closed) {
		var delay time.Duration
		next := *x.start
		if result != nil {
			next.LastResult = result
		}
		if err != nil {
			delay, state = c.retryDelay(x, err)
			next.attempt, next.LastError = x.start.attempt+1, err
		}
		if delay <= 0 && c.cron != "" {
			delay = c.untilNext()
			next.attempt = 1
		}
		if delay > 0 {
			next.delay = delay
			c.follow(x, &next)
			return
		}
	}
	c.report(x)
	c.reported = true
	c.tell(x, eventType, result, state)
}

func mayRunAgain(eventType enumspb.EventType) bool {
	return eventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED || eventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED ||
		eventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT
}

func (c *child) retryDelay(x *Execution, err error) (time.Duration, enumspb.RetryState) {
	if c.retry == nil {
		return 0, enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET
	}
	return retryAfter(policy.RetryFromProto(c.retry), x.start.attempt, err, x.engine.clock.now, c.expires)
}

// untilNext is the time to the next run by the cron schedule.
func (c *child) untilNext() time.Duration {
	schedule, err := cron.ParseStandard(c.cron)
	if err != nil {
		panic("invalid cron schedule " + c.cron + ": " + err.Error())
	}
	now := c.parent.engine.clock.now.UTC()
	return schedule.Next(now).Sub(now)
}

// tell tells the parent how the child ended.
func (c *child) tell(x *Execution, eventType enumspb.EventType, result *commonpb.Payloads, state enumspb.RetryState) {
	namespace, workflowType, e := c.parent.engine.Options.Namespace, &commonpb.WorkflowType{Name: x.start.WorkflowType}, x.engine
	if listener := e.Options.Listeners.ChildCompleted; listener != nil {
		var err error
		if x.err != nil {
			err = failure.NewChildWorkflowExecutionError(namespace, x.id.ID, x.id.RunID, x.start.WorkflowType, c.initiated, c.startedEvent, state, x.err)
		}
		e.later(func() { listener(x.info(), newValue(x.result, x.values), err) })
	}
	for _, callback := range c.callbacks {
		e.callBackNexus(callback, x.result, x.err)
	}
	if c.standalone {
		return
	}
	switch eventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCompletedEventAttributes{
			ChildWorkflowExecutionCompletedEventAttributes: &historypb.ChildWorkflowExecutionCompletedEventAttributes{
				Result: result, Namespace: namespace, WorkflowExecution: x.proto(), WorkflowType: workflowType, InitiatedEventId: c.initiated, StartedEventId: c.startedEvent,
			}}})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionCanceledEventAttributes{
			ChildWorkflowExecutionCanceledEventAttributes: &historypb.ChildWorkflowExecutionCanceledEventAttributes{
				Details: result, Namespace: namespace, WorkflowExecution: x.proto(), WorkflowType: workflowType, InitiatedEventId: c.initiated, StartedEventId: c.startedEvent,
			}}})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionTimedOutEventAttributes{
			ChildWorkflowExecutionTimedOutEventAttributes: &historypb.ChildWorkflowExecutionTimedOutEventAttributes{
				Namespace: namespace, WorkflowExecution: x.proto(), WorkflowType: workflowType, InitiatedEventId: c.initiated, StartedEventId: c.startedEvent, RetryState: state,
			}}})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionTerminatedEventAttributes{
			ChildWorkflowExecutionTerminatedEventAttributes: &historypb.ChildWorkflowExecutionTerminatedEventAttributes{
				Namespace: namespace, WorkflowExecution: x.proto(), WorkflowType: workflowType, InitiatedEventId: c.initiated, StartedEventId: c.startedEvent,
			}}})
	default:
		c.parent.happened(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionFailedEventAttributes{
			ChildWorkflowExecutionFailedEventAttributes: &historypb.ChildWorkflowExecutionFailedEventAttributes{
				Failure: x.failures.ErrorToFailure(x.err), RetryState: state, Namespace: namespace, WorkflowExecution: x.proto(), WorkflowType: workflowType,
				InitiatedEventId: c.initiated, StartedEventId: c.startedEvent,
			}}})
	}
}

// withRetryDefaults fills in what a server would; nil stays nil.
func withRetryDefaults(p *commonpb.RetryPolicy) *commonpb.RetryPolicy {
	if p == nil {
		return nil
	}
	filled := &commonpb.RetryPolicy{
		InitialInterval: p.GetInitialInterval(), BackoffCoefficient: p.GetBackoffCoefficient(), MaximumInterval: p.GetMaximumInterval(),
		MaximumAttempts: p.GetMaximumAttempts(), NonRetryableErrorTypes: p.GetNonRetryableErrorTypes(),
	}
	if filled.GetInitialInterval().AsDuration() == 0 {
		filled.InitialInterval = durationpb.New(time.Second)
	}
	if filled.GetBackoffCoefficient() == 0 {
		filled.BackoffCoefficient = 2
	}
	if filled.GetMaximumInterval().AsDuration() == 0 {
		filled.MaximumInterval = durationpb.New(100 * filled.GetInitialInterval().AsDuration())
	}
	return filled
}

// retryAfter is how long to wait for the next attempt, zero if there is to be none,
// and why not.
func retryAfter(p *policy.Retry, attempt int32, err error, now, expires time.Time) (time.Duration, enumspb.RetryState) {
	if delay := activities.RetryDelay(p, attempt, err, now, expires); delay > 0 {
		return delay, enumspb.RETRY_STATE_IN_PROGRESS
	}
	switch {
	case p == nil:
		return 0, enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET
	case !failure.IsRetryable(err, p.NonRetryableErrorTypes):
		return 0, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	case p.MaximumAttempts > 0 && attempt >= p.MaximumAttempts:
		return 0, enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
	}
	return 0, enumspb.RETRY_STATE_TIMEOUT
}
