package testsuite_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/workflow"
)

var greet = nexus.NewOperationReference[string, string]("greet")

// callGreet calls the operation greet and returns its token and its result.
func callGreet(ctx workflow.Context, name string) ([]string, error) {
	future := workflow.NewNexusClient("endpoint", "service").ExecuteOperation(ctx, greet, name, workflow.NexusOperationOptions{
		ScheduleToCloseTimeout: 24 * time.Hour,
	})
	var execution workflow.NexusOperationExecution
	if err := future.GetNexusOperationExecution().Get(ctx, &execution); err != nil {
		return nil, err
	}
	var greeting string
	err := future.Get(ctx, &greeting)
	return []string{execution.OperationToken, greeting}, err
}

func newNexusEnvironment(t *testing.T, operations ...nexus.RegisterableOperation) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	if len(operations) == 0 {
		return env
	}
	service := nexus.NewService("service")
	if err := service.Register(operations...); err != nil {
		t.Fatal(err)
	}
	env.RegisterNexusService(service)
	return env
}

func resultOf[T any](t *testing.T, env *testsuite.TestWorkflowEnvironment) T {
	t.Helper()
	var result T
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

// innermost is the cause that has none.
func innermost(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

func TestNexusOperationsRunInTheTest(t *testing.T) {
	env := newNexusEnvironment(t, nexus.NewSyncOperation("greet", func(_ context.Context, name string, o nexus.StartOperationOptions) (string, error) {
		return "hello " + name + " within " + o.Header.Get(nexus.HeaderOperationTimeout), nil
	}))
	env.ExecuteWorkflow(callGreet, "world")
	if got := resultOf[[]string](t, env); got[0] != "" || got[1] != "hello world within 86400000ms" {
		t.Errorf("result %q", got)
	}
}

func TestWorkflowsOfNexusOperationsRunInTheTest(t *testing.T) {
	hello := func(ctx workflow.Context, name string) (string, error) {
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return "", err
		}
		return "hello " + name, nil
	}
	env := newNexusEnvironment(t, temporalnexus.NewWorkflowRunOperation("greet", hello,
		func(_ context.Context, name string, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "hello-" + name}, nil
		}))
	env.RegisterWorkflow(hello)
	started := env.Now()
	env.ExecuteWorkflow(callGreet, "world")
	got := resultOf[[]string](t, env)
	if got[0] == "" || got[1] != "hello world" || env.Now().Sub(started) != time.Hour {
		t.Errorf("result %q after %v", got, env.Now().Sub(started))
	}
}

func TestMocksOfNexusOperations(t *testing.T) {
	t.Run("complete at once", func(t *testing.T) {
		env := newNexusEnvironment(t)
		env.OnNexusOperation("service", greet, "world", workflow.NexusOperationOptions{
			ScheduleToCloseTimeout: 24 * time.Hour, CancellationType: workflow.NexusOperationCancellationTypeWaitCompleted,
		}).
			Return(&nexus.HandlerStartOperationResultSync[string]{Value: "mocked"}, nil).Once()
		env.ExecuteWorkflow(callGreet, "world")
		if got := resultOf[[]string](t, env); got[1] != "mocked" {
			t.Errorf("result %q", got)
		}
		env.AssertExpectations(t)
		env.AssertNexusOperationCalled(t, "service", "greet", "world", mock.Anything)
	})
	t.Run("complete later", func(t *testing.T) {
		env := newNexusEnvironment(t)
		env.OnNexusOperation("service", greet, mock.Anything, mock.Anything).
			Return(&nexus.HandlerStartOperationResultAsync{OperationToken: "token"}, nil)
		if err := env.RegisterNexusAsyncOperationCompletion("service", "greet", "token", "later", nil, time.Hour); err != nil {
			t.Fatal(err)
		}
		started := env.Now()
		env.ExecuteWorkflow(callGreet, "world")
		if got := resultOf[[]string](t, env); got[0] != "token" || got[1] != "later" || env.Now().Sub(started) != time.Hour {
			t.Errorf("result %q after %v", got, env.Now().Sub(started))
		}
	})
	t.Run("fail", func(t *testing.T) {
		env := newNexusEnvironment(t)
		env.OnNexusOperation("service", greet, mock.Anything, mock.Anything).
			Return(nil, &nexus.OperationError{State: nexus.OperationStateFailed, Message: "no", Cause: errors.New("cause")})
		env.ExecuteWorkflow(callGreet, "world")
		var operation *temporal.NexusOperationError
		if err := env.GetWorkflowError(); !errors.As(err, &operation) || !strings.Contains(err.Error(), "cause") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("of another type are refused", func(t *testing.T) {
		env := newNexusEnvironment(t)
		env.OnNexusOperation("service", greet, mock.Anything, mock.Anything).
			Return(&nexus.HandlerStartOperationResultSync[int]{Value: 1}, nil)
		env.ExecuteWorkflow(callGreet, "world")
		if err := innermost(env.GetWorkflowError()); err == nil || !strings.Contains(err.Error(), "operation expects to return string, got int") {
			t.Errorf("error %v", err)
		}
		if err := env.RegisterNexusAsyncOperationCompletion("service", "greet", "token", 1, nil, 0); err == nil {
			t.Error("a completion of another type was registered")
		}
	})
}

func TestNexusOperationsTimeOutInTheWorkflowsTime(t *testing.T) {
	env := newNexusEnvironment(t)
	env.OnNexusOperation("service", greet, mock.Anything, mock.Anything).
		Return(&nexus.HandlerStartOperationResultAsync{OperationToken: "token"}, nil)
	started := env.Now()
	env.ExecuteWorkflow(callGreet, "world")
	var timeout *temporal.TimeoutError
	if err := env.GetWorkflowError(); !errors.As(err, &timeout) || env.Now().Sub(started) != 24*time.Hour {
		t.Errorf("error %v after %v", err, env.Now().Sub(started))
	}
}

func TestCancellingANexusOperationCancelsItsWorkflow(t *testing.T) {
	forever := func(ctx workflow.Context, _ string) (string, error) {
		return "", workflow.Sleep(ctx, 10*24*time.Hour)
	}
	env := newNexusEnvironment(t, temporalnexus.NewWorkflowRunOperation("greet", forever,
		func(context.Context, string, nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "forever"}, nil
		}))
	env.RegisterWorkflow(forever)
	var told []string
	env.SetOnNexusOperationCanceledListener(func(service, operation string) { told = append(told, "canceled "+service+"/"+operation) })
	env.SetOnNexusOperationStartedListener(func(_, _ string, input converter.EncodedValue) {
		var name string
		err := input.Get(&name)
		told = append(told, fmt.Sprintf("started with %q, %v", name, err))
	})
	env.SetOnNexusOperationCompletedListener(func(_, _ string, _ converter.EncodedValue, err error) {
		told = append(told, fmt.Sprintf("ended, canceled %v", temporal.IsCanceledError(errors.Unwrap(err))))
	})
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(callGreet, "world")
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		t.Errorf("error %v", err)
	}
	if got := strings.Join(told, "; "); got != `started with "world", <nil>; canceled service/greet; ended, canceled true` {
		t.Errorf("told %q", got)
	}
}

