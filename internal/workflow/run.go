package workflow

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Run is one run of a workflow chain, in memory: what its records hold, and the
// volatile half that a crash turns back (a started workflow task, waiting
// queries).
type Run struct {
	chain *Chain

	info  *records.RunInfo
	state *records.Run

	// families are the pending items; each is one record. Invariant: an item is here
	// if and only if its record exists or is to be written by the step in progress.
	families
	// deadlines holds every pending item that needs attention at some time.
	deadlines deadlineHeap

	// applying is set while the commands of a completed workflow task are applied:
	// events that are not made from commands are held back to the end of the step.
	applying bool
	// taskWanted notes a wantWorkflowTask until the end of the step.
	taskWanted bool

	// started is set while the pending workflow task is with a worker. Volatile.
	// Invariant: started != nil implies state.WorkflowTask != nil.
	started *startedTask

	// startedEventID is that of the WorkflowTaskStarted event between it and the event
	// that ends the task, 0 at other times. No step ends between the two.
	startedEventID int64

	// reloaded is set if the run was read from its records: a start of the pending
	// workflow task may have been lost with the state that was in memory before.
	reloaded bool

	// queries wait for the next workflow task or for its completion. Volatile.
	queries []*query

	// speculative: the pending workflow task is in no record. See speculative.go.
	speculative bool

	// tryingToClose: the last workflow task would have closed the run, had nothing new come meanwhile. As with a Temporal server it is
	// known only as long as the run stays in memory and nothing that is asked of it is refused (Chain.Refused).
	tryingToClose bool
	// admitted are the updates that the workflow has not accepted, in the order in
	// which they came, and updateWaits those who wait for any. Volatile.
	admitted    []*admittedUpdate
	updateWaits []*UpdateWait

	// startEvent is the Started event, once a continuation has needed it.
	startEvent *historypb.HistoryEvent
	// infoBytes is the encoded size of info.
	infoBytes int

	// tail is the newest part of the history as encoded batches, so that the next
	// workflow task's poll reply need not read the store. See history.go.
	tail historyTail

	// What the step in progress has changed; emptied by flush. The families know
	// what has changed in them.
	newEvents []*historypb.HistoryEvent
	dirty     dirty
	// broken is why an event of the step could not be applied: the step fails.
	broken error
}

// dirty notes which records flush has to write.
type dirty struct {
	info, state bool
	// memo, searchAttributes: they have been copied, and may be changed where they are.
	memo, searchAttributes bool
	// visible: the run has started, closed, or been paused, which lists have to know.
	visible bool
	// timer: the durable timer has fired, and may have to be set anew.
	timer bool
}

// closed reports whether the run has ended.
func (r *Run) closed() bool {
	return r.state.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && !r.paused()
}

// mustMarshal encodes a record. Records are made by this package and always
// encode.
func mustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("workflow: record does not encode: " + err.Error())
	}
	return data
}

// armTimer keeps the run's one durable timer at or before its earliest deadline.
// It is moved only when the earliest deadline comes before it: a deadline that
// goes away leaves it where it is, and Fire finds nothing due and sets it anew.
func (r *Run) armTimer(step *entity.Step) {
	name := []byte(r.info.RunId)
	earliest := r.chain.shardTime(r.earliestDeadline())
	armed := asTime(r.state.WakeAt)
	fired := !armed.IsZero() && !armed.After(r.chain.shardTime(step.Now))
	if !armed.IsZero() && !fired && (earliest.IsZero() || !earliest.Before(armed)) && !r.closed() {
		return
	}
	if earliest.Equal(armed) {
		return
	}
	r.disarmTimer(step)
	if !earliest.IsZero() {
		step.SetTimer(name, earliest)
		r.state.WakeAt = timestamppb.New(earliest)
	}
	r.dirty.state = true
}

// disarmTimer takes the run's durable timer away.
func (r *Run) disarmTimer(step *entity.Step) {
	if armed := asTime(r.state.WakeAt); !armed.IsZero() {
		step.ClearTimer([]byte(r.info.RunId), armed)
		r.state.WakeAt = nil
	}
}

// earliestDeadline is the earliest time at which something durable happens to
// the run of itself; zero if nothing does. Timeouts of started and of sticky
// workflow tasks are not durable: they are wakes.
func (r *Run) earliestDeadline() time.Time {
	if r.closed() {
		return time.Time{}
	}
	d := r.itemDeadline()
	d = earlier(d, r.expiration())
	d = earlier(d, r.fastForwardDeadline())
	if r.state.FirstTaskBackoffPending && !r.state.ChildFirstTaskPending && !r.paused() && !r.held() {
		d = earlier(d, asTime(r.info.ExecutionTime))
	}
	if wt := r.state.WorkflowTask; wt != nil && wt.TaskId == 0 && !r.speculative {
		d = earlier(d, wt.ScheduledTime.AsTime().Add(wt.Timeout.AsDuration()))
	}
	return d
}

// expiration is when the run times out; zero if it does not.
func (r *Run) expiration() time.Time {
	return earlier(asTime(r.info.RunExpiration), asTime(r.info.ExecutionExpiration))
}

// earlier is the earlier of two times, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// asTime is the time of a timestamp, the zero time if it is not set.
func asTime(ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	return ts.AsTime()
}
