package workflow

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/robfig/cron/v3"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// restBefore stretches the backoff of the run that follows this one, if this one
// has been short, so that a workflow cannot spin.
func (r *Run) restBefore(now time.Time, backoff time.Duration) time.Duration {
	lifetime := now.Sub(r.info.ExecutionTime.AsTime())
	if least := r.limits().ReuseInterval; lifetime+backoff < least {
		return least - lifetime
	}
	return backoff
}

// loadStart reads the run's Started event if a retry or a cron run may need it,
// so that applying the command cannot fail.
func (b *commandBatch) loadStart() {
	if b.err == nil {
		b.err = b.run.loadStart(b.step)
	}
}

func (r *Run) loadStart(step *entity.Step) error {
	if r.info.RetryPolicy == nil && r.info.CronSchedule == "" || r.startEvent != nil {
		return nil
	}
	limits := Limits{HistoryPageEvents: 1}
	data, _, err := r.readHistory(step.Reader, 1, 1, &limits)
	if err != nil {
		return err
	}
	event, err := decodeEvent(data)
	if err != nil {
		return err
	}
	if event.GetWorkflowExecutionStartedEventAttributes() == nil {
		return fmt.Errorf("workflow: first event of run %s is %v", r.info.RunId, event.GetEventType())
	}
	r.startEvent = event
	return nil
}

// continuationAfterFailure is the retry of a failed run, or else the next cron
// run; nil if there is neither. loadStart has been called.
func (r *Run) continuationAfterFailure(step *entity.Step, failure *failurepb.Failure) (*continuation, enumspb.RetryState) {
	backoff, state := r.retryBackoff(step.Now, failure)
	if state != enumspb.RETRY_STATE_IN_PROGRESS {
		return r.cronContinuation(step, nil, failure), state
	}
	next := r.sameAgain(step, backoff)
	next.params.attempt = r.info.Attempt + 1
	next.params.initiator = enumspb.CONTINUE_AS_NEW_INITIATOR_RETRY
	next.params.continuedFailure = failure
	next.params.inheritByRetrying(r, r.startEvent.GetWorkflowExecutionStartedEventAttributes())
	if failure.GetTimeoutFailureInfo() != nil {
		next.params.lastCompletionResult = r.startEvent.GetWorkflowExecutionStartedEventAttributes().GetLastCompletionResult()
	}
	return next, state
}

// cronContinuation is the next run of a cron workflow; nil if it is none.
func (r *Run) cronContinuation(step *entity.Step, result *commonpb.Payloads, failure *failurepb.Failure) *continuation {
	if r.info.CronSchedule == "" {
		return nil
	}
	backoff, ok := nextCron(r.info.CronSchedule, r.info.ExecutionTime.AsTime(), step.Now)
	if !ok {
		return nil
	}
	if failure != nil {
		// A failed run leaves the result of the one before.
		result = r.startEvent.GetWorkflowExecutionStartedEventAttributes().GetLastCompletionResult()
	}
	next := r.sameAgain(step, backoff)
	next.params.initiator = enumspb.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
	next.params.inheritByRetrying(r, r.startEvent.GetWorkflowExecutionStartedEventAttributes())
	next.params.continuedFailure = failure
	next.params.lastCompletionResult = result
	return next
}

// sameAgain is a run like this one when it started: what of its options has changed since does not go on, as a Temporal server has it.
func (r *Run) sameAgain(step *entity.Step, backoff time.Duration) *continuation {
	started := r.startEvent.GetWorkflowExecutionStartedEventAttributes()
	next := r.continueWith(step, started, backoff)
	next.params.priority = started.GetPriority()
	next.params.links = r.startEvent.GetLinks()
	return next
}

