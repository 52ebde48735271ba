package nexusoperation

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
)

// Closed runs are deleted when their namespace's retention has passed, as it is then. The
// chain keeps an index of them by the time at which they have closed, and one timer, for
// the first. A retention that gets longer needs nothing: the timer fires too early, and is
// set anew. When it gets shorter, package reclaim has the timer set anew (Retain).

// expiryTimer is the name of the chain's timer.
var expiryTimer = []byte{letterClosed}

// maxDeleted bounds the runs deleted in one step.
const maxDeleted = 100

// retention is how long closed runs of the chain are kept.
func (c *Chain) retention() time.Duration {
	if ns := c.namespace(); ns.Retention > 0 {
		return ns.Retention
	}
	return defaultRetention
}

// expireLater has the closed run deleted when the retention has passed.
func (c *Chain) expireLater(step *entity.Step, r *Run) {
	at := r.rec.CloseTime.AsTime()
	step.Put(closedKey(at, r.rec.RunId), nil)
	at = at.Add(c.retention())
	if next := asTime(c.record.NextExpiry); next.IsZero() || at.Before(next) {
		c.setExpiry(step, at)
	}
}

// setExpiry moves the chain's timer; the zero time takes it away.
func (c *Chain) setExpiry(step *entity.Step, at time.Time) {
	if next := asTime(c.record.NextExpiry); !next.IsZero() {
		step.ClearTimer(expiryTimer, next)
	}
	c.record.NextExpiry = nil
	if !at.IsZero() {
		step.SetTimer(expiryTimer, at)
		c.record.NextExpiry = timestamppb.New(at)
	}
	c.dirty = true
}

// expire deletes the runs whose retention has passed.
func (c *Chain) expire(step *entity.Step) error {
	if next := asTime(c.record.GetNextExpiry()); next.IsZero() || next.After(step.Now) {
		return nil
	}
	return c.deleteClosed(step, func(deadline time.Time) bool { return !deadline.After(step.Now) })
}

// Retain implements entity.Retainer.
func (c *Chain) Retain(step *entity.Step) error {
	if c.record.GetNextExpiry() == nil {
		return nil
	}
	var next time.Time
	err := c.closedRuns(step.Reader(), func(_ []byte, _ string, deadline time.Time) bool {
		next = deadline
		return false
	})
	if err == nil && !next.Equal(asTime(c.record.NextExpiry)) {
		c.setExpiry(step, next)
		c.forget()
	}
	return err
}

// Purge implements entity.Purger. Whoever waits for a run finds that it is not there any
// more.
func (c *Chain) Purge(step *entity.Step) (more bool, err error) {
	if c.record == nil {
		return false, nil
	}
	if err := c.deleteClosed(step, func(time.Time) bool { return true }); err != nil {
		return false, err
	}
	if r := c.current; r != nil && (!r.closed() || c.record.NextExpiry == nil) {
		c.remove(step, r)
	}
	c.forget()
	return c.record != nil, nil
}

// Delete removes a run, closed or not. It fails with NotFound.
func (c *Chain) Delete(step *entity.Step, runID string) error {
	r, err := c.find(step.Reader, runID)
	if err != nil {
		return err
	}
	var next time.Time
	if err := c.closedRuns(step.Reader(), func(_ []byte, other string, deadline time.Time) bool {
		if other == r.rec.RunId {
			return true
		}
		next = deadline
		return false
	}); err != nil {
		return err
	}
	c.remove(step, r)
	if r.closed() {
		step.Delete(closedKey(r.rec.CloseTime.AsTime(), r.rec.RunId))
	}
	if !next.Equal(asTime(c.record.NextExpiry)) {
		c.setExpiry(step, next)
	}
	c.forget()
	return nil
}

// remove removes all of a run but its entry in the index of closed runs.
func (c *Chain) remove(step *entity.Step, r *Run) {
	if r == c.current {
		nexus.Unschedule(r.op(), step)
		if at := asTime(r.rec.WakeAt); !at.IsZero() {
			step.ClearTimer(runTimer, at)
		}
		c.current, c.record.CurrentRunId, c.dirty = nil, "", true
	}
	c.removeRecords(step, r.rec.RunId)
}

func (c *Chain) removeRecords(step *entity.Step, runID string) {
	for _, letter := range []byte{letterRun, letterRequest, letterOutcome} {
		step.Delete(runKey(runID, letter))
	}
	if step.Indexed() {
		step.Index(entity.IndexEntry{ID: runID})
	}
}

// forget forgets the chain itself if it has no runs.
func (c *Chain) forget() {
	if c.current == nil && c.record.GetNextExpiry() == nil {
		c.record, c.dirty = nil, true
	}
}

// deleteClosed deletes the first closed runs whose deadlines have come, and moves the
// chain's timer to the next deadline.
func (c *Chain) deleteClosed(step *entity.Step, come func(deadline time.Time) bool) error {
	var next time.Time
	var gone []string
	err := c.closedRuns(step.Reader(), func(record []byte, runID string, deadline time.Time) bool {
		if !come(deadline) || len(gone) >= maxDeleted {
			next = deadline
			return false
		}
		gone = append(gone, runID)
		step.Delete(append([]byte(nil), record...))
		return true
	})
	if err != nil {
		return err
	}
	for _, runID := range gone {
		if r := c.current; r != nil && r.rec.RunId == runID {
			c.remove(step, r)
		} else {
			c.removeRecords(step, runID)
		}
	}
	c.setExpiry(step, next)
	c.forget()
	return nil
}

// closedRuns visits the index of closed runs in the order of their deadlines, until visit
// returns false. The record is valid only during the call.
func (c *Chain) closedRuns(reader entity.Reader, visit func(record []byte, runID string, deadline time.Time) bool) error {
	var bad error
	err := reader.Scan([]byte{letterClosed}, nil, false, func(record, _ []byte) bool {
		ns, runID, err := entity.DecodeInt(record[1:])
		if err != nil {
			bad = fmt.Errorf("nexusoperation: record %q of %v is malformed", record, c.key)
			return false
		}
		return visit(record, string(runID), time.Unix(0, ns).UTC().Add(c.retention()))
	})
	if err == nil {
		err = bad
	}
	return err
}
