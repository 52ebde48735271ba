package testsuite_test

import (
	"context"
	"errors"
	"strings"
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

func TestAnActivityThatIsNotRegisteredIsAnError(t *testing.T) {
	env := newActivityEnvironment()
	env.RegisterActivity(Greet)
	_, err := env.ExecuteActivity("Grumble")
	if err == nil || !strings.Contains(err.Error(), "unable to find activityType=Grumble") || !strings.Contains(err.Error(), "Greet") {
		t.Fatalf("got %v", err)
	}
}

// labels is a converter that notes what it was told about the values it converts.
type labels struct {
	converter.DataConverter
	seen *[]converter.SerializationContext
}

func (l labels) WithSerializationContext(ctx converter.SerializationContext) converter.DataConverter {
	*l.seen = append(*l.seen, ctx)
	return l
}

func TestTheConverterOfALocalActivityKnowsItsActivity(t *testing.T) {
	var seen []converter.SerializationContext
	env := newActivityEnvironment().SetDataConverter(labels{converter.GetDefaultDataConverter(), &seen})
	if _, err := env.ExecuteLocalActivity(Greet, "world"); err != nil {
		t.Fatal(err)
	}
	for _, ctx := range seen {
		if a, ok := ctx.(converter.ActivitySerializationContext); ok && a.IsLocal && a.ActivityType == "Greet" {
			return
		}
	}
	t.Fatalf("the converter was told %+v", seen)
}
