package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// shared is what the activities of a session share: the worker they run on.
type shared struct{ name string }

func (s *shared) Where(context.Context) (string, error) { return s.name, nil }

// Linger waits until its worker stops.
func (s *shared) Linger(ctx context.Context) error {
	<-activity.GetWorkerStopChannel(ctx)
	return nil
}

// whereabouts runs three activities in a session, and says where they ran.
func whereabouts(ctx workflow.Context) ([]string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	session, err := workflow.CreateSession(ctx, &workflow.SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
	if err != nil {
		return nil, err
	}
	defer workflow.CompleteSession(session)
	var names []string
	for range 3 {
		var name string
		if err := workflow.ExecuteActivity(session, "Where").Get(session, &name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// serveSessions starts a worker of the given name that runs one session at a time.
func (s *scenario) serveSessions(name string, workflows ...any) (stop func()) {
	options := worker.Options{EnableSessionWorker: true, MaxConcurrentSessionExecutionSize: 1, WorkerStopTimeout: 5 * time.Second}
	return s.work(options, func(w worker.Worker) {
		for _, fn := range workflows {
			w.RegisterWorkflow(fn)
		}
		w.RegisterActivity(&shared{name: name})
	})
}

func TestAllActivitiesOfASessionRunOnOneWorker(t *testing.T) {
	s := newScenario(t)
	s.serveSessions("first", whereabouts)
	s.serveSessions("second", whereabouts)
	for range 4 {
		// A worker has room for one session: each has to end for the next to begin.
		names := result[[]string](s, s.start(whereabouts))
		if len(names) != 3 || names[0] != names[1] || names[1] != names[2] {
			t.Fatalf("the activities ran on %q", names)
		}
	}
}

// lingering waits, in a session, for an activity that ends with its worker, and says what
// the session's state was then.
func lingering(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	session, err := workflow.CreateSession(ctx, &workflow.SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
	if err != nil {
		return "", err
	}
	if err := workflow.ExecuteActivity(session, "Linger").Get(session, nil); err != nil {
		return "", err
	}
	_ = workflow.Await(session, func() bool { return false }) // until the session fails
	if err := workflow.ExecuteActivity(session, "Where").Get(ctx, nil); !errors.Is(err, workflow.ErrSessionFailed) {
		return "", err
	}
	return "failed", nil
}

func TestASessionFailsWhenItsWorkerStopsAfterItsActivitiesAreDone(t *testing.T) {
	s := newScenario(t)
	stop := s.serveSessions("stops")
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(lingering) })
	// The first worker knows no workflows: the second runs this one.
	run := s.start(lingering)
	s.eventually("the activity to run", func() bool {
		description, err := s.DescribeWorkflowExecution(s.ctx, run.GetID(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, pending := range description.GetPendingActivities() {
			if pending.GetActivityType().GetName() == "Linger" && pending.GetLastStartedTime() != nil {
				return true
			}
		}
		return false
	})
	stop()
	if got := result[string](s, run); got != "failed" {
		t.Fatalf("the session %s", got)
	}
}
