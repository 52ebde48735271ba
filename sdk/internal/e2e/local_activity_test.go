package e2e

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

func activityNamed(name string) activity.RegisterOptions { return activity.RegisterOptions{Name: name} }

func localOptions(ctx workflow.Context, retry *temporal.RetryPolicy) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: 40 * time.Second,
		RetryPolicy:            retry,
	})
}

func TestALocalActivityRunsInTheWorkflowTask(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Local", func(ctx workflow.Context) ([]string, error) {
			ctx = localOptions(ctx, nil)
			var first, second string
			if err := workflow.ExecuteLocalActivity(ctx, func(ctx context.Context, s string) (string, error) {
				if !activity.GetInfo(ctx).IsLocalActivity {
					return "", errors.New("not local")
				}
				return s + "!", nil
			}, "hi").Get(ctx, &first); err != nil {
				return nil, err
			}
			err := workflow.ExecuteLocalActivity(ctx, "Named", "ho").Get(ctx, &second)
			return []string{first, second}, err
		})
		w.RegisterActivityWithOptions(func(s string) (string, error) { return s + "?", nil }, activityNamed("Named"))
	})
	run := s.start("Local")
	if got := result[[]string](s, run); !slices.Equal(got, []string{"hi!", "ho?"}) {
		t.Fatalf("got %q", got)
	}
	events := s.history(run)
	if markers, tasks := count(events, enumspb.EVENT_TYPE_MARKER_RECORDED), count(events, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED); markers != 2 || tasks != 1 {
		t.Fatalf("the history has %d markers and %d workflow tasks, want 2 and 1", markers, tasks)
	}
}

func TestALocalActivityIsRetriedWithoutATimer(t *testing.T) {
	s := newScenario(t)
	var attempts atomic.Int32
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Local", func(ctx workflow.Context) (int32, error) {
			ctx = localOptions(ctx, &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, BackoffCoefficient: 1})
			var got int32
			err := workflow.ExecuteLocalActivity(ctx, func(ctx context.Context) (int32, error) {
				if attempts.Add(1) < 4 {
					return 0, errors.New("not yet")
				}
				return activity.GetInfo(ctx).Attempt, nil
			}).Get(ctx, &got)
			return got, err
		})
	})
	run := s.start("Local")
	if got := result[int32](s, run); got != 4 {
		t.Fatalf("it succeeded at attempt %d", got)
	}
	if n := count(s.history(run), enumspb.EVENT_TYPE_TIMER_STARTED); n != 0 {
		t.Fatalf("the history has %d timers", n)
	}
}

func TestARetryDelayLongerThanTheWorkflowTaskBecomesATimer(t *testing.T) {
	s := newScenario(t)
	var attempts atomic.Int32
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Local", func(ctx workflow.Context) (int32, error) {
			ctx = localOptions(ctx, &temporal.RetryPolicy{InitialInterval: 1500 * time.Millisecond, BackoffCoefficient: 1})
			var got int32
			err := workflow.ExecuteLocalActivity(ctx, func(ctx context.Context) (int32, error) {
				if attempts.Add(1) < 2 {
					return 0, errors.New("not yet")
				}
				return activity.GetInfo(ctx).Attempt, nil
			}).Get(ctx, &got)
			return got, err
		})
	})
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Local")
	if got := result[int32](s, run); got != 2 {
		t.Fatalf("it succeeded at attempt %d", got)
	}
	if n := count(s.history(run), enumspb.EVENT_TYPE_TIMER_FIRED); n != 1 {
		t.Fatalf("the history has %d timers, want 1", n)
	}
}

func TestAWorkflowTaskIsKeptAliveWhileALocalActivityRuns(t *testing.T) {
	s := newScenario(t)
	var runs atomic.Int32
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Local", func(ctx workflow.Context) (string, error) {
			ctx = localOptions(ctx, nil)
			var got string
			err := workflow.ExecuteLocalActivity(ctx, func(ctx context.Context) (string, error) {
				runs.Add(1)
				select {
				case <-time.After(2500 * time.Millisecond):
					return "done", nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}).Get(ctx, &got)
			return got, err
		})
	})
	run := s.startWith(client.StartWorkflowOptions{WorkflowTaskTimeout: time.Second}, "Local")
	if got := result[string](s, run); got != "done" {
		t.Fatalf("got %q", got)
	}
	events := s.history(run)
	if runs.Load() != 1 || count(events, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT) != 0 {
		t.Fatalf("the local activity ran %d times; %d workflow tasks timed out", runs.Load(), count(events, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT))
	}
}

func TestALocalActivitysErrorReachesTheWorkflow(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Local", func(ctx workflow.Context) error {
			ctx = localOptions(ctx, nil)
			return workflow.ExecuteLocalActivity(ctx, func() error {
				return temporal.NewNonRetryableApplicationError("no", "No", nil)
			}).Get(ctx, nil)
		})
	})
	if got := as[*temporal.ApplicationError](t, s.failure(s.start("Local"))); got.Type() != "No" {
		t.Fatalf("the error is %v", got)
	}
}
