package typed_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/workflow"
)

type order struct {
	Item  string
	Count int
}

var (
	buy    = typed.NewWorkflow[order, string]("buy")
	charge = typed.NewActivity[order, string]("charge")
	tidy   = typed.NewActivity[typed.None, typed.None]("tidy")
	area   = typed.NewActivity[typed.Args2[int, int], int]("area")
)

func charged(_ context.Context, o order) (string, error) {
	return fmt.Sprintf("%d of %s", o.Count, o.Item), nil
}

func withOptions(ctx workflow.Context) workflow.Context {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
}

func environment(t *testing.T) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	t.Cleanup(func() { env.AssertExpectations(t) })
	return env
}

// outcome is the result of the environment's workflow.
func outcome[T any](t *testing.T, env *testsuite.TestWorkflowEnvironment) T {
	t.Helper()
	var value T
	if err := env.GetWorkflowResult(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAWorkflowCallsAnActivityByItsDefinition(t *testing.T) {
	env := environment(t)
	charge.Register(env, charged)
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) { return charge.Execute(withOptions(ctx), o) })

	env.ExecuteWorkflow(buy.Name(), order{"books", 3})

	if got := outcome[string](t, env); got != "3 of books" {
		t.Errorf("result %q", got)
	}
}

func TestAnActivityCanBeCalledAsALocalOne(t *testing.T) {
	env := environment(t)
	charge.Register(env, charged)
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) { return charge.ExecuteLocal(withOptions(ctx), o) })

	env.ExecuteWorkflow(buy.Name(), order{"pens", 2})

	if got := outcome[string](t, env); got != "2 of pens" {
		t.Errorf("result %q", got)
	}
}

func TestMocksReplaceActivitiesByName(t *testing.T) {
	env := environment(t)
	charge.Register(env, charged)
	env.OnActivity(charge.Name(), mock.Anything, order{"books", 1}).Return("free", nil).Once()
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) { return charge.Execute(withOptions(ctx), o) })

	env.ExecuteWorkflow(buy.Name(), order{"books", 1})

	if got := outcome[string](t, env); got != "free" {
		t.Errorf("result %q", got)
	}
}

func TestNoneIsNoArgumentAndNoResult(t *testing.T) {
	env := environment(t)
	called := false
	tidy.Register(env, func(context.Context, typed.None) (typed.None, error) {
		called = true
		return typed.None{}, nil
	})
	// An untyped caller passes nothing and expects nothing.
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = withOptions(ctx)
		if err := workflow.ExecuteActivity(ctx, tidy.Name()).Get(ctx, nil); err != nil {
			return err
		}
		_, err := tidy.Execute(ctx, typed.None{})
		return err
	})

	if err := env.GetWorkflowError(); err != nil || !called {
		t.Errorf("called %v, error %v", called, err)
	}
}

func TestSeveralArgumentsAreSentAndReceivedOneByOne(t *testing.T) {
	env := environment(t)
	area.Register(env, func(_ context.Context, in typed.Args2[int, int]) (int, error) { return in.First * in.Second, nil })
	env.ExecuteWorkflow(func(ctx workflow.Context) (int, error) {
		ctx = withOptions(ctx)
		var untyped int
		if err := workflow.ExecuteActivity(ctx, area.Name(), 2, 3).Get(ctx, &untyped); err != nil {
			return 0, err
		}
		got, err := area.Execute(ctx, typed.Args2[int, int]{First: 4, Second: 5})
		return untyped*100 + got, err
	})

	if got := outcome[int](t, env); got != 620 {
		t.Errorf("result %d", got)
	}
}

func TestErrorsOfActivitiesPassThrough(t *testing.T) {
	env := environment(t)
	charge.Register(env, func(context.Context, order) (string, error) {
		return "", temporal.NewNonRetryableApplicationError("no credit", "Credit", nil)
	})
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) { return charge.Execute(withOptions(ctx), o) })

	env.ExecuteWorkflow(buy.Name(), order{})

	if failure, ok := errors.AsType[*temporal.ApplicationError](env.GetWorkflowError()); !ok || failure.Type() != "Credit" {
		t.Errorf("ended with %v", env.GetWorkflowError())
	}
}

