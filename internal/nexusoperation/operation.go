// Package nexusoperation is the state machine of Nexus operations without a workflow, which
// clients start by themselves: one operation id with all its runs.
//
// What an operation is, its deadlines and its calls are the business of package nexus, which
// operations of workflows share. This package adds what a workflow has of its own: ids and
// policies, a life with an end that is kept until the retention is over, rows in lists, and
// descriptions. It is to package nexus what package activity is to package attempt.
//
// # Records
//
// Beside those of package runchain, which keeps the runs of an id:
//
//	r <run id> r           NexusOperationRun: what changes
//	r <run id> q           NexusOperationRequest: the input, and what never changes
//	r <run id> o           NexusOperationOutcome of a closed run
package nexusoperation

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
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

// NewMachine returns the state machine, for entity.KindNexusOperation.
func NewMachine(config Config) entity.Machine {
	if config.Namespace == nil {
		config.Namespace = func(string) (Namespace, bool) { return Namespace{}, false }
	}
	if config.Blob == nil {
		config.Blob = func(string) int { return 2 << 20 }
	}
	return &machine{config: config, kind: runchain.Kind{
		Name:  "nexusoperation",
		Parts: []byte{runchain.LetterRun, runchain.LetterRequest, runchain.LetterOutcome},
		Retention: func(namespaceID string) time.Duration {
			ns, _ := config.Namespace(namespaceID)
			return ns.Retention
		},
		NotFound: errNotFound,
	}}
}

type machine struct {
	config Config
	kind   runchain.Kind
}

// Load implements entity.Machine. It reads the current run, but not its input.
func (m *machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	c := m.chain(key)
	if err := c.Open(reader); err != nil {
		return nil, err
	}
	return c, nil
}

// IndexRows implements entity.Indexed.
func (m *machine) IndexRows(_ context.Context, reader entity.Reader, key entity.Key) ([]entity.IndexEntry, error) {
	return m.chain(key).IndexRows(reader)
}

// Verify implements entity.Verifier: every run has what it was started with, and a closed
// one its outcome.
func (m *machine) Verify(_ context.Context, reader entity.Reader, key entity.Key) []error {
	return m.chain(key).Verify(reader)
}

// chain is an empty chain.
func (m *machine) chain(key entity.Key) *Chain {
	c := &Chain{config: &m.config}
	c.Init(&m.kind, key, c.decode)
	return c
}

// Chain is one operation id with its runs.
type Chain struct {
	runchain.Chain[*Run]
	config *Config
}

// namespace is the chain's namespace.
func (c *Chain) namespace() Namespace {
	ns, _ := c.config.Namespace(c.Key().Namespace)
	return ns
}

// errNotFound is the answer to all who ask for an operation or a run that is not there, or
// not any more.
func errNotFound(id string) error {
	return serviceerror.NewNotFoundf("nexus operation not found for ID: %s", id)
}

// decode makes a run of its record.
func (c *Chain) decode(_ entity.Reader, record []byte) (*Run, error) {
	rec, err := runchain.Decode[records.NexusOperationRun](record)
	if err != nil {
		return nil, err
	}
	return &Run{chain: c, rec: rec, size: len(record), listed: rec.Status}, nil
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
		answer.Refusal = nexus.RefusalText(err)
	}
	step.Send(from, runchain.MustMarshal(&records.Delivery{Answer: answer}))
	return nil
}
