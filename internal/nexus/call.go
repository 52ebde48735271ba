package nexus

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Queue is where calls wait that are to be made. No client can name its namespace.
var Queue = entity.Queue{Type: entity.TaskNexus, Name: "temporal-sys-nexus"}

// Caller is an entity for which calls are made: a workflow, or an operation of its own.
type Caller interface {
	// NexusCall returns the call that the task is about; nil if it is out of date.
	NexusCall(view entity.View, task *entity.Task) (*Call, error)
	// NexusCalled notes what has come of the call of the task.
	NexusCalled(step *entity.Step, task *entity.Task, outcome *Outcome) error
}

// Call is a request to start or to cancel an operation.
type Call struct {
	// Operation must not be changed.
	Operation *records.NexusOperation
	// Cancel: it is to be cancelled, not started.
	Cancel bool
	// Now is the time of the operation's owner.
	Now time.Time
	// Of a call that starts it.
	Input *commonpb.Payload
	// Header is what the caller has set.
	Header map[string]string
	// Link is to where the operation has been asked for.
	Link *commonpb.Link
	// Completion is of which operation the handler is to report the end.
	Completion *records.NexusCompletion
	// Standalone: it is an operation of its own.
	Standalone bool
}

// left is the time that a call may take at most because of the timeouts of the operation, and by which of them; a type of UNSPECIFIED: none.
func (c *Call) left() (left time.Duration, by enumspb.TimeoutType) {
	op := c.Operation
	until := func(from time.Time, timeout time.Duration, t enumspb.TimeoutType) {
		if timeout <= 0 {
			return
		}
		if d := from.Add(timeout).Sub(c.Now); by == enumspb.TIMEOUT_TYPE_UNSPECIFIED || d < left {
			left, by = d, t
		}
	}
	if c.Cancel {
		until(op.StartedTime.AsTime(), op.StartToCloseTimeout.AsDuration(), enumspb.TIMEOUT_TYPE_START_TO_CLOSE)
	} else {
		until(op.ScheduledTime.AsTime(), op.ScheduleToStartTimeout.AsDuration(), enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START)
	}
	until(op.ScheduledTime.AsTime(), op.ScheduleToCloseTimeout.AsDuration(), enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE)
	return left, by
}

// operationTimeout is how long the operation may take from now on; 0: any time.
func (c *Call) operationTimeout() time.Duration {
	op := c.Operation
	timeout := op.StartToCloseTimeout.AsDuration()
	if whole := op.ScheduleToCloseTimeout.AsDuration(); whole > 0 {
		left := op.ScheduledTime.AsTime().Add(whole).Sub(c.Now)
		if timeout <= 0 || left < timeout {
			timeout = left
		}
	}
	return timeout
}

// Result is the kind of an Outcome.
type Result int

const (
	// Retry: the call has failed in a way that may pass. Failure says why.
	ResultRetry Result = iota
	// Blocked: the call has not been made, as the endpoint does not answer. Wait says how
	// long to wait before the next.
	ResultBlocked
	// PutOff: the call has not been made, as too many others to the endpoint are under way.
	// Wait says how long to wait before the next try.
	ResultPutOff
	// Started: the operation goes on, under Token.
	ResultStarted
	// Succeeded: it is over. Payload is its result.
	ResultSucceeded
	// Failed, Canceled: it is over, or will never begin. Failure is the cause.
	ResultFailed
	ResultCanceled
	// TimedOut: there is not enough time left for a call, because of Timeout.
	ResultTimedOut
	// Accepted: the handler knows that the operation is to be cancelled.
	ResultAccepted
)

// Outcome is what has come of a call.
type Outcome struct {
	Result  Result
	Token   string
	Payload *commonpb.Payload
	Failure *failurepb.Failure
	Links   []*commonpb.Link
	Timeout enumspb.TimeoutType
	Wait    time.Duration
	// Policy is how long to rest after a call that is to be made again.
	Policy RetryPolicy
}