func TestAChildIsStartedByItsDefinition(t *testing.T) {
	env := environment(t)
	buy.Register(env, func(_ workflow.Context, o order) (string, error) { return "bought " + o.Item, nil })
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "child"})
		child := buy.StartChild(ctx, order{Item: "tea"})
		started, err := child.Started(ctx)
		if err != nil {
			return "", err
		}
		result, err := child.Get(ctx)
		return started.ID + ": " + result, err
	})

	if got := outcome[string](t, env); got != "child: bought tea" {
		t.Errorf("result %q", got)
	}
}

func TestFuturesAndSignalsCanBeSelected(t *testing.T) {
	approve := typed.NewSignal[bool]("approve")
	env := environment(t)
	charge.Register(env, charged)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(approve.Name(), true) }, time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		ctx = withOptions(ctx)
		var receipt string
		var approved bool
		var failed error
		selector := workflow.NewSelector(ctx)
		charge.Start(ctx, order{"books", 1}).Select(ctx, selector, func(out string, err error) { receipt, failed = out, err })
		approve.Select(ctx, selector, func(value bool) { approved = value })
		selector.Select(ctx)
		selector.Select(ctx)
		return fmt.Sprint(receipt, " ", approved), failed
	})

	if got := outcome[string](t, env); got != "1 of books true" {
		t.Errorf("result %q", got)
	}
}

func TestSignalsAreReceivedWithTheirType(t *testing.T) {
	add, stop := typed.NewSignal[order]("add"), typed.NewSignal[typed.None]("stop")
	env := environment(t)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(add.Name(), order{"tea", 1})
		env.SignalWorkflow(stop.Name(), nil)
	}, time.Second)
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		if _, there := add.ReceiveAsync(ctx); there {
			return "", errors.New("received what was not sent")
		}
		stop.Receive(ctx)
		got, _ := add.ReceiveAsync(ctx)
		return got.Item, nil
	})

	if got := outcome[string](t, env); got != "tea" {
		t.Errorf("result %q", got)
	}
}

func TestQueriesAndUpdatesAreHandledWithTheirTypes(t *testing.T) {
	count := typed.NewQuery[typed.None, int]("count")
	nothing := typed.NewQuery[typed.Args2[int, string], typed.None]("nothing")
	add := typed.NewUpdate[order, int]("add")
	env := environment(t)
	var answers []any
	callbacks := func(name string) *testsuite.TestUpdateCallback {
		return &testsuite.TestUpdateCallback{
			OnAccept:   func() { answers = append(answers, name+" accepted") },
			OnReject:   func(err error) { answers = append(answers, name+" rejected: "+err.Error()) },
			OnComplete: func(result any, err error) { answers = append(answers, fmt.Sprint(name, " ", result, " ", err)) },
		}
	}
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(add.Name(), "1", callbacks("first"), order{"tea", 2})
		env.UpdateWorkflow(add.Name(), "2", callbacks("second"), order{"tea", -1})
	}, time.Second)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		total := 0
		if err := count.Handle(ctx, func(typed.None) (int, error) { return total, nil }); err != nil {
			return err
		}
		if err := nothing.Handle(ctx, func(typed.Args2[int, string]) (typed.None, error) { return typed.None{}, nil }); err != nil {
			return err
		}
		err := add.HandleValidated(ctx, func(_ workflow.Context, o order) error {
			if o.Count < 0 {
				return errors.New("negative")
			}
			return nil
		}, func(_ workflow.Context, o order) (int, error) {
			total += o.Count
			return total, nil
		})
		if err != nil {
			return err
		}
		return workflow.Sleep(ctx, time.Minute)
	})

	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if want := "[first accepted first 2 <nil> second rejected: negative]"; fmt.Sprint(answers) != want {
		t.Errorf("updates: %v, want %v", answers, want)
	}
	answer, err := env.QueryWorkflow(count.Name())
	if err != nil {
		t.Fatal(err)
	}
	var total int
	if err := answer.Get(&total); err != nil || total != 2 {
		t.Errorf("count %d, %v", total, err)
	}
	if _, err := env.QueryWorkflow(nothing.Name(), 1, "x"); err != nil {
		t.Error(err)
	}
}

func TestAWorkflowContinuesAsNewWithItsInput(t *testing.T) {
	env := environment(t)
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) {
		return "", buy.ContinueAsNew(ctx, order{o.Item, o.Count - 1})
	})

	env.ExecuteWorkflow(buy.Name(), order{"tea", 3})

	next, ok := errors.AsType[*workflow.ContinueAsNewError](env.GetWorkflowError())
	if !ok || next.WorkflowType.Name != "buy" {
		t.Errorf("ended with %v", env.GetWorkflowError())
	}
}
