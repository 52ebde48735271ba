//go:build unix

package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

func TestAServerThatIsStartedAnewFailsNoCall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, "server", "start", "--data-dir", dir, "--port", "0", "--http-port", "0", "--metrics-port", "0", "--output", "json", "--log-level", "warn")
	first := p.ready()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	load, stop := context.WithCancel(ctx)
	var calling sync.WaitGroup
	var calls atomic.Int64
	// Without the retries of an SDK: each failure shows.
	for i := range 8 {
		client := workflowservice.NewWorkflowServiceClient(dial(t, first.Address))
		calling.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				if err := startAndSignal(ctx, client, fmt.Sprintf("w-%d-%d", i, n)); err != nil {
					t.Errorf("call %d of caller %d: %v", n, i, err)
					return
				}
				calls.Add(1)
			}
		})
	}
	// A poll that waits is answered, with nothing.
	polled := make(chan error, 1)
	go func() {
		_, err := workflowservice.NewWorkflowServiceClient(dial(t, first.Address)).PollActivityTaskQueue(ctx,
			&workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody"}})
		polled <- err
	}()
	awaitCalls := func(more int64) {
		for n := calls.Load(); calls.Load() < n+more && !t.Failed() && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
	}
	for range 3 {
		awaitCalls(50)
		if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		if again := p.ready(); again.PID != first.PID || again.Address != first.Address || again.HTTPAddress != first.HTTPAddress {
			t.Errorf("started anew as %+v, was %+v", again, first)
		}
	}
	awaitCalls(50)
	stop()
	calling.Wait()
	if err := <-polled; err != nil {
		t.Errorf("the poll: %v", err)
	}
	if p.stop(os.Interrupt) != 0 {
		t.Errorf("exit code %d\n%s", p.cmd.ProcessState.ExitCode(), p.stderr)
	}
}

func startAndSignal(ctx context.Context, client workflowservice.WorkflowServiceClient, id string) error {
	if _, err := client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: "default", WorkflowId: id, RequestId: id,
		WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}}, grpc.WaitForReady(false)); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	_, err := client.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{Namespace: "default",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, SignalName: "go"}, grpc.WaitForReady(false))
	return err
}

func TestAServerThatCouldNotStartAnewGoesOn(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "perdure.yaml")
	write := func(text string) {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("namespaces: [orders]\n")
	p := start(t, "server", "start", "--config", config, "--data-dir", filepath.Join(dir, "data"), "--port", "0", "--output", "json")
	address := p.ready().Address
	write("namespaces: [orders\n")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.awaitLog("it goes on as it is")
	if _, err := describe(t, address, "orders"); err != nil {
		t.Error(err)
	}
	write("namespaces: [orders, billing]\n")
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	if names := p.ready().Namespaces; !strings.Contains(strings.Join(names, " "), "billing") {
		t.Errorf("the settings were not read again: %v", names)
	}
}

func TestAWorkflowTaskThatAWorkerHasWhenItsServerIsStartedAnewIsAnswered(t *testing.T) {
	p := start(t, "server", "start", "--data-dir", filepath.Join(t.TempDir(), "data"), "--port", "0", "--output", "json")
	address := p.ready().Address
	client := workflowservice.NewWorkflowServiceClient(dial(t, address))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := startAndSignal(ctx, client, "w"); err != nil {
		t.Fatal(err)
	}
	poll := &workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}}
	task, err := client.PollWorkflowTaskQueue(ctx, poll)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.awaitLog("Starting anew")
	// What comes now is not given out by the server that ends.
	if err := startAndSignal(ctx, client, "v"); err != nil {
		t.Error(err)
	}
	if _, err := client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: "default", TaskToken: task.GetTaskToken()}); err != nil {
		t.Errorf("the answer: %v", err)
	}
	p.ready()
	if task, err = client.PollWorkflowTaskQueue(ctx, poll); err != nil || task.GetWorkflowExecution().GetWorkflowId() != "v" || task.GetAttempt() != 1 {
		t.Errorf("the next task: %v, %v", task, err)
	}
}
