package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// local is a LocalRunner under test, in virtual time.
type local struct {
	*LocalRunner
	outcomes chan *flow.LocalActivityResult
}

// locally runs test with a LocalRunner of the given capacity.
func locally(t *testing.T, capacity int, test func(t *testing.T, l local)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		l := local{outcomes: make(chan *flow.LocalActivityResult, 100)}
		l.LocalRunner = NewLocalRunner(LocalOptions{
			Registry:      registry.New(registry.Options{}),
			DataConverter: converter.GetDefaultDataConverter(),
			Logger:        logger.Discard{},
			Context:       ctx,
			Stopping:      ctx,
			Slots:         capacitySlots(make(chan struct{}, capacity)),
			Deliver:       func(r *flow.LocalActivityResult) { l.outcomes <- r },
		})
		test(t, l)
		cancel(ErrWorkerShutdown)
		if err := l.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// capacitySlots are LocalSlots of a fixed number.
type capacitySlots chan struct{}

func (s capacitySlots) Reserve(ctx context.Context) (func(), error) {
	select {
	case s <- struct{}{}:
		return func() { <-s }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s capacitySlots) TryReserve() func() {
	select {
	case s <- struct{}{}:
		return func() { <-s }
	default:
		return nil
	}
}

func localTask(fn any, args ...any) *flow.LocalActivityTask {
	return &flow.LocalActivityTask{
		ActivityID:          "1",
		ActivityType:        "local",
		Function:            fn,
		Args:                args,
		Info:                &flow.WorkflowInfo{},
		Attempt:             1,
		ScheduledTime:       time.Now(),
		WorkflowTaskTimeout: 10 * time.Second,
		Options: flow.LocalActivityOptions{
			ScheduleToCloseTimeout: time.Minute,
			StartToCloseTimeout:    5 * time.Second,
			RetryPolicy:            &policy.Retry{InitialInterval: time.Second, BackoffCoefficient: 2},
		},
	}
}

func TestALocalActivitysResultIsDelivered(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		l.RunLocalActivity(localTask(func(_ context.Context, n int) (int, error) { return n + 1, nil }, 41))
		if got := <-l.outcomes; got.Err != nil || text(got.Result) != "42" || got.Attempt != 1 || got.Backoff != 0 {
			t.Fatalf("the outcome is %+v", got)
		}
	})
}

func TestALocalActivityIsRetriedInProcess(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		attempts := 0
		begun := time.Now()
		l.RunLocalActivity(localTask(func(ctx context.Context) (int32, error) {
			if attempts++; attempts < 3 {
				return 0, errors.New("not yet")
			}
			return FromContext(ctx).Info.Attempt, nil
		}))
		got := <-l.outcomes
		if got.Err != nil || text(got.Result) != "3" || got.Attempt != 3 {
			t.Fatalf("the outcome is %+v", got)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Fatalf("took %v, want the delays of 1 and 2 seconds", took)
		}
	})
}

func TestADelayLongerThanTheWorkflowTaskIsHandedBack(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		task := localTask(func() error { return errors.New("busy") })
		task.Options.RetryPolicy.InitialInterval = 20 * time.Second
		l.RunLocalActivity(task)
		if got := <-l.outcomes; got.Err == nil || got.Backoff != 20*time.Second || got.Attempt != 1 {
			t.Fatalf("the outcome is %+v", got)
		}
	})
}

func TestRetriesEndWithTheMaximumOfAttempts(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		task := localTask(func() error { return errors.New("never") })
		task.Options.RetryPolicy.MaximumAttempts = 2
		l.RunLocalActivity(task)
		if got := <-l.outcomes; got.Err == nil || got.Backoff > 0 || got.Attempt != 2 {
			t.Fatalf("the outcome is %+v", got)
		}
	})
}

