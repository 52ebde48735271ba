package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// replay replays the history of a run.
func replay(s *scenario, run client.WorkflowRun, register func(worker.WorkflowReplayer)) error {
	s.t.Helper()
	replayer := worker.NewWorkflowReplayer()
	register(replayer)
	return replayer.ReplayWorkflowHistory(logger.Discard{}, &historypb.History{Events: s.history(run)})
}

func TestAWorkerThatIsReplacedInMidWorkflowLosesNothing(t *testing.T) {
	s := newScenario(t)
	register := func(w worker.Worker) { w.RegisterWorkflow(Collect) }
	stop := s.work(worker.Options{}, register)
	run := s.start(Collect)
	var want []string
	for _, word := range []string{"a", "b", "c"} {
		s.signal(run, "word", word)
		want = append(want, word)
		s.eventually("the signal to be handled", func() bool { return len(query[[]string](s, run, "words")) == len(want) })
		stop()
		stop = s.work(worker.Options{}, register)
	}
	s.signal(run, "word", "done")
	if got := result[[]string](s, run); !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}

func TestTwoWorkersOfOneQueueShareTheWork(t *testing.T) {
	s := newScenario(t)
	for range 2 {
		s.work(worker.Options{}, func(w worker.Worker) {
			w.RegisterWorkflow(GreetWorkflow)
			w.RegisterActivity(Greet)
		})
	}
	var runs []client.WorkflowRun
	for range 10 {
		runs = append(runs, s.start(GreetWorkflow, "you"))
	}
	for _, run := range runs {
		if got := result[string](s, run); got != "hello you" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestWorkersForWorkflowsAndForActivitiesWorkTogether(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{LocalActivityWorkerOnly: true}, func(w worker.Worker) { w.RegisterWorkflow(GreetWorkflow) })
	s.work(worker.Options{DisableWorkflowWorker: true}, func(w worker.Worker) { w.RegisterActivity(Greet) })
	if got := result[string](s, s.start(GreetWorkflow, "both")); got != "hello both" {
		t.Fatalf("got %q", got)
	}
}

func TestAWorkflowOfAnUnknownTypeCompletesOnceAWorkerKnowsIt(t *testing.T) {
	s := newScenario(t)
	stop := s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Other", func(workflow.Context) error { return nil })
	})
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Late")
	failed := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED).GetWorkflowTaskFailedEventAttributes()
	if message := failed.GetFailure().GetMessage(); !strings.Contains(message, "Late") || !strings.Contains(message, "Other") {
		t.Errorf("the failure does not name the type and the known ones: %q", message)
	}
	stop()
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Late", func(workflow.Context) (string, error) { return "at last", nil })
	})
	if got := result[string](s, run); got != "at last" {
		t.Fatalf("got %q", got)
	}
}

func TestAPanickingWorkflowWaitsForCorrectedCode(t *testing.T) {
	s := newScenario(t)
	var broken atomic.Bool
	broken.Store(true)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Broken", func(workflow.Context) (string, error) {
			if broken.Load() {
				panic("a bug")
			}
			return "fixed", nil
		})
	})
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Broken")
	failed := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED).GetWorkflowTaskFailedEventAttributes()
	if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE {
		t.Errorf("the cause is %v", failed.GetCause())
	}
	broken.Store(false)
	if got := result[string](s, run); got != "fixed" {
		t.Fatalf("got %q", got)
	}
}

func TestAPanickingWorkflowFailsIfThePolicySaysSo(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{WorkflowPanicPolicy: worker.FailWorkflow}, func(w worker.Worker) {
		named(w, "Broken", func(workflow.Context) error { panic("a bug") })
	})
	if err := s.failure(s.start("Broken")); !strings.Contains(err.Error(), "a bug") {
		t.Fatalf("the error is %v", err)
	}
}

func TestCodeThatIsNotDeterministicFailsTheTask(t *testing.T) {
	s := newScenario(t)
	var changed atomic.Bool
	register := func(w worker.Worker) {
		named(w, "Changing", func(ctx workflow.Context) error {
			if changed.Load() {
				return workflow.ExecuteActivity(brief(ctx), "Greet", "x").Get(ctx, nil)
			}
			return workflow.Sleep(ctx, time.Second)
		})
	}
	stop := s.work(worker.Options{}, register)
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Changing")
	s.awaitEvent(run, enumspb.EVENT_TYPE_TIMER_STARTED)
	stop()
	changed.Store(true)
	s.work(worker.Options{}, register)
	failed := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED).GetWorkflowTaskFailedEventAttributes()
	if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR || !strings.Contains(failed.GetFailure().GetMessage(), "TMPRL1100") {
		t.Errorf("the cause is %v: %q", failed.GetCause(), failed.GetFailure().GetMessage())
	}
	changed.Store(false)
	s.get(run, nil)
}

