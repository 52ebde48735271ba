// Package nexusoperation is the state machine of Nexus operations without a workflow, which
// clients start by themselves: one operation id with all its runs.
//
// What an operation is, its deadlines and its calls are the business of package nexus, which
// operations of workflows share. This package adds what a workflow has of its own: ids and
// policies, a life with an end that is kept until the retention is over, rows in lists, and
// descriptions. It is to package nexus what package activity is to package attempt.
//
// At most one run of an id is running: the current one. The others are closed, and are
// read from their records when somebody asks for them.
//
// # Records
//
//	c                      NexusOperationChain
//	r <run id> r           NexusOperationRun: what changes
//	r <run id> q           NexusOperationRequest: the input, and what never changes
//	r <run id> o           NexusOperationOutcome of a closed run
//	x <close time> <run id>  the closed runs, in the order in which they are deleted
package nexusoperation

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Config is what the state machine needs to know of its surroundings.
type Config struct {
	// Namespace returns the namespace with the id; ok is false if there is none.
	Namespace func(id string) (ns Namespace, ok bool)
	// Blob is the most bytes of a failure in the namespace with the id; nil: 2 MiB.
	Blob func(namespaceID string) int
}

// Namespace is what a run needs to know of its namespace.
type Namespace struct {
	Name string
	// Retention is how long closed runs are kept; 0 means 3 days.
	Retention time.Duration
}

// defaultRetention applies to namespaces that name no retention.
const defaultRetention = 72 * time.Hour

// NewMachine returns the state machine, for entity.KindNexusOperation.
func NewMachine(config Config) entity.Machine {
	if config.Namespace == nil {
		config.Namespace = func(string) (Namespace, bool) { return Namespace{}, false }
	}
	if config.Blob == nil {
		config.Blob = func(string) int { return 2 << 20 }
	}
	return &machine{config}
}

type machine struct{ config Config }

// Load implements entity.Machine. It reads the current run, but not its input.
func (m *machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	c := &Chain{config: &m.config, key: key}
	record, err := read[records.NexusOperationChain](reader, chainKey)
	if err != nil {
		return nil, fmt.Errorf("nexusoperation: loading %v: %w", key, err)
	}
	if c.record = record; record.GetCurrentRunId() == "" {
		return c, nil
	}
	if c.current, err = c.load(reader, record.CurrentRunId); err != nil {
		return nil, err
	}
	if c.current == nil {
		return nil, fmt.Errorf("nexusoperation: the record of current run %s of %v is missing", record.CurrentRunId, key)
	}
	return c, nil
}

// Chain is one operation id with its runs.
type Chain struct {
	config *Config
	key    entity.Key
	// record is nil if there is no run.
	record *records.NexusOperationChain
	// current is the latest run, closed or not; nil if there is none.
	current *Run
	// dirty: record is to be written.
	dirty bool
}

// namespace is the chain's namespace.
func (c *Chain) namespace() Namespace {
	ns, _ := c.config.Namespace(c.key.Namespace)
	return ns
}

// errNotFound is the answer to all who ask for an operation or a run that is not there, or
// not any more.
func (c *Chain) errNotFound() error {
	return serviceerror.NewNotFoundf("nexus operation not found for ID: %s", c.key.ID)
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
	rec, err := read[records.NexusOperationRun](reader, runKey(runID, letterRun))
	if err != nil {
		return nil, fmt.Errorf("nexusoperation: loading run %s of %v: %w", runID, c.key, err)
	}
	if rec == nil {
		return nil, nil
	}
	return &Run{chain: c, rec: rec, size: proto.Size(rec), listed: rec.Status}, nil
}

// Receive implements entity.Entity: a callback reports the end of the operation.
func (c *Chain) Receive(step *entity.Step, from entity.Key, body []byte) error {
	m := new(records.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	result := m.GetNexusResult()
	if result == nil || from.Kind != entity.KindCallback {
		return entity.ErrUnknownMessage
	}
	answer := new(records.NexusAnswer)
	if err := c.CompleteNexusOperation(step, result); err != nil {
		answer.Refusal = err.Error()
	}
	step.Send(from, mustMarshal(&records.Delivery{Answer: answer}))
	return nil
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
	return nil
}

// Size implements entity.Entity.
func (c *Chain) Size() int {
	size := 512
	if c.current != nil {
		size += 2*c.current.size + proto.Size(c.current.request)
	}
	return size
}

// Pinned implements entity.Entity.
func (c *Chain) Pinned() bool { return false }

// The keys of records.
var chainKey = []byte{'c'}

const (
	letterRuns    = 'r' // begins the records of all runs
	letterRun     = 'r'
	letterRequest = 'q'
	letterOutcome = 'o'
	letterClosed  = 'x'
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
		panic("nexusoperation: record does not encode: " + err.Error())
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
