package workflow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// Closed runs are deleted when their namespace's retention has passed, as it is then,
// not as it was when they closed. The chain keeps an index of them by the time at which
// they have closed, and one timer, for the first. A retention that gets longer needs
// nothing: the timer fires too early, and is set anew. When it gets shorter, package
// reclaim has all chains of the namespace set their timers anew (Retain).

// expiryTimer is the name of the chain's timer. Those of runs are run ids.
var expiryTimer = []byte{letterExpiry}

// maxExpiries bounds the runs deleted in one step.
const maxExpiries = 100

// expireLater has the closed run deleted when the retention has passed.
func (c *Chain) expireLater(step *entity.Step, r *Run) {
	at := c.shardTime(step.Now).UTC()
	step.Put(closedKey(at.UnixNano(), r.info.RunId), nil)
	at = at.Add(c.retention())
	if next := asTime(c.record.GetNextExpiry()); next.IsZero() || at.Before(next) {
		c.setExpiry(step, at)
	}
}

// retention is how long closed runs of the chain are kept.
func (c *Chain) retention() time.Duration {
	if ns, ok := c.config.Namespace(c.key.Namespace); ok && ns.Retention > 0 {
		return ns.Retention
	}
	return defaultRetention
}

// setExpiry moves the chain's timer.
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
	if c.record == nil || !due(asTime(c.record.NextExpiry), c.shardTime(step.Now)) {
		return nil
	}
	return c.deleteClosed(step, func(deadline time.Time) bool { return !deadline.After(c.shardTime(step.Now)) })
}

// Retain has the chain's timer be that of the present retention.
func (c *Chain) Retain(step *entity.Step) error {
	if c.record == nil || c.record.NextExpiry == nil {
		return nil
	}
	var next time.Time
	err := c.closedRuns(step.Reader(), func(_ []byte, _ string, deadline time.Time) bool {
		next = earlier(next, deadline)
		return false
	})
	if err == nil && !next.Equal(asTime(c.record.NextExpiry)) {
		c.setExpiry(step, next)
	}
	return err
}

// Purge removes the whole workflow, as its namespace is being deleted: a run that is
// open is terminated, and those who wait for it are told; then all are deleted, so many
// at a time. More reports that it is to be called again.
func (c *Chain) Purge(step *entity.Step) (more bool, err error) {
	c.discardImports(step)
	switch {
	case c.record == nil:
		return false, nil
	case c.current != nil && !c.current.closed():
		c.current.terminate(step, "Delete namespace", nil, identityHistoryService, nil)
		return true, nil
	}
	if err := c.deleteClosed(step, func(time.Time) bool { return true }); err != nil {
		return false, err
	}
	if c.record != nil && c.record.NextExpiry == nil {
		// What has closed is in the index. Were it not, this would never end.
		c.deleteRun(step, c.record.CurrentRunId)
		c.record, c.dirty = nil, true
	}
	return c.record != nil, nil
}

// deleteClosed deletes the first closed runs whose deadlines have come, and moves the
// chain's timer to the next deadline. A chain that has no run any more is gone.
func (c *Chain) deleteClosed(step *entity.Step, come func(deadline time.Time) bool) error {
	var next time.Time
	var gone []string
	err := c.closedRuns(step.Reader(), func(record []byte, runID string, deadline time.Time) bool {
		if !come(deadline) || len(gone) >= maxExpiries {
			next = earlier(next, deadline)
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
		c.deleteRun(step, runID)
	}
	c.setExpiry(step, next)
	if c.current == nil && next.IsZero() && !c.importing() {
		c.record = nil
		c.dirty = true
	}
	return nil
}

// closedRuns visits the index of closed runs: those from before the index was by the
// time of the close, and then the others, each in the order of their deadlines, until
// visit returns false. The record is valid only during the call.
func (c *Chain) closedRuns(reader entity.Reader, visit func(record []byte, runID string, deadline time.Time) bool) error {
	for _, index := range []struct {
		letter byte
		after  time.Duration
	}{{letterExpiry, 0}, {letterClosed, c.retention()}} {
		var bad error
		err := reader.Scan([]byte{index.letter}, nil, false, func(record, _ []byte) bool {
			ns, runID, err := entity.DecodeInt(record[1:])
			if err != nil {
				bad = fmt.Errorf("workflow: record %q of %v is malformed", record, c.key)
				return false
			}
			return visit(record, string(runID), time.Unix(0, ns).UTC().Add(index.after))
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleteRun removes a closed run and its history. Its entry in the index of
// closed runs, if it is still there, does no harm.
func (c *Chain) deleteRun(step *entity.Step, runID string) {
	if r := c.current; r != nil && r.info.RunId == runID {
		r.disarmTimer(step)
	}
	removeRow(step, runID)
	step.DeletePrefix(runPrefix(runID))
	step.DeletePrefix(historyPrefix(runID))
	delete(c.others, runID)
	if c.current != nil && c.current.info.RunId == runID {
		c.current = nil
		c.record.CurrentRunId = ""
		c.dirty = true
	}
}