func TestWorkflowCodeThatDoesNotYieldFailsItsTask(t *testing.T) {
	s := newScenario(t)
	var stuck atomic.Bool
	stuck.Store(true)
	s.work(worker.Options{DeadlockDetectionTimeout: 200 * time.Millisecond}, func(w worker.Worker) {
		named(w, "Stuck", func(workflow.Context) error {
			for stuck.Load() {
				time.Sleep(10 * time.Millisecond)
			}
			return nil
		})
	})
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Stuck")
	failed := s.awaitEvent(run, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED).GetWorkflowTaskFailedEventAttributes()
	if !strings.Contains(failed.GetFailure().GetMessage(), "TMPRL1101") {
		t.Errorf("the failure is %q", failed.GetFailure().GetMessage())
	}
	stuck.Store(false)
	s.get(run, nil)
}

func TestStoppingAWorkerGivesItsActivitiesTheStopTimeout(t *testing.T) {
	s := newScenario(t)
	begun := make(chan struct{}, 1)
	stop := s.work(worker.Options{WorkerStopTimeout: 20 * time.Second}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, _ string) (string, error) {
			begun <- struct{}{}
			select {
			case <-activity.GetWorkerStopChannel(ctx):
				return "finished in time", ctx.Err()
			case <-ctx.Done():
				return "", context.Cause(ctx)
			}
		}, activityNamed("Greet"))
	})
	run := s.start(GreetWorkflow, "x")
	receive(s, begun, "the activity to begin")
	stop()
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(GreetWorkflow) })
	if got := result[string](s, run); got != "finished in time" {
		t.Fatalf("got %q", got)
	}
}

func TestStoppingAWorkerEndsTheContextsOfItsActivities(t *testing.T) {
	s := newScenario(t)
	begun, cause := make(chan struct{}, 1), make(chan error, 1)
	stop := s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, _ string) (string, error) {
			begun <- struct{}{}
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return "", temporal.NewNonRetryableApplicationError("stopped", "Stopped", nil)
		}, activityNamed("Greet"))
	})
	run := s.start(GreetWorkflow, "x")
	receive(s, begun, "the activity to begin")
	stop()
	if err := receive(s, cause, "the activity to end"); !errors.Is(err, worker.ErrWorkerShutdown) {
		t.Errorf("the cause is %v", err)
	}
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(GreetWorkflow) })
	if got := as[*temporal.ApplicationError](t, s.failure(run)); got.Type() != "Stopped" {
		t.Fatalf("the error is %v", got)
	}
}

func TestAWorkerOfANamespaceThatDoesNotExistDoesNotStart(t *testing.T) {
	s := newScenarioWith(t, client.Options{Namespace: "there-is-no-such-namespace"})
	w := worker.New(s.Client, s.queue, worker.Options{})
	defer w.Stop()
	var notFound *serviceerror.NamespaceNotFound
	if err := w.Start(); !errors.As(err, &notFound) {
		t.Fatalf("starting ended with %v", err)
	}
}

func TestRunEndsWithItsInterruptChannel(t *testing.T) {
	s := newScenario(t)
	w := worker.New(s.Client, s.queue, worker.Options{})
	w.RegisterWorkflow(GreetWorkflow)
	w.RegisterActivity(Greet)
	interrupt, ended := make(chan any), make(chan error, 1)
	go func() { ended <- w.Run(interrupt) }()
	s.get(s.start(GreetWorkflow, "x"), nil)
	close(interrupt)
	if err := receive(s, ended, "Run to return"); err != nil {
		t.Fatal(err)
	}
}

func TestTheHistoryOfACompletedWorkflowReplays(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	run := s.start(GreetWorkflow, "again")
	s.get(run, nil)
	if err := replay(s, run, func(r worker.WorkflowReplayer) { r.RegisterWorkflow(GreetWorkflow) }); err != nil {
		t.Fatal(err)
	}
	err := replay(s, run, func(r worker.WorkflowReplayer) {
		r.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ string) (string, error) {
			return "", workflow.Sleep(ctx, time.Minute)
		}, workflow.RegisterOptions{Name: "GreetWorkflow"})
	})
	if err == nil || !strings.Contains(err.Error(), "TMPRL1100") {
		t.Fatalf("replaying other code ended with %v", err)
	}
}
