package testsuite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// GreetingInSession sleeps and greets in a session.
func GreetingInSession(ctx workflow.Context) (string, error) {
	ctx, err := workflow.CreateSession(activities(ctx), &workflow.SessionOptions{ExecutionTimeout: 24 * time.Hour, CreationTimeout: time.Minute})
	if err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, time.Hour); err != nil {
		return "", err
	}
	var greeting string
	if err := workflow.ExecuteActivity(ctx, Greet, "world").Get(ctx, &greeting); err != nil {
		return "", err
	}
	workflow.CompleteSession(ctx)
	return greeting + ", " + map[bool]string{true: "closed"}[workflow.GetSessionInfo(ctx).SessionState == workflow.SessionStateClosed], nil
}

func TestTheWorkerOfATestServesSessions(t *testing.T) {
	env := newEnvironment()
	env.SetWorkerOptions(worker.Options{EnableSessionWorker: true})
	env.RegisterActivity(Greet)
	env.ExecuteWorkflow(GreetingInSession)
	var greeting string
	if err := env.GetWorkflowResult(&greeting); err != nil || greeting != "hello world, closed" {
		t.Fatalf("got %q, %v", greeting, err)
	}
}

func TestTheWorkerOfATestServesOnlySoManySessions(t *testing.T) {
	env := newEnvironment()
	env.SetWorkerOptions(worker.Options{EnableSessionWorker: true, MaxConcurrentSessionExecutionSize: 1})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		options := &workflow.SessionOptions{ExecutionTimeout: time.Minute, CreationTimeout: time.Second}
		if _, err := workflow.CreateSession(ctx, options); err != nil {
			return temporal.NewApplicationError("the first one: "+err.Error(), "")
		}
		_, err := workflow.CreateSession(ctx, options)
		return err
	})
	if err := env.GetWorkflowError(); err == nil || !strings.Contains(err.Error(), "too many outstanding sessions") {
		t.Fatalf("the workflow ended with %v", err)
	}
}

func TestTheWorkerOfATestPrefersVersions(t *testing.T) {
	env := newEnvironment()
	env.SetWorkerOptions(worker.Options{PreferredVersionProvider: func(worker.PreferredVersionProviderInput) *worker.VersionPreference {
		return &worker.VersionPreference{Version: 1}
	}})
	env.ExecuteWorkflow(func(ctx workflow.Context) (workflow.Version, error) {
		return workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 2), nil
	})
	var version workflow.Version
	if err := env.GetWorkflowResult(&version); err != nil || version != 1 {
		t.Fatalf("got version %d, %v", version, err)
	}
}
