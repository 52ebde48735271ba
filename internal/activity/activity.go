// Package activity is the state machine of activities without a workflow, which clients
// start by themselves: one activity id with all its runs.
//
// What an attempt is, when it runs out and when there is another one are the business of
// package attempt, which activities of workflows share. This package adds what a workflow
// has of its own: ids and policies, a life with an end that is kept until the retention
// is over, rows in lists, and descriptions.
//
// # The life of a run
//
//	scheduled --StartActivity--> started --report, timeout--> closed
//	    ^  |                        |
//	    |  +--pause--> paused       | failed or timed out, and may be retried
//	    +---- rest is over ---- resting
//
// A run is in one of the states of the Temporal server (state.go), which follow from its
// records. One that is started goes on when it is paused, reset or cancelled: its worker
// is told with its next heartbeat, and the pause or reset comes into force when the
// attempt has failed. Of a paused run the schedule-to-close timeout still runs out, which
// is not so of activities of workflows.
//
// At most one run of an id is running: the current one. The others are closed, and are
// read from their records when somebody asks for them.
//
// # Records
//
//	c                      ActivityChain
//	r <run id> r           ActivityRun: what changes
//	r <run id> q           ActivityRequest: the input, and what hardly ever changes
//	r <run id> o           ActivityExecutionOutcome of a closed run
//	r <run id> k           ActivityCallbacks, if there are
//	x <close time> <run id>  the closed runs, in the order in which they are deleted
//
// The mark that an attempt is started and what comes with heartbeats may be lost by a
// power cut, as with activities of workflows (attempt.LazyStart). All else is durable
// before anybody is told.
package activity

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Config is what the state machine needs to know of its surroundings.
type Config struct {
	// Namespace returns the namespace with the id; ok is false if there is none.
	Namespace func(id string) (ns Namespace, ok bool)
	// Limits returns the limits that a namespace has at this time; nil: the defaults.
	Limits func(namespaceID string) *Limits
}

// Namespace is what a run needs to know of its namespace.
type Namespace struct {
	Name string
	// Retention is how long closed runs are kept; 0 means 3 days.
	Retention time.Duration
}

// defaultRetention applies to namespaces that name no retention.
const defaultRetention = 72 * time.Hour

// Limits bound what one activity may grow to.
type Limits struct {
	// Blob is the most bytes of a result, a failure, or details of a heartbeat.
	Blob int
	// Links is how many links may be attached to one run.
	Links int
	// Callbacks is how many completion callbacks one run may have.
	Callbacks int
	// Retry completes retry policies.
	Retry check.RetryDefaults
}

// ReadLimits are the limits that a configuration has for the namespace with the name; of
// no configuration, those of a server without settings.
func ReadLimits(c *dynamicconfig.Config, namespace string) *Limits {
	return &Limits{
		Blob:      dynamicconfig.BlobSize.Get(c, namespace),
		Links:     dynamicconfig.ActivityLinks.Get(c, namespace),
		Callbacks: dynamicconfig.CallbacksPerWorkflow.Get(c, namespace),
		Retry:     dynamicconfig.ActivityRetryPolicy.Get(c, namespace),
	}
}

// NewMachine returns the state machine, for entity.KindActivity.
func NewMachine(config Config) entity.Machine {
	if config.Namespace == nil {
		config.Namespace = func(string) (Namespace, bool) { return Namespace{}, false }
	}
	if config.Limits == nil {
		limits := ReadLimits(nil, "")
		config.Limits = func(string) *Limits { return limits }
	}
	return &machine{config}
}

type machine struct{ config Config }

// Load implements entity.Machine. It reads the current run, but not its input.
func (m *machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	c := &Chain{config: &m.config, key: key}
	record, err := read[records.ActivityChain](reader, chainKey)
	if err != nil {
		return nil, fmt.Errorf("activity: loading %v: %w", key, err)
	}
	if c.record = record; record.GetCurrentRunId() == "" {
		return c, nil
	}
	if c.current, err = c.load(reader, record.CurrentRunId); err != nil {
		return nil, err
	}
	if c.current == nil {
		return nil, fmt.Errorf("activity: the record of current run %s of %v is missing", record.CurrentRunId, key)
	}
	return c, nil
}

