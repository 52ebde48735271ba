package testsuite_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/workflow"
)

func newEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(logger.Discard{})
	return suite.NewTestWorkflowEnvironment()
}

func activities(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
}

// Greet is the activity of most tests.
func Greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

func Greeting(ctx workflow.Context, name string) (string, error) {
	var greeting string
	err := workflow.ExecuteActivity(activities(ctx), Greet, name).Get(ctx, &greeting)
	return greeting, err
}

func ParentOfGreeting(ctx workflow.Context) (string, error) {
	var greeting string
	err := workflow.ExecuteChildWorkflow(ctx, Greeting, "child").Get(ctx, &greeting)
	return greeting, err
}

// result is the result of a workflow that must have succeeded.
func result[T any](t *testing.T, env *testsuite.TestWorkflowEnvironment) T {
	t.Helper()
	var value T
	if !env.IsWorkflowCompleted() {
		t.Fatal("the workflow has not ended")
	}
	if err := env.GetWorkflowResult(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func expect[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestARealActivityRuns(t *testing.T) {
	env := newEnvironment()
	env.RegisterActivity(Greet)
	env.ExecuteWorkflow(Greeting, "world")
	expect(t, result[string](t, env), "hello world")
}

func TestAMockTakesThePlaceOfAnActivity(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, "world").Return("mocked", nil).Once()
	env.ExecuteWorkflow(Greeting, "world")
	expect(t, result[string](t, env), "mocked")
	env.AssertExpectations(t)
	env.AssertCalled(t, "Greet", mock.Anything, "world")
}

func TestAMockMayReturnAFunctionThatIsCalled(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return(func(_ context.Context, name string) (string, error) { return "dear " + name, nil })
	env.ExecuteWorkflow(Greeting, "world")
	expect(t, result[string](t, env), "dear world")
}

func TestACallThatNoMockExpectsFailsTheActivityAndSaysSo(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, "somebody else").Return("mocked", nil)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, Greet, "world").Get(ctx, nil)
	})
	err := env.GetWorkflowError()
	if err == nil || !strings.Contains(err.Error(), "mock:") {
		t.Fatalf("got %v, want what testify says of unexpected calls", err)
	}
}

func TestAMockOfTheWrongTypeSaysWhatIsExpected(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return(42, nil)
	env.ExecuteWorkflow(Greeting, "world")
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "incorrect return type, expected string") {
		t.Fatalf("got %v", err)
	}
}

func TestTimeIsSkippedToTheNextTimer(t *testing.T) {
	env := newEnvironment()
	start := env.Now()
	env.ExecuteWorkflow(func(ctx workflow.Context) (time.Duration, error) {
		begun := workflow.Now(ctx)
		err := workflow.Sleep(ctx, 30*24*time.Hour)
		return workflow.Now(ctx).Sub(begun), err
	})
	expect(t, result[time.Duration](t, env), 30*24*time.Hour)
	expect(t, env.Now().Sub(start), 30*24*time.Hour)
}

func TestAMockTakesItsTimeInTheTimeOfTheWorkflow(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return("late", nil).After(time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) (bool, error) {
		timer := workflow.NewTimer(ctx, time.Minute)
		greeting := workflow.ExecuteActivity(activities(ctx), Greet, "world")
		timerFirst := false
		workflow.NewSelector(ctx).
			AddFuture(timer, func(workflow.Future) { timerFirst = true }).
			AddFuture(greeting, func(workflow.Future) {}).Select(ctx)
		return timerFirst, greeting.Get(ctx, nil)
	})
	expect(t, result[bool](t, env), true)
}

func TestADelayedCallbackSignalsTheWorkflow(t *testing.T) {
	env := newEnvironment()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("name", "world") }, time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		var name string
		workflow.GetSignalChannel(ctx, "name").Receive(ctx, &name)
		return name, nil
	})
	expect(t, result[string](t, env), "world")
}

func TestASignalWithoutDelayIsThereWhenTheWorkflowBegins(t *testing.T) {
	env := newEnvironment()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("name", "world") }, 0)
	env.ExecuteWorkflow(func(ctx workflow.Context) (bool, error) {
		return workflow.GetSignalChannel(ctx, "name").ReceiveAsync(nil), nil
	})
	expect(t, result[bool](t, env), true)
}

