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
// Beside those of package runchain, which keeps the runs of an id:
//
//	r <run id> r           ActivityRun: what changes
//	r <run id> q           ActivityRequest: the input, and what hardly ever changes
//	r <run id> o           ActivityExecutionOutcome of a closed run
//	r <run id> k           ActivityCallbacks, if there are
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

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// Config is what the state machine needs to know of its surroundings.
type Config struct {
	// Namespace returns the namespace with the id; ok is false if there is none.
	Namespace func(id string) (ns Namespace, ok bool)
	// Flow has the policies of flow control; nil: there are none.
	Flow *flow.Registry
	// Limits returns the limits that a namespace has at this time; nil: the defaults.
	Limits func(namespaceID string) *Limits
}

// Namespace is what a run needs to know of its namespace.
type Namespace struct {
	Name string
	// Retention is how long closed runs are kept; 0 means 3 days.
	Retention time.Duration
}

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
	return &machine{config: config, kind: runchain.Kind{
		Name:  "activity",
		Parts: []byte{runchain.LetterRun, runchain.LetterRequest, runchain.LetterOutcome, letterCallbacks},
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

// Chain is one activity id with its runs.
type Chain struct {
	runchain.Chain[*Run]
	config *Config
	// lazy: a power cut may take back the step in progress.
	lazy bool
}

// limits are those of the chain's namespace at this time.
func (c *Chain) limits() *Limits { return c.config.Limits(c.Key().Namespace) }

// namespace is the chain's namespace.
func (c *Chain) namespace() Namespace {
	ns, _ := c.config.Namespace(c.Key().Namespace)
	return ns
}

// errNotFound is the answer to all who ask for an activity, a run or an attempt that is
// not there, or not any more.
func errNotFound(id string) error {
	return serviceerror.NewNotFoundf("activity not found for ID: %s", id)
}

// decode makes a run of its record.
func (c *Chain) decode(reader entity.Reader, record []byte) (*Run, error) {
	rec, err := runchain.Decode[records.ActivityRun](record)
	if err != nil {
		return nil, err
	}
	r := &Run{chain: c, rec: rec, size: len(record)}
	r.listed = r.listing()
	if rec.HasCallbacks {
		if r.callbacks, err = runchain.Read[records.ActivityCallbacks](reader, runchain.RunKey(rec.RunId, letterCallbacks)); err != nil {
			return nil, fmt.Errorf("reading the callbacks: %w", err)
		}
	}
	return r, nil
}

// EndStep implements entity.Entity.
func (c *Chain) EndStep(step *entity.Step) error {
	err := c.Chain.EndStep(step)
	if c.lazy {
		step.Lazy()
	}
	c.lazy = false
	return err
}

// letterCallbacks is that of the record of a run's callbacks.
const letterCallbacks = 'k'
