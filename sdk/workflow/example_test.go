package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/perdure/perdure/sdk/client"
	sdklog "github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/workflow"
)

// The examples run in the test environment, whose time is virtual. newEnvironment is one that
// logs nothing.
func newEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	return suite.NewTestWorkflowEnvironment()
}

// run runs a workflow function and prints its result.
func run(env *testsuite.TestWorkflowEnvironment, fn any, args ...any) {
	env.ExecuteWorkflow(fn, args...)
	var result string
	if err := env.GetWorkflowResult(&result); err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(result)
}

// SayHello is an activity.
func SayHello(_ context.Context, name string) (string, error) { return "Hello, " + name, nil }

// quick are options for an activity that takes a moment.
func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
}

func ExampleExecuteActivity() {
	welcome := func(ctx workflow.Context, name string) (string, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			StartToCloseTimeout: 10 * time.Second, // of one attempt
			RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
		})
		var greeting string
		err := workflow.ExecuteActivity(ctx, SayHello, name).Get(ctx, &greeting)
		return greeting, err
	}

	env := newEnvironment()
	env.RegisterActivity(SayHello)
	run(env, welcome, "Ann")
	// Output: Hello, Ann
}

// Futures that are not waited for at once run at the same time.
func ExampleExecuteActivity_parallel() {
	welcomeAll := func(ctx workflow.Context, names []string) (string, error) {
		ctx = quick(ctx)
		var futures []workflow.Future
		for _, name := range names {
			futures = append(futures, workflow.ExecuteActivity(ctx, SayHello, name))
		}
		var greetings []string
		for _, future := range futures {
			var greeting string
			if err := future.Get(ctx, &greeting); err != nil {
				return "", err
			}
			greetings = append(greetings, greeting)
		}
		return strings.Join(greetings, "; "), nil
	}

	env := newEnvironment()
	env.RegisterActivity(SayHello)
	run(env, welcomeAll, []string{"Ann", "Bob"})
	// Output: Hello, Ann; Hello, Bob
}

// Errors arrive with what they were made with, whichever process they come from.
func ExampleExecuteActivity_errors() {
	charge := func(context.Context, string) error {
		return temporal.NewNonRetryableApplicationError("the card is expired", "CardDeclined", nil)
	}
	pay := func(ctx workflow.Context, card string) (string, error) {
		err := workflow.ExecuteActivity(quick(ctx), charge, card).Get(ctx, nil)
		var declined *temporal.ApplicationError
		if errors.As(err, &declined) && declined.Type() == "CardDeclined" {
			return "ask for another card: " + declined.Message(), nil
		}
		return "paid", err
	}

	env := newEnvironment()
	env.RegisterActivity(charge)
	run(env, pay, "4711")
	// Output: ask for another card: the card is expired
}

func ExampleExecuteLocalActivity() {
	price := func(_ context.Context, item string) (int, error) { return 10 * len(item), nil }
	quote := func(ctx workflow.Context, item string) (string, error) {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: 2 * time.Second})
		var cents int
		err := workflow.ExecuteLocalActivity(ctx, price, item).Get(ctx, &cents)
		return fmt.Sprintf("%s costs %d", item, cents), err
	}

	run(newEnvironment(), quote, "tea")
	// Output: tea costs 30
}

func ExampleExecuteChildWorkflow() {
	ship := func(_ workflow.Context, item string) (string, error) { return item + " is on its way", nil }
	order := func(ctx workflow.Context, item string) (string, error) {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: "ship-" + item})
		var state string
		err := workflow.ExecuteChildWorkflow(ctx, ship, item).Get(ctx, &state)
		return state, err
	}

	env := newEnvironment()
	env.RegisterWorkflow(ship)
	run(env, order, "tea")
	// Output: tea is on its way
}

