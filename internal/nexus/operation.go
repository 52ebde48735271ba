package nexus

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// What operations of workflows and those of their own have in common is here, as
// functions of the record: their deadlines, and what becomes of the calls that are made
// for them. What follows from their end is the business of those who have them.
//
//	scheduled --a call is accepted--> started --completion, timeout--> gone
//	   |  ^                             |
//	   |  | the rest is over            | cancellation, if it is asked for:
//	   v  |                             | calls of its own, likewise
//	backing off
//
// Every state but started may also end at once: the first call may bring the result.

// Owner is whose operation it is, for the tasks of its calls.
type Owner struct {
	Entity entity.Key
	RunID  string
	// Ahead is how far the time of the owner is ahead of that of the shard.
	Ahead time.Duration
}

// Due is what an operation needs attention for.
type Due int

const (
	DueNothing Due = iota
	DueStart       // the next call that starts it
	DueCancel      // the next call that cancels it
	DueScheduleToStart
	DueScheduleToClose
	DueStartToClose
)

// TimeoutType is the timeout that is due.
func (d Due) TimeoutType() enumspb.TimeoutType {
	switch d {
	case DueScheduleToStart:
		return enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
	case DueScheduleToClose:
		return enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	case DueStartToClose:
		return enumspb.TIMEOUT_TYPE_START_TO_CLOSE
	}
	return enumspb.TIMEOUT_TYPE_UNSPECIFIED
}

// Deadline is when the operation next needs attention, and for what; the zero time if it
// never does.
func Deadline(op *records.NexusOperation) (at time.Time, what Due) {
	earliest := func(t time.Time, w Due) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at, what = t, w
		}
	}
	// Of what is due at the same time, timeouts come first.
	after := func(from *timestamppb.Timestamp, timeout *durationpb.Duration, w Due) {
		if d := timeout.AsDuration(); d > 0 {
			earliest(from.AsTime().Add(d), w)
		}
	}
	after(op.ScheduledTime, op.ScheduleToCloseTimeout, DueScheduleToClose)
	if op.StartedTime == nil {
		after(op.ScheduledTime, op.ScheduleToStartTimeout, DueScheduleToStart)
		earliest(asTime(op.Start.GetNextAttemptTime()), DueStart)
	} else {
		after(op.StartedTime, op.StartToCloseTimeout, DueStartToClose)
		earliest(asTime(op.Cancellation.GetCalls().GetNextAttemptTime()), DueCancel)
	}
	return at, what
}

// ScheduleStart has the next call made that starts the operation.
func ScheduleStart(op *records.NexusOperation, step *entity.Step, owner Owner) {
	if op.Start == nil {
		op.Start = new(records.NexusCalls)
	}
	schedule(op.Start, op, step, owner)
}

// ScheduleCancel has the next call made that cancels the operation, which has started.
func ScheduleCancel(op *records.NexusOperation, step *entity.Step, owner Owner) {
	c := op.Cancellation
	if c.Calls == nil {
		c.Calls = new(records.NexusCalls)
	}
	schedule(c.Calls, op, step, owner)
}

func schedule(calls *records.NexusCalls, op *records.NexusOperation, step *entity.Step, owner Owner) {
	calls.NextAttemptTime = nil
	calls.TaskId = step.AddTask(&entity.Task{
		Queue: Queue, Entity: owner.Entity, RunID: owner.RunID, EventID: op.ScheduledEventId,
		Stamp: calls.Attempt, Created: step.Now.Add(-owner.Ahead),
	})
}

// MayCancel notes that the operation is to be cancelled, if it has started, and reports
// whether a call is to be made for that.
func MayCancel(op *records.NexusOperation, now *timestamppb.Timestamp) bool {
	c := op.Cancellation
	if op.StartedTime == nil || c == nil || c.RequestedTime != nil {
		return false
	}
	c.RequestedTime = now
	return true
}

// Unschedule takes back the calls that are due: nobody waits for what comes of those
// under way.
func Unschedule(op *records.NexusOperation, step *entity.Step) {
	for _, calls := range []*records.NexusCalls{op.Start, op.Cancellation.GetCalls()} {
		unschedule(calls, step)
	}
}

func unschedule(calls *records.NexusCalls, step *entity.Step) {
	if calls.GetTaskId() != 0 {
		step.RemoveTask(entity.TaskRef{Queue: Queue, ID: calls.TaskId})
		calls.TaskId = 0
	}
}

