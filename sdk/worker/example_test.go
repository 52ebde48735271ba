package worker_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// Order is a workflow, and Charge its activity.
func Order(ctx workflow.Context, id string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, Charge, id).Get(ctx, nil)
}

func Charge(context.Context, string) error { return nil }

func ExampleNew() {
	c, err := client.Dial(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	w := worker.New(c, "orders", worker.Options{
		MaxConcurrentActivityExecutionSize: 50,
		WorkerStopTimeout:                  30 * time.Second, // for what runs when it stops
	})
	w.RegisterWorkflow(Order)
	w.RegisterActivity(Charge)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

// A version of a worker deployment gets the workflows that are pinned to it, and new ones when
// it is made the current version.
func ExampleNew_deployment() {
	c, err := client.Dial(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	w := worker.New(c, "orders", worker.Options{
		DeploymentOptions: worker.DeploymentOptions{
			UseVersioning:             true,
			Version:                   worker.WorkerDeploymentVersion{DeploymentName: "orders", BuildID: "2026-11-29"},
			DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
		},
	})
	w.RegisterWorkflow(Order)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

func ExampleNewFixedSizeTuner() {
	tuner, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{NumWorkflowSlots: 200, NumActivitySlots: 20})
	if err != nil {
		log.Fatal(err)
	}
	options := worker.Options{Tuner: tuner}
	fmt.Println(options.Tuner.GetActivityTaskSlotSupplier().MaxSlots())
	// Output: 20
}

// Replay histories of workflows that are running before a change of their code is deployed.
func ExampleNewWorkflowReplayer() {
	// The history has the activity Charge; this code waits first.
	changed := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return err
		}
		return workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	}
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(changed, workflow.RegisterOptions{Name: "Order"})
	err := replayer.ReplayWorkflowHistory(nil, activityHistory())
	fmt.Println("compatible:", err == nil)
	// Output: compatible: false
}
