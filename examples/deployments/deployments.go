// Package deployments: a new version of the workers takes over, and what runs stays where
// it is.
//
// Workers say which version of a deployment they are. New workflows go to the current
// version; a pinned workflow stays on the version it began on, so that its code need not
// know of the change. When a version has no more workflows, its workers can go.
package deployments

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

const (
	deployment = "lesson-deployment"
	taskQueue  = "lesson-deployments"
)

var Lesson = lesson.Lesson{
	Name: "deployments", Title: "a new version takes over, and what runs stays where it is",
	Register: func(worker.Registry) {}, // its workers are those below
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		old, err := deploy(ctx, c, "1.0")
		if err != nil {
			return err
		}
		defer old.Stop()
		before, err := start(ctx, c, "before")
		if err != nil {
			return err
		}

		// In earnest this is another process, with other code.
		current, err := deploy(ctx, c, "2.0")
		if err != nil {
			return err
		}
		defer current.Stop()
		after, err := start(ctx, c, "after")
		if err != nil {
			return err
		}

		for _, run := range []client.WorkflowRun{before, after} {
			if err := c.SignalWorkflow(ctx, run.GetID(), "", "ship", nil); err != nil {
				return err
			}
			var shipped string
			if err := run.Get(ctx, &shipped); err != nil {
				return err
			}
			say("%s: %s", run.GetID(), shipped)
		}
		return nil
	},
	Says: []string{
		"lesson-deployments-before: shipped by version 1.0",
		"lesson-deployments-after: shipped by version 2.0",
	},
}

// deploy starts a worker of a version and makes that version the current one.
func deploy(ctx context.Context, c client.Client, version string) (worker.Worker, error) {
	w := worker.New(c, taskQueue, worker.Options{
		DeploymentOptions: worker.DeploymentOptions{
			UseVersioning: true,
			Version:       worker.WorkerDeploymentVersion{DeploymentName: deployment, BuildID: version},
		},
	})
	w.RegisterWorkflowWithOptions(shippingOf(version), workflow.RegisterOptions{
		Name:               "Shipping",
		VersioningBehavior: workflow.VersioningBehaviorPinned,
	})
	if err := w.Start(); err != nil {
		return nil, err
	}
	handle := c.WorkerDeploymentClient().GetHandle(deployment)
	for {
		_, err := handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: version})
		var notFound *serviceerror.NotFound // until the worker has polled for the first time
		var notYet *serviceerror.FailedPrecondition
		if !errors.As(err, &notFound) && !errors.As(err, &notYet) {
			return w, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// start starts a workflow and waits until a worker has begun with it.
func start(ctx context.Context, c client.Client, id string) (client.WorkflowRun, error) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "lesson-deployments-" + id, TaskQueue: taskQueue}, "Shipping")
	if err != nil {
		return nil, err
	}
	_, err = c.QueryWorkflow(ctx, run.GetID(), "", "state")
	return run, err
}

// shippingOf is the workflow as it is in a version.
func shippingOf(version string) func(workflow.Context) (string, error) {
	return func(ctx workflow.Context) (string, error) {
		state := "waiting"
		if err := workflow.SetQueryHandler(ctx, "state", func() (string, error) { return state, nil }); err != nil {
			return "", err
		}
		workflow.GetSignalChannel(ctx, "ship").Receive(ctx, nil)
		state = "shipped by version " + version
		return state, nil
	}
}
