package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// brief are activity options with short retries.
func brief(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		HeartbeatTimeout:    5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, MaximumInterval: 100 * time.Millisecond},
	})
}

func Greet(ctx context.Context, name string) (string, error) {
	if !activity.IsActivity(ctx) {
		return "", errors.New("not in an activity")
	}
	return "hello " + name, nil
}

func GreetWorkflow(ctx workflow.Context, name string) (string, error) {
	var greeting string
	err := workflow.ExecuteActivity(brief(ctx), Greet, name).Get(ctx, &greeting)
	return greeting, err
}

func TestAWorkflowReturnsTheResultOfItsActivity(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	if got := result[string](s, s.start(GreetWorkflow, "world")); got != "hello world" {
		t.Fatalf("got %q", got)
	}
}

func TestEagerActivitiesCanBeTurnedOff(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{DisableEagerActivities: true}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	if got := result[string](s, s.start(GreetWorkflow, "world")); got != "hello world" {
		t.Fatalf("got %q", got)
	}
}

func TestManyActivitiesRunAtATime(t *testing.T) {
	s := newScenario(t)
	fan := func(ctx workflow.Context, n int) (int, error) {
		futures := make([]workflow.Future, n)
		for i := range futures {
			futures[i] = workflow.ExecuteActivity(brief(ctx), "Square", i)
		}
		sum := 0
		for _, f := range futures {
			var square int
			if err := f.Get(ctx, &square); err != nil {
				return 0, err
			}
			sum += square
		}
		return sum, nil
	}
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(fan, workflow.RegisterOptions{Name: "Fan"})
		w.RegisterActivityWithOptions(func(n int) (int, error) { return n * n, nil }, activity.RegisterOptions{Name: "Square"})
	})
	if got := result[int](s, s.start("Fan", 20)); got != 2470 {
		t.Fatalf("got %d, want 2470", got)
	}
}

// Shop is a struct of activities.
type Shop struct{ prefix string }

func (s *Shop) Buy(_ context.Context, what string) (string, error) { return s.prefix + what, nil }

func ShopWorkflow(ctx workflow.Context) (string, error) {
	var shop *Shop
	var bought string
	err := workflow.ExecuteActivity(brief(ctx), shop.Buy, "tea").Get(ctx, &bought)
	return bought, err
}

func TestTheMethodsOfAStructAreActivities(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(ShopWorkflow)
		w.RegisterActivity(&Shop{prefix: "bought "})
	})
	if got := result[string](s, s.start(ShopWorkflow)); got != "bought tea" {
		t.Fatalf("got %q", got)
	}
}

func TestAFailingActivityIsRetriedUntilItSucceeds(t *testing.T) {
	s := newScenario(t)
	var attempts atomic.Int32
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, name string) (string, error) {
			if attempts.Add(1) < 3 {
				return "", errors.New("not yet")
			}
			return fmt.Sprint(name, activity.GetInfo(ctx).Attempt), nil
		}, activity.RegisterOptions{Name: "Greet"})
	})
	if got := result[string](s, s.start(GreetWorkflow, "try")); got != "try3" {
		t.Fatalf("got %q", got)
	}
}

func TestAnErrorThatIsNotRetriedReachesTheClientWithItsChain(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(string) (string, error) {
			return "", temporal.NewNonRetryableApplicationError("no money", "Broke", errors.New("bank says no"), 7)
		}, activity.RegisterOptions{Name: "Greet"})
	})
	err := s.failure(s.start(GreetWorkflow, "x"))
	as[*temporal.WorkflowExecutionError](t, err)
	if got := as[*temporal.ActivityError](t, err).ActivityType().GetName(); got != "Greet" {
		t.Errorf("the activity type is %q", got)
	}
	application := as[*temporal.ApplicationError](t, err)
	var detail int
	if err := application.Details(&detail); err != nil || detail != 7 || application.Type() != "Broke" || !application.NonRetryable() {
		t.Errorf("the error is %v, its detail %d (%v)", application, detail, err)
	}
	if !strings.Contains(err.Error(), "bank says no") {
		t.Errorf("the cause is missing from %v", err)
	}
}

func TestAPanicOfAnActivityIsAFailureOfIt(t *testing.T) {
	s := newScenario(t)
	once := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		return workflow.ExecuteActivity(ctx, "Boom").Get(ctx, nil)
	}
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(once, workflow.RegisterOptions{Name: "Once"})
		w.RegisterActivityWithOptions(func() error { panic("boom") }, activity.RegisterOptions{Name: "Boom"})
	})
	if p := as[*temporal.PanicError](t, s.failure(s.start("Once"))); p.Error() != "boom" {
		t.Fatalf("the panic is %v", p)
	}
}

func TestHeartbeatDetailsReachTheNextAttempt(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, _ string) (string, error) {
			if activity.HasHeartbeatDetails(ctx) {
				var progress string
				err := activity.GetHeartbeatDetails(ctx, &progress)
				return progress, err
			}
			activity.RecordHeartbeat(ctx, "a third")
			activity.RecordHeartbeat(ctx, "half")
			return "", errors.New("interrupted")
		}, activity.RegisterOptions{Name: "Greet"})
	})
	if got := result[string](s, s.start(GreetWorkflow, "x")); got != "half" {
		t.Fatalf("the second attempt found %q", got)
	}
}

