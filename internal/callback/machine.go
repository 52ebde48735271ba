package callback

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// Queue is where deliveries wait. No client can name its namespace.
var Queue = entity.Queue{Type: entity.TaskActivity, Name: "temporal-sys-callbacks"}

// How long a delivery rests after a failed attempt.
const (
	firstBackoff = time.Second
	maxBackoff   = time.Hour
)

// Machine loads deliveries, for entity.KindCallback.
type Machine struct{}

var recordKey = []byte{'d'}

// Load implements entity.Machine.
func (Machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	d := &Delivery{key: key}
	data, err := reader.Get(recordKey)
	if err != nil || data == nil {
		return d, err
	}
	d.record = new(records.Delivery)
	if err := proto.Unmarshal(data, d.record); err != nil {
		return nil, fmt.Errorf("loading the callback %s: %w", key, err)
	}
	return d, nil
}

// Delivery is one callback on its way.
type Delivery struct {
	key entity.Key
	// record is nil if there is nothing to deliver, or not any more.
	record *records.Delivery
	dirty  bool
}

// Receive implements entity.Entity: a workflow, or an activity without one, asks for the delivery,
// or answers that of another one.
func (d *Delivery) Receive(step *entity.Step, from entity.Key, body []byte) error {
	if from.Kind != entity.KindWorkflow && from.Kind != entity.KindActivity && from.Kind != entity.KindNexusOperation {
		return entity.ErrUnknownMessage
	}
	record := new(records.Delivery)
	if err := proto.Unmarshal(body, record); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	if record.Answer != nil {
		d.answered(step, from, record.Answer)
		return nil
	}
	if d.record != nil {
		return nil // it has asked before
	}
	record.Owner = from.Encode(nil)
	d.record = record
	if record.Url == nexus.SystemCallback {
		d.send(step)
	} else {
		d.schedule(step)
	}
	return nil
}

// Fire implements entity.Entity: the time of rest is over.
func (d *Delivery) Fire(step *entity.Step) error {
	if d.record.GetNextAttemptTime() == nil || d.record.NextAttemptTime.AsTime().After(step.Now) {
		return nil
	}
	step.ClearTimer(nil, d.record.NextAttemptTime.AsTime())
	d.record.NextAttemptTime = nil
	d.schedule(step)
	d.report(step, &records.Callback{State: int32(enumspb.CALLBACK_STATE_SCHEDULED)})
	return nil
}

// schedule puts the delivery on the queue.
func (d *Delivery) schedule(step *entity.Step) {
	d.record.TaskId = step.AddTask(&entity.Task{Queue: Queue, Entity: d.key, Stamp: d.record.Attempt, Created: step.Now})
	d.dirty = true
}

// Due returns what is to be delivered by the task; nil if it is out of date. It must
// not be changed.
func (d *Delivery) Due(task *entity.Task) *records.Delivery {
	if d.record.GetTaskId() == 0 || d.record.TaskId != task.ID {
		return nil
	}
	return d.record
}

// Outcome is how an attempt has ended. The zero value is a success.
type Outcome struct {
	Err error
	// Final: there is no use in another attempt.
	Final bool
}

// name is how the attempt has ended, for those who count.
func (o Outcome) name() string {
	var late interface{ Timeout() bool }
	switch {
	case o.Err == nil:
		return "success"
	case errors.As(o.Err, &late) && late.Timeout():
		return "request-timeout"
	case o.Final:
		return "refused"
	}
	return "unknown-error"
}

// Attempted notes how the attempt of the task has ended.
func (d *Delivery) Attempted(step *entity.Step, task *entity.Task, outcome Outcome) {
	if d.Due(task) == nil {
		return
	}
	step.RemoveTask(entity.TaskRef{Queue: Queue, ID: d.record.TaskId})
	d.record.TaskId = 0
	d.attempted(step, outcome)
}

