package activity

import (
	"errors"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// Run is one run of an activity.
type Run struct {
	chain *Chain
	rec   *records.ActivityRun
	// request is what the run was started with; nil: it has to be read.
	request *records.ActivityRequest
	// outcome is how the run has closed, if the step in progress has closed it.
	outcome *activitypb.ActivityExecutionOutcome
	// callbacks are its completion callbacks; nil if there are none.
	callbacks *records.ActivityCallbacks
	// What of it is to be written.
	changed, requestChanged, callbacksChanged bool
	// size is how many bytes the record has, encoded.
	size int
	// listed is what of the run the index knows that may change.
	listed listing
}

// Record implements runchain.Run.
func (r *Run) Record() runchain.Record { return r.rec }

// Succeeded implements runchain.Run.
func (r *Run) Succeeded() bool { return r.rec.Status == enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED }

// Size implements runchain.Run.
func (r *Run) Size() int { return 2*r.size + proto.Size(r.request) + proto.Size(r.callbacks) }

// Withdraw implements runchain.Run.
func (r *Run) Withdraw(step *entity.Step) { r.undispatch(step) }

// Verify implements runchain.Run: the run has what it was started with, and its outcome if
// it is closed.
func (r *Run) Verify(reader entity.Reader) error {
	_, request := r.requestOf(func() entity.Reader { return reader })
	_, outcome := r.readOutcome(reader)
	return errors.Join(request, outcome)
}

func (r *Run) act() *records.Activity { return r.rec.Activity }

// closed reports whether the run has ended.
func (r *Run) closed() bool { return r.rec.Status != enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING }

// started reports whether a worker has the current attempt.
func (r *Run) started() bool { return r.act().StartedTime != nil && !r.closed() }

// touch has the step change the run.
func (r *Run) touch() { r.changed = true }

// Flush implements runchain.Run.
func (r *Run) Flush(step *entity.Step) {
	runID := r.rec.RunId
	if r.requestChanged {
		step.Put(runchain.RunKey(runID, runchain.LetterRequest), runchain.MustMarshal(r.request))
		r.requestChanged = false
	}
	if r.callbacksChanged {
		r.noteCallbacks(step)
	}
	if r.outcome != nil {
		step.Put(runchain.RunKey(runID, runchain.LetterOutcome), runchain.MustMarshal(r.outcome))
		r.outcome = nil
	}
	r.releaseIdle(step)
	if !r.changed {
		return
	}
	r.changed = false
	r.rec.TransitionCount++
	r.armTimer(step)
	data := runchain.MustMarshal(r.rec)
	r.size = len(data)
	step.Put(runchain.RunKey(runID, runchain.LetterRun), data)
	r.noteRow(step)
}

// requestOf returns what the run was started with, from memory or from its record.
func (r *Run) requestOf(reader func() entity.Reader) (*records.ActivityRequest, error) {
	if r.request != nil {
		return r.request, nil
	}
	return runchain.ReadPart[records.ActivityRequest](reader(), r.rec.RunId, runchain.LetterRequest)
}

// queue is the task queue of the run.
func (r *Run) queue() entity.Queue {
	return entity.Queue{Namespace: r.chain.Key().Namespace, Type: entity.TaskActivity, Name: r.act().TaskQueue}
}

// dispatch makes the attempt ready for workers.
func (r *Run) dispatch(step *entity.Step) {
	act := r.act()
	act.RetryAt = nil
	if !r.letIn(step) {
		r.touch()
		return
	}
	expires, _ := r.deadline()
	task := &entity.Task{
		Queue:   r.queue(),
		Lane:    entity.LaneOf(act.Priority.GetPriorityKey(), act.Priority.GetFairnessKey()),
		Weight:  act.Priority.GetFairnessWeight(),
		Entity:  r.chain.Key(),
		RunID:   r.rec.RunId,
		Stamp:   act.Stamp,
		Created: step.Now,
		Expires: expires,
	}
	act.TaskId, act.Lane = step.AddTask(task), task.Lane
	r.touch()
}

// undispatch takes back the task of the attempt, if it has one.
func (r *Run) undispatch(step *entity.Step) {
	act := r.act()
	if act.TaskId == 0 {
		return
	}
	step.RemoveTask(entity.TaskRef{Queue: r.queue(), Lane: act.Lane, ID: act.TaskId})
	act.TaskId, act.Lane = 0, ""
	r.touch()
}

// plan has the attempt dispatched at the given time, in place of what was planned.
func (r *Run) plan(step *entity.Step, at time.Time) {
	act := r.act()
	r.undispatch(step)
	act.Stamp++
	act.ScheduledTime, act.RetryAt = timestamppb.New(at), nil
	if at.After(step.Now) {
		act.RetryAt = act.ScheduledTime
	} else {
		r.dispatch(step)
	}
	r.touch()
}

// unplan has the attempt wait until something plans it.
func (r *Run) unplan(step *entity.Step) {
	r.undispatch(step)
	r.act().Stamp++
	r.act().RetryAt = nil
	r.touch()
}

// afterDelay is the time, but before the first start not before the start delay is over.
func (r *Run) afterDelay(at time.Time) time.Time {
	if first := r.act().FirstScheduledTime.AsTime(); r.rec.LastStartedTime == nil && first.After(at) {
		return first
	}
	return at
}

// restOver is when the rest before the next attempt is over; zero: there is none.
func (r *Run) restOver() time.Time {
	rest := r.rec.RetryInterval.AsDuration()
	if rest <= 0 || r.act().LastAttemptCompleteTime == nil {
		return time.Time{}
	}
	return r.act().LastAttemptCompleteTime.AsTime().Add(rest)
}

// setRest sets the rest before the next attempt; 0: none.
func (r *Run) setRest(rest time.Duration, byWorker bool) {
	r.rec.RetryInterval, r.rec.RetryIntervalByWorker = nil, false
	if rest > 0 {
		r.rec.RetryInterval, r.rec.RetryIntervalByWorker = durationpb.New(rest), byWorker
	}
}

// setDelay sets the start delay.
func (r *Run) setDelay(delay *durationpb.Duration) {
	r.rec.StartDelay = delay
	r.act().FirstScheduledTime = timestamppb.New(r.rec.ScheduleTime.AsTime().Add(delay.AsDuration()))
}

// control changes what is remembered of what operators have done, and forgets it if that
// comes to nothing.
func (r *Run) control(change func(*records.ActivityControl)) {
	act := r.act()
	if act.Control == nil {
		act.Control = new(records.ActivityControl)
	}
	change(act.Control)
	if proto.Size(act.Control) == 0 {
		act.Control = nil
	}
	r.touch()
}

// deadline is when the run next needs attention, and for what. Of a paused one only the
// schedule-to-close timeout runs out.
func (r *Run) deadline() (time.Time, enumspb.TimeoutType) {
	act := r.act()
	switch {
	case r.closed():
		return time.Time{}, 0
	case attempt.Paused(act) && act.StartedTime == nil:
		return attempt.Expiration(act), enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
	}
	return attempt.Deadline(act)
}

// armTimer keeps the run's durable timer at or before its deadline: one that is too early
// costs less than moving it with every heartbeat.
func (r *Run) armTimer(step *entity.Step) {
	at, _ := r.deadline()
	armed := runchain.Time(r.rec.WakeAt)
	fired := !armed.IsZero() && !armed.After(step.Now)
	if at.Equal(armed) || !armed.IsZero() && !fired && !r.closed() && (at.IsZero() || !at.Before(armed)) {
		return
	}
	r.rec.WakeAt = runchain.MoveTimer(step, runchain.RunTimer, r.rec.WakeAt, at)
}

// Fire implements entity.Entity.
func (c *Chain) Fire(step *entity.Step) error {
	if err := c.Expire(step); err != nil {
		return err
	}
	if r := c.Current(); r != nil && !r.closed() {
		for {
			at, what := r.deadline()
			if at.IsZero() || at.After(step.Now) {
				break
			}
			if what == attempt.RetryDue {
				r.dispatch(step)
			} else {
				r.timeOut(step, what)
			}
		}
		if at := runchain.Time(r.rec.WakeAt); !at.IsZero() && !at.After(step.Now) {
			r.touch() // the timer is set anew
		}
	}
	return nil
}