func TestAWorkflowIsQueriedWhileItRunsAndAfterwards(t *testing.T) {
	env := newEnvironment()
	query := func() string {
		value, err := env.QueryWorkflow("state")
		if err != nil {
			t.Fatal(err)
		}
		var state string
		if err := value.Get(&state); err != nil {
			t.Fatal(err)
		}
		return state
	}
	var during string
	env.RegisterDelayedCallback(func() { during = query() }, time.Minute)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		state := "sleeping"
		if err := workflow.SetQueryHandler(ctx, "state", func() (string, error) { return state, nil }); err != nil {
			return err
		}
		err := workflow.Sleep(ctx, time.Hour)
		state = "done"
		return err
	})
	expect(t, during, "sleeping")
	expect(t, query(), "done")
}

func TestTheOutcomeOfAnUpdateIsToldBeforeTheNextIsSent(t *testing.T) {
	env := newEnvironment()
	total := 0
	var told []int
	for range 2 {
		env.RegisterDelayedCallback(func() {
			env.UpdateWorkflow("add", "", &testsuite.TestUpdateCallback{OnComplete: func(result any, err error) {
				told = append(told, *result.(*int))
			}}, 5)
		}, 0)
	}
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("done", nil) }, 0)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		if err := workflow.SetUpdateHandler(ctx, "add", func(ctx workflow.Context, n int) (*int, error) {
			total += n
			return &total, nil
		}); err != nil {
			return err
		}
		workflow.GetSignalChannel(ctx, "done").Receive(ctx, nil)
		return nil
	})
	if !slices.Equal(told, []int{5, 10}) {
		t.Errorf("the outcomes were %v, error %v", told, env.GetWorkflowError())
	}
}

func TestAnActivityThatIsRegisteredAgainTakesThePlaceOfTheOther(t *testing.T) {
	env := newEnvironment()
	for _, answer := range []string{"first", "second"} {
		env.RegisterActivityWithOptions(func() (string, error) { return answer, nil }, activity.RegisterOptions{Name: "answer"})
	}
	env.ExecuteWorkflow(func(ctx workflow.Context) (answer string, err error) {
		err = workflow.ExecuteActivity(activities(ctx), "answer").Get(ctx, &answer)
		return answer, err
	})
	expect(t, result[string](t, env), "second")
}

func TestAnUpdateIsAcceptedAndCompleted(t *testing.T) {
	env := newEnvironment()
	var got []any
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow("add", "u", &testsuite.TestUpdateCallback{
			OnAccept:   func() { got = append(got, "accepted") },
			OnReject:   func(err error) { t.Error(err) },
			OnComplete: func(sum any, err error) { got = append(got, sum, err) },
		}, 2)
		env.UpdateWorkflow("add", "v", &testsuite.TestUpdateCallback{OnReject: func(err error) { got = append(got, err.Error()) }}, -1)
	}, time.Minute)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		sum := 40
		err := workflow.SetUpdateHandlerWithOptions(ctx, "add", func(ctx workflow.Context, n int) (int, error) {
			sum += n
			return sum, workflow.Sleep(ctx, time.Minute)
		}, workflow.UpdateHandlerOptions{Validator: func(n int) error {
			if n < 0 {
				return errors.New("negative")
			}
			return nil
		}})
		if err != nil {
			return err
		}
		return workflow.Sleep(ctx, time.Hour)
	})
	if len(got) != 4 || got[0] != "accepted" || got[1] != "negative" || got[2] != 42 || got[3] != nil {
		t.Fatalf("got %v", got)
	}
}

func TestCancellationReachesTheWorkflow(t *testing.T) {
	env := newEnvironment()
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
	env.ExecuteWorkflow(func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) })
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		t.Fatalf("got %v", err)
	}
}

func TestAnActivityIsRetriedInVirtualTime(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return("", errors.New("not yet")).Twice()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return("at last", nil).Once()
	env.ExecuteWorkflow(func(ctx workflow.Context) (time.Duration, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
			RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Hour, BackoffCoefficient: 2}})
		begun := workflow.Now(ctx)
		err := workflow.ExecuteActivity(ctx, Greet, "world").Get(ctx, nil)
		return workflow.Now(ctx).Sub(begun), err
	})
	expect(t, result[time.Duration](t, env), 3*time.Hour)
}

