package drive

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

// waiting counts the workflows that have come to the point where they wait.
var waiting atomic.Int64

// Idle runs one activity, and then waits for a signal that does not come.
func Idle(ctx workflow.Context) error {
	if _, err := OneActivity(ctx); err != nil {
		return err
	}
	waiting.Add(1)
	workflow.GetSignalChannel(ctx, "signal").Receive(ctx, nil)
	return nil
}

// Cache starts n workflows and returns when all of them wait for what does not come: they
// are in the worker's cache.
func (d *Driver) Cache(ctx context.Context, n int) error {
	before, batch := waiting.Load(), uuid.NewString()[:8]
	for i := range n {
		options := client.StartWorkflowOptions{ID: fmt.Sprintf("%s-%s-%d", d.queue, batch, i), TaskQueue: d.queue}
		if _, err := d.client.ExecuteWorkflow(ctx, options, Idle); err != nil {
			return err
		}
	}
	for waiting.Load()-before < int64(n) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
