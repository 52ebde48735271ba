package workflow

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// Closed runs are deleted when their namespace's retention has passed. The chain
// keeps an index of them by that time, and one timer, for the first.

// expiryTimer is the name of the chain's timer. Those of runs are run ids.
var expiryTimer = []byte{letterExpiry}

// maxExpiries bounds the runs deleted in one step.
const maxExpiries = 100

// expireLater has the closed run deleted when its retention has passed.
func (c *Chain) expireLater(step *entity.Step, r *Run) {
	at := step.Now.Add(c.retention()).UTC()
	step.Put(expiryKey(at.UnixNano(), r.info.RunId), nil)
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
	if c.record == nil || !due(asTime(c.record.NextExpiry), step.Now) {
		return nil
	}
	var next time.Time
	var bad error
	var gone []string
	err := step.Reader().Scan([]byte{letterExpiry}, nil, false, func(record, _ []byte) bool {
		ns, runID, err := entity.DecodeInt(record[1:])
		if err != nil {
			bad = fmt.Errorf("workflow: expiry record of %v is malformed", c.key)
			return false
		}
		if at := time.Unix(0, ns).UTC(); at.After(step.Now) || len(gone) >= maxExpiries {
			next = at
			return false
		}
		gone = append(gone, string(runID))
		step.Delete(append([]byte(nil), record...))
		return true
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	for _, runID := range gone {
		c.deleteRun(step, runID)
	}
	c.setExpiry(step, next)
	if c.current == nil && next.IsZero() {
		c.record = nil
		c.dirty = true
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
