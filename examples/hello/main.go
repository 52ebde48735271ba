// Command hello shows durable execution in one program: it starts a Perdure
// server on a temporary directory, a worker and a client, and runs two
// workflows. In the middle of the second one it stops the worker and empties its
// cache, and starts another one, which carries on from the history.
//
// With --address it uses a running server instead of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure"
	"github.com/perdure/perdure/sdk/client"
	sdklog "github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

const taskQueue = "hello"

// Greet is an activity: ordinary code with side effects, retried if it fails.
func Greet(_ context.Context, name string) (string, error) {
	return "Hello, " + name + "!", nil
}

// Greeting is a workflow: it survives crashes of the worker and the server. It
// runs an activity, waits for a timer, then for a signal.
func Greeting(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var greeting string
	if err := workflow.ExecuteActivity(ctx, Greet, name).Get(ctx, &greeting); err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, 200*time.Millisecond); err != nil {
		return "", err
	}
	var reply string
	workflow.GetSignalChannel(ctx, "reply").Receive(ctx, &reply)
	return greeting + " " + reply, nil
}

func main() {
	address := flag.String("address", "", "host:port of a running server; by default the program starts its own")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, *address, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string, out io.Writer) error {
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	options := client.Options{HostPort: address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))}
	if address == "" {
		dir, err := os.MkdirTemp("", "perdure-hello")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		server, err := perdure.Start(ctx, perdure.Options{DataDir: dir})
		if err != nil {
			return fmt.Errorf("start the server: %w", err)
		}
		defer server.Close()
		say("server   started inside this program, data in %s", dir)
		options.ConnectionOptions.Conn = server.ClientConn()
	}
	c, err := client.Dial(options)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer c.Close()

	w, err := startWorker(c)
	if err != nil {
		return err
	}
	say("worker   started, polling task queue %q", taskQueue)

	first, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, Greeting, "world")
	if err != nil {
		return fmt.Errorf("start the first workflow: %w", err)
	}
	say("workflow %s started: an activity, a timer, then it waits for a signal", first.GetID())
	if err := c.SignalWorkflow(ctx, first.GetID(), "", "reply", "Nice to meet you."); err != nil {
		return fmt.Errorf("signal the first workflow: %w", err)
	}
	say("signal   sent")
	var result string
	if err := first.Get(ctx, &result); err != nil {
		return fmt.Errorf("first workflow: %w", err)
	}
	say("result   %s", result)

	second, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: taskQueue}, Greeting, "again")
	if err != nil {
		return fmt.Errorf("start the second workflow: %w", err)
	}
	say("workflow %s started", second.GetID())
	if err := waitForActivity(ctx, c, second.GetID()); err != nil {
		return err
	}
	w.Stop()
	worker.PurgeStickyWorkflowCache()
	say("worker   stopped in the middle of it: the activity is done, the rest is not")
	if err := c.SignalWorkflow(ctx, second.GetID(), "", "reply", "I have never been away."); err != nil {
		return fmt.Errorf("signal the second workflow: %w", err)
	}
	say("signal   sent while no worker is there")
	if w, err = startWorker(c); err != nil {
		return err
	}
	defer w.Stop()
	say("worker   started again")
	if err := second.Get(ctx, &result); err != nil {
		return fmt.Errorf("second workflow: %w", err)
	}
	say("result   %s", result)
	return nil
}

func startWorker(c client.Client) (worker.Worker, error) {
	w := worker.New(c, taskQueue, worker.Options{})
	w.RegisterWorkflow(Greeting)
	w.RegisterActivity(Greet)
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	return w, nil
}

// waitForActivity waits until the workflow's activity is done.
func waitForActivity(ctx context.Context, c client.Client, workflowID string) error {
	history := c.GetWorkflowHistory(ctx, workflowID, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return fmt.Errorf("read the history: %w", err)
		}
		if event.GetActivityTaskCompletedEventAttributes() != nil {
			return nil
		}
	}
	return fmt.Errorf("workflow %s ended before its activity did", workflowID)
}
