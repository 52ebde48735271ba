package drive

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Scenario is one kind of load: concurrent loops that each run the program again
// and again.
type Scenario struct {
	Name        string
	concurrency int
	// once runs the program once, under the given workflow id.
	once func(ctx context.Context, c client.Client, queue, id string) error
	// noWorker leaves the queue without a worker.
	noWorker bool
}

// Scenarios are all there are.
var Scenarios = []*Scenario{
	{Name: "one activity, 1 at a time", concurrency: 1, once: complete("OneActivity")},
	{Name: "one activity, 64 concurrent", concurrency: 64, once: complete("OneActivity")},
	{Name: "ten activities, 32 concurrent", concurrency: 32, once: complete("Activities", 10)},
	{Name: "fan-out of 50, 4 concurrent", concurrency: 4, once: complete("FanOut", 50)},
	{Name: "ten signals, 32 concurrent", concurrency: 32, once: tenSignals},
	{Name: "five 1 ms timers, 64 concurrent", concurrency: 64, once: complete("Timers", 5)},
	{Name: "start only, 32 concurrent", concurrency: 32, once: startOnly, noWorker: true},
}

func register(r worker.Registry) {
	r.RegisterWorkflow(OneActivity)
	r.RegisterWorkflow(Activities)
	r.RegisterWorkflow(FanOut)
	r.RegisterWorkflow(Signals)
	r.RegisterWorkflow(Timers)
	r.RegisterWorkflow(Idle)
	r.RegisterActivity(Echo)
}

// Echo returns its argument.
func Echo(_ context.Context, s string) (string, error) { return s, nil }

var activityOptions = workflow.ActivityOptions{StartToCloseTimeout: time.Minute}

// OneActivity runs one activity.
func OneActivity(ctx workflow.Context) (string, error) {
	var result string
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, activityOptions), Echo, "hello").Get(ctx, &result)
	return result, err
}

// Activities runs n activities, one after the other.
func Activities(ctx workflow.Context, n int) error {
	ctx = workflow.WithActivityOptions(ctx, activityOptions)
	for range n {
		if err := workflow.ExecuteActivity(ctx, Echo, "hello").Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// FanOut runs n activities at once and waits for all.
func FanOut(ctx workflow.Context, n int) error {
	ctx = workflow.WithActivityOptions(ctx, activityOptions)
	futures := make([]workflow.Future, n)
	for i := range futures {
		futures[i] = workflow.ExecuteActivity(ctx, Echo, "hello")
	}
	for _, future := range futures {
		if err := future.Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// Signals waits for n signals.
func Signals(ctx workflow.Context, n int) error {
	channel := workflow.GetSignalChannel(ctx, "signal")
	for range n {
		channel.Receive(ctx, nil)
	}
	return nil
}

// Timers waits for n timers of a millisecond, one after the other.
func Timers(ctx workflow.Context, n int) error {
	for range n {
		if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// complete starts the workflow and waits for its result.
func complete(workflowType string, args ...any) func(context.Context, client.Client, string, string) error {
	return func(ctx context.Context, c client.Client, queue, id string) error {
		run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, workflowType, args...)
		if err != nil {
			return err
		}
		return run.Get(ctx, nil)
	}
}

func tenSignals(ctx context.Context, c client.Client, queue, id string) error {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, "Signals", 10)
	if err != nil {
		return err
	}
	for i := range 10 {
		if err := c.SignalWorkflow(ctx, id, run.GetRunID(), "signal", i); err != nil {
			return fmt.Errorf("signal %d: %w", i, err)
		}
	}
	return run.Get(ctx, nil)
}

func startOnly(ctx context.Context, c client.Client, queue, id string) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, "OneActivity")
	return err
}