func TestAnActivityIsCompletedByItsToken(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return(func(ctx context.Context, _ string) (string, error) {
		token := activity.GetInfo(ctx).TaskToken
		env.RegisterDelayedCallback(func() {
			if err := env.CompleteActivity(token, "from outside", nil); err != nil {
				t.Error(err)
			}
		}, time.Hour)
		return "", activity.ErrResultPending
	})
	env.ExecuteWorkflow(Greeting, "world")
	expect(t, result[string](t, env), "from outside")
}

func TestLocalActivitiesRunAndAreRetriedInVirtualTime(t *testing.T) {
	env := newEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) (time.Duration, error) {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: time.Hour,
			RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Minute, BackoffCoefficient: 1}})
		begun := workflow.Now(ctx)
		err := workflow.ExecuteLocalActivity(ctx, func(ctx context.Context) error {
			if activity.GetInfo(ctx).Attempt < 3 {
				return errors.New("not yet")
			}
			return nil
		}).Get(ctx, nil)
		return workflow.Now(ctx).Sub(begun), err
	})
	expect(t, result[time.Duration](t, env), 2*time.Minute)
}

func TestTimersGoOnWhileALocalActivityRuns(t *testing.T) {
	env := newEnvironment()
	release := make(chan struct{})
	env.RegisterDelayedCallback(func() { close(release) }, 10*time.Millisecond)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Hour})
		return workflow.ExecuteLocalActivity(ctx, func(context.Context) error { <-release; return nil }).Get(ctx, nil)
	})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}

func TestALocalActivityThatWasCancelledHasReturnedWhenTheTestGoesOn(t *testing.T) {
	env := newEnvironment()
	var returned atomic.Bool
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Hour})
		cancellable, cancel := workflow.WithCancel(ctx)
		begun := workflow.GetSignalChannel(ctx, "begun")
		activity := workflow.ExecuteLocalActivity(cancellable, func(ctx context.Context) error {
			env.SignalWorkflow("begun", nil)
			<-ctx.Done()
			returned.Store(true)
			return ctx.Err()
		})
		begun.Receive(ctx, nil)
		cancel()
		return activity.Get(ctx, nil)
	})
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) || !returned.Load() {
		t.Errorf("error %v, returned %v", err, returned.Load())
	}
}

func TestAnActivityThatTakesTooLongEndsWithItsContext(t *testing.T) {
	env := newEnvironment()
	slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	env.RegisterActivity(slow)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Millisecond})
		return workflow.ExecuteActivity(ctx, slow).Get(ctx, nil)
	})
	var timeout *temporal.TimeoutError
	if err := env.GetWorkflowError(); !errors.As(err, &timeout) || errors.Unwrap(timeout) == nil || errors.Unwrap(timeout).Error() != "context deadline exceeded" {
		t.Errorf("error %v", err)
	}
}

func TestAChildWorkflowRunsForReal(t *testing.T) {
	env := newEnvironment()
	env.RegisterWorkflow(Greeting)
	env.RegisterActivity(Greet)
	var completed string
	env.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, result converter.EncodedValue, err error) {
		completed = info.WorkflowType.Name
	})
	env.ExecuteWorkflow(ParentOfGreeting)
	expect(t, result[string](t, env), "hello child")
	expect(t, completed, "Greeting")
}

func TestAChildWorkflowIsMocked(t *testing.T) {
	env := newEnvironment()
	env.OnWorkflow(Greeting, mock.Anything, "child").Return("mocked", nil).After(time.Hour)
	env.ExecuteWorkflow(ParentOfGreeting)
	expect(t, result[string](t, env), "mocked")
}

func TestAMockedChildMayNotStart(t *testing.T) {
	env := newEnvironment()
	env.OnWorkflow(Greeting, mock.Anything, mock.Anything).Return("", testsuite.ErrMockStartChildWorkflowFailed)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		child := workflow.ExecuteChildWorkflow(ctx, Greeting, "x")
		return child.GetChildWorkflowExecution().Get(ctx, nil)
	})
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	if err := env.GetWorkflowError(); !errors.As(err, &started) {
		t.Fatalf("got %v", err)
	}
}

func TestAChildContinuesAsNew(t *testing.T) {
	env := newEnvironment()
	countdown := func(ctx workflow.Context, n int) (string, error) {
		if n > 0 {
			return "", workflow.NewContinueAsNewError(ctx, "countdown", n-1)
		}
		return "liftoff", nil
	}
	env.RegisterWorkflowWithOptions(countdown, workflow.RegisterOptions{Name: "countdown"})
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		var said string
		err := workflow.ExecuteChildWorkflow(ctx, "countdown", 3).Get(ctx, &said)
		return said, err
	})
	expect(t, result[string](t, env), "liftoff")
}