func TestAnActivityLearnsOfItsCancellationByHeartbeats(t *testing.T) {
	s := newScenario(t)
	waiting := func(ctx workflow.Context) (string, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Minute,
			HeartbeatTimeout:    time.Second,
			WaitForCancellation: true,
		})
		err := workflow.ExecuteActivity(ctx, "Beat").Get(ctx, nil)
		var canceled *temporal.CanceledError
		if !errors.As(err, &canceled) {
			return "", fmt.Errorf("the activity ended with %w", err)
		}
		var detail string
		return detail, canceled.Details(&detail)
	}
	begun := make(chan struct{}, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) (string, error) {
			detail, err := waiting(ctx)
			if err != nil {
				return "", err
			}
			return "cleaned up: " + detail, nil
		}, workflow.RegisterOptions{Name: "Waiting"})
		w.RegisterActivityWithOptions(func(ctx context.Context) error {
			begun <- struct{}{}
			for {
				activity.RecordHeartbeat(ctx)
				select {
				case <-ctx.Done():
					if !temporal.IsCanceledError(context.Cause(ctx)) {
						return fmt.Errorf("the context ended because of %w", context.Cause(ctx))
					}
					return temporal.NewCanceledError("tidy")
				case <-time.After(50 * time.Millisecond):
				}
			}
		}, activity.RegisterOptions{Name: "Beat"})
	})
	run := s.start("Waiting")
	receive(s, begun, "the activity to begin")
	if err := s.CancelWorkflow(s.ctx, run.GetID(), run.GetRunID()); err != nil {
		t.Fatal(err)
	}
	if got := result[string](s, run); got != "cleaned up: tidy" {
		t.Fatalf("got %q", got)
	}
	if n := count(s.history(run), enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED); n != 1 {
		t.Fatalf("the history has %d ActivityTaskCanceled events", n)
	}
}

func TestAnActivityCanBeCompletedLater(t *testing.T) {
	s := newScenario(t)
	tokens := make(chan []byte, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, _ string) (string, error) {
			tokens <- activity.GetInfo(ctx).TaskToken
			return "", activity.ErrResultPending
		}, activity.RegisterOptions{Name: "Greet"})
	})
	run := s.start(GreetWorkflow, "x")
	token := receive(s, tokens, "the activity to begin")
	if err := s.CompleteActivity(s.ctx, token, "from outside", nil); err != nil {
		t.Fatal(err)
	}
	if got := result[string](s, run); got != "from outside" {
		t.Fatalf("got %q", got)
	}
}

func TestAnActivityUsesTheWorkersClient(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivityWithOptions(func(ctx context.Context, _ string) (string, error) {
			execution := activity.GetInfo(ctx).WorkflowExecution
			description, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, execution.ID, execution.RunID)
			return description.GetWorkflowExecutionInfo().GetType().GetName(), err
		}, activity.RegisterOptions{Name: "Greet"})
	})
	if got := result[string](s, s.start(GreetWorkflow, "x")); got != "GreetWorkflow" {
		t.Fatalf("got %q", got)
	}
}

func TestAnActivityThatRunsOutOfTimeIsATimeout(t *testing.T) {
	s := newScenario(t)
	short := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: time.Second,
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		return workflow.ExecuteActivity(ctx, "Slow").Get(ctx, nil)
	}
	ended := make(chan error, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(short, workflow.RegisterOptions{Name: "Short"})
		w.RegisterActivityWithOptions(func(ctx context.Context) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil
		}, activity.RegisterOptions{Name: "Slow"})
	})
	timeout := as[*temporal.TimeoutError](t, s.failure(s.start("Short")))
	if timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
		t.Errorf("the timeout is %v", timeout.TimeoutType())
	}
	if err := receive(s, ended, "the activity to end"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the activity's context ended with %v", err)
	}
}

func TestAnActivityOfAnUnknownTypeCompletesOnceAWorkerKnowsIt(t *testing.T) {
	s := newScenario(t)
	stop := s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(GreetWorkflow) })
	run := s.start(GreetWorkflow, "late")
	// The first worker fails the activity; the server keeps trying.
	s.eventually("the activity to fail", func() bool {
		description, err := s.DescribeWorkflowExecution(s.ctx, run.GetID(), run.GetRunID())
		if err != nil {
			t.Fatal(err)
		}
		pending := description.GetPendingActivities()
		if len(pending) != 1 || pending[0].GetLastFailure() == nil {
			return false
		}
		if message := pending[0].GetLastFailure().GetMessage(); !strings.Contains(message, "Greet") {
			t.Errorf("the failure does not name the type: %q", message)
		}
		return true
	})
	stop()
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	if got := result[string](s, run); got != "hello late" {
		t.Fatalf("got %q", got)
	}
}
