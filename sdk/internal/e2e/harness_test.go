package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/worker"
)

// addressVariable names the environment variable with the server's address.
const addressVariable = "PERDURE_TEST_ADDRESS"

// patience bounds every scenario: long enough for a busy machine.
const patience = 60 * time.Second

// scenario is a client, a task queue of its own, and the workers on it.
type scenario struct {
	t *testing.T
	client.Client
	ctx   context.Context
	queue string
	logs  *logs
}

func newScenario(t *testing.T) *scenario {
	return newScenarioWith(t, client.Options{})
}

func newScenarioWith(t *testing.T, options client.Options) *scenario {
	t.Helper()
	address := os.Getenv(addressVariable)
	if address == "" {
		t.Skipf("%s is not set: it must be the host:port of a server to test against", addressVariable)
	}
	if err := setCacheSize(); err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	s := &scenario{t: t, queue: "e2e-" + uuid.NewString(), logs: &logs{}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s.ctx = ctx
	options.HostPort = address
	options.Logger = s.logs
	c, err := client.DialContext(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s.Client = c
	t.Cleanup(func() {
		if t.Failed() {
			s.logs.dump(t)
		}
	})
	return s
}

// work starts a worker on the scenario's queue. It is stopped when the test ends, or by
// the function returned.
func (s *scenario) work(options worker.Options, register func(worker.Worker)) (stop func()) {
	s.t.Helper()
	w := worker.New(s.Client, s.queue, options)
	register(w)
	if err := w.Start(); err != nil {
		s.t.Fatal(err)
	}
	stop = sync.OnceFunc(w.Stop)
	s.t.Cleanup(stop)
	return stop
}

// start starts a workflow with an id of its own.
func (s *scenario) start(workflow any, args ...any) client.WorkflowRun {
	s.t.Helper()
	return s.startWith(client.StartWorkflowOptions{}, workflow, args...)
}

func (s *scenario) startWith(options client.StartWorkflowOptions, workflow any, args ...any) client.WorkflowRun {
	s.t.Helper()
	given := s.options()
	options.TaskQueue = given.TaskQueue
	if options.ID == "" {
		options.ID = given.ID
	}
	run, err := s.ExecuteWorkflow(s.ctx, options, workflow, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// options start a workflow on the scenario's queue with an id of its own.
func (s *scenario) options() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: "wf-" + uuid.NewString(), TaskQueue: s.queue}
}

// get waits for a workflow and fails the test if it failed.
func (s *scenario) get(run client.WorkflowRun, value any) {
	s.t.Helper()
	if err := run.Get(s.ctx, value); err != nil {
		s.t.Fatalf("workflow %s: %v", run.GetID(), err)
	}
}

// result is get for a value of a type.
func result[T any](s *scenario, run client.WorkflowRun) T {
	s.t.Helper()
	var value T
	s.get(run, &value)
	return value
}

// failure waits for a workflow and fails the test if it succeeded.
func (s *scenario) failure(run client.WorkflowRun) error {
	s.t.Helper()
	err := run.Get(s.ctx, nil)
	if err == nil {
		s.t.Fatalf("workflow %s succeeded", run.GetID())
	}
	return err
}

func (s *scenario) signal(run client.WorkflowRun, name string, arg any) {
	s.t.Helper()
	if err := s.SignalWorkflow(s.ctx, run.GetID(), run.GetRunID(), name, arg); err != nil {
		s.t.Fatal(err)
	}
}

func query[T any](s *scenario, run client.WorkflowRun, queryType string, args ...any) T {
	s.t.Helper()
	answer, err := s.QueryWorkflow(s.ctx, run.GetID(), run.GetRunID(), queryType, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	var value T
	if err := answer.Get(&value); err != nil {
		s.t.Fatal(err)
	}
	return value
}

// history is the history of a run as it is now.
func (s *scenario) history(run client.WorkflowRun) []*historypb.HistoryEvent {
	s.t.Helper()
	iterator := s.GetWorkflowHistory(s.ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var events []*historypb.HistoryEvent
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		events = append(events, event)
	}
	return events
}

// count is how many events of a type a history has.
func count(events []*historypb.HistoryEvent, kind enumspb.EventType) int {
	n := 0
	for _, event := range events {
		if event.GetEventType() == kind {
			n++
		}
	}
	return n
}

// awaitEvent waits until the run's history has an event of the type.
func (s *scenario) awaitEvent(run client.WorkflowRun, kind enumspb.EventType) *historypb.HistoryEvent {
	s.t.Helper()
	iterator := s.GetWorkflowHistory(s.ctx, run.GetID(), run.GetRunID(), true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iterator.HasNext() {
		event, err := iterator.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		if event.GetEventType() == kind {
			return event
		}
	}
	s.t.Fatalf("the history of %s ended without %v", run.GetID(), kind)
	return nil
}

// eventually asks the server until it answers as hoped.
func (s *scenario) eventually(what string, hoped func() bool) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !hoped() {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.t.Fatalf("waiting for %s: %v", what, s.ctx.Err())
		}
	}
}

// receive waits for a value on a Go channel.
func receive[T any](s *scenario, c <-chan T, what string) T {
	s.t.Helper()
	select {
	case value := <-c:
		return value
	case <-s.ctx.Done():
		s.t.Fatalf("waiting for %s: %v", what, s.ctx.Err())
		panic("unreachable")
	}
}

// as is errors.As that fails the test.
func as[T error](t *testing.T, err error) T {
	t.Helper()
	var target T
	if !errors.As(err, &target) {
		t.Fatalf("the error is not a %T: %v", target, err)
	}
	return target
}

// logs keeps what the SDK logs, to be shown if the test fails.
type logs struct {
	mu    sync.Mutex
	lines []string
}

var _ log.Logger = (*logs)(nil)

func (l *logs) Debug(msg string, keyvals ...any) {}
func (l *logs) Info(msg string, keyvals ...any)  { l.add("INFO", msg, keyvals) }
func (l *logs) Warn(msg string, keyvals ...any)  { l.add("WARN", msg, keyvals) }
func (l *logs) Error(msg string, keyvals ...any) { l.add("ERROR", msg, keyvals) }

func (l *logs) add(level, msg string, keyvals []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintln(append([]any{time.Now().Format("15:04:05.000"), level, msg}, keyvals...)...))
}

func (l *logs) dump(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		t.Log(line)
	}
}
