// Package workflow is what a workflow execution does: a state machine without
// I/O, goroutines, locks, clocks or randomness.
//
// The entity is the Chain: one workflow id with all its runs, because everything
// that decides about a workflow id (id reuse, conflicts, continue-as-new, retry,
// cron) decides about two runs at once. Each Run holds its state and pending
// items, and produces history events.
//
// A step is a method of Chain that takes an entity.Step and an already validated
// request, finds the run, checks, and makes what happens into events. Steps check
// first and change afterwards; one that returns an error has changed nothing.
// Chain.EndStep ends every step: it schedules the workflow task that the step has
// made necessary, enforces limits, and notes the records of what has changed. A step
// calls it itself only to make a reply of what it has recorded.
//
// The state of a run is a fold of its events (events.go, fold.go): an event is the
// only thing that changes records, but for what notFolded names.
//
// Workflow tasks. At most one is pending. That it is scheduled is durable; that
// it is started is not: StartWorkflowTask only fills Run.started, and the Started
// event is written together with the event that ends the task. A crash thus
// turns a started task back into a scheduled one, which is offered again. Events
// that arrive while a task is started are buffered (durably) and get their ids
// when it ends, so that the history a worker was shown is always a prefix of the
// history that results.
//
// How to add an event: its builder, named as the type is, and apply with its name,
// in the file of its subject; its line in eventRules (events.go).
//
// How to add a pending item: a file with its family (timers in timer.go are a short
// one, signalRequests in signal_requests.go one without records of their own), and
// its field and line in families.go. Loading, writing, dropping when the run closes,
// size in memory, deadlines, limits, and the comparison with the history in tests
// follow. Its record is a message in records/workflow.proto.
//
// How to add a command: check and execute in the file of its subject, and its line in
// commandHandlers (commands.go). check says what is wrong with the command, given the
// run and the commands before it, and changes nothing; execute adds the event, and
// does what follows from it beside the records, and cannot fail.
//
// How to add a message: its body in records/message.proto, and its line in
// Chain.Receive (receive.go). It must bear being delivered twice.
package workflow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/rule"
)

// Config is what chains need to know of their surroundings.
type Config struct {
	// Namespace looks up a namespace by id; ok is false if there is none.
	Namespace func(id string) (ns Namespace, ok bool)
	// NamespaceByName looks up a namespace by name.
	NamespaceByName func(name string) (ns Namespace, ok bool)
	// CheckSearchAttributes reports what is wrong with search attributes that a
	// start or a command sets: unknown names, wrong types, too many. It adds to the
	// values which types they have. Nil accepts all.
	CheckSearchAttributes func(namespaceID string, attributes *commonpb.SearchAttributes) error
	// Routes are the versions of workers of a task queue; nil, or the nil that it returns:
	// there are none.
	Routes func(entity.Queue) *deployment.Routes
	// Limits are enforced on every step.
	Limits Limits
	// Endpoint looks up the Nexus endpoint with the name; ok is false if there is none. Nil:
	// there are none.
	Endpoint func(name string) (id string, ok bool)
	// CommandCancel, if not nil, tells the worker that takes commands at the queue to end the attempt of an activity
	// with the token. It must not block.
	CommandCancel func(namespaceID, controlQueue string, taskToken []byte)
	// Flow has the policies of flow control; nil: there are none.
	Flow *flow.Registry
	// LimitsOf, if not nil, is called in place of Limits, for those that a namespace has
	// at this time.
	LimitsOf func(namespaceID string) *Limits
}

// endpoint is the id of the Nexus endpoint with the name.
func (c *Config) endpoint(name string) (id string, ok bool) {
	if c.Endpoint == nil {
		return "", false
	}
	return c.Endpoint(name)
}

