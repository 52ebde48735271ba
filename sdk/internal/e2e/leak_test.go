package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// leaveWaiting runs an activity and a local one, and then waits for what does not come, with
// a coroutine that waits, too.
func leaveWaiting(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	if err := workflow.ExecuteActivity(ctx, "carry", "word").Get(ctx, nil); err != nil {
		return err
	}
	if err := workflow.ExecuteLocalActivity(ctx, carry, "word").Get(ctx, nil); err != nil {
		return err
	}
	ready := false
	if err := workflow.SetQueryHandler(ctx, "ready", func() (bool, error) { return ready, nil }); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) { _ = workflow.Sleep(ctx, time.Hour) })
	ready = true
	workflow.GetSignalChannel(ctx, "never").Receive(ctx, nil)
	return nil
}

// It is not parallel: goroutines of other tests would be taken for leaks.
func TestNoGoroutineIsLeftOfAWorkerAndAClient(t *testing.T) {
	address := os.Getenv(addressVariable)
	if address == "" {
		t.Skipf("%s is not set: it must be the host:port of a server to test against", addressVariable)
	}
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: logger.Discard{}, WorkerHeartbeatInterval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	queue := "e2e-" + uuid.NewString()
	w := worker.New(c, queue, worker.Options{
		EnableSessionWorker:        true,
		StatusPageAddress:          "127.0.0.1:0",
		StatusLogInterval:          time.Millisecond,
		StickyWorkflowCacheBytes:   1 << 20,
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
	})
	w.RegisterWorkflow(leaveWaiting)
	w.RegisterActivity(carry)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: queue}, leaveWaiting)
	if err != nil {
		t.Fatal(err)
	}
	for ready := false; !ready; {
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "ready")
		if err == nil {
			err = answer.Get(&ready)
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	w.Stop()
	if err := c.TerminateWorkflow(ctx, run.GetID(), "", "the test is over"); err != nil {
		t.Error(err)
	}
	c.Close()
	goleak.VerifyNone(t, before)
}
