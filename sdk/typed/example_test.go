package typed_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

type (
	Transfer struct {
		From, To string
		Cents    int
	}
	Receipt struct{ Number string }
)

// The definitions: one package that workflows, workers and callers share.
var (
	MoveMoney = typed.NewWorkflow[Transfer, Receipt]("move-money")
	Withdraw  = typed.NewActivity[Transfer, Receipt]("withdraw")
	Approve   = typed.NewSignal[string]("approve")
)

// moveMoney is ordinary workflow code.
func moveMoney(ctx workflow.Context, transfer Transfer) (Receipt, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	if transfer.Cents > 100_000 {
		by, _ := Approve.Receive(ctx)
		workflow.GetLogger(ctx).Info("approved", "by", by)
	}
	return Withdraw.Execute(ctx, transfer)
}

// withdraw is an activity; it is a method so that it can have what it needs.
func (b bank) withdraw(_ context.Context, transfer Transfer) (Receipt, error) {
	return Receipt{Number: b.name + "-" + transfer.From}, nil
}

type bank struct{ name string }

// A worker registers functions for definitions; only functions of the right form
// compile.
func Example_worker() {
	c, err := client.Dial(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	w := worker.New(c, "money", worker.Options{})
	MoveMoney.Register(w, moveMoney)
	Withdraw.Register(w, bank{"north"}.withdraw)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

// A client starts the workflow, signals it and has its result, all with their
// types.
func Example_client() {
	ctx := context.Background()
	c, err := client.Dial(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	run, err := MoveMoney.Start(ctx, c, client.StartWorkflowOptions{TaskQueue: "money"}, Transfer{"ann", "bob", 200_000})
	if err != nil {
		log.Fatal(err)
	}
	if err := Approve.Send(ctx, c, run.GetID(), "", "eve"); err != nil {
		log.Fatal(err)
	}
	receipt, err := run.Get(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Number)
}

// The test suite knows definitions by their names.
func Example_test() {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	MoveMoney.Register(env, moveMoney)
	Withdraw.Register(env, bank{"north"}.withdraw)
	env.ExecuteWorkflow(MoveMoney.Name(), Transfer{"ann", "bob", 500})
	var receipt Receipt
	if err := env.GetWorkflowResult(&receipt); err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.Number)
	// Output: north-ann
}
