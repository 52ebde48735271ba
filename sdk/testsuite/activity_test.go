package testsuite_test

import (
	"context"
	"errors"
	"testing"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/testsuite"
)

func newActivityEnvironment() *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(logger.Discard{})
	return suite.NewTestActivityEnvironment()
}

func TestAnActivityIsTestedAlone(t *testing.T) {
	env := newActivityEnvironment()
	env.RegisterActivity(Greet)
	value, err := env.ExecuteActivity(Greet, "world")
	if err != nil {
		t.Fatal(err)
	}
	var greeting string
	if err := value.Get(&greeting); err != nil {
		t.Fatal(err)
	}
	expect(t, greeting, "hello world")
}

func TestTheErrorOfAnActivityIsAsAWorkflowGetsIt(t *testing.T) {
	env := newActivityEnvironment()
	fail := func(context.Context) error { return temporal.NewApplicationError("broken", "Broken") }
	env.RegisterActivity(fail)
	_, err := env.ExecuteActivity(fail)
	var failed *temporal.ActivityError
	var cause *temporal.ApplicationError
	if !errors.As(err, &failed) || !errors.As(err, &cause) || cause.Type() != "Broken" {
		t.Fatalf("got %v", err)
	}
}

func TestHeartbeatsOfAnActivityAreSeen(t *testing.T) {
	env := newActivityEnvironment()
	env.SetHeartbeatDetails(41)
	var seen int
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) { _ = details.Get(&seen) })
	count := func(ctx context.Context) error {
		var n int
		if err := activity.GetHeartbeatDetails(ctx, &n); err != nil {
			return err
		}
		activity.RecordHeartbeat(ctx, n+1)
		return nil
	}
	env.RegisterActivity(count)
	if _, err := env.ExecuteActivity(count); err != nil {
		t.Fatal(err)
	}
	expect(t, seen, 42)
}

func TestALocalActivityIsTestedAlone(t *testing.T) {
	env := newActivityEnvironment()
	value, err := env.ExecuteLocalActivity(func(ctx context.Context) (bool, error) { return activity.GetInfo(ctx).IsLocalActivity, nil })
	if err != nil {
		t.Fatal(err)
	}
	var local bool
	if err := value.Get(&local); err != nil {
		t.Fatal(err)
	}
	expect(t, local, true)
}

func TestAnActivityThatIsCompletedLaterIsPending(t *testing.T) {
	env := newActivityEnvironment()
	later := func(context.Context) error { return activity.ErrResultPending }
	env.RegisterActivity(later)
	if _, err := env.ExecuteActivity(later); err != activity.ErrResultPending {
		t.Fatalf("got %v", err)
	}
}