// nextCron is the time from now to the first tick of the schedule at or after
// now, counting ticks from last; ok is false if there is none.
func nextCron(schedule string, last, now time.Time) (backoff time.Duration, ok bool) {
	s, err := cron.ParseStandard(schedule)
	if err != nil {
		return 0, false
	}
	last, now = last.UTC(), now.UTC()
	next := last
	if !now.Before(last) {
		// Skip to just before now, but keep the phase of @every schedules.
		if every, is := s.(cron.ConstantDelaySchedule); is && every.Delay > 0 {
			next = last.Add(now.Sub(last) / every.Delay * every.Delay)
			if next.After(last) {
				next = next.Add(-every.Delay)
			}
		} else {
			next = later(last, now.Add(-time.Second))
		}
		for next = s.Next(next); !next.IsZero() && next.Before(now); {
			next = s.Next(next)
		}
		if next.IsZero() {
			return 0, false
		}
	}
	return time.Duration(math.Ceil(next.Sub(now).Seconds())) * time.Second, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// retryBackoff decides whether the run is retried after a failure, and when. A delay
// that the failure asks for is cut to the policy's maximum interval.
func (r *Run) retryBackoff(now time.Time, failure *failurepb.Failure) (time.Duration, enumspb.RetryState) {
	policy := r.info.RetryPolicy
	if policy == nil {
		return 0, enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET
	}
	if !attempt.Retryable(failure, policy.GetNonRetryableErrorTypes()) {
		return 0, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	return attempt.NextInterval(policy, max(r.info.Attempt, 1), failure, true, now, asTime(r.info.ExecutionExpiration))
}

var onContinueAsNew = check.Command("ContinueAsNewWorkflowExecutionCommand")

func checkContinueAsNew(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	if f := b.checkClose(); f != nil {
		return f
	}
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES
	attr := cmd.GetContinueAsNewWorkflowExecutionCommandAttributes()
	if attr == nil {
		return badCommand(cause, "ContinueAsNewWorkflowExecutionCommandAttributes is not set on ContinueAsNewWorkflowExecutionCommand.")
	}
	info := b.run.info
	if attr.GetWorkflowType().GetName() == "" {
		attr.WorkflowType = &commonpb.WorkflowType{Name: info.WorkflowType}
	}
	if err := b.run.limits().fields().CheckWorkflowType(attr.GetWorkflowType(), onContinueAsNew); err != nil {
		return named{{"WorkflowType", attr.GetWorkflowType().GetName()}}.refuse(cause, "%w", err)
	}
	if attr.TaskQueue == nil {
		attr.TaskQueue = &taskqueuepb.TaskQueue{}
	}
	what := func() named {
		return named{{"WorkflowType", attr.GetWorkflowType().GetName()}, {"TaskQueue", attr.GetTaskQueue().String()}}
	}
	if err := b.run.limits().fields().CheckUserTaskQueue(attr.TaskQueue, info.TaskQueue); err != nil {
		return what().refuse(cause, "error validating ContinueAsNewWorkflowExecutionCommand TaskQueue: %w.", err)
	}
	if err := cmp.Or(
		check.RunTimeouts(attr, onContinueAsNew),
		check.Duration("BackoffStartInterval", attr.GetBackoffStartInterval(), onContinueAsNew),
	); err != nil {
		return what().refuse(cause, "%w", err)
	}
	if err := check.CronSchedule(attr.GetCronSchedule()); err != nil {
		return what().refuse(cause, "invalid CronSchedule on ContinueAsNewWorkflowExecutionCommand: %w.", err)
	}
	if err := check.RetryPolicy(attr.GetRetryPolicy(), &b.run.limits().WorkflowRetry); err != nil {
		return what().refuse(cause, "invalid WorkflowRetryPolicy on ContinueAsNewWorkflowExecutionCommand: %w.", err)
	}
	runTimeout, taskTimeout := attr.GetWorkflowRunTimeout().AsDuration(), attr.GetWorkflowTaskTimeout().AsDuration()
	if runTimeout == 0 {
		runTimeout = info.RunTimeout.AsDuration()
	}
	if taskTimeout == 0 {
		taskTimeout = info.TaskTimeout.AsDuration()
	}
	runTimeout, taskTimeout = b.run.chain.capTimeouts(info.ExecutionTimeout.AsDuration(), runTimeout, taskTimeout)
	attr.WorkflowRunTimeout, attr.WorkflowTaskTimeout = durationpb.New(runTimeout), durationpb.New(taskTimeout)
	if f := b.checkSearchAttributes(attr.GetSearchAttributes(), "ContinueAsNewWorkflowExecutionCommand", what); f != nil {
		return f
	}
	if f := b.checkBlob("ContinueAsNewWorkflowExecutionCommandAttributes. Input", proto.Size(attr.GetInput()), cause); f != nil {
		return f
	}
	if f := b.checkMemo("ContinueAsNewWorkflowExecutionCommandAttributes. Memo", proto.Size(attr.GetMemo()), cause); f != nil {
		return f
	}
	return b.checkSearchAttributesSize(attr.GetSearchAttributes(), cause)
}

func executeContinueAsNew(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetContinueAsNewWorkflowExecutionCommandAttributes()
	next := r.continueWith(a.step, attr, attr.GetBackoffStartInterval().AsDuration())
	next.params.priority = r.info.Priority
	next.params.initiator = cmp.Or(attr.GetInitiator(), enumspb.CONTINUE_AS_NEW_INITIATOR_WORKFLOW)
	next.params.continuedFailure = attr.GetFailure()
	next.params.lastCompletionResult = attr.GetLastCompletionResult()
	next.params.inheritByContinuing(r, attr.GetInitialVersioningBehavior())
	next.params.omitZeroBackoff = attr.GetBackoffStartInterval() == nil
	if attr.Initiator == enumspb.CONTINUE_AS_NEW_INITIATOR_RETRY {
		next.params.attempt = r.info.Attempt + 1
	}
	end := workflowExecutionContinuedAsNew(attr, a.completedEventID, next.id())
	fromCommand(end, cmd)
	r.closeOrContinue(a.step, end, next)
}

func workflowExecutionContinuedAsNew(
	attr *commandpb.ContinueAsNewWorkflowExecutionCommandAttributes, completedEventID int64, newRunID string,
) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
			NewExecutionRunId:            newRunID,
			WorkflowType:                 attr.GetWorkflowType(),
			TaskQueue:                    attr.GetTaskQueue(),
			Input:                        attr.GetInput(),
			WorkflowRunTimeout:           attr.GetWorkflowRunTimeout(),
			WorkflowTaskTimeout:          attr.GetWorkflowTaskTimeout(),
			WorkflowTaskCompletedEventId: completedEventID,
			BackoffStartInterval:         attr.GetBackoffStartInterval(),
			Initiator:                    attr.Initiator,
			//lint:ignore SA1019 older clients use it
			Failure:              attr.GetFailure(),
			LastCompletionResult: attr.GetLastCompletionResult(),
			Header:               attr.GetHeader(),
			Memo:                 withoutNil(attr.GetMemo()),
			SearchAttributes:     withoutNilAttributes(attr.GetSearchAttributes()),
			//lint:ignore SA1019 older clients use it
			InheritBuildId: attr.GetInheritBuildId(),
		}},
	}
}

func applyWorkflowExecutionContinuedAsNew(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionContinuedAsNewEventAttributes) error {
	return applyClose(r, e, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, attr.GetNewExecutionRunId())
}
