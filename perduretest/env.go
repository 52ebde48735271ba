package perduretest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/sdk/client"
	sdklog "github.com/perdure/perdure/sdk/log"
)

// TaskQueue is the task queue of workers and workflows that are given no other.
const TaskQueue = "test"

// Options are the settings of an environment. The zero value is what most tests
// want.
type Options struct {
	// Client is what all clients of the environment are made with: data converter,
	// interceptors, context propagators. Its connection is the environment's, and
	// workers send no heartbeats of their own unless it says how often.
	Client client.Options
	// Namespaces are registered beside "default".
	Namespaces []string
	// Limit is how much virtual time the test may take. After it every call fails,
	// so that a workflow which waits for what never comes ends the test. Default:
	// ten years.
	Limit time.Duration
	// Logger gets what the server logs. Default: nothing is logged.
	Logger *slog.Logger
}

// Env is a server with its clients and workers, for one test.
type Env struct {
	// T is the test.
	T *testing.T

	options Options
	ctx     context.Context
	server  *generations
	calls   *calls
	client  client.Client

	// crashes are the servers that have crashed and are not back yet.
	crashes sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	workers   []*Worker
	fakes     []fake
	ids       int
	workflows []execution
}

// execution is a run that the test has started.
type execution struct{ workflowID, runID string }

// Run runs a test in an environment of its own. In f, tests can neither be nested
// nor be parallel; call t.Parallel before Run.
func Run(t *testing.T, f func(env *Env)) {
	t.Helper()
	RunWith(t, Options{}, f)
}

// RunWith is Run with options, for a test that needs another client, a log, or a longer time
// than ten years.
func RunWith(t *testing.T, options Options, f func(env *Env)) {
	t.Helper()
	options.Limit = cmp.Or(options.Limit, 10*365*24*time.Hour)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Client.WorkerHeartbeatInterval == 0 {
		options.Client.WorkerHeartbeatInterval = -1 // one a minute is many in a month
	}
	if options.Client.Logger == nil {
		options.Client.Logger = sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), options.Limit)
		defer cancel()
		env := &Env{T: t, options: options, ctx: ctx, calls: newCalls()}
		env.server = newGenerations(options)
		if err := env.server.start(); err != nil {
			t.Fatalf("starting the server: %v", err)
		}
		limit := time.AfterFunc(options.Limit, func() {
			env.server.end(fmt.Errorf("perduretest: the %v of virtual time that Options.Limit allows are over", options.Limit))
		})
		defer limit.Stop()
		env.client = env.dial(nil)
		defer env.close()
		f(env)
	})
}

// dial makes a client of the worker, or of the test if that is nil.
func (e *Env) dial(w *Worker) client.Client {
	e.T.Helper()
	options := e.options.Client
	options.ConnectionOptions = client.ConnectionOptions{Conn: &conn{env: e, worker: w}}
	c, err := client.DialContext(e.ctx, options)
	if err != nil {
		e.T.Fatalf("connecting to the server: %v", err)
	}
	return c
}

// close ends what is still running, and shows the histories if the test has failed.
func (e *Env) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.crashes.Wait()
	if e.T.Failed() {
		e.logHistories()
	}
	e.mu.Lock()
	workers := e.workers
	e.mu.Unlock()
	for _, w := range workers {
		w.Stop()
	}
	e.client.Close()
	e.server.stop()
}

// Context ends with the test, and when its virtual time is over.
func (e *Env) Context() context.Context { return e.ctx }

// Client is a client of the server.
func (e *Env) Client() client.Client { return e.client }

// Start starts a workflow on the environment's task queue with an id of its own,
// and fails the test if that can not be done.
func (e *Env) Start(workflow any, args ...any) client.WorkflowRun {
	e.T.Helper()
	return e.StartWith(client.StartWorkflowOptions{}, workflow, args...)
}

// StartWith is Start with options. A task queue and an id that are missing are
// filled in.
func (e *Env) StartWith(options client.StartWorkflowOptions, workflow any, args ...any) client.WorkflowRun {
	e.T.Helper()
	run, err := e.client.ExecuteWorkflow(e.ctx, e.Defaults(options), workflow, args...)
	if err != nil {
		e.T.Fatalf("starting a workflow: %v", err)
	}
	return run
}

// Defaults fills in the task queue and the workflow id of options where they are
// missing, for calls that Start does not make.
func (e *Env) Defaults(options client.StartWorkflowOptions) client.StartWorkflowOptions {
	options.TaskQueue = cmp.Or(options.TaskQueue, TaskQueue)
	if options.ID == "" {
		e.mu.Lock()
		e.ids++
		options.ID = fmt.Sprintf("workflow-%d", e.ids)
		e.mu.Unlock()
	}
	return options
}

// Result waits for a workflow's result and fails the test if there is none.
func Result[Out any](e *Env, run client.WorkflowRun) Out {
	e.T.Helper()
	var out Out
	if err := run.Get(e.ctx, &out); err != nil {
		e.T.Fatalf("workflow %s: %v", run.GetID(), err)
	}
	return out
}

// Fails waits for a workflow's end and returns its error; a workflow that does not
// fail fails the test.
func (e *Env) Fails(run client.WorkflowRun) error {
	e.T.Helper()
	err := run.Get(e.ctx, nil)
	if err == nil {
		e.T.Fatalf("workflow %s completed; it should have failed", run.GetID())
	}
	return err
}

// Settle waits until nothing can go on without time passing or the test doing
// something: all workers wait for tasks, all workflows for timers and messages.
func (e *Env) Settle() { synctest.Wait() }
