package runchain

import (
	"fmt"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Closed runs are deleted when their namespace's retention has passed, as it is then. The
// chain keeps an index of them by the time at which they have closed, and one timer, for
// the first. A retention that gets longer needs nothing: the timer fires too early, and is
// set anew. When it gets shorter, package reclaim has the timer set anew (Retain).

// maxDeleted bounds the runs deleted in one step.
const maxDeleted = 100

// defaultRetention applies to namespaces that name no retention.
const defaultRetention = 72 * time.Hour

// retention is how long closed runs of the chain are kept.
func (c *Chain[R]) retention() time.Duration {
	if retention := c.kind.Retention(c.key.Namespace); retention > 0 {
		return retention
	}
	return defaultRetention
}

// ExpireLater has the run, which has just closed, deleted when the retention has passed.
func (c *Chain[R]) ExpireLater(step *entity.Step, r R) {
	at := r.Record().GetCloseTime().AsTime()
	step.Put(closedKey(at, r.Record().GetRunId()), nil)
	at = at.Add(c.retention())
	if next := Time(c.record.NextExpiry); next.IsZero() || at.Before(next) {
		c.setExpiry(step, at)
	}
}

// setExpiry moves the chain's timer; the zero time takes it away.
func (c *Chain[R]) setExpiry(step *entity.Step, at time.Time) {
	c.record.NextExpiry = MoveTimer(step, expiryTimer, c.record.NextExpiry, at)
	c.dirty = true
}

// Expire deletes the runs whose retention has passed. It is the first thing in a step: it reads the index of closed
// runs as it was before, and would take the timer away from one that has closed in the step.
func (c *Chain[R]) Expire(step *entity.Step) error {
	if next := Time(c.record.GetNextExpiry()); next.IsZero() || next.After(step.Now) {
		return nil
	}
	return c.deleteClosed(step, func(deadline time.Time) bool { return !deadline.After(step.Now) })
}

// Retain implements entity.Retainer.
func (c *Chain[R]) Retain(step *entity.Step) error {
	if c.record.GetNextExpiry() == nil {
		return nil
	}
	var next time.Time
	err := c.closedRuns(step.Reader(), func(_ []byte, _ string, deadline time.Time) bool {
		next = deadline
		return false
	})
	if err == nil && !next.Equal(Time(c.record.NextExpiry)) {
		c.setExpiry(step, next)
		c.forget()
	}
	return err
}

// Purge implements entity.Purger. Whoever waits for a run finds that it is not there any
// more.
func (c *Chain[R]) Purge(step *entity.Step) (more bool, err error) {
	if c.record == nil {
		return false, nil
	}
	if err := c.deleteClosed(step, func(time.Time) bool { return true }); err != nil {
		return false, err
	}
	if r := c.current; r != none[R]() && (!closed(r) || c.record.NextExpiry == nil) {
		c.remove(step, r)
	}
	c.forget()
	return c.record != nil, nil
}

// Delete removes a run, closed or not. It fails as Kind.NotFound says.
func (c *Chain[R]) Delete(step *entity.Step, runID string) error {
	r, err := c.Find(step.Reader, runID)
	if err != nil {
		return err
	}
	runID = r.Record().GetRunId()
	var next time.Time
	if err := c.closedRuns(step.Reader(), func(_ []byte, other string, deadline time.Time) bool {
		if other == runID {
			return true
		}
		next = deadline
		return false
	}); err != nil {
		return err
	}
	c.remove(step, r)
	if closed(r) {
		step.Delete(closedKey(r.Record().GetCloseTime().AsTime(), runID))
	}
	if !next.Equal(Time(c.record.NextExpiry)) {
		c.setExpiry(step, next)
	}
	c.forget()
	return nil
}

// remove removes all of a run but its entry in the index of closed runs.
func (c *Chain[R]) remove(step *entity.Step, r R) {
	if r == c.current {
		r.Withdraw(step)
		MoveTimer(step, RunTimer, r.Record().GetWakeAt(), time.Time{})
		c.current, c.record.CurrentRunId, c.dirty = none[R](), "", true
	}
	c.removeRecords(step, r.Record().GetRunId())
}

func (c *Chain[R]) removeRecords(step *entity.Step, runID string) {
	for _, letter := range c.kind.Parts {
		step.Delete(RunKey(runID, letter))
	}
	if step.Indexed() {
		step.Index(entity.IndexEntry{ID: runID})
	}
}

// forget forgets the chain itself if it has no runs.
func (c *Chain[R]) forget() {
	if c.current == none[R]() && c.record.GetNextExpiry() == nil {
		c.record, c.dirty = nil, true
	}
}

// deleteClosed deletes the first closed runs whose deadlines have come, and moves the
// chain's timer to the next deadline.
func (c *Chain[R]) deleteClosed(step *entity.Step, come func(deadline time.Time) bool) error {
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
		if c.RunID() == runID {
			c.remove(step, c.current)
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
func (c *Chain[R]) closedRuns(reader entity.Reader, visit func(record []byte, runID string, deadline time.Time) bool) error {
	var bad error
	err := reader.Scan([]byte{letterClosed}, nil, false, func(record, _ []byte) bool {
		ns, runID, err := entity.DecodeInt(record[1:])
		if err != nil {
			bad = fmt.Errorf("%s: record %q of %v is malformed", c.kind.Name, record, c.key)
			return false
		}
		return visit(record, string(runID), time.Unix(0, ns).UTC().Add(c.retention()))
	})
	if err == nil {
		err = bad
	}
	return err
}