// attempted notes how an attempt has ended.
func (d *Delivery) attempted(step *entity.Step, outcome Outcome) {
	r := d.record
	r.Attempt++
	d.dirty = true
	progress := &records.Callback{Attempt: r.Attempt, LastAttemptCompleteTime: timestamppb.New(step.Now)}
	if outcome.Err != nil {
		progress.LastAttemptFailure = &failurepb.Failure{
			Message: outcome.Err.Error(),
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
				ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{NonRetryable: outcome.Final}},
		}
	}
	switch {
	case outcome.Err == nil:
		progress.State = int32(enumspb.CALLBACK_STATE_SUCCEEDED)
	case outcome.Final:
		progress.State = int32(enumspb.CALLBACK_STATE_FAILED)
	default:
		d.rest(step, jittered(step, backoff(r.Attempt)))
		progress.State, progress.NextAttemptScheduleTime = int32(enumspb.CALLBACK_STATE_BACKING_OFF), r.NextAttemptTime
	}
	d.report(step, progress)
	if r.NextAttemptTime == nil {
		d.record = nil
	}
}

// Blocked has the delivery of the task wait, as its address does not answer. That is no
// attempt.
func (d *Delivery) Blocked(step *entity.Step, task *entity.Task, wait time.Duration) {
	if d.Due(task) == nil {
		return
	}
	step.RemoveTask(entity.TaskRef{Queue: Queue, ID: d.record.TaskId})
	d.record.TaskId = 0
	d.dirty = true
	d.rest(step, wait)
	d.report(step, &records.Callback{State: int32(enumspb.CALLBACK_STATE_BLOCKED)})
}

// rest has the next attempt made after the time of rest.
func (d *Delivery) rest(step *entity.Step, length time.Duration) {
	next := step.Now.Add(length)
	step.SetTimer(nil, next)
	d.record.NextAttemptTime = timestamppb.New(next)
}

// jittered is a rest that is up to a fifth shorter, so that what has failed together is
// not tried again together.
func jittered(step *entity.Step, rest time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(step.NewID())) // the one source of chance there is
	return rest - time.Duration(h.Sum64()%uint64(rest/5))
}

// backoff is the rest after so many attempts.
func backoff(attempts int32) time.Duration {
	rest := firstBackoff
	for range attempts - 1 {
		if rest *= 2; rest >= maxBackoff {
			return maxBackoff
		}
	}
	return rest
}

// report tells the workflow how far the delivery has come.
func (d *Delivery) report(step *entity.Step, progress *records.Callback) {
	owner, _, err := entity.DecodeKey(d.record.Owner)
	if err != nil {
		panic("callback: the record of a delivery holds no key: " + err.Error())
	}
	progress.Attempt = d.record.Attempt
	body, err := proto.Marshal(&records.Message{Body: &records.Message_CallbackProgress{CallbackProgress: &records.CallbackProgress{
		RunId: d.record.RunId, Number: d.record.Number, Callback: progress,
	}}})
	if err != nil {
		panic("callback: message does not encode: " + err.Error())
	}
	step.Send(owner, body)
}

// EndStep implements entity.Entity.
func (d *Delivery) EndStep(step *entity.Step) error {
	if !d.dirty {
		return nil
	}
	d.dirty = false
	if d.record == nil {
		step.Delete(recordKey)
		return nil
	}
	data, err := proto.Marshal(d.record)
	if err != nil {
		return fmt.Errorf("callback %s: %w", d.key, err)
	}
	step.Put(recordKey, data)
	return nil
}

// Purge implements entity.Purger. A delivery that has not been tried yet is left its
// first attempt.
func (d *Delivery) Purge(step *entity.Step) (more bool, err error) {
	switch r := d.record; {
	case r == nil:
		return false, nil
	case r.TaskId != 0, len(r.Target) > 0:
		return false, entity.ErrPurgeLater
	case r.NextAttemptTime != nil:
		step.ClearTimer(nil, r.NextAttemptTime.AsTime())
	}
	d.record, d.dirty = nil, true
	return false, nil
}

// Size implements entity.Entity.
func (d *Delivery) Size() int { return 512 + proto.Size(d.record) }

// Pinned implements entity.Entity.
func (d *Delivery) Pinned() bool { return false }