func ExampleNewSelector() {
	// An order waits for its payment, but not for ever.
	order := func(ctx workflow.Context) (string, error) {
		timerCtx, stopTimer := workflow.WithCancel(ctx)
		state := ""
		workflow.NewSelector(ctx).
			AddReceive(workflow.GetSignalChannel(ctx, "paid"), func(c workflow.ReceiveChannel, _ bool) {
				var amount int
				c.Receive(ctx, &amount)
				state = fmt.Sprintf("paid %d", amount)
			}).
			AddFuture(workflow.NewTimer(timerCtx, 14*24*time.Hour), func(workflow.Future) {
				state = "expired"
			}).
			Select(ctx)
		stopTimer()
		return state, nil
	}

	env := newEnvironment()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("paid", 25) }, time.Hour)
	run(env, order)
	run(newEnvironment(), order) // nobody pays
	// Output:
	// paid 25
	// expired
}

func ExampleGetSignalChannel() {
	cart := func(ctx workflow.Context) (string, error) {
		items, add := []string{}, workflow.GetSignalChannel(ctx, "add")
		for len(items) < 2 {
			var item string
			add.Receive(ctx, &item)
			items = append(items, item)
		}
		return strings.Join(items, " and "), nil
	}

	env := newEnvironment()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("add", "tea") }, time.Minute)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("add", "milk") }, time.Hour)
	run(env, cart)
	// Output: tea and milk
}

func ExampleSetQueryHandler() {
	order := func(ctx workflow.Context) (string, error) {
		state := "waiting for payment"
		err := workflow.SetQueryHandler(ctx, "state", func() (string, error) { return state, nil })
		if err != nil {
			return "", err
		}
		workflow.GetSignalChannel(ctx, "paid").Receive(ctx, nil)
		state = "paid"
		return state, nil
	}

	env := newEnvironment()
	env.RegisterDelayedCallback(func() {
		answer, err := env.QueryWorkflow("state")
		if err != nil {
			log.Fatal(err)
		}
		var state string
		_ = answer.Get(&state)
		fmt.Println("query:", state)
		env.SignalWorkflow("paid", nil)
	}, time.Hour)
	run(env, order)
	// Output:
	// query: waiting for payment
	// paid
}

func ExampleSetUpdateHandlerWithOptions() {
	account := func(ctx workflow.Context) (string, error) {
		balance := 0
		err := workflow.SetUpdateHandlerWithOptions(ctx, "deposit",
			func(_ workflow.Context, amount int) (int, error) {
				balance += amount
				return balance, nil
			},
			workflow.UpdateHandlerOptions{
				// Called first: what it rejects leaves no trace in the history.
				Validator: func(amount int) error {
					if amount <= 0 {
						return errors.New("amount must be positive")
					}
					return nil
				},
			})
		if err != nil {
			return "", err
		}
		if err := workflow.Sleep(ctx, 24*time.Hour); err != nil {
			return "", err
		}
		// A workflow that ends interrupts its handlers.
		err = workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
		return fmt.Sprintf("balance %d", balance), err
	}

	env := newEnvironment()
	deposit := func(id string, amount int) {
		env.UpdateWorkflow("deposit", id, &testsuite.TestUpdateCallback{
			OnAccept:   func() {},
			OnReject:   func(err error) { fmt.Println("rejected:", err) },
			OnComplete: func(result any, err error) { fmt.Println("completed:", result, err) },
		}, amount)
	}
	env.RegisterDelayedCallback(func() { deposit("first", 50) }, time.Minute)
	env.RegisterDelayedCallback(func() { deposit("second", -1) }, time.Hour)
	run(env, account)
	// Output:
	// completed: 50 <nil>
	// rejected: amount must be positive
	// balance 50
}

func ExampleAwaitWithTimeout() {
	trip := func(ctx workflow.Context) (string, error) {
		approvals := 0
		workflow.Go(ctx, func(ctx workflow.Context) {
			for workflow.GetSignalChannel(ctx, "approve").Receive(ctx, nil) {
				approvals++
			}
		})
		ok, err := workflow.AwaitWithTimeout(ctx, 48*time.Hour, func() bool { return approvals == 2 })
		return fmt.Sprintf("%d approvals in time: %v", approvals, ok), err
	}

	env := newEnvironment()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("approve", nil) }, time.Hour)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("approve", nil) }, 24*time.Hour)
	run(env, trip)
	// Output: 2 approvals in time: true
}

