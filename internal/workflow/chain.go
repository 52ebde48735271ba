// Package workflow is what a workflow execution does: a state machine without
// I/O, goroutines, locks, clocks or randomness.
//
// The entity is the Chain: one workflow id with all its runs, because everything
// that decides about a workflow id (id reuse, conflicts, continue-as-new, retry,
// cron) decides about two runs at once. Each Run holds its state and pending
// items, and produces history events.
//
// A step is a method of Chain that takes an entity.Step and an already validated
// request, finds the run, checks, changes the run, and ends by flushing it:
// flush turns what has changed into records, timers and tasks in the step.
// Steps check first and change afterwards; one that returns an error has changed
// nothing.
//
// Workflow tasks. At most one is pending. That it is scheduled is durable; that
// it is started is not: StartWorkflowTask only fills Run.started, and the Started
// event is written together with the event that ends the task. A crash thus
// turns a started task back into a scheduled one, which is offered again. Events
// that arrive while a task is started are buffered (durably) and get their ids
// when it ends, so that the history a worker was shown is always a prefix of the
// history that results.
package workflow

import (
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Config is what chains need to know of their surroundings.
type Config struct {
	// Namespace looks up a namespace by id; ok is false if there is none.
	Namespace func(id string) (ns Namespace, ok bool)
	// NamespaceByName looks up a namespace by name.
	NamespaceByName func(name string) (ns Namespace, ok bool)
	// Limits are enforced on every step.
	Limits Limits
}

// Namespace is what a chain needs to know of a namespace.
type Namespace struct {
	ID, Name  string
	Retention time.Duration
}

// Chain is one workflow id with its runs.
type Chain struct {
	config *Config
	key    entity.Key

	// record is nil if the workflow id has never been used, or all its runs are gone.
	record *records.Chain
	// current is the run record.CurrentRunId names; nil if record is nil.
	current *Run
	// others are runs that are not current and were asked for lately. They are closed.
	others map[string]*Run
}
