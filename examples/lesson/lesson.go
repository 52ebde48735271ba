// Package lesson is what the lessons have in common: each is a package with one
// Lesson, which the program in the folder above runs against a server, and its test
// in virtual time.
package lesson

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// TaskQueue is the queue of all lessons.
const TaskQueue = "lessons"

// Lesson is a program that shows one thing.
type Lesson struct {
	// Name is how the lesson is asked for, and Title what it is about.
	Name, Title string
	// Client and Worker change the options of the client and the worker, where the
	// lesson is about them.
	Client func(*client.Options)
	Worker worker.Options
	// Register tells the worker about workflows and activities.
	Register func(worker.Registry)
	// Run is the client's half. It says what happens.
	Run func(ctx context.Context, c client.Client, say Say) error
	// Says is what Run says, line by line. It is what the test expects.
	Says []string
}

// Say prints a line.
type Say func(format string, args ...any)

// Start starts a workflow on the lessons' queue under an id.
func Start(ctx context.Context, c client.Client, id string, workflow any, args ...any) (client.WorkflowRun, error) {
	run, err := c.ExecuteWorkflow(ctx, Options(id), workflow, args...)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", id, err)
	}
	return run, nil
}

// Options start a workflow on the lessons' queue under an id.
func Options(id string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: "lesson-" + id, TaskQueue: TaskQueue}
}

// Execute starts a workflow and waits for its result.
func Execute[Out any](ctx context.Context, c client.Client, id string, workflow any, args ...any) (Out, error) {
	var out Out
	run, err := Start(ctx, c, id, workflow, args...)
	if err != nil {
		return out, err
	}
	err = run.Get(ctx, &out)
	return out, err
}

// Quick are activity options for activities that take moments.
func Quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
}
