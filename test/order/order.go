// Package order is the workflow that tests of crashes put under load: it has of everything that a crash could lose or
// do twice, and its activity that may run once counts how often it has.
package order

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Workflow is the name of the workflow. It takes its own id, waits for the signal "confirm", takes the update "note", and has
// a child, whose id is its own with Shipment behind it.
const (
	Workflow = "order"
	Shipment = "-shipment"
)

// Book is the workflow and its activities, and what is known of them afterwards.
type Book struct {
	// ActivityTimeout is how long an activity may run before it counts as lost.
	ActivityTimeout time.Duration

	mu      sync.Mutex
	charged map[string]int
}

// Register registers all with a worker.
func (b *Book) Register(w worker.Registry) {
	w.RegisterWorkflowWithOptions(b.order, workflow.RegisterOptions{Name: Workflow})
	w.RegisterWorkflowWithOptions(shipment, workflow.RegisterOptions{Name: "shipment"})
	w.RegisterActivityWithOptions(price, activity.RegisterOptions{Name: "price"})
	w.RegisterActivityWithOptions(b.charge, activity.RegisterOptions{Name: "charge"})
}

// Charged is how often the activity that may run once in a run has run, by the ids of workflows.
func (b *Book) Charged() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string]int, len(b.charged))
	for id, n := range b.charged {
		all[id] = n
	}
	return all
}

// order uses an activity that is retried, one that must run at most once, a timer, a signal and a child, and is
// updated.
func (b *Book) order(ctx workflow.Context, id string) (string, error) {
	if err := workflow.SetUpdateHandler(ctx, "note", func(_ workflow.Context, text string) (string, error) {
		return "noted " + text, nil
	}); err != nil {
		return "", err
	}
	retried := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: b.ActivityTimeout,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond},
	})
	var price int
	if err := workflow.ExecuteActivity(retried, "price", id).Get(ctx, &price); err != nil {
		return "", err
	}
	once := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: b.ActivityTimeout,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	// It may get lost with a server, which the workflow must be told; it must not run twice.
	err := workflow.ExecuteActivity(once, "charge", id).Get(ctx, nil)
	var timeout *temporal.TimeoutError
	if err != nil && !errors.As(err, &timeout) {
		return "", err
	}
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return "", err
	}
	var signal string
	workflow.GetSignalChannel(ctx, "confirm").Receive(ctx, &signal)
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id + Shipment})
	var shipped string
	if err := workflow.ExecuteChildWorkflow(child, "shipment", id).Get(ctx, &shipped); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %s %s", price, signal, shipped), nil
}

func shipment(ctx workflow.Context, id string) (string, error) {
	return "shipped " + id, workflow.Sleep(ctx, time.Millisecond)
}

func price(_ context.Context, id string) (int, error) { return len(id), nil }

func (b *Book) charge(_ context.Context, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.charged == nil {
		b.charged = make(map[string]int)
	}
	b.charged[id]++
	return nil
}