// Chain is one activity id with its runs.
type Chain struct {
	config *Config
	key    entity.Key
	// record is nil if there is no run.
	record *records.ActivityChain
	// current is the latest run, closed or not; nil if there is none.
	current *Run
	// dirty: record is to be written.
	dirty bool
	// lazy: a power cut may take back the step in progress.
	lazy bool
}

// limits are those of the chain's namespace at this time.
func (c *Chain) limits() *Limits { return c.config.Limits(c.key.Namespace) }

// namespace is the chain's namespace.
func (c *Chain) namespace() Namespace {
	ns, _ := c.config.Namespace(c.key.Namespace)
	return ns
}

// errNotFound is the answer to all who ask for an activity, a run or an attempt that is
// not there, or not any more.
func (c *Chain) errNotFound() error {
	return serviceerror.NewNotFoundf("activity not found for ID: %s", c.key.ID)
}

// known is the current run, if it is the one with the id; empty: whatever its id is. It
// fails with NotFound.
func (c *Chain) known(runID string) (*Run, error) {
	if c.current == nil || runID != "" && runID != c.current.rec.RunId {
		return nil, c.errNotFound()
	}
	return c.current, nil
}

// find returns the run with the id; empty: the current one. One that is not the current
// one is read, is closed, and must not be changed. It fails with NotFound.
func (c *Chain) find(reader func() entity.Reader, runID string) (*Run, error) {
	if r, err := c.known(runID); err == nil {
		return r, nil
	}
	if c.record == nil || runID == "" {
		return nil, c.errNotFound()
	}
	r, err := c.load(reader(), runID)
	if err == nil && r == nil {
		err = c.errNotFound()
	}
	return r, err
}

// load reads a run; nil if it is not there.
func (c *Chain) load(reader entity.Reader, runID string) (*Run, error) {
	rec, err := read[records.ActivityRun](reader, runKey(runID, letterRun))
	if err != nil {
		return nil, fmt.Errorf("activity: loading run %s of %v: %w", runID, c.key, err)
	}
	if rec == nil {
		return nil, nil
	}
	r := &Run{chain: c, rec: rec, size: proto.Size(rec)}
	r.listed = r.listing()
	if rec.HasCallbacks {
		if r.callbacks, err = read[records.ActivityCallbacks](reader, runKey(runID, letterCallbacks)); err != nil {
			return nil, fmt.Errorf("activity: loading the callbacks of run %s of %v: %w", runID, c.key, err)
		}
	}
	return r, nil
}

// EndStep implements entity.Entity.
func (c *Chain) EndStep(step *entity.Step) error {
	if c.current != nil {
		c.current.flush(step)
	}
	if c.dirty {
		c.dirty = false
		if c.record == nil {
			step.Delete(chainKey)
		} else {
			step.Put(chainKey, mustMarshal(c.record))
		}
	}
	if c.lazy {
		step.Lazy()
	}
	c.lazy = false
	return nil
}

// Size implements entity.Entity.
func (c *Chain) Size() int {
	size := 512
	if c.current != nil {
		size += 2*c.current.size + proto.Size(c.current.request) + proto.Size(c.current.callbacks)
	}
	return size
}

// Pinned implements entity.Entity.
func (c *Chain) Pinned() bool { return false }

// The keys of records.
var chainKey = []byte{'c'}

const (
	letterRuns      = 'r' // begins the records of all runs
	letterRun       = 'r'
	letterRequest   = 'q'
	letterOutcome   = 'o'
	letterCallbacks = 'k'
	letterClosed    = 'x'
)

func runKey(runID string, letter byte) []byte {
	return append(entity.AppendString([]byte{letterRuns}, runID), letter)
}

func closedKey(at time.Time, runID string) []byte {
	return append(entity.AppendInt([]byte{letterClosed}, at.UnixNano()), runID...)
}

// read reads and decodes a record; nil if there is none.
func read[M any, P interface {
	*M
	proto.Message
}](reader entity.Reader, key []byte) (P, error) {
	data, err := reader.Get(key)
	if err != nil || data == nil {
		return nil, err
	}
	record := P(new(M))
	if err := proto.Unmarshal(data, record); err != nil {
		return nil, fmt.Errorf("record %q: %w", key, err)
	}
	return record, nil
}

// mustMarshal encodes a record. Records are made by this package and always encode.
func mustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("activity: record does not encode: " + err.Error())
	}
	return data
}

// asTime is the time, the zero time for none.
func asTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
