package testsuite_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/mock"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/workflow"
)

// Charge would charge a card.
func Charge(context.Context, string) (string, error) { return "", nil }

// Order charges at once, and ships a day later unless it is told to before.
func Order(ctx workflow.Context, id string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var receipt string
	if err := workflow.ExecuteActivity(ctx, Charge, id).Get(ctx, &receipt); err != nil {
		return "", err
	}
	early, _ := workflow.GetSignalChannel(ctx, "ship").ReceiveWithTimeout(ctx, 24*time.Hour, nil)
	return fmt.Sprintf("%s, early: %v", receipt, early), nil
}

func ExampleTestWorkflowEnvironment() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(logger.Discard{})
	env := suite.NewTestWorkflowEnvironment()
	env.OnActivity(Charge, mock.Anything, "42").Return("receipt 1", nil).Once()
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("ship", nil) }, time.Hour)
	start := env.Now()

	env.ExecuteWorkflow(Order, "42")

	var result string
	if err := env.GetWorkflowResult(&result); err != nil {
		fmt.Println(err)
	}
	fmt.Println(result)
	fmt.Println("after", env.Now().Sub(start))
	// Output:
	// receipt 1, early: true
	// after 1h0m0s
}
