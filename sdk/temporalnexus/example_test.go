package temporalnexus_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	sdklog "github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/workflow"
)

// What callers and handlers share: names, and types.
type (
	chargeInput  struct{ Order string }
	chargeOutput struct{ Receipt string }
)

const paymentService = "payments"

var chargeReference = nexus.NewOperationReference[chargeInput, chargeOutput]("charge")

// chargeWorkflow is how the team of payments carries the operation out.
func chargeWorkflow(ctx workflow.Context, in chargeInput) (chargeOutput, error) {
	err := workflow.Sleep(ctx, time.Hour)
	return chargeOutput{Receipt: "receipt of " + in.Order}, err
}

func ExampleNewWorkflowRunOperation() {
	// The handler's side: w.RegisterNexusService(service) of a worker.
	charge := temporalnexus.NewWorkflowRunOperation(chargeReference.Name(), chargeWorkflow,
		func(_ context.Context, in chargeInput, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "charge-" + in.Order}, nil // one charge for each order
		})
	service := nexus.NewService(paymentService)
	if err := service.Register(charge); err != nil {
		log.Fatal(err)
	}

	// The caller's side: a workflow, in another namespace perhaps.
	order := func(ctx workflow.Context, id string) (string, error) {
		payments := workflow.NewNexusClient("payments-endpoint", paymentService)
		var out chargeOutput
		err := payments.ExecuteOperation(ctx, chargeReference, chargeInput{Order: id}, workflow.NexusOperationOptions{
			ScheduleToCloseTimeout: 24 * time.Hour,
		}).Get(ctx, &out)
		return out.Receipt, err
	}

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(chargeWorkflow)
	env.RegisterNexusService(service)
	env.ExecuteWorkflow(order, "4711")
	var receipt string
	if err := env.GetWorkflowResult(&receipt); err != nil {
		fmt.Println(err)
	}
	fmt.Println(receipt)
	// Output: receipt of 4711
}