func TestRetriesEndWithTheScheduleToCloseTimeout(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		task := localTask(func() error { return errors.New("never") })
		task.Options.ScheduleToCloseTimeout = 4 * time.Second
		l.RunLocalActivity(task)
		if got := <-l.outcomes; got.Err == nil || got.Backoff > 0 || got.Attempt != 3 {
			t.Fatalf("the outcome is %+v, want three attempts: after 0, 1 and 3 seconds", got)
		}
	})
}

func TestALocalActivityThatIgnoresItsContextTimesOutAllTheSame(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		task := localTask(func() error { time.Sleep(time.Minute); return nil })
		task.Options.RetryPolicy.MaximumAttempts = 1
		begun := time.Now()
		l.RunLocalActivity(task)
		got := <-l.outcomes
		var timeout *failure.TimeoutError
		if !errors.As(got.Err, &timeout) || timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			t.Fatalf("the outcome is %+v", got)
		}
		if took := time.Since(begun); took != 5*time.Second {
			t.Fatalf("took %v, want the start to close timeout of 5s", took)
		}
	})
}

func TestACancelledLocalActivityIsNotDelivered(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		ended := make(chan error, 1)
		task := localTask(func(ctx context.Context) error {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return ctx.Err()
		})
		l.RunLocalActivity(task)
		synctest.Wait()
		l.CancelLocalActivity(task)
		if cause := <-ended; !failure.IsCanceledError(cause) {
			t.Fatalf("the cause is %v", cause)
		}
		synctest.Wait()
		if len(l.outcomes) != 0 {
			t.Fatalf("the outcome is %+v", <-l.outcomes)
		}
	})
}

func TestACancelledLocalActivityIsNotRetried(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		attempts := 0
		task := localTask(func() error { attempts++; return errors.New("again") })
		l.RunLocalActivity(task)
		synctest.Wait()
		l.CancelLocalActivity(task)
		time.Sleep(time.Minute)
		if attempts != 1 {
			t.Fatalf("%d attempts were made", attempts)
		}
	})
}

func TestNoMoreLocalActivitiesRunThanAllowed(t *testing.T) {
	locally(t, 2, func(t *testing.T, l local) {
		running, most := 0, 0
		for range 6 {
			l.RunLocalActivity(localTask(func() error {
				l.mu.Lock()
				running++
				most = max(most, running)
				l.mu.Unlock()
				time.Sleep(time.Second)
				l.mu.Lock()
				running--
				l.mu.Unlock()
				return nil
			}))
		}
		begun := time.Now()
		for range 6 {
			if got := <-l.outcomes; got.Err != nil {
				t.Fatal(got.Err)
			}
		}
		if took := time.Since(begun); most != 2 || took != 3*time.Second {
			t.Fatalf("%d ran at a time, for %v", most, took)
		}
	})
}

func TestALocalActivityCanBeNamed(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		if err := l.options.Registry.RegisterActivity(func(s string) (string, error) { return s + "!", nil }, registry.ActivityOptions{Name: "local"}); err != nil {
			t.Fatal(err)
		}
		l.RunLocalActivity(localTask(nil, "hi"))
		if got := <-l.outcomes; got.Err != nil || text(got.Result) != `"hi!"` {
			t.Fatalf("the outcome is %+v", got)
		}
	})
}

func TestExponentialDelaysStayWithinTheMaximum(t *testing.T) {
	policy := &policy.Retry{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second}
	for attempt, want := range map[int32]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 4000: 5 * time.Second} {
		if got := RetryDelay(policy, attempt, errors.New("x"), time.Now(), time.Time{}); got != want {
			t.Errorf("after attempt %d the delay is %v, want %v", attempt, got, want)
		}
	}
}

func TestAnErrorCanChooseTheNextDelay(t *testing.T) {
	policy := &policy.Retry{InitialInterval: time.Second, BackoffCoefficient: 2}
	err := failure.NewApplicationError("later", "x", failure.ApplicationErrorOptions{NextRetryDelay: 7 * time.Second})
	if got := RetryDelay(policy, 1, err, time.Now(), time.Time{}); got != 7*time.Second {
		t.Fatalf("the delay is %v", got)
	}
}
