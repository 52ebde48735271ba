// Package cancellation: a workflow is asked to stop, and cleans up.
//
// A cancel request cancels the workflow's context, and with it whatever the workflow
// is waiting for. How to end is the workflow's own affair. (Termination does not ask:
// it is for workflows that cannot be reasoned with.)
package cancellation

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "cancellation", Title: "a workflow is asked to stop, and cleans up",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Party)
		r.RegisterActivity(TidyUp)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "cancellation", Party)
		if err != nil {
			return err
		}
		if err := c.CancelWorkflow(ctx, run.GetID(), ""); err != nil {
			return err
		}
		err = run.Get(ctx, nil)
		if !temporal.IsCanceledError(err) {
			return err
		}
		description, err := c.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return err
		}
		say("canceled: %v", description.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED)
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "tidy")
		if err != nil {
			return err
		}
		var tidy bool
		if err := answer.Get(&tidy); err != nil {
			return err
		}
		say("tidied up: %v", tidy)
		return nil
	},
	Says: []string{"canceled: true", "tidied up: true"},
}

// Party goes on until somebody asks it to stop.
func Party(ctx workflow.Context) error {
	tidy := false
	if err := workflow.SetQueryHandler(ctx, "tidy", func() (bool, error) { return tidy, nil }); err != nil {
		return err
	}
	err := workflow.Await(ctx, func() bool { return false })
	if temporal.IsCanceledError(err) {
		// ctx is cancelled: activities started with it would be, too.
		clean, cancel := workflow.NewDisconnectedContext(lesson.Quick(ctx))
		defer cancel()
		if err := workflow.ExecuteActivity(clean, TidyUp).Get(clean, nil); err != nil {
			return err
		}
		tidy = true
	}
	return err // a cancelled error: the workflow ends as canceled, not as failed
}

// TidyUp is the activity.
func TidyUp(context.Context) error { return nil }
