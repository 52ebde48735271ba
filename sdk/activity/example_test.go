package activity_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	sdklog "github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/testsuite"
)

// newEnvironment is a test environment that logs nothing.
func newEnvironment() *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	return suite.NewTestActivityEnvironment()
}

// Import imports rows. It says how far it is, begins where an attempt before it ended, and
// stops when it is asked to.
func Import(ctx context.Context, rows []string) (int, error) {
	next := 0
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &next); err != nil {
			return 0, err
		}
	}
	for ; next < len(rows); next++ {
		if err := ctx.Err(); err != nil {
			return next, context.Cause(ctx) // canceled, out of time, or the worker stops
		}
		fmt.Println("imports", rows[next])
		activity.RecordHeartbeat(ctx, next+1)
	}
	return next, nil
}

func ExampleRecordHeartbeat() {
	env := newEnvironment()
	env.RegisterActivity(Import)
	env.SetHeartbeatDetails(1) // an attempt before this one got so far
	value, err := env.ExecuteActivity(Import, []string{"ann", "bob", "eve"})
	if err != nil {
		log.Fatal(err)
	}
	var imported int
	_ = value.Get(&imported)
	fmt.Println(imported)
	// Output:
	// imports bob
	// imports eve
	// 3
}

func ExampleGetInfo() {
	notify := func(ctx context.Context, address string) error {
		info := activity.GetInfo(ctx)
		// The same for all attempts: with it, a service can tell a repetition.
		key := info.WorkflowExecution.RunID + "-" + info.ActivityID
		_ = key
		fmt.Println("attempt", info.Attempt)
		return nil
	}

	env := newEnvironment()
	env.RegisterActivityWithOptions(notify, activity.RegisterOptions{Name: "notify"})
	if _, err := env.ExecuteActivity("notify", "ann@example.com"); err != nil {
		log.Fatal(err)
	}
	// Output: attempt 1
}

// Payments are activities that share what they need: register a pointer to it.
type Payments struct{ Account string }

// Charge charges a card.
func (p *Payments) Charge(_ context.Context, card string) (string, error) {
	if card == "" {
		return "", temporal.NewNonRetryableApplicationError("there is no card", "NoCard", nil)
	}
	return p.Account + " charged " + card, nil
}

func Example() {
	env := newEnvironment()
	env.RegisterActivity(&Payments{Account: "north"})

	var payments *Payments // its methods name the activities
	value, err := env.ExecuteActivity(payments.Charge, "4711")
	if err != nil {
		log.Fatal(err)
	}
	var receipt string
	_ = value.Get(&receipt)
	fmt.Println(receipt)

	_, err = env.ExecuteActivity(payments.Charge, "")
	var failed *temporal.ApplicationError
	fmt.Println(errors.As(err, &failed) && failed.NonRetryable(), failed.Type())
	// Output:
	// north charged 4711
	// true NoCard
}

// An activity that waits for a person returns at once, and is completed by whoever has the
// answer.
func Example_completingLater() {
	askForApproval := func(ctx context.Context, order string) (string, error) {
		token := activity.GetInfo(ctx).TaskToken
		_ = sendMail("please approve "+order, token)
		return "", activity.ErrResultPending
	}
	_ = askForApproval

	approve := func(c client.Client, token []byte) error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return c.CompleteActivity(ctx, token, "approved", nil)
	}
	_ = approve
}

func sendMail(string, []byte) error { return nil }

// A dynamic activity takes all types that no other is registered for.
func Example_dynamic() {
	env := newEnvironment()
	env.RegisterDynamicActivity(func(ctx context.Context, args converter.EncodedValues) (string, error) {
		var name string
		if err := args.Get(&name); err != nil {
			return "", err
		}
		return activity.GetInfo(ctx).ActivityType.Name + " " + name, nil
	}, activity.DynamicRegisterOptions{})

	value, err := env.ExecuteActivity("Greet", "Ann")
	if err != nil {
		log.Fatal(err)
	}
	var said string
	_ = value.Get(&said)
	fmt.Println(said)
	// Output: Greet Ann
}
