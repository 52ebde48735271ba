// Package runchain is what executions without a workflow have in common that clients start
// by an id of their own: activities (package activity) and Nexus operations (package
// nexusoperation). It keeps the runs of one id.
//
// At most one run of an id is running: the current one, which is in memory. The others are
// closed, and are read from their records when somebody asks for them. A start finds the
// current run in its way, and its policies say what comes of that (Resolve). Closed runs are
// deleted when the retention of their namespace is over (retention.go).
//
// A kind embeds Chain in its entity, tells it what a run is (Run), and keeps to itself what
// happens in a run.
//
// # Records
//
//	c                      RunChain
//	r <run id> r           the run: what changes
//	r <run id> q           what it was started with
//	r <run id> o           how it has closed
//	r <run id> ...         what the kind adds
//	x <close time> <run id>  the closed runs, in the order in which they are deleted
package runchain

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Kind is what all chains of one kind of entity have in common.
type Kind struct {
	// Name begins the texts of errors.
	Name string
	// Parts are the letters of the records that a run may have.
	Parts []byte
	// Retention is how long closed runs in the namespace with the id are kept, as it is
	// now; 0 means 3 days.
	Retention func(namespaceID string) time.Duration
	// NotFound is the answer to all who ask for an id or a run that is not there, or not
	// any more.
	NotFound func(id string) error
}

// Run is one run. The zero value of its type, a nil pointer, is none.
type Run interface {
	comparable
	// Record is what of the run changes.
	Record() Record
	// Succeeded reports whether the run has closed with a result.
	Succeeded() bool
	// Row is what lists and counts know of the run.
	Row() *records.WorkflowRow
	// Withdraw takes back the tasks of the run, which is being deleted.
	Withdraw(*entity.Step)
	// Flush notes the records of the run that the step has changed.
	Flush(*entity.Step)
	// Verify reads the other records of the run, and fails if one is missing or damaged.
	Verify(entity.Reader) error
	// Size is the approximate number of bytes the run takes in memory.
	Size() int
}

// Record is what the records of all kinds of runs say.
type Record interface {
	proto.Message
	GetRunId() string
	// GetStartRequestId is the id of the request that has started the run.
	GetStartRequestId() string
	// GetTransitionCount grows with every change.
	GetTransitionCount() int64
	// GetCloseTime is when the run has closed; nil: it is running.
	GetCloseTime() *timestamppb.Timestamp
	// GetWakeAt is when the timer of the run fires; nil: it has none.
	GetWakeAt() *timestamppb.Timestamp
}

// Chain is one id with its runs. Open makes it ready for use.
type Chain[R Run] struct {
	kind *Kind
	key  entity.Key
	// decode makes a run of its record, and reads what else of it is kept in memory.
	decode func(reader entity.Reader, record []byte) (R, error)
	// record is nil if there is no run.
	record *records.RunChain
	// current is the latest run, closed or not; none if that has been deleted.
	current R
	// dirty: record is to be written.
	dirty bool
}

// Init makes an empty chain. decode makes a run of its record, with what else of it is kept
// in memory.
func (c *Chain[R]) Init(kind *Kind, key entity.Key, decode func(reader entity.Reader, record []byte) (R, error)) {
	*c = Chain[R]{kind: kind, key: key, decode: decode}
}

// Open reads the chain and its current run.
func (c *Chain[R]) Open(reader entity.Reader) error {
	record, err := Read[records.RunChain](reader, chainKey)
	if err != nil {
		return fmt.Errorf("%s: loading %v: %w", c.kind.Name, c.key, err)
	}
	if c.record = record; record.GetCurrentRunId() == "" {
		return nil
	}
	if c.current, err = c.Load(reader, record.CurrentRunId); err != nil {
		return err
	}
	if c.current == none[R]() {
		return fmt.Errorf("%s: the record of current run %s of %v is missing", c.kind.Name, record.CurrentRunId, c.key)
	}
	return nil
}

// none is the run that is none.
func none[R Run]() (r R) { return r }

// closed reports whether the run has ended.
func closed[R Run](r R) bool { return r.Record().GetCloseTime() != nil }

// Key is the key of the entity.
func (c *Chain[R]) Key() entity.Key { return c.key }

// Stored is the record of the chain; nil: it has no runs.
func (c *Chain[R]) Stored() *records.RunChain { return c.record }

// Current is the latest run, closed or not; none if there is none, or it has been deleted.
func (c *Chain[R]) Current() R { return c.current }

// RunID is the id of the current run; empty: there is none.
func (c *Chain[R]) RunID() string {
	if c.current == none[R]() {
		return ""
	}
	return c.current.Record().GetRunId()
}

// Known is the current run, if it is the one with the id; empty: whatever its id is. It
// fails as Kind.NotFound says.
func (c *Chain[R]) Known(runID string) (R, error) {
	if c.current == none[R]() || runID != "" && runID != c.RunID() {
		return none[R](), c.kind.NotFound(c.key.ID)
	}
	return c.current, nil
}

// Find is the run with the id; empty: the current one. One that is not the current one is
// read, is closed, and must not be changed. It fails as Kind.NotFound says.
func (c *Chain[R]) Find(reader func() entity.Reader, runID string) (R, error) {
	if r, err := c.Known(runID); err == nil || c.record == nil || runID == "" {
		return r, err
	}
	r, err := c.Load(reader(), runID)
	if err == nil && r == none[R]() {
		err = c.kind.NotFound(c.key.ID)
	}
	return r, err
}

// Load reads a run; none if it is not there.
func (c *Chain[R]) Load(reader entity.Reader, runID string) (r R, err error) {
	record, err := reader.Get(RunKey(runID, LetterRun))
	if err == nil && record != nil {
		r, err = c.decode(reader, record)
	}
	if err != nil {
		return none[R](), fmt.Errorf("%s: loading run %s of %v: %w", c.kind.Name, runID, c.key, err)
	}
	return r, nil
}

// Begin makes a new run the current one.
func (c *Chain[R]) Begin(r R) {
	if c.record == nil {
		c.record = new(records.RunChain)
	}
	c.current, c.record.CurrentRunId, c.dirty = r, r.Record().GetRunId(), true
}

// Over reports whether the run is not the current one, or has closed. It may be called
// while others wait.
func (c *Chain[R]) Over(runID string) bool {
	r, err := c.Known(runID)
	return err != nil || closed(r)
}

// EndStep implements entity.Entity.
func (c *Chain[R]) EndStep(step *entity.Step) error {
	if c.current != none[R]() {
		c.current.Flush(step)
	}
	if c.dirty {
		c.dirty = false
		if c.record == nil {
			step.Delete(chainKey)
		} else {
			step.Put(chainKey, MustMarshal(c.record))
		}
	}
	return nil
}

// Size implements entity.Entity.
func (c *Chain[R]) Size() int {
	size := 512
	if c.current != none[R]() {
		size += c.current.Size()
	}
	return size
}

// Pinned implements entity.Entity.
func (c *Chain[R]) Pinned() bool { return false }
