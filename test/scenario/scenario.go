// Package scenario has the programs with which the interop tests compare
// servers and SDKs: each one registers workflows and activities with a worker,
// drives them through a client, and checks what comes back. The histories they
// leave behind are then compared event by event.
//
// The package is written against the public Temporal Go SDK. Package
// owned is the same code with the import prefix changed to Perdure's SDK, made
// by `go generate`: that the copy compiles and behaves the same is what "a
// program moves by changing an import prefix" means.
//
// A scenario must leave the same history every time: it waits for a condition
// before it does anything that could otherwise come early or late.
package scenario

//go:generate go run ../rewrite -in . -out ../owned -package owned

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// Scenario is one program.
type Scenario struct {
	// Name is a sentence; it also names the golden file.
	Name string
	Run  func(e *Env)
}

// Env is what a scenario runs in: a client, a task queue of its own, and the
// workflow ids whose histories are to be compared.
type Env struct {
	T      *testing.T
	Ctx    context.Context
	Client client.Client
	// Queue is unique to the run of the scenario.
	Queue string

	mu  sync.Mutex
	ids map[string]bool
	// resets are the runs that resets have made, by workflow id.
	resets map[string][]string
	// registrations are those of the workers.
	registrations []func(worker.Registry)
}

// NewEnv returns an environment whose task queue and workflow ids begin with prefix.
func NewEnv(t *testing.T, ctx context.Context, c client.Client, prefix string) *Env {
	return &Env{T: t, Ctx: ctx, Client: c, Queue: prefix, ids: map[string]bool{}, resets: map[string][]string{}}
}

// ID returns the workflow id of that name in this run and has its history
// compared.
func (e *Env) ID(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := e.Queue + "-" + name
	e.ids[id] = true
	return id
}

// IDs are the workflow ids handed out, in order.
func (e *Env) IDs() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for id := range e.ids {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// Worker starts a worker on the scenario's queue that is stopped at its end.
func (e *Env) Worker(options worker.Options, register func(worker.Registry)) worker.Worker {
	e.T.Helper()
	w := worker.New(e.Client, e.Queue, options)
	register(w)
	e.mu.Lock()
	e.registrations = append(e.registrations, register)
	e.mu.Unlock()
	if err := w.Start(); err != nil {
		e.T.Fatalf("start worker: %v", err)
	}
	e.T.Cleanup(w.Stop)
	return w
}

// Start starts a workflow under the id of that name.
func (e *Env) Start(name string, workflow any, args ...any) client.WorkflowRun {
	e.T.Helper()
	return e.StartWith(client.StartWorkflowOptions{ID: e.ID(name)}, workflow, args...)
}

// StartWith starts a workflow with options; the queue is the scenario's.
func (e *Env) StartWith(options client.StartWorkflowOptions, workflow any, args ...any) client.WorkflowRun {
	e.T.Helper()
	if options.TaskQueue == "" {
		options.TaskQueue = e.Queue
	}
	run, err := e.Client.ExecuteWorkflow(e.Ctx, options, workflow, args...)
	if err != nil {
		e.T.Fatalf("start workflow %s: %v", options.ID, err)
	}
	return run
}

// Must fails the scenario on an error.
func (e *Env) Must(err error) {
	e.T.Helper()
	if err != nil {
		e.T.Fatal(err)
	}
}

// Result waits for the run and returns its string result.
func (e *Env) Result(run client.WorkflowRun) string {
	e.T.Helper()
	var result string
	if err := run.Get(e.Ctx, &result); err != nil {
		e.T.Fatalf("workflow %s: %v", run.GetID(), err)
	}
	return result
}

// Want fails the scenario unless got equals want.
func Want[V comparable](e *Env, got, want V) {
	e.T.Helper()
	if got != want {
		e.T.Fatalf("got %v, want %v", got, want)
	}
}

// Eventually waits until ready reports true.
func (e *Env) Eventually(what string, ready func() bool) {
	e.T.Helper()
	for !ready() {
		select {
		case <-e.Ctx.Done():
			e.T.Fatalf("gave up waiting until %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// EventuallyEvent waits until the history of the current run has an event of the type.
func (e *Env) EventuallyEvent(id string, eventType enumspb.EventType) {
	e.T.Helper()
	e.Eventually(fmt.Sprintf("%s has an event %s", id, eventType), func() bool {
		for _, event := range e.History(id, "") {
			if event.EventType == eventType {
				return true
			}
		}
		return false
	})
}

// EventuallyIdle waits until the workflow's last event is the completion of a
// workflow task: it has done all it can for now.
func (e *Env) EventuallyIdle(id string) {
	e.T.Helper()
	e.Eventually(id+" has nothing to do", func() bool {
		events := e.History(id, "")
		for i := len(events) - 1; i >= 0; i-- {
			switch events[i].EventType {
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				return true
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
				return false
			}
		}
		return false
	})
}

// History reads the history of a run as it is now.
func (e *Env) History(id, runID string) []*historypb.HistoryEvent {
	e.T.Helper()
	var events []*historypb.HistoryEvent
	it := e.Client.GetWorkflowHistory(e.Ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		event, err := it.Next()
		if err != nil {
			e.T.Fatalf("history of %s: %v", id, err)
		}
		events = append(events, event)
	}
	return events
}

// All are all scenarios.
func All() []Scenario {
	var all []Scenario
	for _, group := range [][]Scenario{
		activityScenarios, timerScenarios, signalScenarios, closeScenarios,
		childScenarios, externalScenarios, markerScenarios, taskScenarios, startScenarios,
		resetScenarios,
	} {
		all = append(all, group...)
	}
	return all
}
