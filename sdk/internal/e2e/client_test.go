package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

func TestAWorkerOfTheClientGetsTheFirstTaskWithTheStart(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	run := s.startWith(client.StartWorkflowOptions{EnableEagerStart: true}, GreetWorkflow, "world")
	if got := result[string](s, run); got != "hello world" {
		t.Errorf("got %q", got)
	}
	if !s.history(run)[0].GetWorkflowExecutionStartedEventAttributes().GetEagerExecutionAccepted() {
		t.Error("the server did not give the first task to the worker of the client")
	}
}

func TestAnEagerStartWithoutAWorkerIsAStart(t *testing.T) {
	s := newScenario(t)
	run := s.startWith(client.StartWorkflowOptions{EnableEagerStart: true}, GreetWorkflow, "world")
	if s.history(run)[0].GetWorkflowExecutionStartedEventAttributes().GetEagerExecutionAccepted() {
		t.Error("the server gave the first task to nobody")
	}
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	if got := result[string](s, run); got != "hello world" {
		t.Errorf("got %q", got)
	}
}

// workers are those of the scenario's queue that the server knows.
func (s *scenario) workers() []*workerpb.WorkerHeartbeat {
	s.t.Helper()
	response, err := s.WorkflowService().ListWorkers(s.ctx, &workflowservice.ListWorkersRequest{
		Namespace: "default", Query: "TaskQueue = '" + s.queue + "'",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	var all []*workerpb.WorkerHeartbeat
	//lint:ignore SA1019 heartbeats are only there
	for _, info := range response.GetWorkersInfo() {
		all = append(all, info.GetWorkerHeartbeat())
	}
	return all
}

func TestTheServerKnowsTheWorkersOfAClient(t *testing.T) {
	s := newScenarioWith(t, client.Options{WorkerHeartbeatInterval: time.Second})
	register := func(w worker.Worker) { w.RegisterWorkflow(Collect) }
	stop := s.work(worker.Options{Identity: "first"}, register)
	s.work(worker.Options{Identity: "second"}, register)
	s.eventually("both workers to be known", func() bool { return len(s.workers()) == 2 })
	known := s.workers()
	if group := known[0].GetHostInfo().GetWorkerGroupingKey(); group == "" || group != known[1].GetHostInfo().GetWorkerGroupingKey() {
		t.Errorf("workers of one client are of the groups %q and %q", group, known[1].GetHostInfo().GetWorkerGroupingKey())
	}
	stop()
	s.eventually("the worker that stopped to have said so", func() bool {
		for _, w := range s.workers() {
			if w.GetWorkerIdentity() == "first" {
				return w.GetStatus() == enumspb.WORKER_STATUS_SHUTTING_DOWN
			}
		}
		return true // gone
	})
}

func TestReasonsForTheEndOfAWorkflowAreInItsHistory(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	err := s.CancelWorkflowWithOptions(s.ctx, client.CancelWorkflowOptions{WorkflowID: run.GetID(), FirstExecutionRunID: "another", Reason: "no"})
	if err == nil {
		t.Error("a workflow was cancelled that belongs to another chain")
	}
	err = s.CancelWorkflowWithOptions(s.ctx, client.CancelWorkflowOptions{WorkflowID: run.GetID(), FirstExecutionRunID: run.GetRunID(), Reason: "enough"})
	if err != nil {
		t.Fatal(err)
	}
	cancelled := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
	if got := cancelled.GetWorkflowExecutionCancelRequestedEventAttributes().GetCause(); got != "enough" {
		t.Errorf("the reason of the cancellation is %q", got)
	}
	err = s.TerminateWorkflowWithOptions(s.ctx, client.TerminateWorkflowOptions{WorkflowID: run.GetID(), Reason: "too late", Details: []any{"detail"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.failure(run); !temporal.IsTerminatedError(errors.Unwrap(err)) {
		t.Errorf("the workflow ended with %v", err)
	}
	terminated := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED).GetWorkflowExecutionTerminatedEventAttributes()
	if terminated.GetReason() != "too late" || len(terminated.GetDetails().GetPayloads()) != 1 {
		t.Errorf("the termination is %v", terminated)
	}
}

func TestAnActivityIsHeartbeatedAndCompletedByItsID(t *testing.T) {
	s := newScenario(t)
	begun := make(chan activity.Info, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(func(ctx context.Context) (string, error) {
			begun <- activity.GetInfo(ctx)
			return "", activity.ErrResultPending
		}, activity.RegisterOptions{Name: "later"})
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) (string, error) {
			var got string
			err := workflow.ExecuteActivity(brief(ctx), "later").Get(ctx, &got)
			return got, err
		}, workflow.RegisterOptions{Name: "waits"})
	})
	run := s.start("waits")
	info := <-begun
	err := s.RecordActivityHeartbeatByIDWithOptions(s.ctx, client.RecordActivityHeartbeatByIDOptions{
		WorkflowID: run.GetID(), RunID: run.GetRunID(), ActivityID: info.ActivityID, Details: []any{"half"},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.CompleteActivityByIDWithOptions(s.ctx, client.CompleteActivityByIDOptions{
		Namespace: "default", WorkflowID: run.GetID(), RunID: run.GetRunID(), ActivityID: info.ActivityID, Result: "done",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := result[string](s, run); got != "done" {
		t.Errorf("got %q", got)
	}
}