func ExampleGo() {
	race := func(ctx workflow.Context) (string, error) {
		var finished []string // no lock: coroutines run one at a time
		wg := workflow.NewWaitGroup(ctx)
		for _, runner := range []struct {
			name  string
			takes time.Duration
		}{{"hare", 3 * time.Hour}, {"hedgehog", time.Hour}} {
			wg.Go(ctx, func(ctx workflow.Context) {
				_ = workflow.Sleep(ctx, runner.takes)
				finished = append(finished, runner.name)
			})
		}
		wg.Wait(ctx)
		return strings.Join(finished, ", "), nil
	}

	run(newEnvironment(), race)
	// Output: hedgehog, hare
}

func ExampleNewDisconnectedContext() {
	release := func(context.Context) error { fmt.Println("released"); return nil }
	reserve := func(ctx workflow.Context) (_ string, err error) {
		defer func() {
			if temporal.IsCanceledError(ctx.Err()) {
				// With ctx itself nothing can be done any more.
				ctx, cancel := workflow.NewDisconnectedContext(ctx)
				defer cancel()
				err = errors.Join(err, workflow.ExecuteActivity(quick(ctx), release).Get(ctx, nil))
			}
		}()
		if err := workflow.Sleep(ctx, 24*time.Hour); err != nil {
			return "", err
		}
		return "used", nil
	}

	env := newEnvironment()
	env.RegisterActivity(release)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(reserve)
	fmt.Println("canceled:", temporal.IsCanceledError(env.GetWorkflowError()))
	// Output:
	// released
	// canceled: true
}

func ExampleSideEffect() {
	draw := func(ctx workflow.Context) (string, error) {
		var eyes int
		// In replay the function is not called: the value comes from the history.
		err := workflow.SideEffect(ctx, func(workflow.Context) any { return rand.IntN(6) + 1 }).Get(&eyes)
		return fmt.Sprint(eyes >= 1 && eyes <= 6), err
	}

	run(newEnvironment(), draw)
	// Output: true
}

func ExampleGetVersion() {
	order := func(ctx workflow.Context) (string, error) {
		// Runs that began before the change go on as they were.
		if workflow.GetVersion(ctx, "greet-first", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			return "the old way", nil
		}
		return "the new way", nil
	}

	run(newEnvironment(), order)

	began := newEnvironment() // as if the run had begun before
	began.OnGetVersion("greet-first", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	run(began, order)
	// Output:
	// the new way
	// the old way
}

// Counter is a workflow that goes on for ever, in runs of three steps.
func Counter(ctx workflow.Context, from int) error {
	for n := from; ; n++ {
		if n == from+3 {
			return workflow.NewContinueAsNewError(ctx, Counter, n)
		}
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return err
		}
	}
}

func ExampleNewContinueAsNewError() {
	env := newEnvironment()
	env.ExecuteWorkflow(Counter, 0)
	fmt.Println(workflow.IsContinueAsNewError(env.GetWorkflowError()))
	// Output: true
}

func ExampleUpsertTypedSearchAttributes() {
	state := temporal.NewSearchAttributeKeyKeyword("OrderState")
	order := func(ctx workflow.Context) (string, error) {
		if err := workflow.UpsertTypedSearchAttributes(ctx, state.ValueSet("paid")); err != nil {
			return "", err
		}
		found, _ := workflow.GetTypedSearchAttributes(ctx).GetKeyword(state)
		return found, nil
	}

	run(newEnvironment(), order)
	// Output: paid
}

func ExampleDeterministicKeys() {
	stock := map[string]int{"tea": 3, "milk": 1, "sugar": 7}
	for _, item := range workflow.DeterministicKeys(stock) {
		fmt.Println(item, stock[item])
	}
	// Output:
	// milk 1
	// sugar 7
	// tea 3
}

func ExampleGetInfo() {
	env := newEnvironment()
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "order-4711", TaskQueue: "orders"})
	run(env, func(ctx workflow.Context) (string, error) {
		info := workflow.GetInfo(ctx)
		return info.WorkflowExecution.ID + " on " + info.TaskQueueName, nil
	})
	// Output: order-4711 on orders
}