func TestANexusOperationThatIsCancelledAtOnceRunsAndIsCancelled(t *testing.T) {
	forever := func(ctx workflow.Context, _ string) (string, error) {
		return "", workflow.Sleep(ctx, 10*24*time.Hour)
	}
	env := newNexusEnvironment(t, temporalnexus.NewWorkflowRunOperation("greet", forever,
		func(context.Context, string, nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "forever"}, nil
		}))
	env.RegisterWorkflow(forever)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		cancellable, cancel := workflow.WithCancel(ctx)
		operation := workflow.NewNexusClient("endpoint", "service").ExecuteOperation(cancellable, "greet", "world", workflow.NexusOperationOptions{})
		cancel()
		var started workflow.NexusOperationExecution
		if err := operation.GetNexusOperationExecution().Get(ctx, &started); err != nil || started.OperationToken == "" {
			t.Errorf("it was started as %+v, %v", started, err)
		}
		return operation.Get(ctx, nil)
	})
	var operation *temporal.NexusOperationError
	if err := env.GetWorkflowError(); !errors.As(err, &operation) || !temporal.IsCanceledError(errors.Unwrap(operation)) {
		t.Errorf("error %v", err)
	}
}

func TestTheClientOfNexusOperationsStartsWhatIsRegistered(t *testing.T) {
	var panicked any
	env := newNexusEnvironment(t, nexus.NewSyncOperation("greet", func(ctx context.Context, name string, _ nexus.StartOperationOptions) (string, error) {
		defer func() { panicked = recover() }()
		_, err := temporalnexus.GetClient(ctx).ExecuteWorkflow(ctx, client.StartWorkflowOptions{}, "nobody knows it", name)
		return "", err
	}))
	env.ExecuteWorkflow(callGreet, "world")
	if panicked != "not implemented in the test environment" {
		t.Errorf("the handler panicked with %v", panicked)
	}
}

func TestTheClientOfNexusOperationsHasNoMoreThanTheTest(t *testing.T) {
	env := newNexusEnvironment(t, nexus.NewSyncOperation("greet", func(ctx context.Context, _ string, _ nexus.StartOperationOptions) (string, error) {
		_, err := temporalnexus.GetClient(ctx).DescribeWorkflowExecution(ctx, "x", "")
		return "", err
	}))
	env.ExecuteWorkflow(callGreet, "world")
	if err := innermost(env.GetWorkflowError()); err == nil || !strings.Contains(err.Error(), "not implemented in the test environment: DescribeWorkflowExecution") {
		t.Errorf("error %v", err)
	}
}

func TestWorkflowsCountWithTheHandlerOfTheSuite(t *testing.T) {
	recorder := metricstest.New()
	var suite testsuite.WorkflowTestSuite
	suite.SetMetricsHandler(recorder)
	env := suite.NewTestWorkflowEnvironment()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		workflow.GetMetricsHandler(ctx).Counter("orders").Inc(2)
		return nil
	})
	if got := recorder.Value("orders"); got != 2 {
		t.Errorf("counted %v", got)
	}
}

func TestActivitiesOfNexusOperationsRunInTheTest(t *testing.T) {
	attempts := 0
	hello := func(_ context.Context, name string) (string, error) {
		attempts++
		if attempts == 1 {
			return "", errors.New("not yet")
		}
		return "hello " + name, nil
	}
	env := newNexusEnvironment(t, temporalnexus.MustNewTemporalOperation(temporalnexus.TemporalOperationOptions[string, string]{
		Name: "greet",
		Start: func(ctx context.Context, nc temporalnexus.NexusClient, name string, _ temporalnexus.StartTemporalOperationOptions) (temporalnexus.TemporalOperationResult[string], error) {
			return temporalnexus.StartActivity(ctx, nc, client.StartActivityOptions{ID: "hello-" + name, StartToCloseTimeout: time.Minute}, hello, name)
		},
	}))
	env.RegisterActivity(hello)
	started := env.Now()
	env.ExecuteWorkflow(callGreet, "world")
	got := resultOf[[]string](t, env)
	if got[0] == "" || got[1] != "hello world" || attempts != 2 || env.Now().Sub(started) != time.Second {
		t.Errorf("result %q after %d attempts and %v", got, attempts, env.Now().Sub(started))
	}
}