// Namespace is what a chain needs to know of a namespace.
type Namespace struct {
	ID, Name string
	// Retention is how long closed runs are kept; 0 means 3 days.
	Retention time.Duration
	// Deleted: it is being removed, and takes nothing in any more.
	Deleted bool
	// BadBinary reports whether workers with the checksum must not complete workflow
	// tasks; nil: all may.
	BadBinary func(checksum string) bool
	// Rules are its workflow rules.
	Rules []*rule.Rule
}

// defaultRetention applies to namespaces that name no retention.
const defaultRetention = 72 * time.Hour

// maxOthers bounds the closed runs a chain keeps in memory beside its current one.
const maxOthers = 4

// Chain is one workflow id with its runs.
type Chain struct {
	config *Config
	key    entity.Key

	// record is nil if the workflow id has never been used, or all its runs are gone.
	record *records.Chain
	// current is the run record.CurrentRunId names; nil if there is none.
	current *Run
	// others are runs that are not current and were asked for lately. They are closed.
	others map[string]*Run
	// spared is the error that Refused is to pass over.
	spared error
	// dirty notes that record is to be written.
	dirty bool
	// ahead is how far the time of the step in progress is ahead of that of the shard.
	ahead time.Duration
	// started is what of the current run was started when the step in progress began.
	started *startedTask
	// places are those that are kept for the run that the step in progress may start; nil: there are none.
	places *Places
	// lazy: a power cut may take the step in progress back, unless it adds events.
	lazy bool
}

// namespaceName is the name of the chain's namespace, its id if it has none.
func (c *Chain) namespaceName() string {
	if ns, ok := c.config.Namespace(c.key.Namespace); ok {
		return ns.Name
	}
	return c.key.Namespace
}

// namespaceGone reports whether the chain's namespace has been deleted, so that nothing
// may come to be in it that others ask for.
func (c *Chain) namespaceGone() bool {
	ns, ok := c.config.Namespace(c.key.Namespace)
	return !ok || ns.Deleted
}

// makeCurrent makes a new run the current one.
func (c *Chain) makeCurrent(run *Run) {
	if c.current != nil {
		c.keep(c.current)
	}
	if c.record == nil {
		c.record = new(records.Chain)
	}
	c.current = run
	c.record.CurrentRunId = run.info.RunId
	c.dirty = true
}

// keep keeps a closed run in memory, within bounds.
func (c *Chain) keep(run *Run) {
	if c.others == nil {
		c.others = make(map[string]*Run, 1)
	}
	for id, old := range c.others {
		if len(c.others) < maxOthers {
			break
		}
		if !old.changed() {
			delete(c.others, id)
		}
	}
	c.others[run.info.RunId] = run
}

// findRunWith returns the run, the current one for an empty run id.
func (c *Chain) findRunWith(reader func() entity.Reader, runID string) (*Run, error) {
	if runID == "" {
		if c.current == nil {
			return nil, errNoWorkflow(c.key.ID)
		}
		return c.current, nil
	}
	if c.current != nil && c.current.info.RunId == runID {
		return c.current, nil
	}
	if run := c.others[runID]; run != nil {
		return run, nil
	}
	if c.record == nil {
		return nil, errNoRun(c.key.ID, runID)
	}
	run, err := c.loadRun(reader(), runID)
	if err != nil {
		return nil, err
	}
	if run == nil {
		return nil, errNoRun(c.key.ID, runID)
	}
	c.keep(run)
	return run, nil
}

// findRun returns the run, the current one for an empty run id. It fails with
// NotFound.
func (c *Chain) findRun(step *entity.Step, runID string) (*Run, error) {
	return c.findRunWith(step.Reader, runID)
}

// runningRun is findRun for steps that are about to change the run: NotFound
// "workflow execution already completed" for a closed one. It puts right what a
// crash has left (see Run.repairAfterCrash).
func (c *Chain) runningRun(step *entity.Step, runID string) (*Run, error) {
	run, err := c.findRun(step, runID)
	if err != nil {
		return nil, err
	}
	if run.closed() {
		return nil, errCompleted()
	}
	run.repairAfterCrash(step)
	return run, nil
}