func TestAnAbandonedChildOutlivesItsParent(t *testing.T) {
	env := newEnvironment()
	done := false
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) error {
		err := workflow.Sleep(ctx, time.Hour)
		done = true
		return err
	}, workflow.RegisterOptions{Name: "child"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON})
		return workflow.ExecuteChildWorkflow(ctx, "child").GetChildWorkflowExecution().Get(ctx, nil)
	})
	expect(t, done, true)
}

func TestContinueAsNewOfTheWorkflowUnderTestIsItsError(t *testing.T) {
	env := newEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, Greeting, "again") })
	var next *workflow.ContinueAsNewError
	if !errors.As(env.GetWorkflowError(), &next) {
		t.Fatalf("got %v", env.GetWorkflowError())
	}
	expect(t, next.WorkflowType.Name, "Greeting")
}

func TestVersionsAndSideEffectsAreMocked(t *testing.T) {
	env := newEnvironment()
	env.OnGetVersion("change", workflow.DefaultVersion, 1).Return(workflow.DefaultVersion)
	env.OnSideEffect().Return(7).Once()
	env.ExecuteWorkflow(func(ctx workflow.Context) (int, error) {
		if workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
			return 0, errors.New("the version is not mocked")
		}
		var n int
		err := workflow.SideEffect(ctx, func(workflow.Context) any { return 1 }).Get(&n)
		return n, err
	})
	expect(t, result[int](t, env), 7)
	env.AssertExpectations(t)
}

func TestASignalToAWorkflowElsewhereIsMocked(t *testing.T) {
	env := newEnvironment()
	env.OnSignalExternalWorkflow(mock.Anything, "other", "", "hi", "there").Return(nil).Once()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		return workflow.SignalExternalWorkflow(ctx, "other", "", "hi", "there").Get(ctx, nil)
	})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	env.AssertExpectations(t)
}

func TestAPanicOfWorkflowCodeIsTheErrorOfTheWorkflow(t *testing.T) {
	env := newEnvironment()
	env.ExecuteWorkflow(func(workflow.Context) error { panic("mistake") })
	var panicked *temporal.PanicError
	if err := env.GetWorkflowError(); !errors.As(err, &panicked) || panicked.Error() != "mistake" {
		t.Fatalf("got %v", err)
	}
}

func TestAWorkflowThatWaitsForWhatNeverComesTimesOut(t *testing.T) {
	env := newEnvironment()
	env.SetWorkflowRunTimeout(time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		workflow.GetSignalChannel(ctx, "never").Receive(ctx, nil)
		return nil
	})
	if err := env.GetWorkflowError(); !temporal.IsTimeoutError(err) {
		t.Fatalf("got %v", err)
	}
}

func TestAnActivityThatDoesNotReturnPanicsWithWhatToDo(t *testing.T) {
	env := newEnvironment()
	env.SetTestTimeout(20 * time.Millisecond)
	release := make(chan struct{})
	defer close(release)
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return(func(context.Context, string) (string, error) { <-release; return "", nil })
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "test timeout") || !strings.Contains(p, "SetTestTimeout") {
			t.Fatalf("got %q", p)
		}
	}()
	env.ExecuteWorkflow(Greeting, "world")
}

func TestAWorkflowWithoutRegistrationIsNamed(t *testing.T) {
	env := newEnvironment()
	defer func() {
		if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), "unable to find workflow type: unknown") {
			t.Fatalf("got %v", err)
		}
	}()
	env.ExecuteWorkflow("unknown")
}

func TestActivitiesMayBeRegisteredAfterTheyWereMocked(t *testing.T) {
	env := newEnvironment()
	env.OnActivity(Greet, mock.Anything, "world").Return("mocked", nil)
	env.RegisterActivity(Greet)
	env.ExecuteWorkflow(Greeting, "world")
	var greeting string
	if err := env.GetWorkflowResult(&greeting); err != nil || greeting != "mocked" {
		t.Fatalf("got %q, %v", greeting, err)
	}
}

func TestActivitiesMayBeRegisteredAfterWorkflowsWereMocked(t *testing.T) {
	env := newEnvironment()
	env.OnWorkflow(ParentOfGreeting, mock.Anything).Return("mocked", nil)
	env.RegisterActivity(Greet)
	env.ExecuteWorkflow(Greeting, "world")
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}