// Started notes that the operation has started, with the first call or by the word of its
// completion. What the fold of a history makes of it must be the same.
func Started(op *records.NexusOperation, token string, at *timestamppb.Timestamp) {
	op.OperationToken, op.StartedTime = token, at
	if op.Start == nil {
		op.Start = new(records.NexusCalls)
	}
	op.Start.Attempt++
	op.Start.LastAttemptCompleteTime, op.Start.LastAttemptFailure = at, nil
	op.Start.NextAttemptTime, op.Start.Blocked = nil, false
}

// OfStart reports whether the task is of the call that is to start the operation, and
// ofCancel whether it is of one that is to cancel it.
func OfStart(op *records.NexusOperation, task *entity.Task) bool {
	return op.GetStart().GetTaskId() == task.ID && op.StartedTime == nil
}

// OfCancel reports whether the task is of the call that is to cancel the operation.
func OfCancel(op *records.NexusOperation, task *entity.Task) bool {
	return op.GetCancellation().GetCalls().GetTaskId() == task.ID
}

// AttemptEnded notes that the call of the task has ended, and takes the task back.
func AttemptEnded(calls *records.NexusCalls, step *entity.Step, failure *failurepb.Failure) {
	unschedule(calls, step)
	calls.Attempt++
	calls.LastAttemptCompleteTime, calls.LastAttemptFailure = timestamppb.New(step.Now), attempt.Retained(failure)
	calls.Blocked = false
}

// Retry is AttemptEnded for a call that is to be made again, after a rest.
func Retry(calls *records.NexusCalls, step *entity.Step, failure *failurepb.Failure, policy RetryPolicy) {
	AttemptEnded(calls, step, failure)
	calls.NextAttemptTime = timestamppb.New(step.Now.Add(policy.rest(step, calls.Attempt)))
}

// Block has the call of the task wait: its endpoint does not answer. That is no attempt.
func Block(calls *records.NexusCalls, step *entity.Step, wait time.Duration) {
	unschedule(calls, step)
	calls.Blocked = true
	calls.NextAttemptTime = timestamppb.New(step.Now.Add(wait))
}

// PutOff has the call of the task wait: there is no room for it. That is no attempt.
func PutOff(calls *records.NexusCalls, step *entity.Step, wait time.Duration) {
	unschedule(calls, step)
	calls.Blocked = false
	calls.NextAttemptTime = timestamppb.New(step.Now.Add(wait))
}

// Size is about how many bytes the operation has that vary with what handlers say.
func Size(op *records.NexusOperation) int {
	return proto.Size(op.Start.GetLastAttemptFailure()) + proto.Size(op.GetCancellation().GetCalls().GetLastAttemptFailure())
}

// PendingState is the state of an operation that has not ended, as clients see it, and why it is
// blocked.
func PendingState(op *records.NexusOperation) (state enumspb.PendingNexusOperationState, blocked string) {
	switch calls := op.Start; {
	case op.StartedTime != nil:
		return enumspb.PENDING_NEXUS_OPERATION_STATE_STARTED, ""
	case calls.GetBlocked():
		return enumspb.PENDING_NEXUS_OPERATION_STATE_BLOCKED, blockedReason
	case calls.GetNextAttemptTime() != nil:
		return enumspb.PENDING_NEXUS_OPERATION_STATE_BACKING_OFF, ""
	}
	return enumspb.PENDING_NEXUS_OPERATION_STATE_SCHEDULED, ""
}

// CancellationState is the state of a cancellation, as clients see it, and why it is
// blocked.
func CancellationState(c *records.NexusCancellation) (state enumspb.NexusOperationCancellationState, blocked string) {
	switch {
	case c.State != 0:
		return c.State, ""
	case c.RequestedTime == nil:
		return enumspb.NEXUS_OPERATION_CANCELLATION_STATE_UNSPECIFIED, ""
	case c.Calls.GetBlocked():
		return enumspb.NEXUS_OPERATION_CANCELLATION_STATE_BLOCKED, blockedReason
	case c.Calls.GetNextAttemptTime() != nil:
		return enumspb.NEXUS_OPERATION_CANCELLATION_STATE_BACKING_OFF, ""
	}
	return enumspb.NEXUS_OPERATION_CANCELLATION_STATE_SCHEDULED, ""
}

// blockedReason is why calls are not made, in the words of the Temporal server.
const blockedReason = "The circuit breaker is open."

// NextAttempt is when the next call is made, of calls that rest after one that has failed.
func NextAttempt(calls *records.NexusCalls) *timestamppb.Timestamp {
	if calls.GetBlocked() {
		return nil
	}
	return calls.GetNextAttemptTime()
}

func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
